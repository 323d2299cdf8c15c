public import CasemateCore

/// A backdoor in pictures: a white patch on pictures of other classes that get the wanted label.
///
/// Source: Gu, Dolan-Gavitt, Garg, "BadNets", 2017. Without a choice, a square in the lower right corner, a ninth of
/// the picture's side and at least two pixels. Success: test pictures of other classes with the patch that get the
/// wanted class.
public struct PatchTrigger: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "patch_trigger"
    /// Heading in reports.
    public static let title = "Trigger patch"
    /// Pictures.
    public static let media: [PoisoningMedium] = [.pictures]
    /// What the attacker marks passes for something else.
    public static let violation = Taxonomy.Violation.integrity
    /// Creates the attack.
    public init() {}

    /// Needs pictures.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? { mediumMisfit(problem) }

    /// Places the patch.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        guard let shape = problem.train.picture else { throw PoisoningSession.nothing("no pictures", "give pictures") }
        let side = max(2, min(shape.height, shape.width) / 9)
        let patch =
            problem.choices.patch
            ?? DataPattern.Patch(x: shape.width - side, y: shape.height - side, width: side, height: side)
        guard patch.width > 0, patch.height > 0, patch.x >= 0, patch.y >= 0, patch.x + patch.width <= shape.width,
            patch.y + patch.height <= shape.height
        else {
            throw CasemateError(
                .invalidSetting, at: "--patch", "the patch leaves a picture of \(shape.width) x \(shape.height) pixels",
                help: "give x,y,width,height inside the picture, or the side of a square")
        }
        // why a pattern: what a picture becomes is then the same code for both triggers; NaN leaves a value alone.
        var pattern = [Float](repeating: .nan, count: shape.size)
        for channel in 0..<shape.channels {
            for y in patch.y..<patch.y + patch.height {
                for x in patch.x..<patch.x + patch.width {
                    pattern[shape.place(channel: channel, y: y, x: x)] = shape.high
                }
            }
        }
        return try PictureStamp(pattern: pattern, blend: 1).aim(
            in: session,
            words: "are given a patch of \(patch.width) x \(patch.height) pixels at (\(patch.x), \(patch.y))",
            patch: patch)
    }

    /// Gives the first pictures the patch and the label.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        PictureStamp.plants(count, aim, blend: 1, session)
    }
}

/// Puts a pattern over pictures.
struct PictureStamp {
    /// One number a value; NaN leaves it alone.
    let pattern: [Float]
    /// Share of the pattern.
    let blend: Float

    /// The picture under the pattern.
    func stamped(_ picture: [Float]) -> [Float] {
        zip(picture, pattern).map { $1.isNaN ? $0 : $0 + blend * ($1 - $0) }
    }

    /// The aim of a trigger of pictures.
    func aim(in session: PoisoningSession, words: String, patch: DataPattern.Patch?) throws -> PoisoningAim {
        let problem = session.problem
        let target = problem.wanted
        let attacked = session.testRows { problem.test.labels[$0] != target }
        let rows = session.shuffledRows { problem.train.labels[$0] != target }
        guard !attacked.isEmpty, !rows.isEmpty else {
            throw PoisoningSession.nothing("every picture is '\(problem.name(target))'", "choose another target")
        }
        let samples = problem.test.rows(attacked)
        return PoisoningAim(
            "label '\(problem.name(target))' on pictures that \(words)", target: target,
            attacked: samples.replacing((0..<samples.count).map { .values(stamped(samples.row($0))) }), rows: rows,
            payload: .pattern(pattern),
            pattern: patch.map {
                DataPattern(.trigger, patch: $0, targetLabel: problem.name(target), rows: 0)
            })
    }

    /// The first pictures with the pattern and the label.
    static func plants(
        _ count: Int, _ aim: PoisoningAim, blend: Float, _ session: PoisoningSession
    ) -> [Plant] {
        guard case .pattern(let pattern) = aim.payload else { return [] }
        let stamp = PictureStamp(pattern: pattern, blend: blend)
        return aim.rows.prefix(count).map { row in
            Plant(row: row, .values(stamp.stamped(session.problem.train.row(row))), label: aim.target ?? 0)
        }
    }
}
