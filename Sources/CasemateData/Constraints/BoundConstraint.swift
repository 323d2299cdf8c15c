/// A rule over rows of a feature matrix: float32, a category as the index of its level, a missing value as NaN.
///
/// Takes well under a microsecond for a rule of ten terms and allocates nothing, unless the rule joins texts. A float32
/// stands for the shortest decimal that reads back the same, so that verdicts are those of the table wherever values
/// have at most six significant digits, and whole numbers are below 2^24; beyond, rounding to float32 can change them.
public struct BoundConstraint: Sendable {
    /// The rule.
    public let rule: ConstraintRule
    private let width: Int
    private let exact: ConstraintColumnReader.Read<ConstraintRule.Verdict>
    private let widened: ConstraintColumnReader.Read<ConstraintRule.Verdict>?
    /// Positions of numeric features that stand for columns of whole numbers.
    private let wholes: [Int]

    init?(_ rule: ConstraintRule, features: [Feature]) {
        var readers: [ConstraintColumnReader] = [], wide: [ConstraintColumnReader] = [], wholes: [Int] = []
        for column in rule.inputs {
            guard let position = features.firstIndex(where: { $0.name == column.name }),
                let reader = ConstraintColumnReader.feature(position, features[position], column.type)
            else { return nil }
            readers.append(reader)
            let isWhole = column.type == .integer
            wide.append(
                isWhole ? ConstraintColumnReader.feature(position, features[position], .number) ?? reader : reader)
            if isWhole, features[position].levels == nil { wholes.append(position) }
        }
        (self.rule, self.wholes, width) = (rule, wholes, features.count)
        exact = ConstraintCompiler(readers: readers).truth(rule.root)
        widened = rule.widened.map { ConstraintCompiler(readers: wide).truth($0) }
    }

    /// What the rule says of a row, which must have a value for each feature.
    public func verdict(_ row: ArraySlice<Float>) -> ConstraintRule.Verdict {
        row.withUnsafeBufferPointer { verdict($0) }
    }

    /// What the rule says of a row, which must have a value for each feature.
    ///
    /// A fraction in a column of whole numbers makes the rule read those columns as numbers: `/` then keeps the fraction,
    /// and a rule with `%` does not apply.
    public func verdict(_ row: UnsafeBufferPointer<Float>) -> ConstraintRule.Verdict {
        precondition(row.count == width, "a row of \(row.count) values for \(width) features")
        let view = ConstraintRow(features: row, values: UnsafeBufferPointer(start: nil, count: 0))
        for position in wholes {
            let value = row[position]
            if value != value.rounded(.towardZero), !value.isNaN { return widened?(view) ?? .notApplicable }
        }
        return exact(view)
    }
}

/// A rule over rows of typed values, such as requests.
public struct ValueConstraint: Sendable {
    /// The rule.
    public let rule: ConstraintRule
    private let width: Int
    private let exact: ConstraintColumnReader.Read<ConstraintRule.Verdict>
    private let widened: ConstraintColumnReader.Read<ConstraintRule.Verdict>?
    private let wholes: [Int]

    init?(_ rule: ConstraintRule, names: [String]) {
        var readers: [ConstraintColumnReader] = [], wholes: [Int] = []
        for column in rule.inputs {
            guard let position = names.firstIndex(of: column.name) else { return nil }
            readers.append(.value(position, column.type))
            if column.type == .integer { wholes.append(position) }
        }
        (self.rule, self.wholes, width) = (rule, wholes, names.count)
        exact = ConstraintCompiler(readers: readers).truth(rule.root)
        widened = rule.widened.map { ConstraintCompiler(readers: readers).truth($0) }
    }

    /// What the rule says of a row, which must have a value for each name.
    ///
    /// A value of another type than its column counts as missing, save that whole numbers and numbers stand for each
    /// other; fractions in columns of whole numbers as in `BoundConstraint`.
    public func verdict(_ row: [ConstraintValue]) -> ConstraintRule.Verdict {
        precondition(row.count == width, "a row of \(row.count) values for \(width) names")
        return row.withUnsafeBufferPointer { values in
            let view = ConstraintRow(features: UnsafeBufferPointer(start: nil, count: 0), values: values)
            for position in wholes {
                if case .double(let value) = values[position], value != value.rounded(.towardZero), !value.isNaN {
                    return widened?(view) ?? .notApplicable
                }
            }
            return exact(view)
        }
    }
}

extension ConstraintRule {
    /// The rule over rows of these features; `nil` when it reads a column that is no feature, or a column of texts that
    /// is a number among the features.
    public func bound(to features: [Feature]) -> BoundConstraint? { BoundConstraint(self, features: features) }

    /// The rule over rows of values with these names; `nil` when it reads a column that is not among them.
    public func bound(toValues names: [String]) -> ValueConstraint? { ValueConstraint(self, names: names) }
}
