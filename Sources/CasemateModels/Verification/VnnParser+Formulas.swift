import CasemateCore

/// Formulas, brought into a form without negations.
extension VnnParser {
    mutating func enter() throws(CasemateError) {
        depth += 1
        guard depth <= limits.depth else {
            throw CasemateError(
                .limitExceeded, at: lexer.place(), "brackets are nested more than \(limits.depth) deep",
                help: "write the formula flatter")
        }
    }

    /// The formula that follows, or its opposite.
    mutating func formula(negated: Bool) throws(CasemateError) -> VnnFormula {
        try formula(lexer.next(), negated: negated)
    }

    private mutating func formula(
        _ token: VnnLexer.Token, negated: Bool
    ) throws(CasemateError) -> VnnFormula {
        if case .word(let word) = token {
            if lexer.matches(word, "true") { return negated ? .never : .always }
            if lexer.matches(word, "false") { return negated ? .always : .never }
            throw lexer.malformed("'\(lexer.shown(word))' stands where a formula must")
        }
        guard case .open = token else { throw lexer.malformed("a formula must stand there") }
        try enter()
        defer { depth -= 1 }
        guard case .word(let name) = try lexer.next() else {
            throw lexer.malformed("a connective or relation must stand there")
        }
        let place = lexer.start
        if lexer.matches(name, "and") { return try connected(isAll: !negated, negated: negated) }
        if lexer.matches(name, "or") { return try connected(isAll: negated, negated: negated) }
        if lexer.matches(name, "not") {
            let inner = try formula(negated: !negated)
            try close()
            return inner
        }
        if lexer.matches(name, "=>") {
            let premise = try formula(negated: !negated)
            let conclusion = try formula(negated: negated)
            try close()
            return negated ? .all([premise, conclusion]) : .any([premise, conclusion])
        }
        for (sign, relation) in Self.relations where lexer.matches(name, sign) {
            return try compared(relation, negated: negated, place)
        }
        throw lexer.unsupported("'\(lexer.shown(name))' is no connective and no relation")
    }

    private mutating func connected(isAll: Bool, negated: Bool) throws(CasemateError) -> VnnFormula {
        var parts: [VnnFormula] = []
        while true {
            let token = try lexer.next()
            if case .close = token { break }
            parts.append(try formula(token, negated: negated))
        }
        if parts.count == 1 { return parts[0] }
        return isAll ? .all(parts) : .any(parts)
    }

    private enum Relation { case atMost, atLeast, below, above, equal }
    private static let relations: [(StaticString, Relation)] = [
        ("<=", .atMost), (">=", .atLeast), ("<", .below), (">", .above), ("=", .equal),
    ]

    /// A relation between each term and the next.
    private mutating func compared(
        _ relation: Relation, negated: Bool, _ place: Int
    ) throws(CasemateError) -> VnnFormula {
        var terms: [VnnTerm] = []
        while true {
            let token = try lexer.next()
            if case .close = token { break }
            terms.append(try term(token))
        }
        guard terms.count >= 2 else { throw lexer.malformed("a relation needs two terms") }
        var parts: [VnnFormula] = []
        for (left, right) in zip(terms, terms.dropFirst()) {
            parts.append(try Self.compared(left, relation, right, negated, lexer, place))
        }
        return parts.count == 1 ? parts[0] : negated ? .any(parts) : .all(parts)
    }

    private static func compared(
        _ left: VnnTerm, _ relation: Relation, _ right: VnnTerm, _ negated: Bool, _ lexer: VnnLexer, _ place: Int
    ) throws(CasemateError) -> VnnFormula {
        func less(_ one: VnnTerm, _ other: VnnTerm, isStrict: Bool) throws(CasemateError) -> VnnFormula {
            var difference = one
            difference.add(other, times: -1)
            difference.collect()
            guard difference.isFinite else {
                throw CasemateError(
                    .malformed, at: lexer.place(place), "the numbers of a relation exceed float64", help: "scale them")
            }
            guard !difference.parts.isEmpty else {
                let holds = isStrict ? difference.constant < 0 : difference.constant <= 0
                return holds ? .always : .never
            }
            return .atom(VnnInequality(difference.parts, bound: 0 - difference.constant, isStrict: isStrict))
        }
        switch (relation, negated) {
        case (.atMost, false), (.above, true): return try less(left, right, isStrict: false)
        case (.atLeast, false), (.below, true): return try less(right, left, isStrict: false)
        case (.below, false), (.atLeast, true): return try less(left, right, isStrict: true)
        case (.above, false), (.atMost, true): return try less(right, left, isStrict: true)
        case (.equal, false):
            return .all([try less(left, right, isStrict: false), try less(right, left, isStrict: false)])
        case (.equal, true):
            return .any([try less(left, right, isStrict: true), try less(right, left, isStrict: true)])
        }
    }
}
