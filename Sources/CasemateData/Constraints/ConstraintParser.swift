import CasemateCore

/// Recursive descent over the grammar of CEL, as far as it is served. Bounded in length, nesting and depth.
struct ConstraintParser {
    private let tokens: [(token: ConstraintLexer.Token, offset: Int)]
    private var position = 0
    private var nesting = 0

    /// The most brackets and choices inside each other.
    static let nestingLimit = 64

    /// Parses a whole text.
    static func parse(_ text: String) throws(ConstraintFault) -> ConstraintNode {
        var parser = ConstraintParser(tokens: try ConstraintLexer.tokens(of: text))
        guard parser.token != .end else {
            throw ConstraintFault(.malformed, at: 0, "is empty", help: "write a condition such as row.age >= 18")
        }
        let node = try parser.expression()
        guard parser.token == .end else { throw parser.unexpected("an operator or the end") }
        return node
    }

    private init(tokens: [(token: ConstraintLexer.Token, offset: Int)]) { self.tokens = tokens }

    var token: ConstraintLexer.Token { tokens[position].token }
    var offset: Int { tokens[position].offset }

    mutating func advance() { position = min(position + 1, tokens.count - 1) }

    /// Takes the symbol if it comes next.
    mutating func take(_ symbol: String) -> Bool {
        guard token == .symbol(symbol) else { return false }
        advance()
        return true
    }

    mutating func expect(_ symbol: String) throws(ConstraintFault) {
        guard take(symbol) else { throw unexpected("'\(symbol)'") }
    }

    func unexpected(_ wanted: String) -> ConstraintFault {
        var help = "see docs/reference/constraints.md for the grammar"
        if case .identifier(let word) = token {
            let operators = ["and": "&&", "or": "||", "not": "!", "is": "==", "AND": "&&", "OR": "||", "NOT": "!"]
            if let meant = operators[word] { help = "write \(meant)" }
        }
        if case .symbol("{") = token { help = "maps and messages of CEL are not supported" }
        if case .symbol(">") = token { help = "write != for unequal" }
        return ConstraintFault(.malformed, at: offset, "expected \(wanted), found \(token.shown)", help: help)
    }

    /// `or`, or `or ? or : expression`.
    mutating func expression() throws(ConstraintFault) -> ConstraintNode {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.nestingLimit else {
            throw ConstraintFault(
                .limitExceeded, at: offset, "nests deeper than \(Self.nestingLimit) levels",
                help: "split it into several rules")
        }
        let condition = try disjunction()
        let start = offset
        guard take("?") else { return condition }
        let then = try disjunction()
        try expect(":")
        let otherwise = try expression()
        return try ConstraintNode(.choice(condition, then: then, otherwise: otherwise), at: start)
    }

    private mutating func disjunction() throws(ConstraintFault) -> ConstraintNode {
        let first = try conjunction()
        let start = offset
        var nodes = [first]
        while take("||") { nodes.append(try conjunction()) }
        return nodes.count == 1 ? first : try ConstraintNode(.or(nodes), at: start)
    }

    private mutating func conjunction() throws(ConstraintFault) -> ConstraintNode {
        let first = try relation()
        let start = offset
        var nodes = [first]
        while take("&&") { nodes.append(try relation()) }
        return nodes.count == 1 ? first : try ConstraintNode(.and(nodes), at: start)
    }

    private mutating func relation() throws(ConstraintFault) -> ConstraintNode {
        var left = try sum()
        while true {
            let start = offset
            if token == .identifier("in") {
                advance()
                left = try ConstraintNode(.contains(left, in: try sum()), at: start)
            } else if case .symbol(let symbol) = token, let relation = ConstraintRelation(rawValue: symbol) {
                advance()
                left = try ConstraintNode(.compare(relation, left, try sum()), at: start)
            } else {
                return left
            }
        }
    }

    private mutating func sum() throws(ConstraintFault) -> ConstraintNode {
        var left = try product()
        while case .symbol(let symbol) = token, symbol == "+" || symbol == "-",
            let operation = ConstraintArithmetic(rawValue: symbol)
        {
            let start = offset
            advance()
            left = try ConstraintNode(.arithmetic(operation, left, try product()), at: start)
        }
        return left
    }

    private mutating func product() throws(ConstraintFault) -> ConstraintNode {
        var left = try unary()
        while case .symbol(let symbol) = token, symbol == "*" || symbol == "/" || symbol == "%",
            let operation = ConstraintArithmetic(rawValue: symbol)
        {
            let start = offset
            advance()
            left = try ConstraintNode(.arithmetic(operation, left, try unary()), at: start)
        }
        return left
    }

    /// Any number of one sign before a member; signs are not mixed.
    private mutating func unary() throws(ConstraintFault) -> ConstraintNode {
        var starts: [Int] = []
        guard case .symbol(let sign) = token, sign == "!" || sign == "-" else { return try member() }
        while token == .symbol(sign) {
            starts.append(offset)
            advance()
        }
        var node: ConstraintNode
        if sign == "-", case .whole(let magnitude) = token, let start = starts.popLast() {
            advance()
            // why: -9223372036854775808 is a number whose positive does not exist.
            let value = magnitude == 1 << 63 ? Int64.min : -Int64(clamping: magnitude)
            node = try ConstraintNode(.whole(value), at: start)
            if case .symbol(".") = token { throw unexpected("an operator or the end") }
        } else {
            node = try member()
        }
        for start in starts.reversed() {
            node = try ConstraintNode(sign == "!" ? .not(node) : .negate(node), at: start)
        }
        return node
    }
}
