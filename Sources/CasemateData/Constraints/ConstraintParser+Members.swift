import CasemateCore

extension ConstraintParser {
    /// A primary expression with the functions behind it: `row.name.startsWith("x")`.
    mutating func member() throws(ConstraintFault) -> ConstraintNode {
        var node = try primary()
        while true {
            if token == .symbol("[") {
                throw .unsupported(
                    "elements of a value", at: offset, help: "row[\"any name\"] reads a column, nothing goes deeper")
            }
            guard token == .symbol(".") else { return node }
            advance()
            let start = offset
            let name = try selector()
            guard token == .symbol("(") else {
                throw .unsupported(
                    "fields of a value", at: start, help: "a column name with a dot is written row[\"a.b\"]")
            }
            let function = try function(name, at: start)
            guard function.isMember else {
                throw ConstraintFault(
                    .malformed, at: start, "'\(name)' does not follow a value", help: "write \(function.form)")
            }
            node = try call(function, [node], at: start)
        }
    }

    /// A name behind a dot.
    private mutating func selector() throws(ConstraintFault) -> String {
        guard case .identifier(let name) = token else {
            if case .symbol("?") = token {
                throw .unsupported("optional values", at: offset, help: "write has(row.column)")
            }
            throw unexpected("a name behind the dot")
        }
        guard !["true", "false", "null", "in"].contains(name) else {
            throw ConstraintFault(
                .malformed, at: offset, "'\(name)' is a word of the language", help: "write row[\"\(name)\"]")
        }
        advance()
        return name
    }

    private mutating func primary() throws(ConstraintFault) -> ConstraintNode {
        let start = offset
        switch token {
        case .whole(let magnitude):
            guard magnitude < 1 << 63 else {
                throw ConstraintFault(
                    .limitExceeded, at: start, "the number does not fit 64 bits", help: "write a smaller number")
            }
            advance()
            return try ConstraintNode(.whole(Int64(clamping: magnitude)), at: start)
        case .real(let value):
            advance()
            return try ConstraintNode(.real(value), at: start)
        case .text(let value):
            advance()
            return try ConstraintNode(.text(value), at: start)
        case .identifier(let name): return try named(name, at: start)
        case .symbol("("):
            advance()
            let node = try expression()
            try expect(")")
            return node
        case .symbol("["): return try list(at: start)
        case .symbol("{"):
            throw .unsupported("maps and messages", at: start, help: "write conditions over row.column")
        case .symbol, .end: throw unexpected("a value")
        }
    }

    private mutating func list(at start: Int) throws(ConstraintFault) -> ConstraintNode {
        advance()
        var nodes: [ConstraintNode] = []
        while token != .symbol("]") {
            nodes.append(try expression())
            guard take(",") else { break }
        }
        try expect("]")
        return try ConstraintNode(.list(nodes), at: start)
    }

    private mutating func named(_ name: String, at start: Int) throws(ConstraintFault) -> ConstraintNode {
        switch name {
        case "true", "false":
            advance()
            return try ConstraintNode(.truth(name == "true"), at: start)
        case "null":
            advance()
            return try ConstraintNode(.null, at: start)
        case "in": throw unexpected("a value")
        case "row":
            advance()
            return try column(at: start)
        default: break
        }
        advance()
        guard token == .symbol("(") else { return try ConstraintNode(.name(name), at: start) }
        let function = try function(name, at: start)
        guard function.isGlobal else {
            throw ConstraintFault(.malformed, at: start, "'\(name)' follows a text", help: "write \(function.form)")
        }
        return try call(function, [], at: start)
    }

    /// What follows `row`: a name behind a dot, or a text in brackets.
    private mutating func column(at start: Int) throws(ConstraintFault) -> ConstraintNode {
        if take(".") {
            let behind = offset
            let name = try selector()
            guard token == .symbol("(") else { return try ConstraintNode(.column(name), at: start) }
            let function = try function(name, at: behind)
            throw ConstraintFault(
                .malformed, at: behind, "'\(name)' needs a column before it", help: "write \(function.form)")
        }
        guard take("[") else {
            throw ConstraintFault(
                .malformed, at: start, "'row' is no value by itself", help: "write row.column or row[\"any name\"]")
        }
        guard case .text(let name) = token else { throw unexpected("a column name in quotes") }
        advance()
        try expect("]")
        return try ConstraintNode(.column(name), at: start)
    }

    private mutating func call(
        _ function: ConstraintFunction, _ target: [ConstraintNode], at start: Int
    ) throws(ConstraintFault) -> ConstraintNode {
        var arguments = target
        try expect("(")
        while token != .symbol(")") {
            arguments.append(try expression())
            guard take(",") else { break }
        }
        try expect(")")
        guard arguments.count == function.arguments else {
            throw ConstraintFault(
                .malformed, at: start, "'\(function.rawValue)' has another number of arguments",
                help: "write \(function.form)")
        }
        return try ConstraintNode(.call(function, arguments), at: start)
    }

    /// The function of a name; the rest of CEL is told from mistakes.
    private func function(_ name: String, at start: Int) throws(ConstraintFault) -> ConstraintFunction {
        if let function = ConstraintFunction(rawValue: name) { return function }
        if let (what, help) = Self.unserved[name] { throw .unsupported("\(what) '\(name)'", at: start, help: help) }
        let known = ConstraintFunction.allCases.map(\.rawValue)
        throw ConstraintFault(
            .notFound, at: start,
            "no function '\(name.shortened(to: 40))'\(Suggestion.clause(for: name, among: known))",
            help: "functions: \(known.joined(separator: ", "))")
    }

    /// Functions and macros of CEL and its common extensions that are not served.
    private static let unserved: [String: (what: String, help: String)] = {
        var names: [String: (what: String, help: String)] = [:]
        for name in ["all", "exists", "exists_one", "existsOne", "map", "filter", "transformList", "transformMap"] {
            names[name] = ("the macro", "a column holds one value a row; combine conditions with && and ||")
        }
        for name in ["int", "uint", "string", "bool", "bytes", "dyn", "type"] {
            names[name] = (
                "the conversion", "declare the type of the column; double(x) turns whole numbers into numbers"
            )
        }
        for name in [
            "duration", "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
            "getHours", "getMinutes", "getSeconds", "getMilliseconds",
        ] {
            names[name] = ("the function", "compare a date or timestamp with date(\"2024-02-29\")")
        }
        for name in [
            "lowerAscii", "upperAscii", "replace", "split", "substring", "trim", "join", "format", "indexOf",
            "lastIndexOf", "charAt", "reverse", "quote", "abs", "ceil", "floor", "round", "greatest", "least",
        ] {
            names[name] = ("the function", "put what it gives into a column of its own")
        }
        return names
    }()
}
