import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

/// What the probe asks of a subject: rows, goals, orientation, rules.
struct SensitivityInquiry {
    let problem: SensitivityProblem
    /// Test row of each row of the problem.
    let rows: [Int]
    /// Column of the scores that is looked at; `nil` takes that of the class which each row has now.
    let column: Int?
    let monotone: [Int: MonotoneDirection]
    let rules: [ImpossibleRule]
    let goals: [ImpossibleGoal]
    /// Declared rules that read columns which are no features.
    let unboundRules: Int

    init(_ subject: AuditSubject, _ probe: SensitivityProbe, seed: UInt64) throws {
        column = Self.column(subject)
        let scores = Self.scores(subject, column)
        let drawn = Self.draw(subject, probe.samples, seed)
        rows = drawn.rows
        let goals: [EvasionProblem.Goal]? =
            subject.decisions.isEmpty
            ? nil
            : drawn.rows.map { row in
                guard let favourable = subject.favourable, !subject.isFavourableDecision(row) else {
                    return .untargeted(label: subject.decisions[row])
                }
                return .targeted(label: Int32(favourable))
            }
        problem = try SensitivityProblem(
            rows: subject.test.rows(drawn.rows), profiled: drawn.profiled, space: subject.space,
            reference: subject.train ?? subject.test, goals: goals,
            scoreUnit: subject.predictions.kind == .probabilities || subject.predictions.kind == .logits
                ? 1 : Self.spread(scores))
        monotone = try Self.directions(probe.monotone, subject)
        unboundRules = subject.constraints.count { $0.bound(to: subject.space.features) == nil }
        rules = subject.soundConstraints().map { rule, bound in
            let names = Set(rule.columns)
            return ImpossibleRule(
                name: rule.name,
                features: subject.space.features.indices.filter { names.contains(subject.space.features[$0].name) }
            ) { bound.verdict($0) == .violated }
        }
        self.goals = Self.goals(subject, column, scores)
    }

    /// Rows drawn for averages, then unfavourable ones on top, so that there are enough of them.
    private static func draw(
        _ subject: AuditSubject, _ samples: Int, _ seed: UInt64
    ) -> (rows: [Int], profiled: Int) {
        var generator = SeededGenerator(seed: seed, stream: 0x73_65_6e)
        let order = Array(0..<subject.test.count).shuffled(using: &generator)
        let drawn = order.prefix(samples).sorted()
        guard subject.favourable != nil, !subject.decisions.isEmpty else { return (drawn, drawn.count) }
        let already = drawn.count { !subject.isFavourableDecision($0) }
        let more = order.dropFirst(samples).filter { !subject.isFavourableDecision($0) }
            .prefix(max(0, samples - already)).sorted()
        return (drawn + more, drawn.count)
    }

    private static func column(_ subject: AuditSubject) -> Int? {
        guard subject.predictions.kind != .labels, subject.predictions.task != .regression else { return 0 }
        if case .binary(let positive, _)? = subject.decision?.kind { return positive }
        return subject.favourable
    }

    /// Scores of the test rows; empty where each row has its own class.
    private static func scores(_ subject: AuditSubject, _ column: Int?) -> [Double] {
        guard let column, subject.predictions.kind != .labels else { return [] }
        let width = subject.predictions.task == .regression ? 1 : max(1, subject.predictions.classes.count)
        return stride(from: column, to: subject.predictions.scores.count, by: width)
            .map { Double(subject.predictions.scores[$0]) }
    }

    /// Width of the middle 90 % of the scores, 1 where that is nothing.
    private static func spread(_ scores: [Double]) -> Double {
        let sorted = scores.sorted()
        guard let first = sorted.first, let last = sorted.last else { return 1 }
        let middle = Bootstrap.quantile(sorted, 0.95) - Bootstrap.quantile(sorted, 0.05)
        return middle > 0 ? middle : last > first ? last - first : 1
    }

    private static func directions(
        _ declared: [String: MonotoneDirection], _ subject: AuditSubject
    ) throws(CasemateError) -> [Int: MonotoneDirection] {
        var found: [Int: MonotoneDirection] = [:]
        let names = subject.space.features.map(\.name)
        let members = Set(subject.space.oneHotGroups.joined())
        for (name, direction) in declared.sorted(by: { $0.key < $1.key }) {
            guard let index = names.firstIndex(of: name) else {
                throw CasemateError(
                    .mismatch, at: "probes.sensitivity.monotone",
                    "the model has no feature '\(name)'\(Suggestion.clause(for: name, among: names))",
                    help: "name features that the model takes")
            }
            if case .categorical = subject.space.rules[index].domain {
                throw CasemateError(
                    .mismatch, at: "probes.sensitivity.monotone", "'\(name)' is a category and has no direction",
                    help: "declare `ordinal` for it under `feature_space`, or leave it out")
            }
            guard !members.contains(index) else {
                throw CasemateError(
                    .mismatch, at: "probes.sensitivity.monotone", "'\(name)' belongs to a one-hot group",
                    help: "leave it out: columns of a group move together")
            }
            found[index] = direction
        }
        return found
    }

    /// The favourable end of the scores, or both ends where nobody said which is favourable.
    private static func goals(_ subject: AuditSubject, _ column: Int?, _ scores: [Double]) -> [ImpossibleGoal] {
        guard column != nil, !scores.isEmpty else { return [] }
        guard let favourable = subject.favourable, let decision = subject.decision else {
            return [true, false].map { ImpossibleGoal(isHighGood: $0, label: nil, real: scores) }
        }
        let isHighGood: Bool
        switch decision.kind {
        case .binary(let positive, _): isHighGood = positive == favourable
        case .value: isHighGood = favourable == 1
        case .multiclass: isHighGood = true
        }
        return [ImpossibleGoal(isHighGood: isHighGood, label: Int32(favourable), real: scores)]
    }
}

/// Scores and decisions of the audited model.
struct TableScores: ScoreFunction {
    let model: TableModel
    let decision: DecisionRule?
    let column: Int?
    let scoreCount: Int
    let cancellation: Cancellation

    init(subject: AuditSubject, column: Int?, cancellation: Cancellation) {
        (model, decision, self.column, self.cancellation) = (subject.model, subject.decision, column, cancellation)
        let classes = subject.predictions.task == .regression ? 1 : subject.predictions.classes.count
        scoreCount = subject.predictions.kind == .labels ? 0 : column == nil ? classes : 1
    }

    var featureCount: Int { model.features.count }
    func answer(_ rows: [Float], count: Int) throws -> ScoredRows {
        let predictions = try model.predict(rows, count: count, cancellation: cancellation)
        let labels = decision?.decide(predictions) ?? []
        guard scoreCount > 0 else { return ScoredRows(scores: [], labels: labels) }
        guard let column, predictions.task != .regression else {
            return ScoredRows(scores: predictions.scores, labels: labels)
        }
        let width = predictions.classes.count
        return ScoredRows(
            scores: (0..<count).map { predictions.scores[$0 * width + column] }, labels: labels)
    }
}
