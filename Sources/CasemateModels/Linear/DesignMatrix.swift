public import CasemateData

/// How rows over features become dense columns for a linear model: fitted once, applied to new rows alike.
///
/// A number is standardised by mean and deviation of the rows it was fitted on; a missing number becomes the mean,
/// beside an indicator column where any was missing. A category becomes one 0/1 column a level, the first included;
/// levels beyond the most frequent share one column. Columns that never change are dropped. A level that was not there
/// when it was fitted, and a missing category without an indicator, are zeros. Deterministic.
public struct DesignMatrix: Hashable, Sendable {
    /// What one dense column is.
    public enum Column: Hashable, Sendable {
        /// The number of a feature, less the mean, over the standard deviation (divisor n).
        case standardised(feature: Int, mean: Double, deviation: Double)
        /// 1 where the feature is missing.
        case missing(feature: Int)
        /// 1 where the feature has one of these levels.
        case levels(feature: Int, levels: [Int])
    }
    /// Features of the rows that it takes.
    public let features: [Feature]
    /// The dense columns in order.
    public let columns: [Column]
    /// Number of dense columns.
    public var width: Int { columns.count }

    /// Learns means, deviations and levels.
    /// - Parameters:
    ///   - matrix: Rows to learn from; an infinite value counts as missing.
    ///   - mostLevels: Columns of one categorical feature at most; the rest of its levels share the last of them.
    public init(fitting matrix: FeatureMatrix, mostLevels: Int = 50) {
        features = matrix.features
        let count = matrix.count
        columns = features.indices.flatMap { feature -> [Column] in
            let values = (0..<count).lazy.map { matrix.values[$0 * matrix.features.count + feature] }
            let missing = values.count { !$0.isFinite }
            let indicator = missing > 0 && missing < count ? [Column.missing(feature: feature)] : []
            let known = matrix.features[feature].levels.map {
                Self.levels(of: values, $0.count, feature: feature, most: max(2, mostLevels), missing: missing)
            }
            return (known ?? Self.number(of: values, feature: feature, known: count - missing)) + indicator
        }
    }

    private static func number(of values: some Sequence<Float>, feature: Int, known: Int) -> [Column] {
        guard known > 1 else { return [] }
        var mean = 0.0
        for value in values where value.isFinite { mean += Double(value) / Double(known) }
        var squares = 0.0
        for value in values where value.isFinite { squares += (Double(value) - mean) * (Double(value) - mean) }
        let deviation = (squares / Double(known)).squareRoot()
        guard deviation > 1e-12 * max(1e-30, abs(mean)), deviation.isFinite else { return [] }
        return [.standardised(feature: feature, mean: mean, deviation: deviation)]
    }

    private static func levels(
        of values: some Sequence<Float>, _ levels: Int, feature: Int, most: Int, missing: Int
    ) -> [Column] {
        var counts = [Int](repeating: 0, count: levels)
        for value in values where value.isFinite {
            if let level = Int(exactly: value), counts.indices.contains(level) { counts[level] += 1 }
        }
        let present = counts.indices.filter { counts[$0] > 0 }
        guard present.count > 1 || (present.count == 1 && missing > 0) else { return [] }
        guard present.count > most else { return present.map { .levels(feature: feature, levels: [$0]) } }
        let ranked = present.sorted { (counts[$1], $0) < (counts[$0], $1) }
        let own = ranked[..<(most - 1)].sorted().map { Column.levels(feature: feature, levels: [$0]) }
        return own + [.levels(feature: feature, levels: ranked[(most - 1)...].sorted())]
    }

    /// Dense columns of rows over `features`, `[count, width]` row-major; every value is finite.
    public func dense(_ rows: [Float]) -> [Double] {
        let stride = features.count
        precondition(
            stride == 0 ? rows.isEmpty : rows.count.isMultiple(of: stride),
            "\(rows.count) values do not make rows of \(stride)")
        let count = stride == 0 ? 0 : rows.count / stride
        var result = [Double](repeating: 0, count: count * width)
        for (index, column) in columns.enumerated() {
            var place = index
            func fill(_ feature: Int, _ value: (Float) -> Double) {
                for row in 0..<count {
                    result[place] = value(rows[row * stride + feature])
                    place += width
                }
            }
            switch column {
            case .standardised(let feature, let mean, let deviation):
                fill(feature) { $0.isFinite ? (Double($0) - mean) / deviation : 0 }
            case .missing(let feature): fill(feature) { $0.isFinite ? 0 : 1 }
            case .levels(let feature, let levels):
                var isIn = [Bool](repeating: false, count: (levels.max() ?? -1) + 1)
                for level in levels { isIn[level] = true }
                fill(feature) { value in
                    guard let level = Int(exactly: value), isIn.indices.contains(level) else { return 0 }
                    return isIn[level] ? 1 : 0
                }
            }
        }
        return result
    }

    /// Dense columns of a matrix, whose features must be these.
    public func dense(_ matrix: FeatureMatrix) -> [Double] { dense(matrix.values) }

    /// Name of a dense column: `income`, `income missing`, `home=rent`, `home=(others)`.
    public func name(of column: Int) -> String {
        switch columns[column] {
        case .standardised(let feature, _, _): features[feature].name
        case .missing(let feature): "\(features[feature].name) missing"
        case .levels(let feature, let levels):
            "\(features[feature].name)="
                + (levels.count == 1 ? features[feature].text(of: Float(levels[0])) : "(others)")
        }
    }
}
