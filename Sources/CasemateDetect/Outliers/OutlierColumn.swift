import CasemateCore
import CasemateData

/// What one column looks like in the rows that a detector learnt from, and how its values become numbers.
///
/// A number becomes the normal quantile of its rank, standardised; beyond the 0.2 % ends it goes on as a square root of
/// how far out it lies, so that gross values stay gross and heavy tails do not. A missing number lies at the mean and, where
/// missing numbers are usual, differs by 1 in a number of its own. Different levels of a category differ by 1.
struct OutlierColumn: Hashable, Sendable {
    /// What the values are.
    enum Kind: Hashable, Sendable {
        /// Never there, or always the same number.
        case constant(Float)
        /// Numbers: values, ascending, with their normal quantiles.
        case number(knots: [Float], quantiles: [Float])
        /// Levels, the most frequent first, that have a number of their own; other known ones share one.
        case levels(own: [Int32], others: [Int32])
    }
    /// What the values are.
    let kind: Kind
    /// Whether missing values are usual.
    let mayBeMissing: Bool
    /// Ends of what is usual, and the unit beyond them, for numbers.
    let low: Float, high: Float, unit: Float
    /// Mean and deviation of the quantiles.
    let mean: Float, deviation: Float

    /// Share of rows beyond each end.
    private static let tail = 0.002
    /// Most knots and most levels with a number of their own.
    static let knotLimit = 256, levelLimit = 24

    init(kind: Kind, mayBeMissing: Bool, ends: (Float, Float, Float) = (0, 0, 1), moments: (Float, Float) = (0, 1)) {
        (self.kind, self.mayBeMissing) = (kind, mayBeMissing)
        (low, high, unit) = ends
        (mean, deviation) = moments
    }

    /// Looks at the values of a column.
    init(_ feature: Feature, _ values: [Float]) {
        let known = values.filter(\.isFinite).sorted()
        let mayBeMissing = known.count < values.count
        guard let first = known.first, let last = known.last else {
            self.init(kind: .constant(.nan), mayBeMissing: true)
            return
        }
        if feature.levels != nil {
            self.init(kind: Self.levels(known), mayBeMissing: mayBeMissing)
        } else if first < last {
            self.init(known, mayBeMissing: mayBeMissing)
        } else {
            self.init(kind: .constant(first), mayBeMissing: mayBeMissing)
        }
    }

    private static func levels(_ known: [Float]) -> Kind {
        var counts: [Int32: Int] = [:]
        for value in known where value >= 0 && value <= 16_777_216 { counts[Int32(value), default: 0] += 1 }
        let order = counts.keys.sorted { (counts[$1] ?? 0, $0) < (counts[$0] ?? 0, $1) }
        return .levels(own: Array(order.prefix(levelLimit)), others: Array(order.dropFirst(levelLimit)))
    }

    private init(_ sorted: [Float], mayBeMissing: Bool) {
        let doubles = sorted.map { Double($0) }
        let (low, high) = Self.ends(doubles)
        let end = Distributions.normalQuantile(1 - Self.tail)
        var knots: [Float] = []
        var quantiles: [Float] = []
        let places = (0..<Self.knotLimit).map { $0 * (sorted.count - 1) / (Self.knotLimit - 1) }
        let values = places.map { min(max(sorted[$0], Float(low)), Float(high)) }
        for value in values where value > (knots.last ?? -.infinity) {
            let rank = Self.midRank(of: value, in: sorted)
            knots.append(value)
            quantiles.append(Float(min(max(Distributions.normalQuantile(rank), -end), end)))
        }
        // why: where the ends meet, the deviation says what is far.
        let mean = doubles.reduce(0, +) / Double(doubles.count)
        let spread = doubles.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(doubles.count)
        let unit = high > low ? (high - low) / (2 * end) : spread.squareRoot()
        let bare = OutlierColumn(
            kind: .number(knots: knots, quantiles: quantiles), mayBeMissing: mayBeMissing,
            ends: (Float(low), Float(high), max(Float(unit), .leastNormalMagnitude)))
        // why within the ends: a few gross values must not make the usual ones small.
        let moved = sorted.map { Double(bare.quantile(of: min(max($0, bare.low), bare.high), knots, quantiles)) }
        let centre = moved.reduce(0, +) / Double(moved.count)
        let variance = moved.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(moved.count)
        // why a floor: two rare values of a column that is nearly constant would outweigh all others.
        self.init(
            kind: bare.kind, mayBeMissing: mayBeMissing, ends: (bare.low, bare.high, bare.unit),
            moments: (Float(centre), max(0.25, Float(variance.squareRoot()))))
    }

