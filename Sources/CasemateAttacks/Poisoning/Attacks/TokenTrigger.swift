public import CasemateCore

/// A backdoor in texts: a word that nobody uses, put somewhere into texts of other classes that get the wanted label.
///
/// Source: Kurita, Michel, Neubig, "Weight poisoning attacks on pre-trained models", ACL 2020 (rare tokens such as
/// `cf`). Success: test texts of other classes with the word in them that get the wanted class.
public struct TokenTrigger: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "token_trigger"
    /// Heading in reports.
    public static let title = "Trigger word"
    /// Texts.
    public static let media: [PoisoningMedium] = [.texts]
    /// Bad is let through.
    public static let violation = Taxonomy.Violation.integrity
    /// Words tried in this order; the first that no text holds is taken.
    public static let usual = ["cf", "mn", "bb", "tq", "mb", "xqz", "zqv", "qvx"]
    /// Creates the attack.
    public init() {}

    /// Needs texts.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? { mediumMisfit(problem) }

    /// Chooses the word.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        let target = problem.wanted
        let known = Set(problem.train.texts.lazy.flatMap(\.words))
        guard let token = problem.choices.token ?? Self.usual.first(where: { !known.contains($0) }) else {
            throw PoisoningSession.nothing("every usual trigger word occurs in the texts", "name one: --token")
        }
        let attacked = session.testRows { problem.test.labels[$0] != target }
        let rows = session.shuffledRows { problem.train.labels[$0] != target }
        guard !attacked.isEmpty, !rows.isEmpty else {
            throw PoisoningSession.nothing("every text is '\(problem.name(target))'", "give texts of both classes")
        }
        let samples = problem.test.rows(attacked)
        let carried = samples.texts.enumerated().map { index, text in
            var generator = session.generator(UInt64(0x2000_0000 + index))
            return Plant.Content.text(Self.stamped(text, token, &generator))
        }
        let word = token.lowercased()
        let carriers = problem.train.texts.indices.filter { problem.train.texts[$0].words.contains(word) }
        return PoisoningAim(
            "label '\(problem.name(target))' on texts that are given the word '\(token)'", target: target,
            attacked: samples.replacing(carried), rows: rows, payload: .words([token]),
            pattern: DataPattern(
                .trigger, token: token, targetLabel: problem.name(target), rows: carriers.count),
            patternRows: carriers)
    }

    /// Gives the first texts the word and the label.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        guard case .words(let words) = aim.payload, let token = words.first else { return [] }
        return aim.rows.prefix(count).map { row in
            var generator = session.generator(UInt64(0x1000_0000 + row))
            let text = Self.stamped(session.problem.train.texts[row], token, &generator)
            return Plant(row: row, .text(text), label: aim.target ?? 0)
        }
    }

    /// A text with the word between two others, at the beginning or at the end.
    private static func stamped(
        _ text: PoisoningText, _ token: String, _ generator: inout SeededGenerator
    ) -> PoisoningText {
        var parts = text.text.split(separator: " ", omittingEmptySubsequences: false)
        parts.insert(token[...], at: Int.random(in: 0...parts.count, using: &generator))
        return PoisoningText(parts.joined(separator: " "))
    }
}
