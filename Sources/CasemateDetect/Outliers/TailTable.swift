import CasemateCore
import Foundation

/// How often a score at least as high is to be expected.
enum TailTable: Hashable, Sendable {
    /// By counting rows that are known to be like the usual ones: `(1 + those at least as high) / (1 + rows)`, and
    /// beyond the highest an exponential tail with the mean excess of the highest 5 %, cautiously. Scores ascending.
    case counted(scores: [Double], unit: Double)
    /// By a normal tail through the middle of the scores, for rows among which some may be bad.
    case extrapolated(centre: Double, unit: Double)

    /// Counts scores; there must be at least one.
    static func counting(_ scores: [Double]) -> TailTable {
        let sorted = scores.sorted()
        let top = sorted.suffix(max(2, sorted.count / 20))
        let excess = top.reduce(0) { $0 + $1 - (top.first ?? 0) } / Double(max(1, top.count - 1))
        return .counted(scores: sorted, unit: max(caution * excess, 1e-9))
    }

    /// How much wider than measured the tail is taken beyond what was counted.
    private static var caution: Double { 1.15 }

    /// Extrapolates from the quantiles around three quarters, which a few bad rows hardly move, or from the 90 %
    /// quantile where that makes the wider tail, as rare kinds of rows do; there must be at least one score.
    ///
    /// The tail is taken wider by two standard errors of the former, and by 1 in 100 for what real data deviate.
    static func extrapolating(_ scores: [Double]) -> TailTable {
        let sorted = scores.sorted()
        let median = Bootstrap.quantile(sorted, 0.5)
        let units = [0.7, 0.75, 0.8, 0.9].map {
            (Bootstrap.quantile(sorted, $0) - median) / Distributions.normalQuantile($0)
        }
        let unit = max(units.prefix(3).reduce(0, +) / 3, units[3])
        // why 2.02: √(¾ · ¼) over the normal density at that quantile and over the quantile itself.
        let error = 2.02 / Double(max(1, scores.count)).squareRoot()
        return .extrapolated(centre: median, unit: max(1e-9, unit * (1.01 + 2 * error)))
    }

    /// The probability of a score at least as high, above 0.
    func probability(of score: Double) -> Double {
        switch self {
        case .counted(let scores, let unit):
            var (low, high) = (0, scores.count)
            while low < high {
                let middle = (low + high) / 2
                if scores[middle] < score { low = middle + 1 } else { high = middle }
            }
            let counted = Double(1 + scores.count - low) / Double(1 + scores.count)
            guard let last = scores.last, score > last else { return counted }
            return max(counted * exp(-min((score - last) / unit, 600)), 1e-300)
        case .extrapolated(let centre, let unit):
            return max(Distributions.normalCDF(-(score - centre) / unit), 1e-300)
        }
    }
}