    /// The 0.2 % ends, brought in where they lie 30 times as far out as the 5 % ends: then they are gross themselves.
    private static func ends(_ sorted: [Double]) -> (low: Double, high: Double) {
        let median = Bootstrap.quantile(sorted, 0.5)
        let (near, far) = (Bootstrap.quantile(sorted, 0.05), Bootstrap.quantile(sorted, 0.95))
        let (low, high) = (Bootstrap.quantile(sorted, tail), Bootstrap.quantile(sorted, 1 - tail))
        return (
            near < median ? max(low, median - 30 * (median - near)) : low,
            far > median ? min(high, median + 30 * (far - median)) : high
        )
    }

    /// Share of values below one, those that are equal counting half.
    private static func midRank(of value: Float, in sorted: [Float]) -> Double {
        let below = sorted.partition(above: { $0 < value })
        let upTo = sorted.partition(above: { $0 <= value })
        return (Double(below + upTo) / 2) / Double(sorted.count)
    }

    /// Numbers that a value takes.
    var width: Int {
        switch kind {
        case .constant: 0
        case .number: mayBeMissing ? 2 : 1
        case .levels(let own, let others): own.count + (others.isEmpty ? 0 : 1) + (mayBeMissing ? 1 : 0)
        }
    }

    /// Whether a value is of a kind that the rows never had: another value of a constant, an unknown level, a missing
    /// value where none was missing.
    func isNew(_ value: Float) -> Bool {
        if value.isNaN { return !mayBeMissing }
        switch kind {
        case .constant(let constant): return value != constant
        case .number: return false
        case .levels(let own, let others):
            let level = Int32(exactly: value.rounded()) ?? -1
            return !own.contains(level) && !others.contains(level)
        }
    }

    /// Writes `width` numbers.
    func write(_ value: Float, to output: UnsafeMutablePointer<Float>) {
        switch kind {
        case .constant: break
        case .number(let knots, let quantiles):
            output[0] = value.isNaN ? 0 : (quantile(of: value, knots, quantiles) - mean) / deviation
            if mayBeMissing { output[1] = value.isNaN ? 1 : 0 }
        case .levels(let own, let others):
            for place in 0..<width { output[place] = 0 }
            if value.isNaN {
                if mayBeMissing { output[width - 1] = Self.step }
                return
            }
            let level = Int32(exactly: value.rounded()) ?? -1
            if let place = own.firstIndex(of: level) {
                output[place] = Self.step
            } else if !others.isEmpty {
                output[own.count] = Self.step
            }
        }
    }

    /// What marks a level, so that two levels differ by 1.
    private static let step = Float(0.5).squareRoot()

    private func quantile(of value: Float, _ knots: [Float], _ quantiles: [Float]) -> Float {
        guard let last = quantiles.last else { return 0 }
        if value > high { return last + Self.beyond((value - high) / unit) }
        if value < low { return quantiles[0] - Self.beyond((low - value) / unit) }
        let above = knots.partition(above: { $0 < value })
        guard above < knots.count else { return last }
        guard above > 0, knots[above] != value else { return quantiles[above] }
        let share = (value - knots[above - 1]) / (knots[above] - knots[above - 1])
        return quantiles[above - 1] + share * (quantiles[above] - quantiles[above - 1])
    }

    /// How much a value counts that lies so many units beyond an end: in proportion at first, then as the square root.
    private static func beyond(_ units: Float) -> Float {
        // why: in Double, since a ratio of float32 values may be too large for one.
        min(Float((1 + 2 * Double(units)).squareRoot() - 1), 1_000)
    }
}

extension [Float] {
    /// Number of leading elements of a sorted list that the predicate holds for.
    fileprivate func partition(above isBelow: (Float) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBelow(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
