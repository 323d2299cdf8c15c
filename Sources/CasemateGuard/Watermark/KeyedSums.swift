import CasemateCore
import Foundation

/// How unlikely a sum over keyed coin tosses is when what they are multiplied with was made without the key.
///
/// The bounds hold for any weights whatever: only the key is random. So they accuse no model for being wrong.
package enum KeyedSums {
    /// A bound on the chance of a sum of weights with fair signs that is at least this many times their norm.
    ///
    /// The smaller of exp(-z²/2) (Hoeffding) and 3.178 times the normal tail, which holds for every choice of weights.
    /// Source: Bentkus and Dzindzalieta, "A tight Gaussian bound for weighted sums of Rademacher random variables",
    /// Bernoulli 21(2), 2015.
    package static func fairBound(_ z: Double) -> Double {
        guard z > 0 else { return 1 }
        let tail = 0.5 * erfc(z / 2.0.squareRoot())
        return min(1, exp(-z * z / 2), 3.178 * tail)
    }

    /// A bound on the chance of a sum of weights, each taken with a chance of its own, that is at least as large as that
    /// of those that were taken (Chernoff, at the best exponent).
    /// - Parameters:
    ///   - weights: Any numbers.
    ///   - chances: In 0..<1.
    ///   - isTaken: Which were taken.
    package static func takenBound(_ weights: [Double], chances: [Double], isTaken: [Bool]) -> Double {
        let largest = weights.reduce(0) { max($0, abs($1)) }
        guard largest > 0, largest.isFinite else { return 1 }
        let scaled = weights.map { $0 / largest }
        var (sum, mean) = (0.0, 0.0)
        for index in scaled.indices {
            if isTaken[index] { sum += scaled[index] }
            mean += chances[index] * scaled[index]
        }
        guard sum > mean else { return 1 }
        func logBound(_ exponent: Double) -> Double {
            var total = -exponent * sum
            for index in scaled.indices { total += log1p(chances[index] * expm1(exponent * scaled[index])) }
            return total
        }
        // why: the bound holds for every exponent and is convex in it, so any search for the lowest will do.
        var (low, high) = (0.0, 64.0)
        for _ in 0..<80 {
            let (one, other) = (low + (high - low) / 3, high - (high - low) / 3)
            if logBound(one) < logBound(other) { high = other } else { low = one }
        }
        return min(1, exp(logBound((low + high) / 2)))
    }
}
