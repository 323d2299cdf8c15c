import CasemateCore
import Foundation

/// The search for the rows whose covariance has the least determinant (FAST-MCD).
package struct MinimumCovariance {
    typealias Estimate = (location: [Double], covariance: [Double])
    private let rows: [Float]
    private let width: Int, count: Int
    private let settings: RobustMahalanobis.Settings
    private let context: RunContext

    init(_ rows: [Float], width: Int, settings: RobustMahalanobis.Settings, context: RunContext) {
        (self.rows, self.width, self.settings, self.context) = (rows, width, settings, context)
        count = width == 0 ? 0 : rows.count / width
    }

    /// Location and scatter, reweighted: the rows within the 97.5 % quantile of the raw estimate give the final one.
    mutating func estimate() throws -> Estimate {
        let all = Array(0..<count)
        let half = settings.support.map { Int(Double(count) * $0) } ?? (count + width + 2) / 2
        let held = min(count, max(half, min(count, width + 1)))
        if held == count { return moments(all) }
        let best = try concentrated(held, all)
        let raw = moments(best)
        guard let inverse = try inverse(raw.covariance) else { throw RobustMahalanobis.singular }
        let distances = distances(all, raw.location, inverse.inverse)
        let bound =
            Self.chiSquaredQuantile(0.975, degrees: width)
            * Self.consistency(Double(held) / Double(count), degrees: width)
        let kept = all.filter { distances[$0] < bound }
        guard kept.count > 1 else { return raw }
        var final = moments(kept)
        let factor = kept.count < count ? Self.consistency(0.975, degrees: width) : 1
        final.covariance = final.covariance.map { $0 * factor }
        return final
    }

    /// The best subset of `held` rows after concentration from many starts on a part, and from the best few on all.
    private func concentrated(_ held: Int, _ all: [Int]) throws -> [Int] {
        var generator = SeededGenerator(seed: context.seed, stream: 0x4D43_44)
        let part =
            count <= settings.startRows
            ? all : Array(all.shuffled(using: &generator).prefix(settings.startRows)).sorted()
        let heldInPart = max(min(part.count, width + 1), held * part.count / count)
        // why: a start costs a matrix inverse, so that wide data get fewer of them.
        let starts = max(4, min(settings.starts, settings.starts * 1_600 / max(1_600, width * width)))
        var found = [try concentrate(central(part, heldInPart), heldInPart, part, steps: 2)]
        for _ in 0..<starts {
            let drawn = Array(part.shuffled(using: &generator).prefix(min(part.count, width + 1)))
            if let ended = try? concentrate(drawn, heldInPart, part, steps: 2) { found.append(ended) }
            try context.cancellation.check()
        }
        found.sort { $0.logDeterminant < $1.logDeterminant }
        var best: (rows: [Int], logDeterminant: Double)?
        for start in found.prefix(width > 64 ? 2 : 5) {
            let ended = try concentrate(start.rows, held, all, steps: 60)
            if ended.logDeterminant < (best ?? (ended.rows, .infinity)).logDeterminant { best = ended }
        }
        guard let best else { throw RobustMahalanobis.singular }
        return best.rows
    }

    /// The rows nearest to the medians of the columns: a start that needs no luck.
    private func central(_ part: [Int], _ held: Int) -> [Int] {
        var sums = [Double](repeating: 0, count: part.count)
        for column in 0..<width {
            let values = part.map { Double(rows[$0 * width + column]) }
            let median = Bootstrap.quantile(values.sorted(), 0.5)
            for place in part.indices { sums[place] += (values[place] - median) * (values[place] - median) }
        }
        let order = part.indices.sorted { (sums[$0], $0) < (sums[$1], $1) }
        return order.prefix(held).map { part[$0] }
    }

    /// C-steps: the estimate of a subset, then the rows nearest by it, until nothing changes.
    private func concentrate(
        _ start: [Int], _ held: Int, _ part: [Int], steps: Int
    ) throws -> (rows: [Int], logDeterminant: Double) {
        var (chosen, last) = (start, Double.infinity)
        for _ in 0..<steps {
            try context.cancellation.check()
            let now = moments(chosen)
            guard let inverse = try inverse(now.covariance) else { throw RobustMahalanobis.singular }
            if chosen.count == held, last.isFinite, last - inverse.logDeterminant <= 1e-10 * abs(last) { break }
            if chosen.count == held { last = inverse.logDeterminant }
            let distances = distances(part, now.location, inverse.inverse)
            let order = part.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
            chosen = order.prefix(held).map { part[$0] }
        }
        let end = try inverse(moments(chosen).covariance)
        return (chosen, end?.logDeterminant ?? .infinity)
    }

    private func inverse(_ covariance: [Double]) throws -> (inverse: [Double], logDeterminant: Double)? {
        try SymmetricMatrix.inverse(covariance, size: width, check: context.cancellation.check)
    }

    /// Mean and covariance (over the count) of some rows, with the ridge.
    private func moments(_ chosen: [Int]) -> Estimate {
        let n = Double(max(1, chosen.count))
        var mean = [Double](repeating: 0, count: width)
        var products = [Double](repeating: 0, count: width * width)
        var gap = [Double](repeating: 0, count: width)
        rows.withUnsafeBufferPointer { rows in
            for row in chosen {
                for column in 0..<width { mean[column] += Double(rows[row * width + column]) }
            }
            for column in 0..<width { mean[column] /= n }
            products.withUnsafeMutableBufferPointer { products in
                gap.withUnsafeMutableBufferPointer { gap in
                    for row in chosen {
                        for column in 0..<width { gap[column] = Double(rows[row * width + column]) - mean[column] }
                        for one in 0..<width {
                            let value = gap[one]
                            for other in 0...one { products[one * width + other] += value * gap[other] }
                        }
                    }
                }
                for one in 0..<width {
                    for other in 0...one {
                        let value = products[one * width + other] / n + (one == other ? settings.ridge : 0)
                        products[one * width + other] = value
                        products[other * width + one] = value
                    }
                }
            }
        }
        return (mean, products)
    }

    private func distances(_ chosen: [Int], _ location: [Double], _ precision: [Double]) -> [Double] {
        let shape = RobustMahalanobis(location: location, precision: precision)
        var room = [Double](repeating: 0, count: width)
        return rows.withUnsafeBufferPointer { rows in
            guard let base = rows.baseAddress else { return [] }
            return chosen.map { shape.squaredDistance(base + $0 * width, &room) }
        }
    }
}

extension MinimumCovariance {
    /// What the covariance of the share of normal rows nearest to the centre is multiplied by to be theirs all.
    ///
    /// Source: Croux and Haesbroeck, 1999: `α / F(q; p + 2)`, q the α quantile of chi-squared with p degrees of freedom.
    static func consistency(_ share: Double, degrees: Int) -> Double {
        let half = Double(degrees) / 2
        let x = chiSquaredQuantile(share, degrees: degrees) / 2
        return share / max(share - exp(half * log(x) - x - lgamma(half + 1)), 1e-12)
    }

    /// The quantile of chi-squared, as the limit of beta variables: `2 b X / (1 - X)` for large b.
    package static func chiSquaredQuantile(_ p: Double, degrees: Int) -> Double {
        let large = 1e8
        let x = Distributions.betaQuantile(p, alpha: Double(degrees) / 2, beta: large)
        return 2 * large * x / (1 - x)
    }
}
