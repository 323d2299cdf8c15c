/// Turns a typed rule into closures over rows.
struct ConstraintCompiler {
    typealias Read<Value> = ConstraintColumnReader.Read<Value>
    typealias Verdict = ConstraintRule.Verdict
    /// How each column of the rule is read.
    let readers: [ConstraintColumnReader]

    /// A condition as a closure; nothing is allocated when it runs unless it joins texts.
    func truth(_ term: TruthTerm) -> Read<Verdict> {
        if let table = tabulated(term) { return table }
        switch term {
        case .literal(let value):
            let verdict = Verdict(value)
            return { _ in verdict }
        case .column(let column): return readers[column].truth
        case .isMissing(let column): return readers[column].isMissing
        case .not(let term):
            let inner = truth(term)
            return { inner($0).negated }
        case .and(let terms): return absorbing(terms, .violated)
        case .or(let terms): return absorbing(terms, .holds)
        case .choice(let condition, let then, let otherwise):
            return choice(condition, truth(then), truth(otherwise), none: .notApplicable)
        case .compareTruths(let relation, let left, let right):
            let (left, right) = (truth(left), truth(right))
            return { row in
                let (left, right) = (left(row), right(row))
                guard left != .notApplicable, right != .notApplicable else { return .notApplicable }
                return Verdict(relation.holds(left.rawValue, right.rawValue))
            }
        case .compareWholes(let relation, let left, let right): return compareWholes(relation, left, right)
        case .compareReals(let relation, let left, let right): return compareReals(relation, left, right)
        case .compareTexts(let relation, let left, let right):
            return onTexts(left, right) { relation.holds(TextBytes.order($0, $1), 0) }
        case .truthIn, .wholeIn, .realIn, .textIn: return membership(term)
        case .search(let search, let inside, let part):
            return onTexts(inside, part) { TextBytes.finds($1, in: $0, search) }
        case .matches(let term, let pattern):
            let term = text(term)
            return { row in term(row).map { Verdict(pattern.matches($0)) } ?? .notApplicable }
        }
    }

    /// A condition on two texts.
    private func onTexts(
        _ left: TextTerm, _ right: TextTerm, _ condition: @escaping @Sendable (String, String) -> Bool
    ) -> Read<Verdict> {
        let (left, right) = (text(left), text(right))
        return { row in
            guard let left = left(row), let right = right(row) else { return .notApplicable }
            return Verdict(condition(left, right))
        }
    }

    /// A condition on one categorical feature: worked out once for each level.
    private func tabulated(_ term: TruthTerm) -> Read<Verdict>? {
        guard readers.contains(where: { $0.category != nil }) else { return nil }
        let columns = term.columns
        guard let column = columns.first, columns.count == 1, let category = readers[column].category else {
            return nil
        }
        var values = readers
        // why these types: the reader only gives what the column is asked for, so that any will do.
        for index in values.indices { values[index] = .value(0, .text) }
        let isMoment = category.levels.contains { $0?.moment != nil }
        values[column] = .value(0, isMoment ? .timestamp : .text)
        let plain = ConstraintCompiler(readers: values).truth(term)
        func verdict(_ value: ConstraintValue) -> Verdict {
            withUnsafePointer(to: value) { pointer in
                plain(
                    ConstraintRow(
                        features: UnsafeBufferPointer(start: nil, count: 0),
                        values: UnsafeBufferPointer(start: pointer, count: 1)))
            }
        }
        var unknown = readers
        unknown[column].isMissing = { _ in .violated }
        for index in unknown.indices {
            unknown[index].category = nil
            unknown[index].whole = { _ in nil }
            unknown[index].real = { _ in .nan }
            unknown[index].text = { _ in nil }
            unknown[index].truth = { _ in .notApplicable }
        }
        let none = ConstraintRow(
            features: UnsafeBufferPointer(start: nil, count: 0), values: UnsafeBufferPointer(start: nil, count: 0))
        return category.table(
            missing: verdict(.null), unknown: ConstraintCompiler(readers: unknown).truth(term)(none), verdict)
    }

