import CasemateCore

extension ConstraintChecker {
    /// Two parts of one type.
    enum Pair {
        case truths(TruthTerm, TruthTerm), wholes(WholeTerm, WholeTerm), reals(RealTerm, RealTerm)
        case texts(TextTerm, TextTerm), moments(WholeTerm, WholeTerm)
    }

    /// Brings two parts to one type: whole numbers widen to numbers, a text that is a day or a moment becomes one
    /// beside a date or a timestamp.
    static func aligned(_ left: Term, _ right: Term, by symbol: String, at offset: Int) throws(ConstraintFault) -> Pair
    {
        switch (left, right) {
        case (.truth(let left), .truth(let right)): return .truths(left, right)
        case (.whole(let left), .whole(let right)): return .wholes(left, right)
        case (.text(let left), .text(let right)): return .texts(left, right)
        case (.moment(let left), .moment(let right)): return .moments(left, right)
        case (.moment(let left), .text(.literal(let text))): return .moments(left, try moment(text, at: offset))
        case (.text(.literal(let text)), .moment(let right)): return .moments(try moment(text, at: offset), right)
        default:
            if let left = left.widened, let right = right.widened { return .reals(left, right) }
            var help = "both sides must be of one type"
            if case (.truth, _) = (left, right), right.isNumber { help = "a column of 0 and 1 is compared with 0 or 1" }
            if case (_, .truth) = (left, right), left.isNumber { help = "a column of 0 and 1 is compared with 0 or 1" }
            if case (.text, _) = (left, right), right.isNumber { help = "declare the type of the column, or quote" }
            if case (_, .text) = (left, right), left.isNumber {
                help = "declare the type of the column, or do not quote"
            }
            throw ConstraintFault(
                .mismatch, at: offset, "'\(symbol)' between \(left.kind) and \(right.kind)", help: help)
        }
    }

    private static func moment(_ text: String, at offset: Int) throws(ConstraintFault) -> WholeTerm {
        guard let value = ConstraintMoment.microseconds(text) else {
            throw ConstraintFault(
                .mismatch, at: offset, "a date is compared with a text that is none",
                help: "write \"2024-02-29\" or \"2024-02-29T12:00:00Z\"")
        }
        return .literal(value)
    }

    /// A comparison; `null` on one side asks whether a column has a value.
    mutating func comparison(
        _ relation: ConstraintRelation, _ left: ConstraintNode, _ right: ConstraintNode, at offset: Int
    ) throws(ConstraintFault) -> TruthTerm {
        switch (left.kind, right.kind) {
        case (_, .null): return try isMissing(left, relation, at: offset)
        case (.null, _): return try isMissing(right, relation, at: offset)
        default: break
        }
        let pair = try Self.aligned(try term(left), try term(right), by: relation.rawValue, at: offset)
        return switch pair {
        case .truths(let left, let right): .compareTruths(relation, left, right)
        case .wholes(let left, let right), .moments(let left, let right): .compareWholes(relation, left, right)
        case .reals(let left, let right): .compareReals(relation, left, right)
        case .texts(let left, let right): .compareTexts(relation, left, right)
        }
    }

    private mutating func isMissing(
        _ node: ConstraintNode, _ relation: ConstraintRelation, at offset: Int
    ) throws(ConstraintFault) -> TruthTerm {
        guard relation == .equal || relation == .notEqual else {
            throw ConstraintFault(
                .mismatch, at: offset, "'\(relation.rawValue)' cannot compare with null",
                help: "write == null or != null")
        }
        guard case .column(let name) = node.kind else {
            throw ConstraintFault(
                .mismatch, at: offset, "only a column is compared with null", help: "write row.column == null")
        }
        let position = try column(name, at: node.offset).position
        return relation == .equal ? .isMissing(position) : .not(.isMissing(position))
    }

    /// `value in [a, b]`.
    mutating func membership(
        _ value: ConstraintNode, _ list: ConstraintNode, at offset: Int
    ) throws(ConstraintFault) -> TruthTerm {
        guard case .list(let nodes) = list.kind else {
            throw ConstraintFault(
                .mismatch, at: list.offset, "'in' needs a list", help: "write row.column in [\"a\", \"b\"]")
        }
        let term = try term(value)
        var elements: [Term] = []
        for node in nodes {
            if case .null = node.kind {
                throw ConstraintFault(
                    .mismatch, at: node.offset, "null in a list", help: "write row.column == null || row.column in […]")
            }
            elements.append(try self.term(node))
        }
        var pairs: [Pair] = []
        for (node, element) in zip(nodes, elements) {
            pairs.append(try Self.aligned(term, element, by: "in", at: node.offset))
        }
        return Self.membership(term, elements, pairs)
    }

