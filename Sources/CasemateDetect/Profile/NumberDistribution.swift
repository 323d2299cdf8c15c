import CasemateCore

/// How numbers are spread: every value with its count where they are few, else counts between fixed edges.
///
/// Edges are quantiles of a sample; a value that is frequent there has a bin of its own, from itself to the next double.
/// Every row is counted, so that the share of rows below an edge is exact.
public struct NumberDistribution: Hashable, Sendable, Codable {
    /// Whether `points` are values; else they are edges.
    public let isExact: Bool
    /// Values, or edges of bins; ascending.
    public let points: [Double]
    /// Rows of each value; or rows below the first edge, from each edge (included) to the next, and from the last on.
    public let counts: [Int]
    /// The most values that are listed one by one.
    public static let valueLimit = 1024

    /// Makes a distribution; `counts` fits `points`.
    public init(isExact: Bool, points: [Double], counts: [Int]) {
        precondition(counts.count == points.count + (isExact ? 0 : 1), "\(points.count) points, \(counts.count) counts")
        (self.isExact, self.points, self.counts) = (isExact, points, counts)
    }

    /// Number of rows.
    public var total: Int { counts.reduce(0, +) }

    /// Edges that tell all values, or all bins, apart.
    public var edges: [Double] {
        guard isExact else { return points }
        return Self.distinct(points.flatMap { [$0, $0.nextUp] })
    }

    /// Rows between the edges of `edges`.
    public var edgeCounts: [Int] { isExact ? counted(over: edges) : counts }

    /// Rows between other edges; exact for listed values, else only where every edge is one of this distribution.
    public func counted(over edges: [Double]) -> [Int] {
        var result = [Int](repeating: 0, count: edges.count + 1)
        for (point, count) in zip(points, counts) where isExact { result[edges.position(of: point)] += count }
        guard !isExact else { return result }
        for (index, count) in counts.enumerated() {
            let low = index == 0 ? -Double.infinity : points[index - 1]
            result[low == -.infinity ? 0 : edges.position(of: low)] += count
        }
        return result
    }

    /// The value below or at which a share of the rows lies; the edge above it where only bins are known.
    func quantile(_ level: Double, high: Double) -> Double {
        let wanted = level * Double(total)
        var below = 0
        for (index, count) in counts.enumerated() {
            below += count
            if Double(below) >= wanted, below > 0 {
                return isExact ? points[index] : index < points.count ? points[index] : high
            }
        }
        return high
    }

    /// Edges that cut a sorted sample into about `bins` parts of equal size.
    package static func edges(ofSorted sample: [Double], bins: Int) -> [Double] {
        guard !sample.isEmpty, bins > 1 else { return [] }
        var edges: [Double] = []
        var previous = -Double.infinity
        for bin in 1..<bins {
            let value = sample[min(sample.count - 1, bin * sample.count / bins)]
            edges.append(value)
            // Twice the same quantile: the value is frequent and gets a bin of its own.
            if value == previous { edges.append(value.nextUp) }
            previous = value
        }
        return distinct(edges)
    }

    /// Ascending values without repetition; infinities are left out.
    package static func distinct(_ values: [Double]) -> [Double] {
        var result: [Double] = []
        for value in values.sorted() where value.isFinite && value != result.last { result.append(value) }
        return result
    }
}

extension [Double] {
    /// How many of these ascending edges are at or below a value: the bin it lies in.
    func position(of value: Double) -> Int { withUnsafeBufferPointer { $0.position(of: value) } }
}

extension UnsafeBufferPointer<Double> {
    /// How many of these ascending edges are at or below a value.
    @inline(__always) func position(of value: Double) -> Int {
        var base = 0, left = count
        while left > 1 {
            let half = left >> 1
            base = self[base + half - 1] <= value ? base + half : base
            left -= half
        }
        return base + (left == 1 && self[base] <= value ? 1 : 0)
    }
}
