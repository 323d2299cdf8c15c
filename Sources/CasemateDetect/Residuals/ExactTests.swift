import Foundation

/// Tails of discrete distributions by exact summation.
package enum ExactTests {
    /// Probability of at least `successes` in `trials` that each succeed with probability `share`.
    package static func binomial(atLeast successes: Int, trials: Int, share: Double) -> Double {
        guard successes > 0 else { return 1 }
        guard successes <= trials, share > 0 else { return 0 }
        guard share < 1 else { return 1 }
        let (p, q) = (Foundation.log(share), Foundation.log1p(-share))
        let sum = (successes...trials).reduce(0.0) { sum, k in
            sum + Foundation.exp(logChoose(trials, k) + Double(k) * p + Double(trials - k) * q)
        }
        return min(1, sum)
    }

    /// Probability of at least `successes` in trials that succeed with the given probabilities, each for itself.
    package static func poissonBinomial(atLeast successes: Int, chances: [Double]) -> Double {
        guard successes > 0 else { return 1 }
        guard successes <= chances.count else { return 0 }
        // why: only counts below the observed one are followed; the rest is their complement.
        var below = [Double](repeating: 0, count: successes)
        below[0] = 1
        for chance in chances {
            for count in stride(from: successes - 1, to: 0, by: -1) {
                below[count] = below[count] * (1 - chance) + below[count - 1] * chance
            }
            below[0] *= 1 - chance
        }
        return min(1, max(0, 1 - below.reduce(0, +)))
    }

    private static func logChoose(_ n: Int, _ k: Int) -> Double {
        Foundation.lgamma(Double(n) + 1) - Foundation.lgamma(Double(k) + 1) - Foundation.lgamma(Double(n - k) + 1)
    }
}
