import CasemateCore
import CasemateData
import CasemateModels

/// Outliers among rows of which nobody knows that they are usual: each third is scored by detectors of the others, and
/// what is usual is extrapolated from the bulk of the scores.
///
/// No row is so compared with itself, and a few bad rows among the others shift neither scales nor thresholds. Bad rows
/// that are like many others pass for usual.
struct OutlierCrossFit: Sendable {
    /// A third.
    private struct Fold: Sendable {
        let ensemble: OutlierEnsemble
        let combination: OutlierCombination
        let rows: [Int]
        let raw: OutlierEnsemble.Raw
        let shuffled: [Double]
    }
    private var folds: [Fold] = []
    private let rows: FeatureMatrix
    private let settings: OutlierSettings
    /// Combined score of each row; `nil` where time ran out before it.
    private(set) var scores: [Double?]
    /// What is usual.
    let tail: TailTable
    /// Whether all rows were scored.
    let isComplete: Bool
    /// Number of thirds.
    static let parts = 3

    /// Fits and scores.
    /// - Throws: as `OutlierEnsemble`.
    init(_ rows: FeatureMatrix, settings: OutlierSettings, runtime: OnnxRuntime?, context: RunContext) throws {
        (self.rows, self.settings) = (rows, settings)
        var generator = SeededGenerator(seed: context.seed, stream: 0xF01D)
        let order = Array(0..<rows.count).shuffled(using: &generator)
        let fit = OutlierFit(rows: rows, settings: settings, runtime: runtime, context: context)
        var scores = [Double?](repeating: nil, count: rows.count)
        for part in 0..<Self.parts {
            if part > 0, let deadline = context.deadline, ContinuousClock.now >= deadline { break }
            let range = rows.count * part / Self.parts..<rows.count * (part + 1) / Self.parts
            let fold = try Self.fold(
                fit, others: Array(order[..<range.lowerBound] + order[range.upperBound...]), held: Array(order[range]))
            for (place, row) in fold.rows.enumerated() { scores[row] = fold.combination.score(fold.raw, row: place) }
            folds.append(fold)
            context.progress("outliers", part + 1, Self.parts)
        }
        self.scores = scores
        tail = .extrapolating(scores.compactMap(\.self))
        isComplete = folds.count == Self.parts
    }

    private static func fold(_ fit: OutlierFit, others: [Int], held: [Int]) throws -> Fold {
        // why: `others` stand in random order, so that their first ones are a sample.
        let affordable = max(500, 40_000_000 / max(1, fit.rows.features.count))
        let ensemble = try fit.ensemble(Array(others.prefix(min(fit.settings.fitRows, affordable))))
        let raw = try ensemble.raw(fit.rows.rows(held), context: fit.context)
        let sample = Array(held.prefix(min(fit.settings.calibrationRows, affordable)))
        let some = try fit.raw(ensemble, sample)
        let combination = OutlierCombination(
            ensemble.parts, held: some.held, shuffled: some.shuffled, fitted: ensemble.space.count)
        return Fold(
            ensemble: ensemble, combination: combination, rows: held, raw: raw,
            shuffled: combination.scores(some.shuffled))
    }

    /// Names of the detectors.
    var detectors: [String] { folds.first?.ensemble.parts.map(\.name) ?? [] }
    /// Whether columns that vary were left out.
    var leavesColumnsOut: Bool { folds.contains { $0.ensemble.space.isPart } }

    /// Mean over the thirds of what tells rows with shuffled columns from these rows, detector by detector.
    var areas: [Double] {
        detectors.indices.map { part in
            folds.reduce(0) { $0 + $1.combination.areas[part] } / Double(max(1, folds.count))
        }
    }

    /// The same of the combined score, over all rows.
    var telling: RankStatistics {
        let usual = scores.compactMap(\.self)
        let shuffled = folds.flatMap(\.shuffled)
        return RankStatistics(
            labels: usual.map { _ in false } + shuffled.map { _ in true }, scores: usual + shuffled)
    }

    /// The columns that make rows odd, by row.
    func columns(of wanted: Set<Int>) throws -> [Int: [OutlierScore.Column]] {
        var result: [Int: [OutlierScore.Column]] = [:]
        try rows.values.withUnsafeBufferPointer { values in
            for fold in folds {
                for (place, row) in fold.rows.enumerated() where wanted.contains(row) {
                    let claims = fold.combination.claims(fold.combination.parts(fold.raw, row: place))
                    result[row] = try fold.ensemble.columns(
                        values, at: row * rows.features.count, weights: claims, limit: settings.columns)
                }
            }
        }
        return result
    }
}
