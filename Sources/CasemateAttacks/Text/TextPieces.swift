/// A text cut into words and the white space between them, so that they join to the same text again.
struct TextPieces: Sendable {
    /// Words and white space in turn, in the text's order.
    let pieces: [[Unicode.Scalar]]
    /// Positions of the words among the pieces.
    let words: [Int]
    /// Positions of words that are the same, letter case and punctuation apart, in order of their first place.
    let groups: [[Int]]
    /// The words without letter case and punctuation.
    let keys: Set<String>

    init(_ text: String) {
        var pieces: [[Unicode.Scalar]] = []
        var words: [Int] = []
        var isWord = false
        for scalar in text.unicodeScalars {
            let isLetter = !scalar.properties.isWhitespace
            if isLetter == isWord, !pieces.isEmpty {
                pieces[pieces.count - 1].append(scalar)
            } else {
                if isLetter { words.append(pieces.count) }
                pieces.append([scalar])
                isWord = isLetter
            }
        }
        var places: [String: Int] = [:]
        var groups: [[Int]] = []
        for word in words {
            let key = Self.key(pieces[word])
            if let group = places[key] {
                groups[group].append(word)
            } else {
                places[key] = groups.count
                groups.append([word])
            }
        }
        (self.pieces, self.words, self.groups, keys) = (pieces, words, groups, Set(places.keys))
    }

    /// A word without letter case and punctuation; the word itself where nothing else is left.
    static func key(_ word: [Unicode.Scalar]) -> String {
        let kept = word.filter { $0.properties.isAlphabetic || $0.properties.numericType != nil }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: kept.isEmpty ? word : kept)
        return String(view).lowercased()
    }
}

/// One change of a text: pieces written anew, or a word appended.
struct TextChange: Sendable {
    /// Pieces written anew.
    let pieces: [(index: Int, text: [Unicode.Scalar])]
    /// The word appended behind the text, if it is that.
    let appended: String?
    /// What it is.
    let by: TextOperator
    /// What it costs at most.
    let edits: Int, words: Int

    init(_ by: TextOperator, _ pieces: [(index: Int, text: [Unicode.Scalar])], edits: Int, words: Int) {
        (self.by, self.pieces, appended) = (by, pieces, nil)
        (self.edits, self.words) = (edits, words)
    }
    /// A word behind the text.
    init(appending word: String, _ by: TextOperator) {
        (self.by, pieces, appended) = (by, [], word)
        (edits, words) = (word.unicodeScalars.count + 1, 1)
    }
}

/// Changes that a search has put together; what they cost is an upper bound of the distance.
struct TextDraft: Sendable {
    private(set) var changes: [TextChange] = []
    private(set) var edits = 0, words = 0
    private var touched: Set<Int> = []

    /// Whether the changes concern no piece that is changed already.
    func takes(_ more: [TextChange]) -> Bool {
        more.allSatisfy { change in change.pieces.allSatisfy { !touched.contains($0.index) } }
    }
    /// With more changes.
    func adding(_ more: [TextChange]) -> TextDraft {
        var copy = self
        for change in more {
            copy.changes.append(change)
            copy.edits += change.edits
            copy.words += change.words
            for piece in change.pieces { copy.touched.insert(piece.index) }
        }
        return copy
    }
    /// Without some changes, by position.
    func removing(_ range: Range<Int>) -> TextDraft {
        TextDraft().adding(Array(changes[..<range.lowerBound]) + Array(changes[range.upperBound...]))
    }

    /// The text that the changes make of `original`.
    func text(_ original: TextPieces) -> String {
        var view = String.UnicodeScalarView()
        guard !changes.isEmpty else {
            for piece in original.pieces { view.append(contentsOf: piece) }
            return String(view)
        }
        var anew: [Int: [Unicode.Scalar]] = [:]
        for change in changes { for piece in change.pieces { anew[piece.index] = piece.text } }
        for (index, piece) in original.pieces.enumerated() { view.append(contentsOf: anew[index] ?? piece) }
        for change in changes {
            guard let word = change.appended else { continue }
            view.append(" ")
            view.append(contentsOf: word.unicodeScalars)
        }
        return String(view)
    }
}
