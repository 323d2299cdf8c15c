public import CasemateData

/// A part of the data said in words: rows that meet a few conditions on single features.
public struct Segment: Hashable, Sendable {
    /// One condition; a missing value meets none but `isMissing`.
    public struct Condition: Hashable, Sendable {
        /// Index of the feature.
        public let feature: Int
        /// Smallest and largest value that meets it, both included; infinite where open. For a categorical feature both
        /// are the index of the level.
        public let low: Float, high: Float
        /// Whether it asks for a missing value instead.
        public let isMissing: Bool
        /// Makes a condition.
        public init(feature: Int, low: Float = -.infinity, high: Float = .infinity, isMissing: Bool = false) {
            (self.feature, self.low, self.high, self.isMissing) = (feature, low, high, isMissing)
        }
        /// Whether a value meets it.
        public func contains(_ value: Float) -> Bool { isMissing ? value.isNaN : value >= low && value <= high }
    }
    /// What all rows of the segment meet.
    public let conditions: [Condition]
    /// Makes a segment.
    public init(_ conditions: [Condition]) { self.conditions = conditions }
    /// Whether a row, over all features, is part of it.
    public func contains(_ row: ArraySlice<Float>) -> Bool {
        conditions.allSatisfy { $0.contains(row[row.startIndex + $0.feature]) }
    }
    /// The segment in words: `PAY_0 from 2 on and LIMIT_BAL up to 30000`; `all rows` without a condition.
    public func described(over features: [Feature]) -> String {
        if conditions.isEmpty { return "all rows" }
        return conditions.map { condition in
            let feature = features[condition.feature]
            if condition.isMissing { return "\(feature.name) missing" }
            if feature.levels != nil || condition.low == condition.high {
                return "\(feature.name) \(feature.text(of: condition.low))"
            }
            switch (condition.low.isFinite, condition.high.isFinite) {
            case (true, true):
                return "\(feature.name) from \(feature.text(of: condition.low)) to \(feature.text(of: condition.high))"
            case (true, false): return "\(feature.name) from \(feature.text(of: condition.low)) on"
            case (false, true): return "\(feature.name) up to \(feature.text(of: condition.high))"
            case (false, false): return "\(feature.name) known"
            }
        }.joined(separator: " and ")
    }
}