    /// `and` and `or`: the first part that is `decisive` decides, else a part without a result does.
    private func absorbing(_ terms: [TruthTerm], _ decisive: Verdict) -> Read<Verdict> {
        let parts = terms.map(truth)
        return { row in
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

    private func compareWholes(
        _ relation: ConstraintRelation, _ left: WholeTerm, _ right: WholeTerm
    ) -> Read<Verdict> {
        let read = whole(left)
        if case .literal(let bound) = right {
            return { row in read(row).map { Verdict(relation.holds($0, bound)) } ?? .notApplicable }
        }
        let other = whole(right)
        return { row in
            guard let left = read(row), let right = other(row) else { return .notApplicable }
            return Verdict(relation.holds(left, right))
        }
    }

    private func compareReals(_ relation: ConstraintRelation, _ left: RealTerm, _ right: RealTerm) -> Read<Verdict> {
        let read = real(left)
        if case .literal(let bound) = right {
            return { row in
                let value = read(row)
                return value.isNaN ? .notApplicable : Verdict(relation.holds(value, bound))
            }
        }
        let other = real(right)
        return { row in
            let (left, right) = (read(row), other(row))
            return left.isNaN || right.isNaN ? .notApplicable : Verdict(relation.holds(left, right))
        }
    }

    // MARK: Values

    /// A whole number as a closure.
    func whole(_ term: WholeTerm) -> Read<Int64?> {
        switch term {
        case .literal(let value): return { _ in value }
        case .column(let column): return readers[column].whole
        case .negate(let term):
            let inner = whole(term)
            return { row in inner(row).flatMap { $0 == .min ? nil : -$0 } }
        case .arithmetic(let operation, let left, let right):
            let (left, right) = (whole(left), whole(right))
            return { row in
                guard let left = left(row), let right = right(row) else { return nil }
                return operation.result(left, right)
            }
        case .size(let term):
            let term = text(term)
            return { row in term(row).map { Int64($0.unicodeScalars.count) } }
        case .choice(let condition, let then, let otherwise):
            return choice(condition, whole(then), whole(otherwise), none: nil)
        }
    }

    /// A number as a closure; NaN where there is no result.
    func real(_ term: RealTerm) -> Read<Double> {
        switch term {
        case .literal(let value): return { _ in value }
        case .column(let column): return readers[column].real
        case .widened(.column(let column)):
            let inner = readers[column].whole
            return { row in inner(row).map { Double($0) } ?? .nan }
        case .widened(let term):
            let inner = whole(term)
            return { row in inner(row).map { Double($0) } ?? .nan }
        case .negate(let term):
            let inner = real(term)
            return { -inner($0) }
        case .arithmetic(let operation, let left, let right):
            let (left, right) = (real(left), real(right))
            switch operation {
            case .plus: return { left($0) + right($0) }
            case .minus: return { left($0) - right($0) }
            case .times: return { left($0) * right($0) }
            // why + 0: zero has no sign here, see `ConstraintSQL`.
            case .divided: return { left($0) / (right($0) + 0) }
            case .remainder: return { _ in .nan }
            }
        case .choice(let condition, let then, let otherwise):
            return choice(condition, real(then), real(otherwise), none: .nan)
        }
    }

    /// A text as a closure.
    func text(_ term: TextTerm) -> Read<String?> {
        switch term {
        case .literal(let value): return { _ in value }
        case .column(let column): return readers[column].text
        case .joined(let left, let right):
            let (left, right) = (text(left), text(right))
            return { row in
                guard let left = left(row), let right = right(row) else { return nil }
                return left + right
            }
        case .choice(let condition, let then, let otherwise):
            return choice(condition, text(then), text(otherwise), none: nil)
        }
    }
}

extension ConstraintArithmetic {
    /// The result on whole numbers; `nil` where it leaves 64 bits or divides by zero.
    func result(_ left: Int64, _ right: Int64) -> Int64? {
        let (value, overflow) =
            switch self {
            case .plus: left.addingReportingOverflow(right)
            case .minus: left.subtractingReportingOverflow(right)
            case .times: left.multipliedReportingOverflow(by: right)
            case .divided: left.dividedReportingOverflow(by: right)
            case .remainder: left.remainderReportingOverflow(dividingBy: right)
            }
        return overflow ? nil : value
    }
}
