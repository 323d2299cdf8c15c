/// Words of a text as spam filters see them.
public enum TextTokens {
    /// Runs of letters and digits (apostrophes inside words included) in lower case, and single other signs that are no
    /// blanks, in reading order; a text counts up to 1 MiB.
    public static func words(_ text: String) -> [String] {
        var words: [String] = []
        var current = ""
        for character in text.prefix(1 << 20).lowercased() {
            if character.isLetter || character.isNumber || (character == "'" && !current.isEmpty) {
                current.append(character)
            } else {
                if !current.isEmpty { words.append(current) }
                current = ""
                if !character.isWhitespace { words.append(String(character)) }
            }
        }
        if !current.isEmpty { words.append(current) }
        return words
    }
}

/// The different words of many texts with the number of texts that hold each.
public struct TextVocabulary: Hashable, Sendable {
    /// Words by identifier: most frequent first, then by code point.
    public let words: [String]
    /// Number of texts that hold each word.
    public let documents: [Int]
    private let identifiers: [String: Int32]

    /// Gathers the words of texts.
    /// - Parameters:
    ///   - minimum: Words in fewer texts are left out.
    ///   - limit: Most words kept.
    public init(_ texts: [[String]], minimum: Int = 1, limit: Int = 1 << 20) {
        var counts: [String: Int] = [:]
        for text in texts { for word in Set(text) { counts[word, default: 0] += 1 } }
        let kept = counts.filter { $0.value >= minimum }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(max(0, limit))
        words = kept.map(\.key)
        documents = kept.map(\.value)
        identifiers = Dictionary(uniqueKeysWithValues: words.enumerated().map { ($1, Int32($0)) })
    }

    /// Identifier of a word; `nil` where it is not known.
    public subscript(_ word: String) -> Int32? { identifiers[word] }

    /// The texts as rows of identifiers, each word once and ascending; words that are not known are left out.
    public func rows(_ texts: [[String]]) -> TokenRows {
        TokenRows(texts.map { Set($0.compactMap { identifiers[$0] }).sorted() }, width: words.count)
    }
}

/// Sparse rows of zeros and ones: which words each text holds.
public struct TokenRows: Hashable, Sendable {
    /// Where each row begins in `tokens`; one entry more than there are rows.
    public private(set) var starts: [Int]
    /// Identifiers, row by row, ascending within a row.
    public private(set) var tokens: [Int32]
    /// Number of different identifiers.
    public let width: Int
    /// Number of rows.
    public var count: Int { starts.count - 1 }

    /// Makes rows of identifiers below `width`, ascending within each row.
    public init(_ rows: [[Int32]], width: Int) {
        starts = [0]
        tokens = []
        self.width = width
        for row in rows {
            tokens += row
            starts.append(tokens.count)
        }
    }

    /// The identifiers of one row.
    public subscript(_ row: Int) -> ArraySlice<Int32> { tokens[starts[row]..<starts[row + 1]] }
}
