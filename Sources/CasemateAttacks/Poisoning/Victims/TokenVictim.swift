public import CasemateCore
import CasemateModels

/// A filter of texts by token scores, as SpamBayes is one.
public struct TokenVictim: PoisoningVictim {
    /// Name on the command line.
    public static let identifier = "tokens"
    /// Learns from texts.
    public static let media: [PoisoningMedium] = [.texts]
    /// Training is deterministic.
    public static let isSeeded = false
    /// Tokens of a text that its score looks at.
    public var discriminators = 150

    /// Makes a victim.
    public init() {}

    /// What was set.
    public var settings: [String: String] { ["discriminators": "\(discriminators)"] }

    /// Counts.
    /// - Throws: `unsupported` for more than two classes.
    public func fit(
        _ data: PoisoningData, classes: Int, seed: UInt64, cancellation: Cancellation
    ) throws -> any FittedVictim {
        guard classes == 2 else {
            throw CasemateError(
                .unsupported, at: "victim", "a token filter for \(classes) classes", help: "use boosting or network")
        }
        let vocabulary = TextVocabulary(data.texts.map(\.words))
        let rows = vocabulary.rows(data.texts.map(\.words))
        var filter = TokenFilter(width: vocabulary.words.count)
        filter.discriminators = discriminators
        for row in 0..<rows.count {
            if row.isMultiple(of: 1024) { try cancellation.check() }
            filter.learn(rows[row], class: Int(data.labels[row]))
        }
        return Fitted(filter: filter, vocabulary: vocabulary)
    }

    private struct Fitted: FittedVictim {
        let filter: TokenFilter
        let vocabulary: TextVocabulary

        func scores(_ samples: PoisoningData) -> [Double] {
            let rows = vocabulary.rows(samples.texts.map(\.words))
            return (0..<rows.count).flatMap { row -> [Double] in
                let score = filter.score(rows[row])
                return [1 - score, score]
            }
        }
    }
}
