/// JSON that is built rather than read: descriptions, problems, the interface's document. Members keep their order.
package indirect enum JSONTree: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    case text(String), flag(Bool), integer(Int), number(Double), list([JSONTree])
    case object([Member])

    /// A name and its value.
    package struct Member: Sendable, Hashable {
        let name: String, value: JSONTree
    }

    /// A text.
    package init(stringLiteral value: String) { self = .text(value) }
    /// A truth value.
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    /// A whole number.
    package init(integerLiteral value: Int) { self = .integer(value) }
    /// A list.
    package init(arrayLiteral elements: JSONTree...) { self = .list(elements) }
    /// An object.
    package init(dictionaryLiteral elements: (String, JSONTree)...) { self.init(members: elements) }
    /// An object of names and values in this order.
    package init(members: [(String, JSONTree)]) { self = .object(members.map { Member(name: $0.0, value: $0.1) }) }

    /// The same object with further members behind; anything else stays as it is.
    package func adding(_ members: [(String, JSONTree)]) -> JSONTree {
        guard case .object(let own) = self else { return self }
        return .object(own + members.map { Member(name: $0.0, value: $0.1) })
    }
    /// The member of a name.
    package subscript(name: String) -> JSONTree? {
        if case .object(let members) = self { members.first { $0.name == name }?.value } else { nil }
    }
    /// The members of an object; empty for anything else.
    package var members: [Member] { if case .object(let members) = self { members } else { [] } }

    /// The text as bytes, on one line.
    package var bytes: [UInt8] {
        var writer = JSONWriter(capacity: 512)
        write(to: &writer)
        return writer.bytes
    }

    private func write(to writer: inout JSONWriter) {
        switch self {
        case .text(let text): writer.text(text)
        case .flag(let flag): writer.flag(flag)
        case .integer(let value): writer.integer(value)
        case .number(let value): if !writer.number(value) { writer.raw("null") }
        case .list(let items): writer.list(items) { $1.write(to: &$0) }
        case .object(let members):
            writer.raw("{")
            for (index, member) in members.enumerated() {
                if index > 0 { writer.raw(",") }
                writer.text(member.name)
                writer.raw(":")
                member.value.write(to: &writer)
            }
            writer.raw("}")
        }
    }
}

extension WireResponse {
    /// A response with a JSON body.
    static func json(_ tree: JSONTree, status: Int = 200) -> WireResponse {
        WireResponse(status: status, headers: [.init("content-type", "application/json")], body: tree.bytes)
    }
}
