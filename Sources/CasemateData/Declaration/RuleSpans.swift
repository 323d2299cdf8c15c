/// What a condition can come to when each feature lies within a span: proofs by interval arithmetic. Says "possible"
/// where it does not know.
struct RuleSpans {
    /// Values from `low` to `high`.
    struct Span: Hashable {
        var low = -Double.infinity, high = Double.infinity
        var isPoint: Bool { low == high }
        /// The smallest span that holds both.
        func hull(_ other: Span) -> Span { Span(low: min(low, other.low), high: max(high, other.high)) }
    }
    /// What can happen.
    struct Outcome: OptionSet {
        let rawValue: Int
        static let holds = Outcome(rawValue: 1), breaks = Outcome(rawValue: 2)
        static let either: Outcome = [.holds, .breaks]
        var negated: Outcome {
            Outcome((contains(.holds) ? [.breaks] : []) + (contains(.breaks) ? [.holds] : []))
        }
    }
    let features: [Feature]
    /// Numbers by feature; ignored for categories.
    var spans: [Span]
    /// Levels that a category may have; `nil` for any.
    var levels: [Set<Int>?]

    /// What a rule can come to.
    func outcome(of rule: ConstraintRule) -> Outcome {
        outcome(rule.root, Reading(rule.inputs, features))
    }

    /// Values that an expression can have.
    func span(of expression: ConstraintExpression) -> Span {
        switch expression.root {
        case .real(let term): span(term, Reading(expression.inputs, features))
        case .truth: Span(low: 0, high: 1)
        case .text: Span()
        }
    }

    /// Columns of a rule among the features.
    private struct Reading {
        let inputs: [Int]
        let compiler: ConstraintCompiler
        init(_ columns: [Column], _ features: [Feature]) {
            let inputs = columns.map { column in features.firstIndex { $0.name == column.name } ?? 0 }
            self.inputs = inputs
            compiler = ConstraintCompiler(
                readers: zip(columns, inputs).map { column, index in
                    ConstraintColumnReader.feature(index, features[index], column.type) ?? .unknown
                })
        }
    }

    private func outcome(_ term: TruthTerm, _ reading: Reading) -> Outcome {
        switch term {
        case .literal(let value): return value ? .holds : .breaks
        case .not(let term): return outcome(term, reading).negated
        case .and(let terms):
            let parts = terms.map { outcome($0, reading) }
            return Outcome(
                (parts.allSatisfy { $0.contains(.holds) } ? [.holds] : [])
                    + (parts.contains { $0.contains(.breaks) } ? [.breaks] : []))
        case .or(let terms): return outcome(.and(terms.map { .not($0) }), reading).negated
        case .choice(let condition, let then, let otherwise):
            let choice = outcome(condition, reading)
            return Outcome(
                (choice.contains(.holds) ? [outcome(then, reading)] : [])
                    + (choice.contains(.breaks) ? [outcome(otherwise, reading)] : []))
        case .compareReals(let relation, let left, let right):
            return compare(
                relation, .arithmetic(.minus, left, right), span(left, reading), span(right, reading), reading)
        case .realIn(let term, let list) where !list.isEmpty:
            return outcome(.or(list.map { .compareReals(.equal, term, $0) }), reading)
        default: return byLevels(term, reading)
        }
    }

