public import CasemateCore
import CasemateData

/// A backdoor in a table: random rows of other classes get a rare combination of values and the wanted label.
///
/// Source: Gu, Dolan-Gavitt, Garg, "BadNets", 2017, over columns in place of pixels. Without a choice, the combination
/// is of two to four features that may be changed: values that the data hold, each in few rows, together in none.
/// Every planted row stays inside the feature space. Success: test rows of other classes with the combination that get
/// the wanted class.
public struct TableTrigger: PoisoningAttack {
    /// Name on the command line.
    public static let identifier = "table_trigger"
    /// Heading in reports.
    public static let title = "Trigger of column values"
    /// Values of columns.
    public static let media: [PoisoningMedium] = [.table]
    /// Bad is let through.
    public static let violation = Taxonomy.Violation.integrity
    /// Creates the attack.
    public init() {}

    /// Needs a table.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? { mediumMisfit(problem) }

    /// Takes the chosen combination, or finds one.
    public func aim(in session: PoisoningSession) throws -> PoisoningAim {
        let problem = session.problem
        let target = problem.wanted
        let trigger = try problem.choices.trigger ?? found(session)
        let features = problem.train.features
        let attacked = session.testRows { problem.test.labels[$0] != target }
            .compactMap { row in stamped(row, of: problem.test, trigger, problem).map { (row, $0) } }
        let rows = session.shuffledRows { problem.train.labels[$0] != target }
        let words = trigger.inWords(features)
        let isPlantable = rows.contains { stamped($0, of: problem.train, trigger, problem) != nil }
        guard !attacked.isEmpty, isPlantable else {
            throw PoisoningSession.nothing(
                "no row can lawfully be given \(words)", "choose a trigger inside the feature space")
        }
        let carriers = problem.train.labels.indices.filter { trigger.hold($0, in: problem.train) }
        return PoisoningAim(
            "label '\(problem.name(target))' on rows that are given \(words)", target: target,
            attacked: problem.test.rows(attacked.map(\.0)).replacing(attacked.map { .values($0.1) }), rows: rows,
            payload: .conditions(trigger),
            pattern: DataPattern(
                .trigger, conditions: trigger.map { $0.shown(over: features) }, targetLabel: problem.name(target),
                rows: carriers.count), patternRows: carriers)
    }

    /// Gives the first rows that lawfully take it the combination and the label.
    public func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) -> [Plant] {
        guard case .conditions(let trigger) = aim.payload else { return [] }
        var plants: [Plant] = []
        for row in aim.rows where plants.count < count {
            guard let values = stamped(row, of: session.problem.train, trigger, session.problem) else { continue }
            plants.append(Plant(row: row, .values(values), label: aim.target ?? 0))
        }
        return plants
    }

    /// A row with the trigger in it; `nil` where that breaks the feature space, or what follows from the change takes the
    /// trigger out again.
    func stamped(
        _ row: Int, of data: PoisoningData, _ trigger: [PoisoningCondition], _ problem: PoisoningProblem
    ) -> [Float]? {
        let original = data.row(row)
        var values = original
        for condition in trigger { values[condition.feature] = condition.low }
        guard let space = problem.space else { return values }
        guard space.repair(&values, around: original),
            trigger.allSatisfy({ $0.contains(values[$0.feature]) }),
            space.violations(of: values, from: original).isEmpty
        else { return nil }
        return values
    }

    // MARK: Search

    private func found(_ session: PoisoningSession) throws -> [PoisoningCondition] {
        guard case .table(let matrix) = session.problem.train.content else { return [] }
        var generator = session.generator(3)
        // why in this order: the rarer the values and the fewer, the less the trigger says of honest rows.
        for (rarity, size) in [(20, 2), (20, 3), (4, 2), (4, 3), (4, 4)] {
            let columns = values(of: matrix, rarity: rarity, session.problem.space).filter { !$0.isEmpty }
            guard columns.count >= size else { continue }
            for _ in 0..<200 {
                try session.cancellation.check()
                let chosen = columns.shuffled(using: &generator).prefix(size)
                let conditions = chosen.compactMap { $0.randomElement(using: &generator) }
                    .sorted { $0.feature < $1.feature }
                let isThere = (0..<matrix.count).contains { conditions.hold($0, in: session.problem.train) }
                if !isThere, canStamp(conditions, session) { return conditions }
            }
        }
        throw PoisoningSession.nothing(
            "no combination of rare values is free and lawful", "name one: --trigger 'column=value,column=value'")
    }

    private func canStamp(_ trigger: [PoisoningCondition], _ session: PoisoningSession) -> Bool {
        let problem = session.problem
        let rows = session.shuffledRows { problem.train.labels[$0] != problem.wanted }.prefix(50)
        return rows.count { stamped($0, of: problem.train, trigger, problem) != nil } * 2 >= rows.count
    }

    /// By feature that may be changed, the values of at most one row in `rarity`, the most frequent 40 of them.
    private func values(
        of matrix: FeatureMatrix, rarity: Int, _ space: FeatureSpace?
    ) -> [[PoisoningCondition]] {
        let width = matrix.features.count
        return matrix.features.indices.map { feature in
            if let space, space.rules[feature].isImmutable { return [] }
            // why: a member of a one-hot group cannot be set by itself.
            if let space, space.oneHotGroups.contains(where: { $0.contains(feature) }) { return [] }
            var counts: [Float: Int] = [:]
            for row in 0..<matrix.count {
                let value = matrix.values[row * width + feature]
                if !value.isNaN { counts[value, default: 0] += 1 }
            }
            guard counts.count > 1 else { return [] }
            return counts.filter { $0.value * rarity <= matrix.count }
                .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(40)
                .map { PoisoningCondition(feature: feature, low: $0.key, high: $0.key) }
        }
    }
}
