/// Lines for a terminal: wrapped, indented, coloured where that is allowed.
struct TextPage {
    /// Colours by meaning; each stands beside a word or a sign that says the same.
    enum Tone: String {
        case strong = "1"
        case faint = "2"
        case bad = "1;31"
        case worse = "1;97;41"
        case good = "1;32"
        case warning = "33"
        case calm = "36"
    }
    /// Columns that a line may take.
    let width: Int
    /// Whether escapes are written.
    let isColored: Bool
    private(set) var lines: [String] = []

    /// Starts an empty page.
    init(width: Int, isColored: Bool) { (self.width, self.isColored) = (max(40, width), isColored) }

    /// The words in a colour, where colours are allowed.
    func toned(_ text: String, _ tone: Tone) -> String {
        isColored ? "\u{1B}[\(tone.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Puts an empty line behind the last, never two.
    mutating func gap() { if lines.last?.isEmpty == false { lines.append("") } }

    /// Puts a heading behind a gap.
    mutating func heading(_ text: String, note: String = "") {
        gap()
        lines.append(toned(text, .strong) + (note.isEmpty ? "" : "  " + toned(note, .faint)))
    }

    /// Puts one line that is written as it stands.
    mutating func line(_ text: String) { lines.append(text) }

    /// Puts `text` behind `lead`, wrapped; further lines are indented as far as `lead` is wide.
    /// - Parameters:
    ///   - lead: what stands in front, without colour
    ///   - lines: how many lines at most; the last one ends with an ellipsis where something is missing
    mutating func paragraph(_ text: String, lead: String = "  ", tone: Tone? = nil, lines limit: Int = 6) {
        let room = max(16, width - lead.count)
        var wrapped = Self.wrap(text.inert, width: room)
        if wrapped.count > limit {
            wrapped = Array(wrapped.prefix(limit))
            wrapped[limit - 1] = (wrapped[limit - 1] + " ……").shortened(to: min(room, wrapped[limit - 1].count + 2))
        }
        for (index, part) in wrapped.enumerated() {
            let start = index == 0 ? tone.map { toned(lead, $0) } ?? lead : String(repeating: " ", count: lead.count)
            lines.append(start + part)
        }
    }

    /// The page as text.
    var text: String { lines.joined(separator: "\n") + "\n" }

    /// Breaks at spaces; words longer than a line are cut.
    static func wrap(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var current = ""
        for word in text.split(separator: " ") {
            var rest = word
            if !current.isEmpty, current.count + 1 + rest.count <= width {
                current += " " + rest
                continue
            }
            if !current.isEmpty { lines.append(current) }
            while rest.count > width {
                lines.append(String(rest.prefix(width)))
                rest = rest.dropFirst(width)
            }
            current = String(rest)
        }
        if !current.isEmpty || lines.isEmpty { lines.append(current) }
        return lines
    }
}
