public import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import Synchronization

/// Says how unlike the usual rows a request is.
///
/// The score is `-log10` of how often a usual request would be as odd: 3 for one in a thousand. Of a request of many rows
/// some are drawn and scored, so that no request takes long.
public struct AnomalyStage: GuardStage {
    /// Name in `guard.yaml`, records and metrics.
    public static let identifier = "anomaly"
    /// Heading on pages.
    public static let title = "Odd inputs"
    /// What it does.
    public static let purpose = "says how unlike the rows that a profile was made of a request is"
    /// The threats that it stands against.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity],
        atlas: ["AML.T0015", "AML.T0043"], owasp: ["ML01"], nist: ["NISTAML.022"])
    /// Keys under the stage.
    public static let keys = AnomalySettings.keys

    private let settings: AnomalySettings
    private let layout: ProfileLayout
    private let detector: OutlierDetector
    private let rate: Double
    /// Most rows that are scored.
    private let mostRows: Int
    private let scored: MetricsRegistry.Cell, odd: MetricsRegistry.Cell

    /// Cells that are scored in one request at most; a row of more columns takes longer.
    private static let mostCells = 12_544

    /// Creates the stage.
    /// - Throws: `invalidSetting` without a profile, `notFound` for one that is not there or has no detector, `mismatch`
    ///   for one of another model; what reading it throws.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        let plan = try AnomalySettings(settings)
        guard let model = setup.model else {
            throw CasemateError(.invalidSetting, at: plan.place, "there is no model", help: "put it under a model")
        }
        let folder = setup.path(plan.profile)
        let profile = try GuardProfile(folder: folder)
        layout = try ProfileLayout(profile, model: model, allowOther: plan.allowsOther, at: plan.place)
        // why kept: its index is made anew when it is read, which takes seconds for many rows.
        let kept = setup.memory.object("anomaly.\(model.name)/\(model.version)") { KeptDetector() }
        detector = try kept.detector(profile.files.outliers ?? "") {
            try profile.detector(in: folder, cancellation: setup.context.cancellation)
        }
        (self.settings, rate) = (plan, plan.rate ?? profile.rate)
        mostRows = max(1, min(plan.mostRows, Self.mostCells / max(1, layout.features.count)))
        let labels = [("model", model.name)]
        scored = setup.metrics.counter("casemate_anomaly_rows_total", "Rows that were scored.", labels)
        odd = setup.metrics.counter("casemate_anomaly_odd_rows_total", "Scored rows beyond the rate.", labels)
    }

    /// Scores the rows of a request, or some of them, and says whether it is odd.
    public func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict {
        guard let values = layout.rows(of: request) else { return .pass }
        let width = layout.features.count
        var found = Found()
        let chosen = rows(of: request.rows, exchange.id)
        for row in chosen {
            let score = try detector.score(row: layout.profileOrder(values[row * width..<(row + 1) * width]))
            found.add(score, isOdd: score.tailProbability <= rate)
        }
        scored.add(Double(chosen.count))
        if found.odd > 0 { odd.add(Double(found.odd)) }
        // why times rows: the oddest of many usual rows is odder than one.
        let probability = min(1, found.least * Double(chosen.count))
        let isOdd =
            settings.share.map { found.odd > 0 && Double(found.odd) >= $0 * Double(chosen.count) }
            ?? (probability <= rate)
        // why rounded: records are read by people, and a score is no finer than this.
        let score = (-log10(max(probability, 1e-300)) * 1_000).rounded() / 1_000
        guard isOdd else { return StageVerdict(.pass, score: score) }
        let names = detector.features
        let reasons = ["odd"] + found.columns.map { "odd:\(names[$0].name.prefix(100))" }
        return StageVerdict(consequence, score: score, reasons: reasons)
    }

    private var consequence: StageVerdict.Consequence {
        switch settings.action {
        case .flag: .flag
        case .degrade: .degrade
        case .hold: .hold
        case .delay: .delay(settings.delay)
        case .refuse:
            .refuse(GuardRefusal(.unprocessable, "the values are unlike any that the model knows", reason: "odd"))
        }
    }

    /// The rows that are scored: all, or some that nobody can foresee, the same for the same request identifier.
    private func rows(of count: Int, _ identifier: String) -> [Int] {
        guard count > mostRows else { return Array(0..<count) }
        var generator = SeededGenerator(seed: UInt64(identifier, radix: 16) ?? 0, stream: 0xA0D)
        // why strata: one row of each equal part is a draw without looking for repeats.
        return (0..<mostRows).map { part in
            Int.random(in: part * count / mostRows..<(part + 1) * count / mostRows, using: &generator)
        }
    }
}

/// What the rows of a request showed.
private struct Found {
    var odd = 0
    /// Smallest probability of a usual row that is as odd.
    var least = 1.0
    /// Columns that made the oddest row so.
    var columns: [Int] = []

    mutating func add(_ score: OutlierScore, isOdd: Bool) {
        if isOdd { odd += 1 }
        if score.tailProbability < least {
            (least, columns) = (score.tailProbability, score.columns.map(\.feature))
        }
    }
}

/// The detector of a model in force, read again only when its file is another.
private final class KeptDetector: Sendable {
    private let kept = Mutex<(digest: String, detector: OutlierDetector)?>(nil)

    func detector(_ digest: String, read: () throws -> OutlierDetector) throws -> OutlierDetector {
        if let found = kept.withLock({ $0 }), !digest.isEmpty, found.digest == digest { return found.detector }
        let detector = try read()
        kept.withLock { $0 = (digest, detector) }
        return detector
    }
}
