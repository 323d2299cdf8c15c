import CasemateCore

/// Reads a regular expression; what is not served, or means different things to different engines, is refused.
struct TextPatternParser {
    indirect enum Tree {
        case letters(TextPattern.Letters), assertion(TextPattern.Assertion)
        case sequence([Tree]), either([Tree])
        /// `most` is `nil` for any number.
        case repeated(Tree, least: Int, most: Int?)

        func isAnchor(_ wanted: TextPattern.Assertion) -> Bool {
            if case .assertion(let assertion) = self { assertion == wanted } else { false }
        }
    }
    let letters: [Unicode.Scalar]
    let offset: Int
    var index = 0
    private var nesting = 0

    /// The most brackets inside each other, and the most copies of a part that repetitions may make together.
    static let nestingLimit = 32, copyLimit = 1000

    init(_ text: String, at offset: Int) throws(ConstraintFault) {
        letters = Array(text.unicodeScalars)
        self.offset = offset
        guard letters.count <= TextPattern.lengthLimit else {
            throw ConstraintFault(
                .limitExceeded, at: offset, "the pattern is longer than \(TextPattern.lengthLimit) characters",
                help: "split it into several")
        }
    }

    func peek(_ ahead: Int = 0) -> Unicode.Scalar? { index + ahead < letters.count ? letters[index + ahead] : nil }

    mutating func take(_ letter: Unicode.Scalar) -> Bool {
        guard peek() == letter else { return false }
        index += 1
        return true
    }

    func malformed(_ what: String, _ help: String) -> ConstraintFault {
        ConstraintFault(.malformed, at: offset, "the pattern \(what) at its character \(index + 1)", help: help)
    }
    func unsupported(_ what: String, _ help: String) -> ConstraintFault {
        .unsupported("\(what) in a pattern, at its character \(index + 1)", at: offset, help: help)
    }

    mutating func whole() throws(ConstraintFault) -> Tree {
        let tree = try alternatives().tree
        guard index == letters.count else {
            throw malformed("closes a group that is not open", "write \\) for a bracket")
        }
        try checkAnchors(tree, isFirst: true, isLast: true)
        return tree
    }

    /// Anchors must stand where a match begins or ends.
    ///
    /// why: elsewhere they never match, and engines that rewrite a pattern as a search for a plain text pass over them.
    private func checkAnchors(_ tree: Tree, isFirst: Bool, isLast: Bool) throws(ConstraintFault) {
        switch tree {
        case .letters, .assertion(.boundary): return
        case .assertion(.start): if isFirst { return }
        case .assertion(.end): if isLast { return }
        case .sequence(let parts):
            for (index, part) in parts.enumerated() {
                let isFirst = isFirst && parts[..<index].allSatisfy { $0.isAnchor(.start) }
                let isLast = isLast && parts[(index + 1)...].allSatisfy { $0.isAnchor(.end) }
                try checkAnchors(part, isFirst: isFirst, isLast: isLast)
            }
            return
        case .either(let parts):
            for part in parts { try checkAnchors(part, isFirst: isFirst, isLast: isLast) }
            return
        case .repeated(let part, _, _): return try checkAnchors(part, isFirst: false, isLast: false)
        }
        throw .unsupported(
            "an anchor in the middle of a pattern, or inside a repetition", at: offset,
            help: "put ^ first and $ last, or write \\^ and \\$ for the letters")
    }

    /// A tree, and how many copies of its innermost part repetitions make.
    private mutating func alternatives() throws(ConstraintFault) -> (tree: Tree, copies: Int) {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.nestingLimit else {
            throw ConstraintFault(.limitExceeded, at: offset, "the pattern nests too deep", help: "use fewer groups")
        }
        var parts: [Tree] = []
        var most = 1
        repeat {
            var items: [Tree] = []
            while let letter = peek(), letter != "|", letter != ")" {
                let item = try quantified()
                items.append(item.tree)
                most = max(most, item.copies)
            }
            parts.append(.sequence(items))
        } while take("|")
        return (parts.count == 1 ? parts[0] : .either(parts), most)
    }

    private mutating func quantified() throws(ConstraintFault) -> (tree: Tree, copies: Int) {
        let atom = try atom()
        let start = index
        guard let (least, most) = try quantifier() else { return atom }
        if case .assertion = atom.tree {
            index = start
            throw malformed("repeats an anchor", "an anchor needs no repetition")
        }
        // why: laziness changes what a match spans, not whether there is one.
        _ = take("?")
        if let next = peek(), "*+?{".unicodeScalars.contains(next) {
            throw malformed("repeats a repetition", "put the inner one into a group (…)")
        }
        let (copies, overflow) = atom.copies.multipliedReportingOverflow(by: max(1, most ?? least))
        guard !overflow, copies <= Self.copyLimit else {
            throw ConstraintFault(
                .limitExceeded, at: offset, "the pattern repeats more than \(Self.copyLimit) times",
                help: "use smaller counts of repetition")
        }
        return (.repeated(atom.tree, least: least, most: most), copies)
    }

    private mutating func quantifier() throws(ConstraintFault) -> (least: Int, most: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard peek() == "{" else { return nil }
        index += 1
        guard let least = number() else {
            throw malformed("has a bracket { that is no repetition", "write \\{ for the letter, {2,3} to repeat")
        }
        var most: Int? = least
        if take(",") { most = peek() == "}" ? nil : number() ?? -1 }
        guard take("}"), least <= Self.copyLimit, most ?? least >= least, most ?? 0 <= Self.copyLimit else {
            throw malformed("has a repetition that makes no sense", "write {2}, {2,} or {2,3}, at most 1000")
        }
        return (least, most)
    }

    private mutating func number() -> Int? {
        let start = index
        while peek()?.isDigit == true, index < start + 5 { index += 1 }
        return Int(String(String.UnicodeScalarView(letters[start..<index])))
    }

    private mutating func atom() throws(ConstraintFault) -> (tree: Tree, copies: Int) {
        guard let letter = peek() else { throw malformed("ends too early", "complete it") }
        switch letter {
        case "*", "+", "?", "{":
            throw malformed("repeats nothing", "write \\\(letter) for the letter itself")
        case "(": return try group()
        case "[": return (.letters(try bracket()), 1)
        default: break
        }
        index += 1
        switch letter {
        case "^": return (.assertion(.start), 1)
        case "$": return (.assertion(.end), 1)
        case ".": return (.letters(TextPattern.Letters([0x0A...0x0A], isNegated: true)), 1)
        case "\\":
            if let assertion = try assertion() { return (.assertion(assertion), 1) }
            return (.letters(TextPattern.Letters(try escaped())), 1)
        default: return (.letters(TextPattern.Letters([letter.value...letter.value])), 1)
        }
    }

    private mutating func group() throws(ConstraintFault) -> (tree: Tree, copies: Int) {
        let start = index
        index += 1
        if take("?"), !take(":") {
            let help =
                switch peek() {
                case "=", "!": ("lookaround", "combine two conditions with && instead")
                case "<" where peek(1) == "=" || peek(1) == "!":
                    ("lookaround", "combine two conditions with && instead")
                case "P", "<": ("named groups", "write (…)")
                default: ("flags", "write [Aa] for both cases")
                }
            index = start
            throw unsupported(help.0, help.1)
        }
        let inner = try alternatives()
        guard take(")") else {
            index = start
            throw malformed("opens a group that is not closed", "close it with ), or write \\( for a bracket")
        }
        return inner
    }
}
