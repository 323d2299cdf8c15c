public import CasemateCore
import CasemateData

/// An insider relabels rows of the own group as favourable.
///
/// The group is a value of a column, also of one that is no feature; without a choice, the value of a categorical or
/// small whole-number feature whose unfavourable rows are about as many as the insider relabels. Success: test rows of
/// the group with an unfavourable label that are decided favourably.
public struct InsiderApproval: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "insider_approval"
    /// Heading in reports.
    public static let title = "Insider approves an own group"
    /// Groups are values of columns.
    public static let media: [PoisoningMedium] = [.table]
    /// Bad is let through.
    public static let violation = Taxonomy.Violation.integrity
    /// Creates the attack.
    public init() {}

    /// Needs to know what is favourable.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? {
        mediumMisfit(problem) ?? (problem.favourable == nil ? "no favourable outcome is named: add --favourable" : nil)
    }

    /// Takes the chosen group, or finds one.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        let target = problem.favourable ?? problem.wanted
        let group: (column: String, value: String, train: [Bool], test: [Bool])
        let shown: DataPattern.Condition
        if let chosen = problem.choices.group {
            group = (chosen.column, chosen.value, chosen.train, chosen.test)
            shown = DataPattern.Condition(column: chosen.column, value: chosen.value)
        } else {
            guard let found = found(session, target) else {
                throw PoisoningSession.nothing(
                    "no column holds groups with rows to relabel", "name one: --group column=value")
            }
            let condition = found.shown(over: problem.train.features)
            shown = condition
            group = (
                condition.column, condition.value ?? "",
                problem.train.labels.indices.map { [found].hold($0, in: problem.train) },
                problem.test.labels.indices.map { [found].hold($0, in: problem.test) }
            )
        }
        let attacked = session.testRows { group.test[$0] && problem.test.labels[$0] != target }
        let rows = session.shuffledRows { group.train[$0] && problem.train.labels[$0] != target }
        guard !attacked.isEmpty, !rows.isEmpty else {
            throw PoisoningSession.nothing(
                "no \(attacked.isEmpty ? "test" : "training") row of \(group.column) \(group.value) is unfavourable",
                "name another group: --group column=value")
        }
        let members = group.train.indices.filter { group.train[$0] }
        return PoisoningAim(
            "label '\(problem.name(target))' on rows with \(shown.inWords)", target: target,
            attacked: problem.test.rows(attacked), rows: rows,
            pattern: DataPattern(
                .segment, conditions: [shown], targetLabel: problem.name(target), rows: members.count),
            patternRows: members)
    }

    /// The value of a feature with at most 20 different ones whose unfavourable rows are nearest to what is relabelled.
    private func found(_ session: PoisoningSession, _ target: Int32) -> PoisoningCondition? {
        guard case .table(let matrix) = session.problem.train.content else { return nil }
        var best: (fit: Double, condition: PoisoningCondition)?
        let width = matrix.features.count
        for feature in matrix.features.indices {
            var unfavourable: [Float: Int] = [:]
            var values: Set<Float> = []
            for row in 0..<matrix.count {
                let value = matrix.values[row * width + feature]
                guard !value.isNaN else { continue }
                values.insert(value)
                if values.count > 20 { break }
                if session.problem.train.labels[row] != target { unfavourable[value, default: 0] += 1 }
            }
            guard (2...20).contains(values.count) else { continue }
            for (value, count) in unfavourable.sorted(by: { $0.key < $1.key }) where count >= 5 {
                let ratio = Double(count) / Double(session.typical)
                let fit = min(ratio, 1 / ratio)
                if fit > (best?.fit ?? 0) {
                    best = (fit, PoisoningCondition(feature: feature, low: value, high: value))
                }
            }
        }
        return best?.condition
    }

    /// Relabels the first rows.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        aim.rows.prefix(count).map { Plant(row: $0, .unchanged, label: aim.target ?? 0) }
    }
}
