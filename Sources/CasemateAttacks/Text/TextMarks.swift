/// Shows texts to people: what changed is marked, what no reader sees is written as an escape.
public enum TextMarks {
    /// A text with everything invisible or easily mistaken as an escape: `\u{200B}`, `\n`; what was an escape already
    /// is not told apart.
    public static func escaped(_ text: String) -> String {
        var view = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { append(scalar, to: &view, isChanged: false) }
        return String(view)
    }

    /// A text with its changes: `[free → fr\u{435}e]`, `[- now]`, `[+ lunch]`. Within changed words every character
    /// that is not ASCII is an escape, since it may look like one that is.
    public static func marked(from before: String, to after: String) -> String {
        let (old, new) = (words(before), words(after))
        var start = 0
        while start < min(old.count, new.count), old[start] == new[start] { start += 1 }
        var (oldEnd, newEnd) = (old.count, new.count)
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            (oldEnd, newEnd) = (oldEnd - 1, newEnd - 1)
        }
        var parts = old[..<start].map(shown)
        parts += changes(Array(old[start..<oldEnd]), Array(new[start..<newEnd]))
        parts += old[oldEnd...].map(shown)
        return parts.joined(separator: " ")
    }

    private static func shown(_ word: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        for scalar in word { append(scalar, to: &view, isChanged: false) }
        return String(view)
    }

    private static func words(_ text: String) -> [[Unicode.Scalar]] {
        text.unicodeScalars.split { $0.properties.isWhitespace }.map { Array($0) }
    }

    /// The parts that differ, by the longest common subsequence of words; very long ones as a whole.
    private static func changes(_ old: [[Unicode.Scalar]], _ new: [[Unicode.Scalar]]) -> [String] {
        guard old.count * new.count <= 1 << 22 else { return [mark(old, new)] }
        let (table, width) = (common(old, new), new.count + 1)
        var (row, column) = (0, 0)
        var parts: [String] = []
        var (gone, come) = ([[Unicode.Scalar]](), [[Unicode.Scalar]]())
        func flush() {
            // why pairs: most changes replace one word by one other.
            if gone.count == come.count {
                for (one, other) in zip(gone, come) { parts.append(mark([one], [other])) }
            } else if !gone.isEmpty || !come.isEmpty {
                parts.append(mark(gone, come))
            }
            (gone, come) = ([], [])
        }
        while row < old.count || column < new.count {
            if row < old.count, column < new.count, old[row] == new[column] {
                flush()
                parts.append(shown(old[row]))
                (row, column) = (row + 1, column + 1)
            } else if column == new.count
                || row < old.count && table[(row + 1) * width + column] >= table[row * width + column + 1]
            {
                gone.append(old[row])
                row += 1
            } else {
                come.append(new[column])
                column += 1
            }
        }
        flush()
        return parts
    }

    /// Words that two lists have in common in order, from each pair of places to the ends, `[old + 1, new + 1]`.
    private static func common(_ old: [[Unicode.Scalar]], _ new: [[Unicode.Scalar]]) -> [Int32] {
        let width = new.count + 1
        var table = [Int32](repeating: 0, count: (old.count + 1) * width)
        for row in old.indices.reversed() {
            for column in new.indices.reversed() {
                table[row * width + column] =
                    old[row] == new[column]
                    ? table[(row + 1) * width + column + 1] + 1
                    : max(table[(row + 1) * width + column], table[row * width + column + 1])
            }
        }
        return table
    }

    private static func mark(_ old: [[Unicode.Scalar]], _ new: [[Unicode.Scalar]]) -> String {
        func joined(_ words: [[Unicode.Scalar]], isChanged: Bool) -> String {
            words.map { word in
                var view = String.UnicodeScalarView()
                for scalar in word { append(scalar, to: &view, isChanged: isChanged) }
                return String(view)
            }.joined(separator: " ")
        }
        if old.isEmpty { return "[+ \(joined(new, isChanged: true))]" }
        if new.isEmpty { return "[- \(joined(old, isChanged: false))]" }
        return "[\(joined(old, isChanged: false)) → \(joined(new, isChanged: true))]"
    }

    private static func append(_ scalar: Unicode.Scalar, to view: inout String.UnicodeScalarView, isChanged: Bool) {
        let properties = scalar.properties
        let isHidden: Bool
        switch properties.generalCategory {
        case .control, .format, .privateUse, .surrogate, .unassigned, .lineSeparator, .paragraphSeparator:
            isHidden = true
        default:
            isHidden =
                properties.isDefaultIgnorableCodePoint || properties.isWhitespace && scalar != " "
                || isChanged && !scalar.isASCII
        }
        guard isHidden else { return view.append(scalar) }
        if scalar == "\n" { return view.append(contentsOf: "\\n".unicodeScalars) }
        view.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
    }
}