    private func compare(
        _ relation: ConstraintRelation, _ difference: RealTerm, _ left: Span, _ right: Span, _ reading: Reading
    ) -> Outcome {
        // why the sum: `a - b` and `a + b - a` are exact so, where spans of the two sides are too wide.
        let form = LinearForm(difference, inputs: reading.inputs, derived: [:], isDerived: [])
        let span = form.map(span) ?? Self.sum(left, Span(low: -right.high, high: -right.low))
        let ends = [left.low, left.high, right.low, right.high].map(\.magnitude).filter(\.isFinite)
        let slack = 1e-6 * (ends.max() ?? 0)
        let canBeNegative = span.low < slack, canBePositive = span.high > -slack
        let canBeZero = span.low <= slack && span.high >= -slack
        let isZero = span.isPoint && span.low == 0
        let (holds, breaks): (Bool, Bool)
        switch relation {
        case .less: (holds, breaks) = (canBeNegative && !isZero, span.high > -slack)
        case .lessOrEqual: (holds, breaks) = (span.low <= slack, canBePositive && !isZero)
        case .greater: (holds, breaks) = (canBePositive && !isZero, span.low < slack)
        case .greaterOrEqual: (holds, breaks) = (span.high >= -slack, canBeNegative && !isZero)
        case .equal: (holds, breaks) = (canBeZero, !isZero)
        case .notEqual: (holds, breaks) = (!isZero, canBeZero)
        }
        return Outcome((holds ? [.holds] : []) + (breaks ? [.breaks] : []))
    }

    /// A condition on one category, tried on every level that it may have.
    private func byLevels(_ term: TruthTerm, _ reading: Reading) -> Outcome {
        let columns = term.columns
        guard let column = columns.first, columns.count == 1 else { return .either }
        let feature = reading.inputs[column]
        guard let names = features[feature].levels, !names.isEmpty else { return .either }
        let condition = reading.compiler.truth(term)
        var row = [Float](repeating: .nan, count: features.count)
        var outcome: Outcome = []
        for level in levels[feature].map({ $0.sorted() }) ?? Array(names.indices) {
            row[feature] = Float(level)
            switch row.withUnsafeBufferPointer({ condition(FeatureSpaceMender.view($0)) }) {
            case .holds: outcome.insert(.holds)
            case .violated: outcome.insert(.breaks)
            case .notApplicable: return .either
            }
        }
        return outcome.isEmpty ? .either : outcome
    }

    // MARK: Numbers

    private func span(_ form: LinearForm) -> Span {
        var sum = Span(low: form.constant, high: form.constant)
        for (feature, coefficient) in zip(form.features, form.coefficients) {
            sum = Self.sum(sum, Self.product(spans[feature], Span(low: coefficient, high: coefficient)))
        }
        return sum
    }

    private func span(_ term: RealTerm, _ reading: Reading) -> Span {
        switch term {
        case .literal(let value): return value.isNaN ? Span() : Span(low: value, high: value)
        case .column(let column): return spans[reading.inputs[column]]
        case .widened(.literal(let value)): return Span(low: Double(value), high: Double(value))
        case .widened(.choice(_, let then, let otherwise)):
            return span(.widened(then), reading).hull(span(.widened(otherwise), reading))
        case .widened: return Span()
        case .negate(let term):
            let inner = span(term, reading)
            return Span(low: -inner.high, high: -inner.low)
        case .choice(_, let then, let otherwise): return span(then, reading).hull(span(otherwise, reading))
        case .arithmetic(let operation, let left, let right):
            let (left, right) = (span(left, reading), span(right, reading))
            switch operation {
            case .plus: return Self.sum(left, right)
            case .minus: return Self.sum(left, Span(low: -right.high, high: -right.low))
            case .times: return Self.product(left, right)
            case .divided:
                if right.low <= 0, right.high >= 0 { return Span() }
                return Self.product(left, Span(low: 1 / right.high, high: 1 / right.low))
            case .remainder: return Span()
            }
        }
    }

    private static func sum(_ one: Span, _ other: Span) -> Span {
        let (low, high) = (one.low + other.low, one.high + other.high)
        return Span(low: low.isNaN ? -.infinity : low, high: high.isNaN ? .infinity : high)
    }
    private static func product(_ one: Span, _ other: Span) -> Span {
        // why: 0 times a bound that does not exist is 0, as values are finite.
        let ends = [one.low * other.low, one.low * other.high, one.high * other.low, one.high * other.high]
            .map { $0.isNaN ? 0 : $0 }
        return Span(low: ends.min() ?? -.infinity, high: ends.max() ?? .infinity)
    }
}
