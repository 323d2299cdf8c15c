/// An element of XML, HTML or SVG whose names are ours and whose values are escaped on the way out.
struct Markup {
    /// What stands between the tags.
    enum Node {
        case element(Markup)
        case text(String)
        case lines([String])
    }
    /// Name of the element; never from outside.
    let name: String
    /// Attributes in writing order; values may come from anywhere.
    var attributes: [(name: String, value: String)]
    /// Content in writing order.
    var children: [Node]

    /// Makes an element.
    init(_ name: String, _ attributes: [(String, String)] = [], _ children: [Markup] = []) {
        (self.name, self.attributes) = (name, attributes.map { ($0.0, $0.1) })
        self.children = children.map { .element($0) }
    }

    /// Makes an element that holds text.
    init(_ name: String, _ attributes: [(String, String)] = [], text: String) {
        self.init(name, attributes)
        children = [.text(text)]
    }

    /// Makes an element that holds lines of text.
    init(_ name: String, _ attributes: [(String, String)] = [], lines: [String]) {
        self.init(name, attributes)
        children = [.lines(lines)]
    }

    /// Puts an element behind the others.
    mutating func add(_ child: Markup) { children.append(.element(child)) }

    /// Puts elements behind the others.
    mutating func add(_ more: [Markup]) { children += more.map { .element($0) } }

    /// The element as text; with `indent`, elements stand on lines of their own.
    func written(indent: Int? = nil) -> String {
        var text = ""
        write(into: &text, indent: indent)
        return text
    }

    private func write(into text: inout String, indent: Int?) {
        let margin = indent.map { String(repeating: " ", count: $0) } ?? ""
        text += margin + "<" + name
        for attribute in attributes { text += " \(attribute.name)=\"\(attribute.value.markupEscaped)\"" }
        guard !children.isEmpty else {
            text += indent == nil ? "/>" : "/>\n"
            return
        }
        text += ">"
        var holdsElements = false
        for child in children {
            switch child {
            case .text(let words): text += words.markupEscaped
            case .lines(let lines): text += lines.map(\.markupEscaped).joined(separator: "\n")
            case .element(let element):
                if indent != nil, !holdsElements { text += "\n" }
                holdsElements = true
                element.write(into: &text, indent: indent.map { $0 + 2 })
            }
        }
        text += (holdsElements ? margin : "") + "</\(name)>" + (indent == nil ? "" : "\n")
    }
}
