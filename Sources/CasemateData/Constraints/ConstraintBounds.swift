/// What a rule demands of single columns, as far as its outermost `&&` says so in plain comparisons with constants: a row
/// with another value breaks the rule, whatever else it holds.
struct ConstraintBounds {
    /// Values that a column may have.
    struct Allowed {
        var low = -Double.infinity, high = Double.infinity
        var isLowOpen = false, isHighOpen = false
        /// The only numbers, or texts, where they are listed.
        var numbers: Set<Double>?, texts: Set<String>?
        var excludedNumbers: Set<Double> = [], excludedTexts: Set<String> = []
        /// Whether the column must have no value, or must have one.
        var isMissing: Bool?
        /// Whether two demands on presence exclude each other.
        var isTorn = false

        /// Whether no value is left.
        var isEmpty: Bool {
            if isTorn || low > high || low == high && (isLowOpen || isHighOpen) { return true }
            if low == high, excludedNumbers.contains(low) { return true }
            if let numbers, !numbers.contains(where: { contains($0) }) { return true }
            if let texts, texts.subtracting(excludedTexts).isEmpty { return true }
            return false
        }
        private func contains(_ value: Double) -> Bool {
            (isLowOpen ? value > low : value >= low) && (isHighOpen ? value < high : value <= high)
                && !excludedNumbers.contains(value)
        }
        /// Values that both allow.
        mutating func formIntersection(_ other: Allowed) {
            if other.low > low || other.low == low && other.isLowOpen {
                (low, isLowOpen) = (other.low, other.isLowOpen)
            }
            if other.high < high || other.high == high && other.isHighOpen {
                (high, isHighOpen) = (other.high, other.isHighOpen)
            }
            numbers = Self.shared(numbers, other.numbers)
            texts = Self.shared(texts, other.texts)
            excludedNumbers.formUnion(other.excludedNumbers)
            excludedTexts.formUnion(other.excludedTexts)
            isTorn = isTorn || other.isTorn
            if let mine = isMissing, let theirs = other.isMissing, mine != theirs { isTorn = true }
            isMissing = isMissing ?? other.isMissing
        }
        private static func shared<Value>(_ one: Set<Value>?, _ other: Set<Value>?) -> Set<Value>? {
            guard let one else { return other }
            return other.map { one.intersection($0) } ?? one
        }
    }
    /// By name of the column.
    private(set) var columns: [String: Allowed] = [:]

    /// What a rule demands.
    init(_ rule: ConstraintRule) { demand(rule.root, rule.inputs) }

    /// Columns for which two rules leave no value that keeps both, in alphabetical order.
    static func conflicts(_ one: ConstraintRule, _ other: ConstraintRule) -> [String] {
        let (first, second) = (ConstraintBounds(one), ConstraintBounds(other))
        return first.columns.compactMap { name, allowed in
            guard var both = second.columns[name] else { return nil }
            both.formIntersection(allowed)
            return both.isEmpty ? name : nil
        }.sorted()
    }

    /// Columns for which the rule itself leaves no value.
    var empty: [String] { columns.filter { $0.value.isEmpty }.keys.sorted() }

    private mutating func demand(_ term: TruthTerm, _ inputs: [Column]) {
        switch term {
        case .and(let terms): for term in terms { demand(term, inputs) }
        case .column(let column): allow(inputs[column], numbers: [1])
        case .not(.column(let column)): allow(inputs[column], numbers: [0])
        case .isMissing(let column): allow(inputs[column]) { $0.isMissing = true }
        case .not(.isMissing(let column)): allow(inputs[column]) { $0.isMissing = false }
        case .compareTruths(.equal, .column(let column), .literal(let value)):
            allow(inputs[column], numbers: [value ? 1 : 0])
        case .compareWholes(let relation, let left, let right):
            if case (.column(let column), .literal(let value)) = (left, right) {
                bound(inputs[column], relation, value)
            }
            if case (.literal(let value), .column(let column)) = (left, right) {
                bound(inputs[column], relation.mirrored, value)
            }
        case .compareReals(let relation, let left, let right):
            if let column = left.plainColumn, case .literal(let value) = right {
                bound(inputs[column], relation, value)
            }
            if let column = right.plainColumn, case .literal(let value) = left {
                bound(inputs[column], relation.mirrored, value)
            }
        case .compareTexts(.equal, .column(let column), .literal(let text)),
            .compareTexts(.equal, .literal(let text), .column(let column)):
            allow(inputs[column]) { $0.texts = [text] }
        case .compareTexts(.notEqual, .column(let column), .literal(let text)):
            allow(inputs[column]) { $0.excludedTexts = [text] }
        case .wholeIn(.column(let column), let list):
            let values = list.compactMap { if case .literal(let value) = $0 { Self.exact(value) } else { nil } }
            if values.count == list.count { allow(inputs[column], numbers: Set(values)) }
        case .realIn(let term, let list):
            let values = list.compactMap { if case .literal(let value) = $0 { value } else { nil as Double? } }
            if let column = term.plainColumn, values.count == list.count { allow(inputs[column], numbers: Set(values)) }
        case .textIn(.column(let column), let list):
            let values = list.compactMap { if case .literal(let value) = $0 { value } else { nil as String? } }
            if values.count == list.count { allow(inputs[column]) { $0.texts = Set(values) } }
        default: break
        }
    }

