import CasemateData

/// The features of the searched rows cut into bins, and the segments that one more condition on a bin makes.
struct SegmentBins {
    /// A segment met in the search.
    struct Candidate {
        let segment: Segment
        let quality: Double
        /// Positions among the searched rows.
        let rows: [Int]
    }
    /// Bins of one feature in ascending order; the code behind the last bin is a missing value, the next one a value
    /// that no condition takes.
    private struct Feature {
        let isNumeric: Bool
        /// Smallest and largest value of each bin.
        let bins: [(low: Float, high: Float)]
        /// Bin of each searched row.
        let codes: [UInt16]
    }
    private let features: [Feature]
    private let minimumRows: Int
    private let direction: SegmentSearch.Direction
    /// Segments kept at each depth to be made sharper; fewer where rows are wide.
    let beam: Int

    init(_ matrix: FeatureMatrix, rows: [Int], minimumRows: Int, direction: SegmentSearch.Direction) {
        (self.minimumRows, self.direction) = (minimumRows, direction)
        let width = matrix.features.count
        beam = max(6, min(30, 10_000_000 / max(1, rows.count * width)))
        features = matrix.features.indices.map { feature in
            let values = rows.map { matrix.values[$0 * width + feature] }
            if let levels = matrix.features[feature].levels {
                let bins = levels.indices.prefix(60_000).map { (low: Float($0), high: Float($0)) }
                let codes = values.map { value -> UInt16 in
                    if value.isNaN { return UInt16(bins.count) }
                    let level = Int(exactly: value) ?? -1
                    return UInt16(bins.indices.contains(level) ? level : bins.count + 1)
                }
                return Feature(isNumeric: false, bins: bins, codes: codes)
            }
            let bins = Self.quantileBins(values)
            return Feature(isNumeric: true, bins: bins, codes: values.map { Self.code(of: $0, bins) })
        }
    }

    /// About 16 bins with as many rows each; every value of its own where there are at most 20, and a value that fills
    /// a bin always.
    private static func quantileBins(_ values: [Float]) -> [(low: Float, high: Float)] {
        let sorted = values.filter { !$0.isNaN }.sorted()
        var runs: [(value: Float, count: Int)] = []
        for value in sorted {
            if runs.last?.value == value { runs[runs.count - 1].count += 1 } else { runs.append((value, 1)) }
        }
        let target = runs.count <= 20 ? 1 : max(1, sorted.count / 16)
        var bins: [(low: Float, high: Float)] = []
        var (filled, isOpen) = (0, false)
        for run in runs {
            if !isOpen || filled >= target || run.count >= target {
                bins.append((run.value, run.value))
                (filled, isOpen) = (0, true)
            }
            bins[bins.count - 1].high = run.value
            filled += run.count
        }
        return bins
    }

    private static func code(of value: Float, _ bins: [(low: Float, high: Float)]) -> UInt16 {
        if value.isNaN { return UInt16(bins.count) }
        var (low, high) = (0, bins.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if bins[middle].high < value { low = middle + 1 } else { high = middle }
        }
        return UInt16(low)
    }

    // MARK: One more condition

    /// A range of bins of one feature, with the quality of the segment that it makes.
    private struct Cut {
        let feature: Int, bins: ClosedRange<Int>
        let quality: Double
    }

    /// The clearest segments that one more condition makes of `parent`, at most `beam` of them.
    func refinements(of parent: Candidate, _ values: [Double], _ moments: SegmentMoments) -> [Candidate] {
        var cuts: [Cut] = []
        for feature in features.indices {
            let earlier = parent.segment.conditions.first { $0.feature == feature }
            if earlier != nil, !features[feature].isNumeric || earlier?.isMissing == true { continue }
            cuts += self.cuts(feature, parent.rows, values, moments)
        }
        let order = cuts.indices.sorted { (cuts[$1].quality, $0) < (cuts[$0].quality, $1) }
        return order.prefix(beam).map { completed(parent, cuts[$0]) }
    }

    private func cuts(_ index: Int, _ rows: [Int], _ values: [Double], _ moments: SegmentMoments) -> [Cut] {
        let feature = features[index]
        let last = feature.bins.count - 1
        var counts = [Int](repeating: 0, count: feature.bins.count + 2)
        var sums = [Double](repeating: 0, count: feature.bins.count + 2)
        feature.codes.withUnsafeBufferPointer { codes in
            for row in rows {
                let code = Int(codes[row])
                counts[code] += 1
                sums[code] += values[row]
            }
        }
        var found: [Cut] = []
        func consider(_ bins: ClosedRange<Int>, _ count: Int, _ sum: Double) {
            guard count >= minimumRows, count < rows.count else { return }
            let quality = moments.quality(part: count, sum: sum, direction: direction)
            if quality > 0 { found.append(Cut(feature: index, bins: bins, quality: quality)) }
        }
        consider(last + 1...last + 1, counts[last + 1], sums[last + 1])
        for bin in feature.bins.indices where !feature.isNumeric || feature.bins[bin].low == feature.bins[bin].high {
            consider(bin...bin, counts[bin], sums[bin])
        }
        guard feature.isNumeric, last > 0 else { return found }
        var (count, sum) = (0, 0.0)
        for bin in 0..<last {
            (count, sum) = (count + counts[bin], sum + sums[bin])
            consider(0...bin, count, sum)
        }
        (count, sum) = (0, 0)
        for bin in stride(from: last, to: 0, by: -1) {
            (count, sum) = (count + counts[bin], sum + sums[bin])
            consider(bin...last, count, sum)
        }
        return found
    }

    private func completed(_ parent: Candidate, _ cut: Cut) -> Candidate {
        let feature = features[cut.feature]
        let rows = parent.rows.filter { cut.bins.contains(Int(feature.codes[$0])) }
        var conditions = parent.segment.conditions.filter { $0.feature != cut.feature }
        let earlier = parent.segment.conditions.first { $0.feature == cut.feature }
        conditions.append(condition(cut, feature, within: earlier))
        return Candidate(
            segment: Segment(conditions.sorted { $0.feature < $1.feature }), quality: cut.quality, rows: rows)
    }

    private func condition(_ cut: Cut, _ feature: Feature, within earlier: Segment.Condition?) -> Segment.Condition {
        let last = feature.bins.count - 1
        if cut.bins.lowerBound > last { return Segment.Condition(feature: cut.feature, isMissing: true) }
        let isFirst = feature.isNumeric && cut.bins.lowerBound == 0 && cut.bins.upperBound < last
        let isLast = feature.isNumeric && cut.bins.upperBound == last && cut.bins.lowerBound > 0
        // why: a single value is said as such, also where it is the smallest or largest.
        let isSingle =
            cut.bins.count == 1 && feature.bins[cut.bins.lowerBound].low == feature.bins[cut.bins.lowerBound].high
        let low = isFirst && !isSingle ? -Float.infinity : feature.bins[cut.bins.lowerBound].low
        let high = isLast && !isSingle ? Float.infinity : feature.bins[cut.bins.upperBound].high
        return Segment.Condition(
            feature: cut.feature, low: max(low, earlier?.low ?? -.infinity), high: min(high, earlier?.high ?? .infinity)
        )
    }
}
