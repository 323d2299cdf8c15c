/// A value that the grammar has checked, with the place it comes from. Reading a checked value cannot fail.
public struct SettingNode: Hashable, Sendable {
    /// A key and its value.
    public struct Entry: Hashable, Sendable {
        /// The key.
        public let key: String
        /// Where the key stands.
        public let place: String
        /// The value.
        public let value: SettingNode
    }
    /// What a value is.
    public enum Content: Hashable, Sendable {
        case text(String), flag(Bool), integer(Int), number(Double), list([SettingNode]), mapping([Entry])
    }
    /// The value.
    public let content: Content
    /// Where it stands: `file:line:column`, or the option or variable that gave it.
    public let place: String
    /// Makes a node.
    package init(_ content: Content, at place: String) { (self.content, self.place) = (content, place) }

    /// The value of a key, `nil` where it is left out.
    public subscript(key: String) -> SettingNode? { entries.first { $0.key == key }?.value }
    /// The value at a dotted path such as `probes.evasion.samples`.
    public func value(at path: String) -> SettingNode? {
        var node: SettingNode? = self
        for key in path.split(separator: ".") { node = node?[String(key)] }
        return node
    }
    /// Keys and values in file order; empty for anything but a mapping.
    public var entries: [Entry] {
        if case .mapping(let entries) = content { entries } else { [] }
    }
    /// Items in file order; empty for anything but a list.
    public var items: [SettingNode] {
        if case .list(let items) = content { items } else { [] }
    }
    /// The texts of a list.
    public var texts: [String] { items.compactMap(\.text) }
    /// The numbers of a list.
    public var numbers: [Double] { items.compactMap(\.number) }
    /// The text, `nil` for another kind.
    public var text: String? {
        if case .text(let text) = content { text } else { nil }
    }
    /// The truth value, `nil` for another kind.
    public var flag: Bool? {
        if case .flag(let flag) = content { flag } else { nil }
    }
    /// The whole number, `nil` for another kind.
    public var integer: Int? {
        if case .integer(let number) = content { number } else { nil }
    }
    /// The number, whole or not, `nil` for another kind.
    public var number: Double? {
        switch content {
        case .number(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }
}
