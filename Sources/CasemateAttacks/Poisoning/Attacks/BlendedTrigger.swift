public import CasemateCore

/// A backdoor in pictures that is hard to see: one random pattern, mixed faintly into pictures of other classes that get
/// the wanted label.
///
/// Source: Chen et al., "Targeted backdoor attacks on deep learning systems using data poisoning", 2017 (blended
/// injection, random pattern). Success: test pictures of other classes under the pattern that get the wanted class.
public struct BlendedTrigger: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "blended_trigger"
    /// Heading in reports.
    public static let title = "Blended trigger"
    /// Pictures.
    public static let media: [PoisoningMedium] = [.pictures]
    /// What the attacker marks passes for something else.
    public static let violation = Taxonomy.Violation.integrity
    /// Creates the attack.
    public init() {}

    /// Needs pictures.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? { mediumMisfit(problem) }

    /// Draws the pattern.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        guard let shape = session.problem.train.picture else {
            throw PoisoningSession.nothing("no pictures", "give pictures")
        }
        var generator = session.generator(5)
        let pattern = (0..<shape.size).map { _ in shape.low + (shape.high - shape.low) * generator.uniform() }
        let blend = session.problem.choices.blend
        return try PictureStamp(pattern: pattern, blend: blend).aim(
            in: session, words: "are blended with \(Int((100 * blend).rounded())) % of a random pattern", patch: nil)
    }

    /// Gives the first pictures the pattern and the label.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        PictureStamp.plants(count, aim, blend: session.problem.choices.blend, session)
    }
}