    /// why: beyond 2^53 a double is several whole numbers, and nothing is proved with it.
    private static func exact(_ value: Int64) -> Double? { value.magnitude <= 1 << 53 ? Double(value) : nil }

    private mutating func allow(_ column: Column, _ change: (inout Allowed) -> Void) {
        var allowed = Allowed()
        change(&allowed)
        if var before = columns[column.name] {
            before.formIntersection(allowed)
            allowed = before
        }
        columns[column.name] = allowed
    }

    private mutating func allow(_ column: Column, numbers: Set<Double>) { allow(column) { $0.numbers = numbers } }

    private mutating func bound(_ column: Column, _ relation: ConstraintRelation, _ value: Int64) {
        guard let value = Self.exact(value) else { return }
        switch relation {
        case .less: bound(column, .lessOrEqual, value - 1)
        case .greater: bound(column, .greaterOrEqual, value + 1)
        default: bound(column, relation, value)
        }
    }

    private mutating func bound(_ column: Column, _ relation: ConstraintRelation, _ value: Double) {
        allow(column) { allowed in
            switch relation {
            case .less: (allowed.high, allowed.isHighOpen) = (value, true)
            case .lessOrEqual: allowed.high = value
            case .greater: (allowed.low, allowed.isLowOpen) = (value, true)
            case .greaterOrEqual: allowed.low = value
            case .equal: allowed.numbers = [value]
            case .notEqual: allowed.excludedNumbers = [value]
            }
        }
    }
}

extension RealTerm {
    /// The column that it is, widened or not.
    fileprivate var plainColumn: Int? {
        switch self {
        case .column(let column), .widened(.column(let column)): column
        case .literal, .widened, .negate, .arithmetic, .choice: nil
        }
    }
}

extension ConstraintRule {
    /// The verdict that the rule gives whatever a row holds, as far as its form shows it; `nil` for a rule that depends on
    /// the row. A rule such as `row.a == row.a` counts as always true.
    public var constantVerdict: Verdict? {
        if let value = Self.constant(root) { return Verdict(value) }
        if inputs.isEmpty { return .notApplicable }
        return ConstraintBounds(self).empty.isEmpty ? nil : .violated
    }

    /// Columns for which no value keeps both rules: a row that has such a value breaks one of them. Empty where the texts
    /// alone do not prove it; proofs reach as far as comparisons of one column with constants, joined by `&&`.
    public func conflicts(with other: ConstraintRule) -> [String] { ConstraintBounds.conflicts(self, other) }

    private static func constant(_ term: TruthTerm) -> Bool? {
        switch term {
        case .and(let terms):
            let values = terms.map(constant)
            return values.contains(false) ? false : values.allSatisfy { $0 == true } ? true : nil
        case .or(let terms):
            let values = terms.map(constant)
            return values.contains(true) ? true : values.allSatisfy { $0 == false } ? false : nil
        case .not(let inner): return constant(inner).map { !$0 }
        case .compareTruths(let relation, let left, let right) where left == right: return relation.includesEqual
        case .compareWholes(let relation, let left, let right) where left == right: return relation.includesEqual
        case .compareReals(let relation, let left, let right) where left == right: return relation.includesEqual
        case .compareTexts(let relation, let left, let right) where left == right: return relation.includesEqual
        default:
            let size = (term.columns.max() ?? -1) + 1
            let compiler = ConstraintCompiler(readers: [ConstraintColumnReader](repeating: .unknown, count: size))
            let nothing = ConstraintRow(
                features: UnsafeBufferPointer(start: nil, count: 0), values: UnsafeBufferPointer(start: nil, count: 0))
            switch compiler.truth(term)(nothing) {
            case .holds: return true
            case .violated: return false
            case .notApplicable: return nil
            }
        }
    }
}
