public import CasemateCore
public import CasemateData

/// What `casemate certify` is asked to prove.
public struct CertifyPlan: Sendable {
    /// A statement about the model.
    public enum Fact: Hashable, Sendable {
        /// The output never falls (rises) when the feature rises.
        case monotone(feature: String, isIncreasing: Bool)
        /// The output stays between two numbers.
        case output(ClosedRange<Double>)
    }
    /// Measure of distance: `linf`, `l1`, `l2`.
    public var norm = FeatureSpace.Norm.linf
    /// Distances at which shares are reported.
    public var epsilons: [Double] = []
    /// Most rows; `nil` takes all.
    public var samples: Int?
    /// Most nodes of the search for one row; `nil` sets no limit.
    public var mostNodes: Int?
    /// Statements to prove or refute.
    public var facts: [Fact] = []
    /// Makes a plan: the smallest L∞ change of every row.
    public init() {}

    /// Reads `income:increase`, `age:decrease`; without a direction, `increase`.
    public static func monotone(_ text: String) throws(CasemateError) -> Fact {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let direction = parts.count > 1 ? parts[parts.count - 1] : "increase"
        guard ["increase", "decrease"].contains(direction), parts.count <= 2, let name = parts.first, !name.isEmpty
        else {
            throw CasemateError(
                .invalidSetting, at: "--monotone", "'\(text)' says no feature and direction",
                help: "write a feature and increase or decrease, such as income:increase")
        }
        return .monotone(feature: name, isIncreasing: direction == "increase")
    }

    /// Reads `0:0.9`.
    public static func output(_ text: String) throws(CasemateError) -> Fact {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
        guard parts.count == 2, let low = parts[0], let high = parts[1], low <= high else {
            throw CasemateError(
                .invalidSetting, at: "--output-range", "'\(text)' is no range", help: "write two numbers, such as 0:0.9"
            )
        }
        return .output(low...high)
    }
}
