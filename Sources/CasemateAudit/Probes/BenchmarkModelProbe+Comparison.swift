import CasemateCore
import CasemateData
import CasemateModels

/// The answers of the model and of the benchmark for the test rows.
struct BenchmarkComparison {
    /// Names of the classes, and the class that one-sided figures are about: the favourable one, else the positive one.
    let names: [String], focus: Int
    /// Class of each test row.
    let labels: [Int]
    /// Probabilities of the benchmark, `[count, classes]`.
    let benchmark: [Double]
    /// Probabilities of the model, likewise; `nil` where it gives none.
    let model: [Double]?
    /// Scores of the model that rank rows by `focus`; `nil` for labels only and for several classes.
    let ranking: [Double]?
    /// Decisions of both.
    let modelDecisions: [Int], benchmarkDecisions: [Int]
    /// Dense columns of the benchmark.
    let columns: Int

    var count: Int { labels.count }
    /// Probability of `focus` by the benchmark.
    var focusScores: [Double] { (0..<count).map { benchmark[$0 * names.count + focus] } }

    /// The class of each row; for values the side of the threshold.
    static func classes(of targets: AuditSubject.Targets, _ decision: DecisionRule) -> [Int] {
        switch (targets, decision.kind) {
        case (.classes(let classes), _): classes
        case (.values(let values), .value(let threshold)): values.map { $0 >= threshold ? 1 : 0 }
        case (.values(let values), _): values.map { _ in 0 }
        }
    }

    init(
        train: FeatureMatrix, labels trainLabels: [Int], subject: AuditSubject, decision: DecisionRule, l2: Double,
        cancellation: Cancellation
    ) throws {
        names = decision.classes
        let count = names.count
        if case .binary(let positive, _) = decision.kind {
            focus = subject.favourable ?? positive
        } else {
            focus = subject.favourable ?? count - 1
        }
        labels = Self.classes(of: subject.targets, decision)
        let design = DesignMatrix(fitting: train)
        columns = design.width
        let dense = (train: design.dense(train), test: design.dense(subject.test))
        func scores(of target: Int) throws -> [Double] {
            let targets = trainLabels.map { $0 == target ? 1.0 : 0 }
            guard targets.contains(1) else { return [Double](repeating: 0, count: subject.test.count) }
            let fitted = try LogisticRegression.fit(
                rows: dense.train, width: design.width, targets: targets, l2: l2, cancellation: cancellation)
            return LogisticModel(design: design, regression: fitted)
                .probabilities(rows: subject.test.values, count: subject.test.count)
        }
        var table = [Double](repeating: 0, count: labels.count * count)
        if count == 2 {
            // why: one fit for both classes, of the class that figures are about.
            for (row, p) in try scores(of: focus).enumerated() {
                (table[row * 2 + focus], table[row * 2 + 1 - focus]) = (p, 1 - p)
            }
        } else {
            for target in 0..<count {
                for (row, p) in try scores(of: target).enumerated() { table[row * count + target] = p }
            }
            for row in labels.indices {
                let sum = table[row * count..<(row + 1) * count].reduce(0, +)
                for target in row * count..<(row + 1) * count where sum > 0 { table[target] /= sum }
            }
        }
        benchmark = table
        let kind = subject.predictions.kind
        let hasProbabilities = kind == .probabilities || kind == .logits
        model = hasProbabilities ? subject.predictions.scores.map(Double.init) : nil
        ranking = Self.ranking(subject, decision, focus)
        modelDecisions = subject.decisions.map(Int.init)
        benchmarkDecisions = Self.decisions(table, decision, hasProbabilities: hasProbabilities)
    }

    private static func ranking(_ subject: AuditSubject, _ decision: DecisionRule, _ focus: Int) -> [Double]? {
        guard let scores = subject.positiveScores else { return nil }
        let positive: Int
        switch decision.kind {
        case .binary(let own, _): positive = own
        case .value: positive = 1
        case .multiclass: return nil
        }
        return positive == focus ? scores : scores.map { -$0 }
    }

    /// The benchmark decides by the model's own threshold where that is one for probabilities, else at one half.
    private static func decisions(_ table: [Double], _ decision: DecisionRule, hasProbabilities: Bool) -> [Int] {
        let count = decision.classes.count
        return (0..<table.count / count).map { row in
            let scores = table[row * count..<(row + 1) * count]
            switch decision.kind {
            case .binary(let positive, let threshold):
                let cut = hasProbabilities ? threshold ?? 0.5 : 0.5
                return scores[row * count + positive] >= cut ? positive : 1 - positive
            case .value: return scores[row * count + 1] >= 0.5 ? 1 : 0
            case .multiclass:
                let best = scores.max() ?? 0
                return (scores.firstIndex(of: best) ?? row * count) - row * count
            }
        }
    }
}
