import CasemateCore

/// Gives every part of an expression a type, against the columns of a table.
struct ConstraintChecker {
    /// A typed part.
    enum Term {
        case truth(TruthTerm), whole(WholeTerm), real(RealTerm), text(TextTerm)
        /// Microseconds since 1970, from a date or a timestamp.
        case moment(WholeTerm)

        /// What it is, for messages.
        var kind: String {
            switch self {
            case .truth: "true or false"
            case .whole: "a whole number"
            case .real: "a number"
            case .text: "a text"
            case .moment: "a moment"
            }
        }
        /// It as a number of floating point.
        var widened: RealTerm? {
            switch self {
            case .whole(.literal(let value)): .literal(Double(value))
            case .whole(let term): .widened(term)
            case .real(let term): term
            case .truth, .text, .moment: nil
            }
        }
        var isNumber: Bool { widened != nil }
    }
    private let columns: [Column]
    private(set) var inputs: [Column] = []
    private var positions: [String: Int] = [:]

    /// Checks a whole rule, which must be a condition.
    static func check(
        _ node: ConstraintNode, columns: [Column]
    ) throws(ConstraintFault) -> (root: TruthTerm, inputs: [Column]) {
        var checker = ConstraintChecker(columns: columns)
        let root = try checker.term(node)
        guard case .truth(let truth) = root else {
            throw ConstraintFault(
                .mismatch, at: node.offset, "the rule gives \(root.kind), not true or false",
                help: "compare it with something: row.age >= 18")
        }
        return (truth, checker.inputs)
    }

    /// Checks an expression that may give anything.
    static func value(
        _ node: ConstraintNode, columns: [Column]
    ) throws(ConstraintFault) -> (term: Term, inputs: [Column]) {
        var checker = ConstraintChecker(columns: columns)
        let term = try checker.term(node)
        return (term, checker.inputs)
    }

    private init(columns: [Column]) { self.columns = columns }

    /// The typed form of any part.
    mutating func term(_ node: ConstraintNode) throws(ConstraintFault) -> Term {
        switch node.kind {
        case .whole(let value): return .whole(.literal(value))
        case .real(let value): return .real(.literal(value))
        case .text(let value): return .text(.literal(value))
        case .truth(let value): return .truth(.literal(value))
        case .null:
            throw ConstraintFault(
                .mismatch, at: node.offset, "null goes with == and != only", help: "write row.column == null")
        case .column(let name): return try column(name, at: node.offset).term
        case .name(let name): throw unknown(name, at: node.offset)
        case .not(let operand): return .truth(.not(try truth(operand, of: "!", at: node.offset)))
        case .negate(let operand): return try negated(operand, at: node.offset)
        case .and(let nodes):
            var terms: [TruthTerm] = []
            for part in nodes { terms.append(try truth(part, of: "&&", at: part.offset)) }
            return .truth(.and(terms))
        case .or(let nodes):
            var terms: [TruthTerm] = []
            for part in nodes { terms.append(try truth(part, of: "||", at: part.offset)) }
            return .truth(.or(terms))
        case .compare(let relation, let left, let right):
            return .truth(try comparison(relation, left, right, at: node.offset))
        case .contains(let value, let list): return .truth(try membership(value, list, at: node.offset))
        case .arithmetic(let operation, let left, let right):
            return try arithmetic(operation, try term(left), try term(right), at: node.offset)
        case .choice(let condition, let then, let otherwise):
            let condition = try truth(condition, of: "?", at: condition.offset)
            return try choice(condition, try term(then), try term(otherwise), at: node.offset)
        case .list:
            throw ConstraintFault(
                .mismatch, at: node.offset, "a list goes behind 'in' only", help: "write row.column in [1, 2]")
        case .call(let function, let arguments): return try call(function, arguments, at: node.offset)
        }
    }

    // MARK: Names

    /// A column with its position among those that the rule reads.
    mutating func column(_ name: String, at offset: Int) throws(ConstraintFault) -> (position: Int, term: Term) {
        guard let column = columns.first(where: { $0.name == name }) else {
            let near = Suggestion.clause(for: name, among: columns.map(\.name))
            let listed = columns.prefix(12).map { $0.name.shortened(to: 40) }.joined(separator: ", ")
            throw ConstraintFault(
                .notFound, at: offset, "no column '\(name.shortened(to: 60))'\(near)",
                help: "columns: \(listed)" + (columns.count > 12 ? " and \(columns.count - 12) more" : ""))
        }
        let position = positions[name] ?? inputs.count
        if position == inputs.count {
            inputs.append(column)
            positions[name] = position
        }
        switch column.type {
        case .integer: return (position, .whole(.column(position)))
        case .number: return (position, .real(.column(position)))
        case .text: return (position, .text(.column(position)))
        case .boolean: return (position, .truth(.column(position)))
        case .date, .timestamp: return (position, .moment(.column(position)))
        }
    }

    private func unknown(_ name: String, at offset: Int) -> ConstraintFault {
        let near =
            columns.contains { $0.name == name } ? name : Suggestion.nearest(to: name, among: columns.map(\.name))
        let clause = near.map { ", did you mean '\(Self.reference($0))'?" } ?? ""
        return ConstraintFault(
            .notFound, at: offset, "no name '\(name.shortened(to: 60))'\(clause)",
            help: "columns are read as row.column, texts stand in quotes")
    }

    /// How a column is written in a rule.
    private static func reference(_ name: String) -> String {
        let scalars = name.unicodeScalars
        let isPlain = scalars.first?.isWordStart == true && scalars.allSatisfy { $0.isWordStart || $0.isDigit }
        return isPlain ? "row.\(name)" : "row[\"\(name)\"]"
    }

    // MARK: Conditions and choices

    /// A part that must be a condition.
    private mutating func truth(
        _ node: ConstraintNode, of symbol: String, at offset: Int
    ) throws(ConstraintFault) -> TruthTerm {
        let term = try term(node)
        guard case .truth(let truth) = term else {
            throw ConstraintFault(
                .mismatch, at: offset, "'\(symbol)' needs true or false, found \(term.kind)",
                help: term.isNumber ? "compare it: == 1" : "compare it with something")
        }
        return truth
    }

    private func choice(
        _ condition: TruthTerm, _ then: Term, _ otherwise: Term, at offset: Int
    ) throws(ConstraintFault) -> Term {
        switch try Self.aligned(then, otherwise, by: "? :", at: offset) {
        case .truths(let then, let otherwise): .truth(.choice(condition, then: then, otherwise: otherwise))
        case .wholes(let then, let otherwise): .whole(.choice(condition, then: then, otherwise: otherwise))
        case .reals(let then, let otherwise): .real(.choice(condition, then: then, otherwise: otherwise))
        case .texts(let then, let otherwise): .text(.choice(condition, then: then, otherwise: otherwise))
        case .moments(let then, let otherwise): .moment(.choice(condition, then: then, otherwise: otherwise))
        }
    }
}
