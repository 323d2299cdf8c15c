public import CasemateCore
import CasemateData
import CasemateModels

/// Compares the model with a plain one of our own training: where a complex model departs far from a logistic
/// regression on the same data, somebody should know why.
///
/// Definitions, sources and blind spots: `docs/probes/benchmark_model.md`.
public struct BenchmarkModelProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "benchmark_model"
    /// Heading in reports.
    public static let title = "Benchmark model"
    /// What it examines.
    public static let purpose = "where the model departs from a logistic regression on the same data"
    /// Hidden behaviour that training data do not explain.
    public static let taxonomy = Taxonomy(
        stages: [.training, .artefact, .deployment], influence: .causative, violations: [.integrity],
        knowledge: [.scores], atlas: ["AML.T0018"], owasp: ["ML10"], nist: ["NISTAML.023"])

    /// Its settings.
    public static let settings: [Setting<BenchmarkModelProbe>] = [
        .number("threshold", \.threshold, .share, "scores further apart than this are listed"),
        .number(
            "l2", \.l2, .number(0...1e9, isLowExcluded: true), "strength of the penalty of the logistic regression, 1/C"
        ),
        .integer("min_group", \.minimumGroup, 2...1_000_000_000, "segments with fewer rows are not reported"),
        .integer("max_rows", \.mostRows, 200...10_000_000, "training rows used; more are sampled with the seed"),
        .integer("shown", \.shown, 0...1_000, "rows listed"),
        .number("alpha", \.alpha, .share, "level of significance"),
    ]
    /// Scores further apart than this are listed.
    public var threshold = 0.25
    /// Strength of the penalty.
    public var l2 = 1.0
    /// Segments with fewer rows are not reported.
    public var minimumGroup = 30
    /// Training rows used.
    public var mostRows = 50_000
    /// Rows listed.
    public var shown = 10
    /// Level of significance.
    public var alpha = 0.05

    static let fewestRows = 100, mostClasses = 20

    /// Creates the probe.
    public init() {}

    /// Needs labelled training data of both outcomes and decisions.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if subject.model.model.signature.layout == .text { return "simple models are fitted to tables only" }
        guard let train = subject.train else { return "no training data are declared: add `train: …` under `data:`" }
        guard let targets = subject.trainTargets else {
            return "the training data lack the target: give a file with the column '\(subject.roles.target ?? "")'"
        }
        guard let decision = subject.decision else {
            return "a regression is compared by its decisions: add `decision: {threshold: …}`"
        }
        guard decision.classes.count <= Self.mostClasses else {
            return "\(decision.classes.count) classes: at most \(Self.mostClasses) are compared"
        }
        guard !train.features.isEmpty else { return "the model takes no columns of the table" }
        let fewest = min(train.count, subject.test.count)
        guard fewest >= Self.fewestRows else {
            return "\(Words.count(fewest, "row")) of training or test data: at least \(Self.fewestRows) are needed"
        }
        let labels = BenchmarkComparison.classes(of: targets, decision)
        guard Set(labels).count > 1 else { return "all training rows have the same outcome: give rows of both" }
        return nil
    }

    /// Trains the benchmark and compares answers on the test rows.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        guard let train = subject.train, let targets = subject.trainTargets, let decision = subject.decision else {
            return outcome(status: .notTested, reason: reasonNotToRun(on: subject))
        }
        let rows = sample(train.count, seed: context.seed)
        let labels = BenchmarkComparison.classes(of: targets, decision)
        let comparison = try BenchmarkComparison(
            train: rows.count == train.count ? train : train.rows(rows), labels: rows.map { labels[$0] },
            subject: subject, decision: decision, l2: l2, cancellation: context.cancellation)
        var outcome = outcome()
        outcome.settings = [
            "threshold": "\(threshold)", "l2": "\(l2)", "training rows": "\(rows.count)",
            "columns of the benchmark": "\(comparison.columns)",
        ]
        try BenchmarkAnalysis(probe: self, subject: subject, comparison: comparison, context: context)
            .append(to: &outcome)
        return outcome
    }

    private func sample(_ count: Int, seed: UInt64) -> [Int] {
        guard count > mostRows else { return Array(0..<count) }
        var generator = SeededGenerator(seed: seed, stream: 0xBE7)
        return (0..<count).shuffled(using: &generator).prefix(mostRows).sorted()
    }
}
