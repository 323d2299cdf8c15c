public import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

/// Looks for training rows that got the good outcome against the odds, as labels do that somebody changed for a friend,
/// and for the sources, times and segments in which they gather.
///
/// Definitions, sources and blind spots: `docs/probes/residuals.md`.
public struct ResidualsProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "residuals"
    /// Heading in reports.
    public static let title = "Outcomes against the odds"
    /// What it examines.
    public static let purpose = "training rows that got the good outcome against the odds"
    /// Changed labels in the training data.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.trainingData], atlas: ["AML.T0020"], owasp: ["ML02"],
        nist: ["NISTAML.024"])

    /// Its settings.
    public static let settings: [Setting<ResidualsProbe>] = [
        .integer("folds", \.folds, 2...100, "folds of the cross-validation"),
        .integer("trees", \.trees, 1...10_000, "boosted trees in each fold"),
        .integer("leaves", \.leaves, 2...1_024, "leaves of each tree; many leaves learn planted labels too"),
        .number(
            "top_share", \.topShare, .share,
            "share of rows that counts as the most surprising ones"),
        .number("tail_share", \.tailShare, .share, "share of rows that counts as having the poorest odds"),
        .integer(
            "windows", \.windows, 2...1_000, "windows of time with as many rows each, where `data.time` is declared"),
        .integer("min_group", \.minimumGroup, 2...1_000_000_000, "sources and segments with fewer rows are not tested"),
        .integer("max_rows", \.mostRows, 200...10_000_000, "training rows examined; more are sampled with the seed"),
        .integer("shown", \.shown, 0...100_000, "rows listed in each direction"),
        .number("alpha", \.alpha, .share, "level of significance after Holm's adjustment"),
    ]
    /// Folds of the cross-validation, boosted trees in each, and leaves of each tree.
    public var folds = 5, trees = 100, leaves = 8
    /// Share of rows that counts as the most surprising ones, and as having the poorest odds.
    public var topShare = 0.01, tailShare = 0.05
    /// Windows of time.
    public var windows = 10
    /// Sources and segments with fewer rows are not tested.
    public var minimumGroup = 30
    /// Training rows examined.
    public var mostRows = 50_000
    /// Rows listed in each direction.
    public var shown = 10
    /// Level of significance after Holm's adjustment.
    public var alpha = 0.05

    /// Fewest training rows, and fewest of either outcome.
    static let fewestRows = 200, fewestOutcomes = 20

    /// Creates the probe.
    public init() {}

    /// Directions, sources and times.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] {
        ["direction", "source", "time"]
    }

    /// Needs LightGBM, labelled training data and a favourable outcome.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        if subject.model.model.signature.layout == .text { return "rows of one text have no segments" }
        guard let train = subject.train else { return "no training data are declared: add `train: …` under `data:`" }
        guard subject.trainTargets != nil else {
            return "the training data lack the target: give a file with the column '\(subject.roles.target ?? "")'"
        }
        guard subject.decision != nil else {
            return "a regression has outcomes only from a threshold on: add `decision: {threshold: …}`"
        }
        guard subject.favourable != nil else {
            return "no favourable outcome is declared: add `favourable:` under `data:`"
        }
        guard !train.features.isEmpty else { return "the model takes no columns of the table" }
        let favourable = (0..<train.count).count(where: subject.isFavourableTrainLabel)
        guard train.count >= Self.fewestRows else {
            return "\(Words.count(train.count, "training row")): residuals need at least \(Self.fewestRows)"
        }
        let rare = min(favourable, train.count - favourable)
        guard rare >= Self.fewestOutcomes else {
            return rare == 0
                ? "all training rows have the same outcome: give rows of both"
                : "\(Words.count(rare, "training row")) of the rarer outcome: residuals need at least "
                    + "\(Self.fewestOutcomes)"
        }
        guard subject.boosting != nil else { return AuditSubject.boostingMissing }
        return nil
    }

    /// Predicts every training row out of fold and ranks the surprises.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        guard let train = subject.train, let engine = subject.boosting else {
            return outcome(status: .notTested, reason: reasonNotToRun(on: subject))
        }
        var outcome = outcome()
        let rows = sample(train.count, seed: context.seed)
        let matrix = rows.count == train.count ? train : train.rows(rows)
        let residuals = try residuals(of: matrix, rows, subject, engine, context)
        outcome.settings = [
            "folds": "\(folds)", "trees": "\(trees)", "leaves": "\(leaves)", "top share": "\(topShare)",
            "tail share": "\(tailShare)", "training rows": "\(rows.count)",
        ]
        if rows.count < train.count {
            outcome.summary.append(
                "\(rows.count) of \(train.count) training rows were examined, drawn with the seed; raise "
                    + "`probes.residuals.max_rows` for all.")
        }
        let analysis = ResidualsAnalysis(
            probe: self, subject: subject, rows: rows, matrix: matrix, residuals: residuals, context: context)
        try analysis.append(to: &outcome)
        return outcome
    }

    private func sample(_ count: Int, seed: UInt64) -> [Int] {
        guard count > mostRows else { return Array(0..<count) }
        var generator = SeededGenerator(seed: seed, stream: 0x4E5)
        return (0..<count).shuffled(using: &generator).prefix(mostRows).sorted()
    }

    private func residuals(
        of matrix: FeatureMatrix, _ rows: [Int], _ subject: AuditSubject, _ engine: LightGBM, _ context: RunContext
    ) throws -> OddsResiduals {
        var predictor = OutOfFold()
        (predictor.folds, predictor.trees, predictor.leaves) = (folds, trees, leaves)
        let outcomes = rows.map(subject.isFavourableTrainLabel)
        if case .values(let values)? = subject.trainTargets {
            let targets = rows.map { values[$0] }
            let answers = try predictor.values(of: matrix, targets: targets, engine: engine, context: context)
            return OddsResiduals(
                targets: targets, outOfFold: answers, isHighFavourable: subject.favourable == 1, outcomes: outcomes)
        }
        predictor.folds = min(folds, outcomes.count { $0 }, outcomes.count { !$0 })
        let chances = try predictor.probabilities(of: matrix, outcomes: outcomes, engine: engine, context: context)
        return try OddsResiduals(outcomes: outcomes, outOfFold: chances, cancellation: context.cancellation)
    }
}
