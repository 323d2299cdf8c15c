/// What the training data say about a numeric feature.
public struct FeatureRange: Hashable, Sendable {
    /// Smallest and largest known value.
    public let low: Float, high: Float
    /// Whether every known value is a whole number.
    public let isWhole: Bool
    /// Makes a range.
    public init(low: Float, high: Float, isWhole: Bool) {
        (self.low, self.high, self.isWhole) = (low, high, isWhole)
    }

    /// The range of each feature of a matrix; `nil` for categories and for features without a finite value.
    public static func ranges(of matrix: FeatureMatrix) -> [FeatureRange?] {
        let width = matrix.features.count
        var ranges = [FeatureRange?](repeating: nil, count: width)
        for (feature, description) in matrix.features.enumerated() where description.levels == nil {
            var (low, high, isWhole, isKnown) = (Float.infinity, -Float.infinity, true, false)
            for index in stride(from: feature, to: matrix.values.count, by: width) {
                let value = matrix.values[index]
                guard value.isFinite else { continue }
                isKnown = true
                (low, high) = (min(low, value), max(high, value))
                if value != value.rounded() { isWhole = false }
            }
            if isKnown { ranges[feature] = FeatureRange(low: low, high: high, isWhole: isWhole) }
        }
        return ranges
    }
}
