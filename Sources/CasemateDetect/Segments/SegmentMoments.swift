import CasemateCore
import Foundation

/// Tests whether some of a number of values are a random part of them by their mean.
struct SegmentMoments {
    let count: Int
    let mean: Double, variance: Double, skewness: Double
    /// Whether all are 0 or 1: then shares are compared, exactly.
    let isBinary: Bool

    init(_ values: [Double]) {
        count = values.count
        isBinary = values.allSatisfy { $0 == 0 || $0 == 1 }
        let total = Double(values.count)
        let mean = values.reduce(0, +) / total
        var (squares, cubes) = (0.0, 0.0)
        for value in values {
            let part = value - mean
            squares += part * part
            cubes += part * part * part
        }
        (self.mean, variance) = (mean, squares / total)
        skewness = squares > 0 ? cubes / total / (squares / total * (squares / total).squareRoot()) : 0
    }

    /// How clearly the mean of `part` values that sum to `sum` differs: the square of a standard normal deviate, 0 in a
    /// direction that is not asked for.
    ///
    /// A few rows with large values must not look clearer than they are, so shares take the likelihood ratio and other
    /// values the correction for skewness.
    func quality(part: Int, sum: Double, direction: SegmentSearch.Direction) -> Double {
        guard let z = deviate(part, sum) else { return 0 }
        switch direction {
        case .higher where z < 0, .lower where z > 0: return 0
        default: break
        }
        if isBinary { return likelihoodRatio(part, sum) }
        let corrected = corrected(z, part)
        return corrected * corrected
    }

    /// p-value that `part` is a random part of the values; two-sided, or one-sided in a direction. `nil` where it holds
    /// all of them or they are all the same.
    func pValue(of part: [Double], direction: SegmentSearch.Direction) -> Double? {
        let sum = part.reduce(0, +)
        guard let z = deviate(part.count, sum) else { return nil }
        if (direction == .higher && z < 0) || (direction == .lower && z > 0) { return 1 }
        let sides: Double = direction == .any ? 2 : 1
        if isBinary { return min(1, sides * hypergeometricTail(Int(sum.rounded()), of: part.count, isUpper: z > 0)) }
        let permutation = Distributions.normalCDF(-corrected(z, part.count))
        // why: the permutation test takes both variances for equal, Welch's does not. The larger p-value stands.
        return min(1, sides * max(permutation, welch(part, sum)))
    }

    /// Deviation of the mean from that of a random part of this size, in standard deviations; drawn without
    /// replacement.
    private func deviate(_ part: Int, _ sum: Double) -> Double? {
        let (n, total) = (Double(part), Double(count))
        guard part > 0, n < total, variance > 1e-300 else { return nil }
        return (sum / n - mean) / (variance / n * (total - n) / (total - 1)).squareRoot()
    }

    /// The absolute deviate, made smaller where the values have a long tail on its side.
    ///
    /// First term of the expansion of Cornish and Fisher (1938) with the skewness of a mean drawn without replacement,
    /// held at its largest value where the expansion turns.
    private func corrected(_ z: Double, _ part: Int) -> Double {
        let (n, total) = (Double(part), Double(count))
        guard total > 2 else { return abs(z) }
        let shape = (total - 2 * n) / (total - 2) * ((total - 1) / (n * (total - n))).squareRoot() * skewness
        let tail = z < 0 ? -shape : shape
        guard tail > 0 else { return abs(z) }
        let bounded = min(abs(z), 3 / tail)
        return max(0, min(abs(z), bounded - tail * (bounded * bounded - 1) / 6))
    }

    private func likelihoodRatio(_ part: Int, _ sum: Double) -> Double {
        let (n, total, all) = (Double(part), Double(count), mean * Double(count))
        func term(_ k: Double, _ n: Double) -> Double { k < 0.5 ? 0 : k * Foundation.log(k / n) }
        let split =
            term(sum, n) + term(n - sum, n) + term(all - sum, total - n) + term(total - n - all + sum, total - n)
        return max(0, 2 * (split - term(all, total) - term(total - all, total)))
    }

    private func hypergeometricTail(_ successes: Int, of draws: Int, isUpper: Bool) -> Double {
        let marked = Int((mean * Double(count)).rounded())
        let (least, most) = (max(0, draws + marked - count), min(draws, marked))
        guard least <= successes, successes <= most else { return 1 }
        return (isUpper ? successes...most : least...successes).reduce(0) {
            $0 + Distributions.hypergeometric(successes: $1, draws: draws, marked: marked, population: count)
        }
    }

    /// Welch's one-sided p-value of the part against the rest.
    private func welch(_ part: [Double], _ sum: Double) -> Double {
        let (n, m) = (Double(part.count), Double(count - part.count))
        guard n > 1, m > 1 else { return 1 }
        let (inside, outside) = (sum / n, (mean * Double(count) - sum) / m)
        let squares = part.reduce(0) { $0 + ($1 - inside) * ($1 - inside) }
        // why: the total sum of squares splits into those within both parts and that between their means.
        let between = n * (inside - mean) * (inside - mean) + m * (outside - mean) * (outside - mean)
        let rest = max(0, variance * Double(count) - between - squares)
        let (a, b) = (squares / (n - 1) / n, rest / (m - 1) / m)
        guard a + b > 0 else { return 0 }
        let degrees = (a + b) * (a + b) / (a * a / (n - 1) + b * b / (m - 1))
        return Distributions.studentSurvival(abs(inside - outside) / (a + b).squareRoot(), degrees: degrees)
    }
}
