public import CasemateCore

/// Spam that holds words of one good message which is to come, so that this message is turned away.
///
/// Source: Nelson et al., LEET 2008, section 3.3: the attacker knows each word of the message with some probability.
/// Messages are attacked one at a time, each with plants and a filter of its own. Success: attacked messages that are
/// turned away.
public struct FocusedAttack: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "focused"
    /// Heading in reports.
    public static let title = "Focused attack on single messages"
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

    /// Draws good test messages.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        guard let good = problem.favourable, let target = problem.unwanted else {
            throw PoisoningSession.nothing("no favourable outcome is named", "add --favourable")
        }
        var generator = session.generator(4)
        let rows = session.testRows { problem.test.labels[$0] == good && problem.test.texts[$0].words.count >= 3 }
            .shuffled(using: &generator).prefix(problem.choices.messages)
        guard !rows.isEmpty else {
            throw PoisoningSession.nothing("no test text is '\(problem.name(good))'", "give some")
        }
        var aim = PoisoningAim(
            "messages with words of one '\(problem.name(good))' message, labelled '\(problem.name(target))', "
                + "for each of \(rows.count)", target: target, attacked: problem.test.rows(Array(rows)))
        aim.trials = (0..<rows.count).map { $0..<$0 + 1 }
        return aim
    }

    /// Adds messages of the words that the attacker guesses.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        let known = Set(aim.attacked.texts[trial].words).sorted()
        return (0..<count).map { index in
            var generator = session.generator(UInt64(0x100 + trial * 0x10_0000 + index))
            var words = known.filter { _ in generator.uniformDouble() < session.problem.choices.guess }
            if words.isEmpty { words = Array(known.prefix(1)) }
            words.shuffle(using: &generator)
            return Plant(row: nil, .text(PoisoningText(words.joined(separator: " "))), label: aim.target ?? 0)
        }
    }
}
