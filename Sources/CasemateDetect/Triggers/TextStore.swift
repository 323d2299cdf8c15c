import CasemateModels
import Foundation

/// The texts of one column, cut into words, each text once.
struct TextStore: Sendable {
    /// Name of the column.
    let column: String
    /// The texts by row, at most `textLimit` bytes of each; empty where missing.
    let texts: [String]
    /// Words of each text.
    let words: [[String]]
    /// Most bytes of a text that are looked at.
    static let textLimit = 20_000

    init(column: String, texts: [String?]) {
        self.column = column
        self.texts = texts.map { text in
            guard let text else { return "" }
            guard text.utf8.count > Self.textLimit else { return text }
            return String(decoding: text.utf8.prefix(Self.textLimit), as: UTF8.self)
        }
        words = self.texts.map { TextTokens.words($0) }
    }

    /// Length, number of words, and shares of digits, capitals and signs of each text: what it looks like.
    func shapes() -> [[Float]] {
        texts.indices.map { row in
            var (length, digits, capitals, signs) = (0, 0, 0, 0)
            for byte in texts[row].utf8 {
                length += 1
                switch byte {
                case 48...57: digits += 1
                case 65...90: capitals += 1
                case 33...47, 58...64, 91...96, 123...126: signs += 1
                default: break
                }
            }
            let whole = Float(max(1, length))
            return [
                Float(length), Float(words[row].count), Float(digits) / whole, Float(capitals) / whole,
                Float(signs) / whole,
            ]
        }
    }
}

/// How strongly the words of a text speak for each class: naive Bayes over the words that a text holds.
///
/// Source: McCallum and Nigam, "A comparison of event models for naive Bayes text classification", 1998.
struct WordOdds: Sendable {
    private let odds: [[Double]]

    /// Learns from some rows.
    init(_ tokens: TokenRows, labels: [Int32], classes: Int, rows: some Sequence<Int>) {
        var counts = [[Double]](repeating: [Double](repeating: 0, count: tokens.width), count: classes)
        var texts = [Double](repeating: 0, count: classes)
        for row in rows {
            let label = Int(labels[row])
            texts[label] += 1
            for token in tokens[row] { counts[label][Int(token)] += 1 }
        }
        let total = texts.reduce(0, +)
        odds = (0..<classes).map { label in
            let (here, there) = (texts[label] + 1, total - texts[label] + 1)
            return (0..<tokens.width).map { token in
                let all = counts.reduce(0) { $0 + $1[token] }
                if all == 0 { return 0 }
                let one = counts[label][token]
                return log((one + 0.5) / here) - log((all - one + 0.5) / there)
            }
        }
    }

    /// Sum and mean of the log odds of a text's words for a class.
    func score(_ tokens: ArraySlice<Int32>, _ label: Int) -> (sum: Double, mean: Double) {
        var sum = 0.0
        for token in tokens { sum += odds[label][Int(token)] }
        return (sum, sum / Double(max(1, tokens.count)))
    }
}
