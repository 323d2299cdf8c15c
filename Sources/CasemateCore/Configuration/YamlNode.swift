/// One node of a YAML document with its position; no type has been given to scalars yet.
package struct YamlNode: Hashable, Sendable {
    /// A key of a mapping and what stands behind it.
    package struct Entry: Hashable, Sendable {
        /// The key as written.
        package let key: String
        /// Where the key stands.
        package let place: String
        /// The value.
        package let value: YamlNode
    }
    /// What a node is.
    package enum Content: Hashable, Sendable {
        /// A scalar; `isPlain` when it is neither quoted nor a block.
        case scalar(String, isPlain: Bool)
        /// A sequence.
        case list([YamlNode])
        /// A mapping in file order; keys are unique.
        case mapping([Entry])
    }
    /// What the node is.
    package let content: Content
    /// Where it stands, `file:line:column` or the option that gave it.
    package let place: String
    /// Makes a node.
    package init(_ content: Content, at place: String) { (self.content, self.place) = (content, place) }

    /// Whether nothing is written here: an empty plain scalar, `~` or `null`.
    var isNothing: Bool {
        if case .scalar(let text, isPlain: true) = content { return ["", "~", "null", "Null", "NULL"].contains(text) }
        return false
    }
    /// What a message says was found; long or secret texts are not repeated in full.
    var found: String {
        switch content {
        case .list(let items): return items.isEmpty ? "an empty list" : "a list"
        case .mapping: return "a mapping"
        case .scalar(let text, let isPlain):
            if isNothing { return "nothing" }
            if text.isEmpty { return "an empty text" }
            let shown = text.count > 40 ? "\(text.prefix(40))…" : text
            let quoted = "'\(shown.unicodeScalars.map { $0.value < 32 ? "·" : String($0) }.joined())'"
            if !isPlain { return "the text \(quoted)" }
            if text == "true" || text == "false" { return text }
            return SettingScalar.number(text) == nil ? quoted : "the number \(text)"
        }
    }
}
