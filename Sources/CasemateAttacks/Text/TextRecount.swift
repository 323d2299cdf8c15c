/// Counts how far one text is from another, apart from any attack.
///
/// An edit is one Unicode scalar inserted, deleted or replaced (a swap of two letters counts as two); a word is a run
/// of scalars that are not white space. Both counts are Levenshtein distances, so they never exceed what the single
/// steps of an attack add up to.
public enum TextRecount {
    /// Edits from one text to another; `nil` when more than `limit`. Time O((length) · limit).
    public static func edits(from before: String, to after: String, limit: Int) -> Int? {
        distance(Array(before.unicodeScalars), Array(after.unicodeScalars), limit: limit)
    }
    /// Words inserted, deleted or replaced; `nil` when more than `limit`.
    public static func words(from before: String, to after: String, limit: Int) -> Int? {
        distance(words(before), words(after), limit: limit)
    }

    private static func words(_ text: String) -> [[Unicode.Scalar]] {
        text.unicodeScalars.split { $0.properties.isWhitespace }.map { Array($0) }
    }

    /// Levenshtein distance within a band around the diagonal.
    ///
    /// Source: Ukkonen, "Algorithms for approximate string matching", Information and Control, 1985.
    static func distance<Element: Equatable>(_ one: [Element], _ other: [Element], limit: Int) -> Int? {
        guard limit >= 0, abs(one.count - other.count) <= limit else { return nil }
        // why: what is the same at both ends needs no search, and attacks leave most of a text alone.
        var start = 0
        while start < min(one.count, other.count), one[start] == other[start] { start += 1 }
        var (end, otherEnd) = (one.count, other.count)
        while end > start, otherEnd > start, one[end - 1] == other[otherEnd - 1] {
            (end, otherEnd) = (end - 1, otherEnd - 1)
        }
        let (rows, columns) = (end - start, otherEnd - start)
        guard rows > 0, columns > 0 else { return max(rows, columns) }
        let over = limit + 1
        var above = (0...columns).map { min($0, over) }
        var current = above
        for row in 1...rows {
            let (low, high) = (max(1, row - limit), min(columns, row + limit))
            guard low <= high else { return nil }
            current[low - 1] = low == 1 ? min(row, over) : over
            for column in low...high {
                let same = one[start + row - 1] == other[start + column - 1]
                // why: above the right end of the band stands what an earlier row left there.
                let deleted = column == row + limit ? over : above[column] + 1
                current[column] = min(above[column - 1] + (same ? 0 : 1), deleted, current[column - 1] + 1, over)
            }
            swap(&above, &current)
        }
        return above[columns] <= limit ? above[columns] : nil
    }
}
