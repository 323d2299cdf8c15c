import CasemateCore
package import CasemateData
import CasemateModels

/// How the detectors' scores become one.
struct OutlierCombination: Hashable, Sendable {
    /// Scale of each part.
    let scales: [ScoreScale]
    /// Weight of each part; they sum to 1.
    let weights: [Double]
    /// What a value of a kind that was never seen adds: the normal quantile of 1 in (rows + 1), the chance of meeting
    /// something for the first time in one more row.
    let novelty: Double
    /// Areas under the ROC curve of telling rows with exchanged cells from held-out rows: of the parts.
    let areas: [Double]

    init(scales: [ScoreScale], weights: [Double], novelty: Double, areas: [Double]) {
        (self.scales, self.weights, self.novelty, self.areas) = (scales, weights, novelty, areas)
    }

    /// Learns scales from rows that the detectors did not see, and weights from how well each tells these rows from the
    /// same ones with every column shuffled by itself.
    ///
    /// A weight is the fourth power of `Φ⁻¹(area)`, which is in proportion to the distance of two normal distributions
    /// of that area; no part has less than a twentieth of the best one's. The two scatters share one place.
    init(_ parts: [OutlierEnsemble.Part], held: OutlierEnsemble.Raw, shuffled: OutlierEnsemble.Raw, fitted: Int) {
        func column(_ raw: OutlierEnsemble.Raw, _ part: Int) -> [Double] {
            stride(from: part, to: raw.scores.count, by: parts.count).map { raw.scores[$0] }
        }
        let labels = [Bool](repeating: false, count: held.count) + [Bool](repeating: true, count: shuffled.count)
        areas = parts.indices.map { part in
            RankStatistics(labels: labels, scores: column(held, part) + column(shuffled, part)).area ?? 0.5
        }
        let powers = areas.map { area in
            let gap = Distributions.normalQuantile(min(max(area, 0.5), 0.995))
            return gap * gap * gap * gap
        }
        let least = max(0.05 * (powers.max() ?? 0), 1e-3)
        let raw = zip(parts, powers).map { part, power in
            max(least, power) * (part == .robustScatter || part == .rankScatter ? 0.5 : 1)
        }
        let total = raw.reduce(0, +)
        weights = raw.map { $0 / total }
        scales = parts.indices.map { ScoreScale(column(held, $0)) }
        novelty = Distributions.normalQuantile(1 - 1 / Double(fitted + 2))
    }

    /// The normal quantiles of the parts of a row.
    func parts(_ raw: OutlierEnsemble.Raw, row: Int) -> [Double] {
        scales.indices.map { scales[$0].quantile(of: raw.scores[row * scales.count + $0]) }
    }

    /// The combined score of a row.
    func score(_ raw: OutlierEnsemble.Raw, row: Int) -> Double {
        var sum = 0.0
        for part in scales.indices {
            sum += weights[part] * scales[part].quantile(of: raw.scores[row * scales.count + part])
        }
        // why: what was never seen is odd however usual the rest of the row is.
        return raw.news[row] == 0 ? sum : max(0, sum) + novelty * Double(raw.news[row])
    }

    /// The combined scores of all rows.
    func scores(_ raw: OutlierEnsemble.Raw) -> [Double] { (0..<raw.count).map { score(raw, row: $0) } }

    /// How much each part counts towards the columns that are named: its weight times its normal quantile.
    func claims(_ parts: [Double]) -> [Double] { zip(weights, parts).map { $0 * max(0, min($1, 20)) } }
}

extension FeatureMatrix {
    /// The same rows with every column shuffled by itself: the values of each column stay, what they have to do with
    /// each other goes.
    package func shuffledColumns(seed: UInt64) -> FeatureMatrix {
        var result = self
        let width = features.count
        for column in 0..<width {
            var generator = SeededGenerator(seed: seed, stream: 0x5A0F_F1E0 &+ UInt64(column))
            for row in stride(from: count - 1, to: 0, by: -1) {
                let other = Int.random(in: 0...row, using: &generator)
                result.values.swapAt(row * width + column, other * width + column)
            }
        }
        return result
    }
}
