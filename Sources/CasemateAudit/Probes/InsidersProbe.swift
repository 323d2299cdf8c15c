public import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels

/// Looks at how insiders fare beside people like them: by labels in the data, and by scores of the model.
///
/// Definitions, sources and blind spots: `docs/probes/insiders.md`.
public struct InsidersProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "insiders"
    /// Heading in reports.
    public static let title = "Self-reflection: insiders beside their peers"
    /// What it examines.
    public static let purpose = "how insiders fare beside their peers"
    /// Somebody inside bends data or model in favour of a few.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training, .deployment], influence: .causative, violations: [.integrity],
        specificity: .targeted, knowledge: [.trainingData], atlas: ["AML.T0020"], owasp: ["ML02"],
        nist: ["NISTAML.024"])
    /// Keys under `probes.insiders`.
    public static let settings: [Setting<InsidersProbe>] = [
        .integer(
            "peers", \.peers, PeerSearch.fewest...1_000, "people like an insider that the insider is compared with"),
        .integer(
            "permutations", \.permutations, 999...1_000_000,
            "permutations of the test; the smallest p-value is 1 in "
                + "one more than these"),
        .integer(
            "min_insiders", \.minimum, 2...1_000_000, "fewer insiders give figures but no finding"),
        .number("effect", \.effect, .number(0...10), "smallest difference that counts, in standard deviations"),
        .number("alpha", \.alpha, .share, "level of significance after Holm's adjustment"),
    ]
    /// One group for each data file.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["data"] }

    /// People that an insider is compared with.
    public var peers = 20
    /// Permutations of the test.
    public var permutations = 9_999
    /// Fewer insiders give figures but no finding.
    public var minimum = 8
    /// Smallest difference that counts, in standard deviations of all rows.
    public var effect = 0.1
    /// Level of significance after Holm's adjustment over labels and scores of both files.
    public var alpha = 0.01

    /// Creates the probe.
    public init() {}

    /// Needs a file of insiders and a favourable outcome.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        guard subject.insiders != nil else {
            return "no file of insiders is named: add `insiders: {path: FILE, column: COLUMN}`"
        }
        guard subject.favourable != nil else {
            return "no favourable outcome is declared: add `favourable:` under `data:`"
        }
        return nil
    }

    /// Compares insiders with their peers in training and test data.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        var outcome = outcome()
        guard let insiders = subject.insiders else { return outcome }
        let search = PeerSearch(peers: peers)
        outcome.settings = [
            "peers": "\(peers)", "permutations": "\(permutations)", "smallest effect": "\(effect)", "alpha": "\(alpha)",
            "rows that peers are sought among": "\(search.candidateLimit) at most",
        ]
        var measures: [InsiderMeasure] = []
        for (name, matrix, rows) in [
            ("train", subject.train, insiders.train), ("test", subject.test, insiders.test),
        ] {
            guard let matrix, !rows.isEmpty else { continue }
            guard let matched = try search.match(rows, in: matrix, context: context) else {
                outcome.summary.append(
                    "Hardly anybody in the \(InsiderMeasure.words(name)) is no insider: insufficient data.")
                continue
            }
            outcome.metrics += [
                Metric("insiders.rows", Double(matched.rows.count), n: matched.asked, group: "data=\(name)"),
                Metric("insiders.unmatched", Double(matched.unmatched.count), n: matched.asked, group: "data=\(name)"),
            ]
            for (kind, values) in try self.values(name, subject, context) {
                let comparison = try PeerComparison(
                    values, matched: matched, permutations: permutations, seed: context.seed,
                    cancellation: context.cancellation)
                measures.append(InsiderMeasure(kind: kind, data: name, values: values, comparison, matched))
            }
        }
        outcome.metrics.append(
            Metric("insiders.missing", Double(insiders.missing), n: insiders.named, note: "names in the file"))
        let adjusted = HypothesisTests.holm(measures.map { $0.comparison.pValue ?? 1 })
        InsidersReport(probe: self, subject: subject, insiders: insiders, measures: measures, adjusted: adjusted)
            .append(to: &outcome)
        return outcome
    }

    /// What the rows of a file are compared by, high is good.
    private func values(
        _ name: String, _ subject: AuditSubject, _ context: RunContext
    ) throws -> [(InsiderMeasure.Kind, [Double])] {
        let isTrain = name == "train"
        var found: [(InsiderMeasure.Kind, [Double])] = []
        if !isTrain {
            found.append((.label, (0..<subject.test.count).map { subject.isFavourableLabel($0) ? 1 : 0 }))
        } else if subject.trainTargets != nil, let count = subject.train?.count {
            found.append((.label, (0..<count).map { subject.isFavourableTrainLabel($0) ? 1 : 0 }))
        }
        let predictions = isTrain ? try subject.trainPredictions(context: context) : subject.predictions
        if let predictions { found.append((.score, Self.favourableScores(predictions, subject))) }
        return found
    }

    /// The score of the favourable outcome of each row; the decision itself where a model gives labels only.
    static func favourableScores(_ predictions: Predictions, _ subject: AuditSubject) -> [Double] {
        guard let decision = subject.decision, let favourable = subject.favourable else { return [] }
        if case .value = decision.kind {
            let sign: Double = favourable == 1 ? 1 : -1
            return predictions.scores.map { sign * Double($0) }
        }
        if predictions.kind == .labels { return decision.decide(predictions).map { Int($0) == favourable ? 1 : 0 } }
        let width = predictions.classes.count
        return (0..<predictions.count).map { Double(predictions.scores[$0 * width + favourable]) }
    }
}

/// One comparison of insiders with their peers.
struct InsiderMeasure {
    /// What is compared.
    enum Kind: String { case label, score }
    let kind: Kind
    /// `train` or `test`.
    let data: String
    let comparison: PeerComparison
    let matched: MatchedPeers
    /// Standard deviation of the value over all rows.
    let deviation: Double

    init(kind: Kind, data: String, values: [Double], _ comparison: PeerComparison, _ matched: MatchedPeers) {
        (self.kind, self.data, self.comparison, self.matched) = (kind, data, comparison, matched)
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, values.count))).squareRoot()
    }

    static func words(_ data: String) -> String { data == "train" ? "training data" : "test data" }
    /// `labels in the training data`.
    var words: String { "\(kind == .label ? "labels" : "scores") in the \(Self.words(data))" }
    /// Insiders compared.
    var count: Int { matched.rows.count }
}
