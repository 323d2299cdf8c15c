public import CasemateCore
import CasemateData

/// Labels of one segment of a table, or of one class, become the class that the attacker wants.
///
/// The segment is chosen, or searched for: one or two conditions that hold about as many rows to flip as the attacker
/// can, and few others, so that the lie is the majority there. Success: test rows of the segment with another label
/// that get the wanted class.
public struct TargetedFlips: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "targeted_flips"
    /// Heading in reports.
    public static let title = "Targeted label flips"
    /// Labels stand beside every kind of sample; segments are of tables.
    public static let media = PoisoningMedium.allCases
    /// Bad is let through, where the wanted class is the favourable one.
    public static let violation = Taxonomy.Violation.integrity
    /// Creates the attack.
    public init() {}

    /// Chooses the segment, or the class.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        let target = problem.wanted
        if case .table(let matrix) = problem.train.content,
            problem.choices.source == nil || problem.choices.segment != nil
        {
            let isFlippable = problem.train.labels.map { $0 != target }
            let found =
                try problem.choices.segment
                ?? SegmentChoice(
                    matrix: matrix, isFlippable: isFlippable, budget: session.typical,
                    cancellation: session.cancellation
                ).best()
            guard let found else {
                throw PoisoningSession.nothing("no segment holds ten rows to flip", "give --segment, or more rows")
            }
            return try aim(at: found, target, session)
        }
        return try aim(atClass: target, session)
    }

    private func aim(
        at segment: [PoisoningCondition], _ target: Int32, _ session: PoisoningSession
    ) throws -> PoisoningAim {
        let (problem, features) = (session.problem, session.problem.train.features)
        let attacked = session.testRows {
            problem.test.labels[$0] != target && isSource(problem.test.labels[$0], problem)
                && segment.hold($0, in: problem.test)
        }
        let inside = problem.train.labels.indices.filter { segment.hold($0, in: problem.train) }
        let isInside = Set(inside)
        let rows = session.shuffledRows {
            problem.train.labels[$0] != target && isSource(problem.train.labels[$0], problem) && isInside.contains($0)
        }
        let words = segment.inWords(features)
        guard !attacked.isEmpty, !rows.isEmpty else {
            throw PoisoningSession.nothing(
                "no \(attacked.isEmpty ? "test" : "training") row with \(words) has another label than "
                    + "'\(problem.name(target))'", "choose another segment")
        }
        return PoisoningAim(
            "label '\(problem.name(target))' on rows with \(words)", target: target,
            attacked: problem.test.rows(attacked), rows: rows, payload: .conditions(segment),
            pattern: DataPattern(
                .segment, conditions: segment.map { $0.shown(over: features) }, targetLabel: problem.name(target),
                rows: inside.count), patternRows: inside)
    }

    private func aim(atClass target: Int32, _ session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        var generator = session.generator(2)
        let others = Set(problem.train.labels).subtracting([target]).sorted()
        guard let source = problem.choices.source ?? others.randomElement(using: &generator), source != target else {
            throw PoisoningSession.nothing("there is no other class than the wanted one", "choose another target")
        }
        let attacked = session.testRows { problem.test.labels[$0] == source }
        guard !attacked.isEmpty else {
            throw PoisoningSession.nothing(
                "no test sample has the label '\(problem.name(source))'", "choose another class")
        }
        return PoisoningAim(
            "label '\(problem.name(target))' on samples of class '\(problem.name(source))'", target: target,
            attacked: problem.test.rows(attacked), rows: session.shuffledRows { problem.train.labels[$0] == source })
    }

    private func isSource(_ label: Int32, _ problem: PoisoningProblem) -> Bool {
        problem.choices.source.map { $0 == label } ?? true
    }

    /// Flips the first rows.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        aim.rows.prefix(count).map { Plant(row: $0, .unchanged, label: aim.target ?? 0) }
    }
}
