import CasemateCore
import CasemateData

/// A part of the data whose labels do not follow the expectation.
struct FoundFlip: Sendable {
    /// What its rows share.
    let pattern: DataPattern
    /// In words.
    let words: String
    /// Its rows by their place.
    let places: [Int]
    let estimate: FlipEstimate
    /// Share of the class among its labels, and the expected one.
    let observed: Double, expected: Double
    let pValue: Double
}

/// Looks for segments and sources whose labels were moved together.
struct FlipSearch: Sendable {
    let matrix: FeatureMatrix
    /// Whether each row has the class.
    let isClass: [Bool]
    let expectation: FlipExpectation
    /// Name of the class.
    let name: String
    /// Name of the class that labels move to when they leave it; `nil` for several.
    let otherName: String?
    /// Least difference between share and expectation that is reported.
    var leastDifference = 0.1
    /// Largest adjusted p-value.
    var alpha = 0.001

    /// Mean and its squared error over the residuals of some rows.
    private static func moments(_ values: [Double]) -> (mean: Double, error: Double) {
        let mean = values.reduce(0, +) / Double(max(1, values.count))
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, squares / Double(max(1, values.count - 1)) / Double(max(1, values.count)))
    }

    private func residual(_ row: Int) -> Double { (isClass[row] ? 1 : 0) - expectation.train[row] }

    /// Segments in which labels differ from the expectation, and more so than labels of the reference do.
    func segments(
        reference: FeatureMatrix?, isReferenceClass: [Bool], context: RunContext
    ) throws -> [FoundFlip] {
        let residuals = isClass.indices.map(residual)
        let search = SegmentSearch(depth: 3, minimumRows: 30, most: 6, alpha: 0.01)
        let found = try search.segments(
            of: matrix, values: residuals, seed: context.seed, cancellation: context.cancellation)
        var tested: [(FoundFlip, Double)] = []
        for candidate in found {
            let places = (0..<matrix.count).filter { candidate.segment.contains(matrix[row: $0]) }
            var (mean, error) = Self.moments(places.map { residuals[$0] })
            if let reference {
                let known = (0..<reference.count).filter { candidate.segment.contains(reference[row: $0]) }
                guard known.count >= 10 else { continue }
                let own = Self.moments(
                    known.map { (isReferenceClass[$0] ? 1 : 0) - expectation.reference[$0] })
                (mean, error) = (mean - own.mean, error + own.error)
            } else {
                mean = candidate.inside - candidate.outside
            }
            guard error > 0, abs(mean) >= leastDifference else { continue }
            let pValue = max(candidate.pValue, 2 * Distributions.normalCDF(-abs(mean) / error.squareRoot()))
            tested.append((flip(candidate.segment, places, pValue), pValue))
        }
        let adjusted = HypothesisTests.holm(tested.map(\.1))
        return zip(tested, adjusted).filter { $0.1 < alpha }.map(\.0.0)
    }

    private func flip(_ segment: Segment, _ places: [Int], _ pValue: Double) -> FoundFlip {
        let conditions = segment.conditions.map { condition -> DataPattern.Condition in
            let feature = matrix.features[condition.feature]
            if condition.isMissing { return .init(column: feature.name, value: "missing") }
            if feature.levels != nil { return .init(column: feature.name, value: feature.text(of: condition.low)) }
            return .init(
                column: feature.name, low: condition.low.isFinite ? Double(condition.low) : nil,
                high: condition.high.isFinite ? Double(condition.high) : nil)
        }
        return found(.segment, places, pValue, segment.described(over: matrix.features), conditions, nil, nil)
    }

    /// Sources whose labels differ from what comparable rows of other sources get, in their mean or in their scatter.
    func sources(_ names: [String?], column: String) -> [FoundFlip] {
        let rows = isClass.indices.filter { names[$0] != nil }
        let groups = Dictionary(grouping: rows) { names[$0] ?? "" }.filter { $0.value.count >= 30 }
        guard (2...500).contains(groups.count) else { return [] }
        let sorted = groups.sorted { $0.key < $1.key }
        let measures: [(Int) -> Double] = [residual, { abs(residual($0)) }]
        var tests: [(source: Int, difference: Double, pValue: Double)] = []
        for measure in measures {
            for (index, group) in sorted.enumerated() {
                let inside = Self.moments(group.value.map(measure))
                let others = sorted.indices.filter { $0 != index }.flatMap { sorted[$0].value }
                let outside = Self.moments(others.map(measure))
                let error = (inside.error + outside.error).squareRoot()
                let difference = inside.mean - outside.mean
                let pValue = error > 0 ? 2 * Distributions.normalCDF(-abs(difference) / error) : 1
                tests.append((index, difference, pValue))
            }
        }
        let adjusted = HypothesisTests.holm(tests.map(\.pValue))
        return sorted.indices.compactMap { index in
            let own = tests.indices.filter {
                tests[$0].source == index && adjusted[$0] < alpha && abs(tests[$0].difference) >= leastDifference / 2
            }
            guard let best = own.min(by: { adjusted[$0] < adjusted[$1] }) else { return nil }
            let source = sorted[index].key
            return found(
                .source, sorted[index].value, adjusted[best], "\(column.clipped()) '\(source.clipped())'", [], column,
                source)
        }
    }

    private func found(
        _ kind: DataPattern.Kind, _ places: [Int], _ pValue: Double, _ words: String,
        _ conditions: [DataPattern.Condition], _ column: String?, _ source: String?
    ) -> FoundFlip {
        let observed = Double(places.count { isClass[$0] }) / Double(max(1, places.count))
        let expected = places.reduce(0) { $0 + expectation.train[$1] } / Double(max(1, places.count))
        let estimate = FlipEstimate(expected: expected, observed: observed)
        let pattern = DataPattern(
            kind, conditions: conditions, column: column, source: source,
            targetLabel: estimate.isUp ? name : otherName, rows: places.count, share: observed, expected: expected,
            pValue: pValue)
        return FoundFlip(
            pattern: pattern, words: words, places: places, estimate: estimate, observed: observed,
            expected: expected, pValue: pValue)
    }
}
