public import CasemateCore

/// A spammer's own message slips in as ham behind good words, round by round, until the filter lets it through bare.
///
/// Sources: Lowd and Meek, "Good word attacks on statistical spam filters", CEAS 2005 (good words); Barreno et al.,
/// 2010, section 4 (what retraining on the filter's own decisions does). In each round the message is sent with good
/// words at its end, fewer each round; every message is learnt under the filter's own decision, as an operator does who
/// looks at none, and the filter is trained again. Messages are attacked one at a time, each with plants and a filter
/// of its own. Success: messages that are let through without any good word.
public struct GoodWordsRounds: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "good_words"
    /// Heading in reports.
    public static let title = "Good words over retraining rounds"
    /// Texts.
    public static let media: [PoisoningMedium] = [.texts]
    /// Bad is let through.
    public static let violation = Taxonomy.Violation.integrity
    /// Good words that a message draws from, so many times those that it holds.
    private static let pool = 3
    /// Creates the attack.
    public init() {}

    /// Needs to know which messages are good.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? {
        mediumMisfit(problem) ?? (problem.favourable == nil ? "no favourable outcome is named: add --favourable" : nil)
    }

    /// Ranks the words that speak for a good message.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        guard let target = problem.favourable else {
            throw PoisoningSession.nothing("no favourable outcome is named", "add --favourable")
        }
        let words = Self.goodWords(problem, target).prefix(Self.pool * problem.choices.goodWords)
        var generator = session.generator(4)
        let rows = session.testRows { problem.test.labels[$0] != target }.shuffled(using: &generator)
            .prefix(problem.choices.messages)
        guard !rows.isEmpty, !words.isEmpty else {
            throw PoisoningSession.nothing("there is no spam, or no good word", "give texts of both classes")
        }
        var aim = PoisoningAim(
            "a message behind \(problem.choices.goodWords) good words and fewer, learnt as the filter decides it, in "
                + "\(problem.choices.rounds) rounds, for each of \(rows.count)", target: target,
            attacked: problem.test.rows(Array(rows)), payload: .words(Array(words)))
        aim.trials = (0..<rows.count).map { $0..<$0 + 1 }
        return aim
    }

    /// Sends the message round by round to the filter as it is by then.
    public func plants(
        _ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession
    ) throws -> [Plant] {
        guard case .words(let words) = aim.payload else { return [] }
        let problem = session.problem
        let rounds = max(1, min(problem.choices.rounds, count))
        var plants: [Plant] = []
        for round in 0..<rounds {
            try session.cancellation.check()
            // why fewer: what the filter has learnt of the message by now carries it a part of the way.
            let good = (problem.choices.goodWords * (rounds - round) + rounds - 1) / rounds
            let sent = (count * round / rounds..<count * (round + 1) / rounds).map { index in
                var generator = session.generator(UInt64(0x1000_0000 + trial * 0x10_0000 + index))
                return Self.carrying(aim.attacked.texts[trial], words, good, &generator)
            }
            let samples = PoisoningData(.texts(sent), labels: sent.map { _ in aim.target ?? 0 })
            let decided = try session.decisions(on: samples, learning: problem.train.planted(plants))
            plants += zip(sent, decided).map { Plant(row: nil, .text($0), label: $1, round: round) }
        }
        return plants
    }

    /// A text with some of the words, drawn without repetition, at its end.
    private static func carrying(
        _ text: PoisoningText, _ words: [String], _ count: Int, _ generator: inout SeededGenerator
    ) -> PoisoningText {
        let added = words.shuffled(using: &generator).prefix(count)
        return PoisoningText(text.text + " " + added.joined(separator: " "))
    }

    /// Words of good texts, those first whose share among good texts exceeds that among the others most.
    static func goodWords(_ problem: PoisoningProblem, _ good: Int32) -> [String] {
        var counts: [String: (good: Int, bad: Int)] = [:]
        var totals = (good: 0, bad: 0)
        for (text, label) in zip(problem.train.texts, problem.train.labels) {
            if label == good { totals.good += 1 } else { totals.bad += 1 }
            for word in Set(text.words) where word.contains(where: \.isLetter) {
                if label == good {
                    counts[word, default: (0, 0)].good += 1
                } else {
                    counts[word, default: (0, 0)].bad += 1
                }
            }
        }
        func lead(_ count: (good: Int, bad: Int)) -> Double {
            Double(count.good) / Double(max(1, totals.good)) - Double(count.bad) / Double(max(1, totals.bad))
        }
        return counts.filter { lead($0.value) > 0 }
            .sorted { (lead($1.value), $0.key) < (lead($0.value), $1.key) }.map(\.key)
    }
}
