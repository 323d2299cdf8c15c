/// About how long the SQL of a term is, in bytes, at least its real length; `column` is the length of the longest column.
extension TruthTerm {
    func sqlSize(column: Int) -> Double {
        switch self {
        case .literal: return 5
        case .column: return Double(column)
        case .isMissing: return Double(column) + 10
        case .not(let term): return term.sqlSize(column: column) + 8
        case .and(let terms), .or(let terms): return terms.reduce(2) { $0 + $1.sqlSize(column: column) + 5 }
        case .choice(let condition, let then, let otherwise):
            return 2 * condition.sqlSize(column: column) + then.sqlSize(column: column)
                + otherwise.sqlSize(column: column) + 48
        case .compareTruths(_, let left, let right):
            return left.sqlSize(column: column) + right.sqlSize(column: column) + 8
        case .compareWholes(_, let left, let right):
            return left.sqlSize(column: column) + right.sqlSize(column: column) + 8
        case .compareReals(_, let left, let right):
            return 2 * (left.sqlSize(column: column) + right.sqlSize(column: column)) + 80
        case .compareTexts(_, let left, let right), .search(_, let left, let right):
            return left.sqlSize(column: column) + right.sqlSize(column: column) + 24
        case .truthIn(let term, let list):
            return list.reduce(term.sqlSize(column: column) + 80) { $0 + 2 * $1.sqlSize(column: column) + 16 }
        case .wholeIn(let term, let list):
            return list.reduce(term.sqlSize(column: column) + 80) { $0 + 2 * $1.sqlSize(column: column) + 16 }
        case .realIn(let term, let list):
            return list.reduce(2 * term.sqlSize(column: column) + 120) { $0 + 4 * $1.sqlSize(column: column) + 32 }
        case .textIn(let term, let list):
            return list.reduce(term.sqlSize(column: column) + 80) { $0 + 2 * $1.sqlSize(column: column) + 16 }
        case .matches(let term, let pattern):
            return term.sqlSize(column: column) + 2 * Double(pattern.text.utf8.count) + 24
        }
    }
}

extension WholeTerm {
    func sqlSize(column: Int) -> Double {
        switch self {
        case .literal: 40
        case .column: Double(column)
        case .negate(let term): term.sqlSize(column: column) + 48
        case .arithmetic(_, let left, let right): left.sqlSize(column: column) + right.sqlSize(column: column) + 400
        case .size(let term): term.sqlSize(column: column) + 32
        case .choice(let condition, let then, let otherwise):
            2 * condition.sqlSize(column: column) + then.sqlSize(column: column) + otherwise.sqlSize(column: column)
                + 48
        }
    }
}

extension RealTerm {
    func sqlSize(column: Int) -> Double {
        switch self {
        case .literal: 48
        case .column: Double(column)
        case .widened(let term): term.sqlSize(column: column) + 24
        case .negate(let term): term.sqlSize(column: column) + 8
        case .arithmetic(_, let left, let right): left.sqlSize(column: column) + right.sqlSize(column: column) + 40
        case .choice(let condition, let then, let otherwise):
            2 * condition.sqlSize(column: column) + then.sqlSize(column: column) + otherwise.sqlSize(column: column)
                + 48
        }
    }
}

extension TextTerm {
    func sqlSize(column: Int) -> Double {
        switch self {
        case .literal(let value): 2 * Double(value.utf8.count) + 2
        case .column: Double(column)
        case .joined(let left, let right): left.sqlSize(column: column) + right.sqlSize(column: column) + 8
        case .choice(let condition, let then, let otherwise):
            2 * condition.sqlSize(column: column) + then.sqlSize(column: column) + otherwise.sqlSize(column: column)
                + 48
        }
    }
}
