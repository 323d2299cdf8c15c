import CasemateCore
import CasemateData

/// What one value of a feature may be.
struct ValueCheck: Hashable, Sendable {
    /// Ends of what is accepted; for a category the indices of its levels.
    var low: Float, high: Float
    /// Whether only whole numbers are accepted.
    var isWhole: Bool
    /// Whether the value may be missing.
    var mayBeMissing: Bool
    /// Whether it is a category.
    let isLevel: Bool

    /// What is wrong with a value.
    enum Fault: String, Hashable, Sendable {
        case missing, range, whole, level
    }

    /// Accepts every finite number, or every level.
    init(_ feature: Feature, mayBeMissing: Bool) {
        isLevel = feature.levels != nil
        (low, high) = (-Float.greatestFiniteMagnitude, Float.greatestFiniteMagnitude)
        (isWhole, self.mayBeMissing) = (false, mayBeMissing)
        if let levels = feature.levels { (low, high) = (0, Float(levels.count - 1)) }
    }

    /// Whether a value is accepted.
    @inline(__always) func admits(_ value: Float) -> Bool {
        // why this order: NaN fails the comparison, so that the usual value takes two comparisons.
        value >= low && value <= high ? !isWhole || value == value.rounded() : value.isNaN && mayBeMissing
    }

    /// What is wrong with a value; `nil` where nothing is.
    func fault(_ value: Float) -> Fault? {
        if admits(value) { return nil }
        if value.isNaN { return .missing }
        if isLevel { return .level }
        return value >= low && value <= high ? .whole : .range
    }
}

extension ValueCheck {
    /// Takes over what a profile knows.
    /// - Parameter margin: Share of the seen range by which its ends move outwards; `nil` takes the learned ends.
    mutating func learn(_ column: GuardProfile.Column, margin: Double?) {
        guard !isLevel, let low = column.low, let high = column.high else { return }
        if let margin {
            (self.low, self.high) = (Float(low - margin * (high - low)), Float(high + margin * (high - low)))
        } else {
            (self.low, self.high) = (Float(column.usualLow ?? low), Float(column.usualHigh ?? high))
        }
        isWhole = column.isWhole
        // why: a margin may reach beyond float32, and infinity is never accepted.
        self.low = max(self.low, -Float.greatestFiniteMagnitude)
        self.high = min(self.high, Float.greatestFiniteMagnitude)
    }
}
