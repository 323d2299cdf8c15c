/// Turns terms into closures over float32 rows, with comparisons that know how far the values are rounded.
///
/// A number that is not whole counts as rounded by at most 2^-23 of its size; the bound is carried through the
/// arithmetic to first order. Two numbers whose difference lies within their bounds count as equal.
struct FeatureSpaceReader {
    typealias Read<Value> = @Sendable (ConstraintRow) -> Value
    typealias Verdict = ConstraintRule.Verdict
    /// Position among the features of each column.
    private let positions: [Int]
    /// Serves what has nothing to do with numbers.
    private let base: ConstraintCompiler

    /// Reads columns `inputs` of rows over `features`.
    init(features: [Feature], inputs: [Column]) {
        var (positions, readers): ([Int], [ConstraintColumnReader]) = ([], [])
        for column in inputs {
            let position = features.firstIndex { $0.name == column.name } ?? 0
            positions.append(position)
            readers.append(
                ConstraintColumnReader.feature(position, features[position], column.type) ?? .unknown)
        }
        (self.positions, base) = (positions, ConstraintCompiler(readers: readers))
    }

    /// The value of an expression as the feature holds it: a number, or the index of a level; NaN where there is none.
    func value(_ expression: ConstraintExpression, _ feature: Feature) -> Read<Double> {
        switch expression.root {
        case .real(let term):
            let term = real(term)
            return { term($0).value }
        case .truth(let term):
            let term = truth(term)
            return { row in
                switch term(row) {
                case .holds: 1
                case .violated: 0
                case .notApplicable: .nan
                }
            }
        case .text(let term):
            var indices: [String: Double] = [:]
            for (index, level) in (feature.levels ?? []).enumerated() { indices[level] = Double(index) }
            let text = text(term)
            return { [indices] row in text(row).flatMap { indices[$0] } ?? .nan }
        }
    }

    /// A condition.
    func truth(_ term: TruthTerm) -> Read<Verdict> {
        switch term {
        case .not(let term):
            let inner = truth(term)
            return { inner($0).negated }
        case .and(let terms): return absorbing(terms.map(truth), .violated)
        case .or(let terms): return absorbing(terms.map(truth), .holds)
        case .choice(let condition, let then, let otherwise):
            return choice(condition, truth(then), truth(otherwise), none: .notApplicable)
        case .compareReals(let relation, let left, let right):
            let (left, right) = (real(left), real(right))
            return { row in relation.verdict(left(row), right(row)) }
        case .realIn(let term, let list):
            let equal = list.map { truth(.compareReals(.equal, term, $0)) }
            return equal.isEmpty ? base.truth(.realIn(term, list)) : absorbing(equal, .holds)
        default: return base.truth(term)
        }
    }

    private func absorbing(_ parts: [Read<Verdict>], _ decisive: Verdict) -> Read<Verdict> {
        { row in
            var result = decisive.negated
            for part in parts {
                let verdict = part(row)
                if verdict == decisive { return verdict }
                if verdict == .notApplicable { result = verdict }
            }
            return result
        }
    }

    private func choice<Value>(
        _ condition: TruthTerm, _ then: @escaping Read<Value>, _ otherwise: @escaping Read<Value>, none: Value
    ) -> Read<Value> where Value: Sendable {
        let condition = truth(condition)
        return { row in
            switch condition(row) {
            case .holds: then(row)
            case .violated: otherwise(row)
            case .notApplicable: none
            }
        }
    }

    /// A number.
    func real(_ term: RealTerm) -> Read<Rounded> {
        switch term {
        case .literal(let value): return { _ in Rounded(value: value, error: 0) }
        case .column(let column):
            let position = positions[column]
            return { row in
                let value = row.features[position]
                let isWhole = value == value.rounded(.towardZero)
                return Rounded(value: Double(value), error: isWhole ? 0 : Double(value.magnitude) * 0x1p-23)
            }
        case .widened(.choice(let condition, let then, let otherwise)):
            return choice(condition, real(.widened(then)), real(.widened(otherwise)), none: .nothing)
        case .widened(let whole):
            let inner = base.whole(whole)
            return { row in inner(row).map { Rounded(value: Double($0), error: 0) } ?? .nothing }
        case .negate(let term):
            let inner = real(term)
            return { row in
                let value = inner(row)
                return Rounded(value: -value.value, error: value.error)
            }
        case .arithmetic(let operation, let left, let right):
            let (left, right) = (real(left), real(right))
            switch operation {
            case .plus: return { left($0) + right($0) }
            case .minus: return { left($0) - right($0) }
            case .times: return { left($0) * right($0) }
            case .divided: return { left($0) / right($0) }
            case .remainder: return { _ in .nothing }
            }
        case .choice(let condition, let then, let otherwise):
            return choice(condition, real(then), real(otherwise), none: .nothing)
        }
    }

    private func text(_ term: TextTerm) -> Read<String?> {
        guard case .choice(let condition, let then, let otherwise) = term else { return base.text(term) }
        return choice(condition, text(then), text(otherwise), none: nil)
    }
}

extension Rounded {
    /// No result.
    static let nothing = Rounded(value: .nan, error: 0)
    @inline(__always) static func + (left: Rounded, right: Rounded) -> Rounded {
        let value = left.value + right.value
        return Rounded(value: value, error: left.error + right.error + 0x1p-52 * value.magnitude)
    }
    @inline(__always) static func - (left: Rounded, right: Rounded) -> Rounded {
        let value = left.value - right.value
        return Rounded(value: value, error: left.error + right.error + 0x1p-52 * value.magnitude)
    }
    @inline(__always) static func * (left: Rounded, right: Rounded) -> Rounded {
        let value = left.value * right.value
        let error = left.value.magnitude * right.error + right.value.magnitude * left.error
        return Rounded(value: value, error: error + 0x1p-52 * value.magnitude)
    }
    @inline(__always) static func / (left: Rounded, right: Rounded) -> Rounded {
        // why + 0: zero has no sign in rules.
        let value = left.value / (right.value + 0)
        let error = (left.error + value.magnitude * right.error) / right.value.magnitude
        return Rounded(value: value, error: error + 0x1p-52 * value.magnitude)
    }
}

extension ConstraintRelation {
    /// What the relation says of two numbers that rounding may have moved.
    @inline(__always)
    func verdict(_ left: Rounded, _ right: Rounded) -> ConstraintRule.Verdict {
        if left.value.isNaN || right.value.isNaN { return .notApplicable }
        let difference = left.value == right.value ? 0 : left.value - right.value
        return ConstraintRule.Verdict(holds(difference, within: Rounded.band(left, right)))
    }

    /// Whether it holds between two numbers with this difference, where `band` and less counts as none.
    @inline(__always)
    func holds(_ difference: Double, within band: Double) -> Bool {
        switch self {
        case .less: difference < -band
        case .lessOrEqual: difference <= band
        case .greater: difference > band
        case .greaterOrEqual: difference >= -band
        case .equal: difference.magnitude <= band
        case .notEqual: difference.magnitude > band
        }
    }
}
