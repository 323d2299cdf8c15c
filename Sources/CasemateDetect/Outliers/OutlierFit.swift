import CasemateCore
import CasemateData
import CasemateModels

/// Fits detectors on parts of rows and asks them about the others.
struct OutlierFit: Sendable {
    let rows: FeatureMatrix
    let settings: OutlierSettings
    let runtime: OnnxRuntime?
    let context: RunContext

    /// Detectors of some rows.
    func ensemble(_ chosen: [Int]) throws -> OutlierEnsemble {
        try OutlierEnsemble(rows.rows(chosen), settings: settings, runtime: runtime, context: context)
    }

    /// Raw scores of some rows, and of the same ones with shuffled columns.
    func raw(
        _ ensemble: OutlierEnsemble, _ chosen: [Int]
    ) throws -> (held: OutlierEnsemble.Raw, shuffled: OutlierEnsemble.Raw) {
        let held = rows.rows(chosen)
        return (
            try ensemble.raw(held, context: context),
            try ensemble.raw(held.shuffledColumns(seed: context.seed), context: context)
        )
    }

    /// The same for all rows given, each fifth by detectors of the others, in their order.
    func crossed(
        _ order: [Int], folds: Int = 5
    ) throws -> (held: OutlierEnsemble.Raw, shuffled: OutlierEnsemble.Raw) {
        var held = OutlierEnsemble.Raw(scores: [], news: [])
        var shuffled = held
        for fold in 0..<folds {
            let range = order.count * fold / folds..<order.count * (fold + 1) / folds
            let others = Array(order[..<range.lowerBound] + order[range.upperBound...])
            let found = try raw(try ensemble(others), Array(order[range]))
            held.scores += found.held.scores
            held.news += found.held.news
            shuffled.scores += found.shuffled.scores
            shuffled.news += found.shuffled.news
        }
        return (held, shuffled)
    }
}
