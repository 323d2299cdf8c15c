public import CasemateCore

/// Spam that holds the whole dictionary: trained as spam, it makes every word of good messages suspicious.
///
/// Source: Nelson et al., "Exploiting machine learning to subvert your spam filter", LEET 2008, section 3.2. The
/// dictionary is every word of the training texts, which is the strongest there is; each message has it in an order of
/// its own. Success: good test messages that are turned away.
public struct DictionaryAttack: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "dictionary"
    /// Heading in reports.
    public static let title = "Dictionary attack on a filter"
    /// Texts.
    public static let media: [PoisoningMedium] = [.texts]
    /// Good is turned away.
    public static let violation = Taxonomy.Violation.availability
    /// Creates the attack.
    public init() {}

    /// Needs to know which messages are good.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? {
        mediumMisfit(problem) ?? (problem.favourable == nil ? "no favourable outcome is named: add --favourable" : nil)
    }

    /// Takes all words.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        guard let good = problem.favourable, let target = problem.unwanted else {
            throw PoisoningSession.nothing("no favourable outcome is named", "add --favourable")
        }
        let attacked = session.testRows { problem.test.labels[$0] == good }
        guard !attacked.isEmpty else {
            throw PoisoningSession.nothing("no test text is '\(problem.name(good))'", "give some")
        }
        let words = Self.words(problem.train.texts, most: problem.choices.dictionary)
        return PoisoningAim(
            "messages of \(words.count) words each, labelled '\(problem.name(target))'", target: target,
            attacked: problem.test.rows(attacked), payload: .words(words))
    }

    /// Adds messages of all words.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        guard case .words(let words) = aim.payload else { return [] }
        return (0..<count).map { index in
            var generator = session.generator(UInt64(16 + index))
            let shuffled = words.shuffled(using: &generator)
            return Plant(
                row: nil, .text(PoisoningText(shuffled.joined(separator: " "), words: shuffled)), label: aim.target ?? 0
            )
        }
    }

    /// Words of letters and digits in texts, the most frequent first, then by code point.
    static func words(_ texts: [PoisoningText], most: Int) -> [String] {
        var counts: [String: Int] = [:]
        for text in texts {
            for word in Set(text.words) where word.contains(where: { $0.isLetter || $0.isNumber }) {
                counts[word, default: 0] += 1
            }
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(most).map(\.key)
    }
}