    private static func membership(_ term: Term, _ elements: [Term], _ pairs: [Pair]) -> TruthTerm {
        switch term {
        case .truth(let truth):
            return .truthIn(truth, pairs.compactMap { if case .truths(_, let element) = $0 { element } else { nil } })
        case .text(let text):
            let texts = pairs.compactMap { if case .texts(_, let element) = $0 { element } else { nil as TextTerm? } }
            if texts.count == pairs.count { return .textIn(text, texts) }
            // why: a literal that stands before moments is one.
            let moments = pairs.compactMap { if case .moments(let one, let other) = $0 { (one, other) } else { nil } }
            guard let first = moments.first else { return .textIn(text, texts) }
            return .wholeIn(first.0, moments.map { $0.1 })
        case .moment(let moment):
            return .wholeIn(moment, pairs.compactMap { if case .moments(_, let element) = $0 { element } else { nil } })
        case .whole(let whole):
            let wholes = pairs.compactMap {
                if case .wholes(_, let element) = $0 { element } else { nil as WholeTerm? }
            }
            if wholes.count == pairs.count { return .wholeIn(whole, wholes) }
        case .real: break
        }
        return .realIn(term.widened ?? .literal(.nan), elements.compactMap(\.widened))
    }

    /// `-x`.
    mutating func negated(_ node: ConstraintNode, at offset: Int) throws(ConstraintFault) -> Term {
        switch try term(node) {
        case .whole(let term): return .whole(.negate(term))
        case .real(.literal(let value)): return .real(.literal(-value))
        case .real(let term): return .real(.negate(term))
        case let term:
            throw ConstraintFault(.mismatch, at: offset, "'-' before \(term.kind)", help: "it goes before numbers")
        }
    }

    /// `x + y` and the like.
    func arithmetic(
        _ operation: ConstraintArithmetic, _ left: Term, _ right: Term, at offset: Int
    ) throws(ConstraintFault) -> Term {
        switch (left, right) {
        case (.whole(let left), .whole(let right)): return .whole(.arithmetic(operation, left, right))
        case (.text(let left), .text(let right)) where operation == .plus: return .text(.joined(left, right))
        case (.moment, _), (_, .moment):
            throw .unsupported(
                "arithmetic with dates", at: offset, help: "compare dates, or put the difference into a column")
        default: break
        }
        guard let wideLeft = left.widened, let wideRight = right.widened else {
            throw ConstraintFault(
                .mismatch, at: offset, "'\(operation.rawValue)' between \(left.kind) and \(right.kind)",
                help: "it goes between numbers" + (operation == .plus ? ", or between texts" : ""))
        }
        guard operation != .remainder else {
            throw ConstraintFault(
                .mismatch, at: offset, "'%' between \(left.kind) and \(right.kind)",
                help: "it goes between whole numbers; declare the column as integer")
        }
        return .real(.arithmetic(operation, wideLeft, wideRight))
    }

    /// A function with its arguments, whose number is right.
    mutating func call(
        _ function: ConstraintFunction, _ arguments: [ConstraintNode], at offset: Int
    ) throws(ConstraintFault) -> Term {
        guard let first = arguments.first, let last = arguments.last else { return .truth(.literal(true)) }
        switch function {
        case .has:
            guard case .column(let name) = first.kind else {
                throw ConstraintFault(
                    .mismatch, at: first.offset, "'has' needs a column", help: "write has(row.column)")
            }
            return .truth(.not(.isMissing(try column(name, at: first.offset).position)))
        case .timestamp, .date: return try moment(function, first)
        case .double:
            let term = try term(first)
            guard let real = term.widened else {
                throw ConstraintFault(
                    .mismatch, at: first.offset, "'double' of \(term.kind)", help: "it takes a number")
            }
            return .real(real)
        case .size:
            if case .list = first.kind {
                throw .unsupported("the size of a list", at: first.offset, help: "write the number")
            }
            return .whole(.size(try text(first, of: function)))
        case .startsWith:
            return .truth(.search(.startsWith, try text(first, of: function), try text(last, of: function)))
        case .endsWith: return .truth(.search(.endsWith, try text(first, of: function), try text(last, of: function)))
        case .contains: return .truth(.search(.contains, try text(first, of: function), try text(last, of: function)))
        case .matches:
            guard case .text(let pattern) = last.kind else {
                throw .unsupported("a pattern that is computed", at: last.offset, help: "write the pattern in quotes")
            }
            return .truth(.matches(try text(first, of: function), try TextPattern(pattern, at: last.offset)))
        }
    }

    private mutating func text(
        _ node: ConstraintNode, of function: ConstraintFunction
    ) throws(ConstraintFault) -> TextTerm {
        let term = try term(node)
        guard case .text(let text) = term else {
            throw ConstraintFault(
                .mismatch, at: node.offset, "'\(function.rawValue)' of \(term.kind)",
                help: "it takes texts; declare the column as text")
        }
        return text
    }

    private mutating func moment(
        _ function: ConstraintFunction, _ node: ConstraintNode
    ) throws(ConstraintFault) -> Term {
        if case .column = node.kind, case .moment(let term) = try term(node) { return .moment(term) }
        guard case .text(let text) = node.kind else {
            throw ConstraintFault(
                .mismatch, at: node.offset, "'\(function.rawValue)' takes a text in quotes",
                help: "write \(function.form)")
        }
        let value = ConstraintMoment.microseconds(text)
        guard let value, function != .date || text.utf8.count == 10 else {
            throw ConstraintFault(
                .malformed, at: node.offset, "is no \(function == .date ? "day" : "moment") of the calendar",
                help: "write \(function.form)")
        }
        return .moment(.literal(value))
    }
}
