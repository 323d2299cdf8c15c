import CasemateModels

/// Texts as rows of zeros and ones over the most frequent words of the training texts.
struct WordColumns {
    private let vocabulary: TextVocabulary
    /// Number of columns.
    var width: Int { vocabulary.words.count }

    /// Takes words of at least three texts.
    init(_ texts: [PoisoningText], most: Int) {
        vocabulary = TextVocabulary(texts.map(\.words), minimum: 3, limit: most)
    }

    /// `[count, width]` values.
    func dense(_ texts: [PoisoningText]) -> [Float] {
        var values = [Float](repeating: 0, count: texts.count * width)
        for (row, text) in texts.enumerated() {
            for word in text.words {
                if let column = vocabulary[word] { values[row * width + Int(column)] = 1 }
            }
        }
        return values
    }
}

extension PoisoningData {
    /// The samples as numbers; words stand for texts.
    func numbers(_ words: WordColumns?) -> (values: [Float], width: Int) {
        if let words { return (words.dense(texts), words.width) }
        return (values, width)
    }
}
