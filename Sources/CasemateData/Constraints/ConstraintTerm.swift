/// A condition: true, false, or without a result because it touches a missing value.
///
/// Columns are positions in the list of columns that the rule reads. `and` and `or` absorb: a false part makes `and`
/// false whatever is missing elsewhere.
indirect enum TruthTerm: Hashable, Sendable {
    case literal(Bool)
    case column(Int)
    /// Whether a column has no value; always has a result.
    case isMissing(Int)
    case not(TruthTerm)
    case and([TruthTerm]), or([TruthTerm])
    case choice(TruthTerm, then: TruthTerm, otherwise: TruthTerm)
    case compareTruths(ConstraintRelation, TruthTerm, TruthTerm)
    /// Whole numbers, or moments in microseconds since 1970.
    case compareWholes(ConstraintRelation, WholeTerm, WholeTerm)
    case compareReals(ConstraintRelation, RealTerm, RealTerm)
    /// By code points.
    case compareTexts(ConstraintRelation, TextTerm, TextTerm)
    case truthIn(TruthTerm, [TruthTerm])
    case wholeIn(WholeTerm, [WholeTerm])
    case realIn(RealTerm, [RealTerm])
    case textIn(TextTerm, [TextTerm])
    case search(ConstraintSearch, TextTerm, TextTerm)
    case matches(TextTerm, TextPattern)
}

/// A whole number of 64 bits, or a moment in microseconds since 1970.
indirect enum WholeTerm: Hashable, Sendable {
    case literal(Int64)
    case column(Int)
    case negate(WholeTerm)
    case arithmetic(ConstraintArithmetic, WholeTerm, WholeTerm)
    /// Code points of a text.
    case size(TextTerm)
    case choice(TruthTerm, then: WholeTerm, otherwise: WholeTerm)
}

/// A number of 64-bit floating point.
indirect enum RealTerm: Hashable, Sendable {
    case literal(Double)
    case column(Int)
    case widened(WholeTerm)
    case negate(RealTerm)
    case arithmetic(ConstraintArithmetic, RealTerm, RealTerm)
    case choice(TruthTerm, then: RealTerm, otherwise: RealTerm)

    /// Whether it can be "not a number" although nothing that it touches is missing.
    var canBeNaN: Bool {
        switch self {
        case .literal, .column, .widened: false
        case .negate(let term): term.canBeNaN
        case .arithmetic: true
        case .choice(_, let then, let otherwise): then.canBeNaN || otherwise.canBeNaN
        }
    }
}

/// A text.
indirect enum TextTerm: Hashable, Sendable {
    case literal(String)
    case column(Int)
    case joined(TextTerm, TextTerm)
    case choice(TruthTerm, then: TextTerm, otherwise: TextTerm)
}

/// Ways of looking for one text in another.
enum ConstraintSearch: String, Hashable, Sendable { case startsWith, endsWith, contains }

extension TruthTerm {
    /// Positions of the columns that it reads.
    var columns: Set<Int> {
        switch self {
        case .literal: []
        case .column(let column), .isMissing(let column): [column]
        case .not(let term): term.columns
        case .and(let terms), .or(let terms): terms.reduce(into: []) { $0.formUnion($1.columns) }
        case .choice(let condition, let then, let otherwise):
            condition.columns.union(then.columns).union(otherwise.columns)
        case .compareTruths(_, let left, let right): left.columns.union(right.columns)
        case .compareWholes(_, let left, let right): left.columns.union(right.columns)
        case .compareReals(_, let left, let right): left.columns.union(right.columns)
        case .compareTexts(_, let left, let right), .search(_, let left, let right): left.columns.union(right.columns)
        case .truthIn(let term, let list): list.reduce(into: term.columns) { $0.formUnion($1.columns) }
        case .wholeIn(let term, let list): list.reduce(into: term.columns) { $0.formUnion($1.columns) }
        case .realIn(let term, let list): list.reduce(into: term.columns) { $0.formUnion($1.columns) }
        case .textIn(let term, let list): list.reduce(into: term.columns) { $0.formUnion($1.columns) }
        case .matches(let term, _): term.columns
        }
    }
}

extension WholeTerm {
    /// Positions of the columns that it reads.
    var columns: Set<Int> {
        switch self {
        case .literal: []
        case .column(let column): [column]
        case .negate(let term): term.columns
        case .arithmetic(_, let left, let right): left.columns.union(right.columns)
        case .size(let term): term.columns
        case .choice(let condition, let then, let otherwise):
            condition.columns.union(then.columns).union(otherwise.columns)
        }
    }
}

extension RealTerm {
    /// Positions of the columns that it reads.
    var columns: Set<Int> {
        switch self {
        case .literal: []
        case .column(let column): [column]
        case .widened(let term): term.columns
        case .negate(let term): term.columns
        case .arithmetic(_, let left, let right): left.columns.union(right.columns)
        case .choice(let condition, let then, let otherwise):
            condition.columns.union(then.columns).union(otherwise.columns)
        }
    }
}

extension TextTerm {
    /// Positions of the columns that it reads.
    var columns: Set<Int> {
        switch self {
        case .literal: []
        case .column(let column): [column]
        case .joined(let left, let right): left.columns.union(right.columns)
        case .choice(let condition, let then, let otherwise):
            condition.columns.union(then.columns).union(otherwise.columns)
        }
    }
}
