import CasemateData

/// Positions at which one unit is looked at before the search for steps adds more.
///
/// Numbers: quantiles of the reference rows, both bounds, and evenly spaced values between them, so that stretches
/// without data are looked at too; whole numbers and ordinal scales of at most 64 values: all of them. Categories and
/// groups: all levels, the 64 most frequent where there are more.
struct SweepGrid {
    let unit: SweepUnit
    let space: FeatureSpace
    /// Ascending positions.
    private(set) var positions: [Float] = []
    /// Share of the reference rows that stand at or nearest to each position; zeros without reference rows.
    private(set) var weights: [Double] = []
    /// Width that holds the middle 98 % of the known values; the whole width when that is 0.
    private(set) var width = 0.0
    private static let most = 64

    /// Makes the grid of a unit from the columns of `reference`; `points` quantiles and half as many even steps.
    init(_ unit: SweepUnit, _ space: FeatureSpace, reference: FeatureMatrix, points: Int) {
        (self.unit, self.space) = (unit, space)
        let known = Self.known(unit, space, reference)
        if unit.isNumber {
            positions = numbers(known, points)
            if let first = known.first, let last = known.last {
                let middle = Double(Self.quantile(known, 0.99)) - Double(Self.quantile(known, 0.01))
                width = middle > 0 ? middle : Double(last) - Double(first)
            }
            if width == 0, let low = positions.first, let high = positions.last { width = Double(high) - Double(low) }
        } else {
            positions = levels(known)
        }
        weights = Self.weights(known, positions)
    }

    /// Known positions of the reference rows, ascending; of at most 20,000 rows, evenly taken.
    private static func known(_ unit: SweepUnit, _ space: FeatureSpace, _ reference: FeatureMatrix) -> [Float] {
        let (width, count) = (space.features.count, reference.count)
        let stride = max(1, count / 20_000)
        return reference.values.withUnsafeBufferPointer { values in
            Swift.stride(from: 0, to: count, by: stride).map { row in
                unit.position(in: UnsafeBufferPointer(rebasing: values[row * width..<(row + 1) * width]), space)
            }.filter(\.isFinite).sorted()
        }
    }

    /// The smallest value that at least this share of the values does not exceed: a value that occurs.
    static func quantile(_ sorted: [Float], _ share: Double) -> Float {
        guard !sorted.isEmpty else { return .nan }
        return sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
    }

    private func numbers(_ known: [Float], _ points: Int) -> [Float] {
        let rule = space.rules[unit.features[0]]
        let low = rule.low.isFinite ? rule.low : known.first
        let high = rule.high.isFinite ? rule.high : known.last
        guard let low, let high, low <= high else { return [] }
        var found: Set<Float> = [low, high]
        for step in 0...max(1, points) { found.insert(Self.quantile(known, Double(step) / Double(max(1, points)))) }
        let even = max(1, points / 2)
        for step in 0...even {
            found.insert(Float(Double(low) + (Double(high) - Double(low)) * Double(step) / Double(even)))
        }
        switch rule.domain {
        case .ordinal(let steps) where steps.count <= Self.most: found = Set(steps)
        case .ordinal(let steps):
            found = Set(found.compactMap { value in steps.min { abs($0 - value) < abs($1 - value) } })
        case .integer where Double(high) - Double(low) <= Double(Self.most):
            let (first, last) = (low.rounded(.up), high.rounded(.down))
            found = first <= last ? Set(stride(from: first, through: last, by: 1)) : []
        case .integer: found = Set(found.map { $0.rounded() })
        case .continuous, .categorical: break
        }
        // why: -0 and 0 are one value for a set but two texts for a reader.
        return found.filter { $0.isFinite && $0 >= low && $0 <= high }.map { $0 == 0 ? 0 : $0 }.sorted()
    }

    private func levels(_ known: [Float]) -> [Float] {
        let count: Int
        if case .category(let levels) = unit.kind { count = levels } else { count = unit.features.count }
        let all = (0..<count).map { Float($0) }
        guard count > Self.most else { return all }
        var frequency: [Float: Int] = [:]
        for level in known { frequency[level, default: 0] += 1 }
        return Array(all.sorted { (frequency[$1] ?? 0, $0) < (frequency[$0] ?? 0, $1) }.prefix(Self.most)).sorted()
    }

    private static func weights(_ known: [Float], _ positions: [Float]) -> [Double] {
        var counts = [Double](repeating: 0, count: positions.count)
        guard !positions.isEmpty, !known.isEmpty else { return counts }
        var at = 0
        for value in known {
            while at + 1 < positions.count, abs(positions[at + 1] - value) <= abs(positions[at] - value) { at += 1 }
            counts[at] += 1
        }
        return counts.map { $0 / Double(known.count) }
    }
}

extension SweepUnit {
    /// A value strictly between two that the domain holds, in the middle; `nil` when there is none, or when the two are
    /// so close (a ten-millionth of `width`) that nobody would tell them apart.
    func middle(_ low: Float, _ high: Float, width: Double, _ space: FeatureSpace) -> Float? {
        guard isNumber, low < high else { return nil }
        let half = Double(low) + (Double(high) - Double(low)) / 2
        switch space.rules[features[0]].domain {
        case .integer:
            let whole = Float(half.rounded(.down))
            if whole > low, whole < high { return whole }
            return whole + 1 > low && whole + 1 < high ? whole + 1 : nil
        case .ordinal(let steps):
            let inside = steps.filter { $0 > low && $0 < high }
            return inside.isEmpty ? nil : inside[inside.count / 2]
        case .continuous, .categorical:
            let value = Float(half)
            guard Double(high) - Double(low) > width * 1e-7, value > low, value < high else { return nil }
            return value
        }
    }
}
