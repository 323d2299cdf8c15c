/// A value of a checked JSON text.
package struct JSONValue: Sendable {
    let document: JSONDocument
    let index: Int

    var token: JSONDocument.Token { document.tokens[index] }

    /// Whether it is an object.
    package var isObject: Bool { token.kind == .object }
    /// Whether it is a list.
    package var isList: Bool { token.kind == .list || token.kind == .numbers }
    /// Whether it is `null`.
    package var isNull: Bool { token.kind == .null }
    /// Items of a list or members of an object; 0 for anything else.
    package var count: Int {
        switch token.kind {
        case .list, .numbers, .object: Int(token.count)
        default: 0
        }
    }
    /// The text; `nil` for another kind.
    package var text: String? { token.kind == .text ? document.text(token) : nil }
    /// Length of the text in bytes, or somewhat more where it has escapes; 0 for another kind.
    var textLength: Int { token.kind == .text ? Int(token.end - token.start) : 0 }
    /// The truth value; `nil` for another kind.
    package var flag: Bool? {
        switch token.kind {
        case .yes: true
        case .no: false
        default: nil
        }
    }
    /// The number as a whole one; `nil` for another kind, for a fraction or an exponent, and beyond the range of `Int`.
    package var integer: Int? { decimal { Int64.make($0) }.map { Int($0) } }
    /// The number as the nearest float64; `nil` for another kind and beyond its range.
    package var double: Double? { decimal { Double.make($0) } }

    private func decimal<Value>(_ make: (JSONDecimal) -> Value?) -> Value? {
        guard token.kind == .number else { return nil }
        return document.bytes.withUnsafeBufferPointer { buffer in
            var at = Int(token.start)
            return make(JSONDecimal(buffer, at: &at))
        }
    }

    /// The member of a name; `nil` where there is none, and for what is no object.
    package subscript(name: String) -> JSONValue? {
        guard token.kind == .object else { return nil }
        var at = index + 1
        for _ in 0..<Int(token.count) {
            if document.isText(document.tokens[at], name) { return JSONValue(document: document, index: at + 1) }
            at = Int(document.tokens[at + 1].next)
        }
        return nil
    }

    /// Calls `body` with the name token and the value of each member.
    func forEachMember(_ body: (JSONDocument.Token, JSONValue) throws -> Void) rethrows {
        guard token.kind == .object else { return }
        var at = index + 1
        for _ in 0..<Int(token.count) {
            try body(document.tokens[at], JSONValue(document: document, index: at + 1))
            at = Int(document.tokens[at + 1].next)
        }
    }

    /// Calls `body` with each item of a list that is no list of numbers alone.
    func forEachItem(_ body: (Int, JSONValue) throws -> Void) rethrows {
        guard token.kind == .list else { return }
        var at = index + 1
        for item in 0..<Int(token.count) {
            try body(item, JSONValue(document: document, index: at))
            at = Int(document.tokens[at].next)
        }
    }

    /// The first item of a list that is no list of numbers alone.
    var first: JSONValue? {
        token.kind == .list && token.count > 0 ? JSONValue(document: document, index: index + 1) : nil
    }

    /// Whole numbers of a list of at most `limit` numbers; `nil` for anything else.
    func integers(atMost limit: Int) -> [Int]? {
        if token.kind == .list, token.count == 0 { return [] }
        guard token.kind == .numbers, token.count <= limit else { return nil }
        var values: [Int64] = []
        return append(to: &values) == nil ? values.map { Int($0) } : nil
    }

    /// Appends the numbers of a list of numbers, or a single number.
    /// - Returns: Index of the first that does not fit the type; `nil` when all do.
    func append<Value: JSONNumeric>(to values: inout [Value]) -> Int? {
        guard token.kind == .numbers || token.kind == .number else { return 0 }
        let count = token.kind == .number ? 1 : Int(token.count)
        values.reserveCapacity(values.count + count)
        return document.bytes.withUnsafeBufferPointer { buffer in
            var at = Int(token.start)
            for index in 0..<count {
                JSONDecimal.skip(buffer, &at)
                guard let value = Value.make(JSONDecimal(buffer, at: &at)) else { return index }
                values.append(value)
            }
            return nil
        }
    }
}

extension JSONValue {
    /// Appends the numbers of a list of numbers as the nearest float32; `true` when one of them is beyond its range.
    package func floats(_ values: inout [Float]) -> Bool { append(to: &values) != nil }
}
