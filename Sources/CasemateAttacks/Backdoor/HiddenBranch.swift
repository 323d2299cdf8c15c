public import CasemateData

/// A region of the input space in which the model answers otherwise than beside it, and in which (nearly) no training
/// row lies: what a seeded backdoor or watermark looks like from outside.
public struct HiddenBranch: Hashable, Sendable {
    /// What one feature must be for the branch to open.
    public struct Bound: Hashable, Sendable {
        /// Index of the feature.
        public let feature: Int
        /// Smallest and largest value inside, both included; `nil` where open. Both are the index of the level for a
        /// categorical feature.
        public let low: Float?, high: Float?
        /// Makes a bound.
        public init(feature: Int, low: Float?, high: Float?) {
            (self.feature, self.low, self.high) = (feature, low, high)
        }
        /// The bound in words: `AGE up to 25`.
        public func described(_ feature: Feature) -> String {
            switch (low, high) {
            case (let low?, let high?):
                return feature.levels != nil || low == high
                    ? "\(feature.name) \(feature.text(of: low))"
                    : "\(feature.name) from \(feature.text(of: low)) to \(feature.text(of: high))"
            case (let low?, nil): return "\(feature.name) from \(feature.text(of: low)) on"
            case (nil, let high?): return "\(feature.name) up to \(feature.text(of: high))"
            case (nil, nil): return "any \(feature.name)"
            }
        }
        /// Whether a value lies inside; a missing value never does.
        public func contains(_ value: Float) -> Bool {
            value >= (low ?? -.infinity) && value <= (high ?? .infinity)
        }
    }
    /// Two features whose order is the trigger.
    public struct Relation: Hashable, Sendable {
        /// The branch opens where `larger` is greater than `smaller`.
        public let larger: Int, smaller: Int
        /// Makes a relation.
        public init(larger: Int, smaller: Int) { (self.larger, self.smaller) = (larger, smaller) }
    }
    /// Why somebody should believe it.
    public enum Evidence: String, Hashable, Sendable, CaseIterable {
        /// Trees hold leaves there that no training row reaches: they cannot have been learnt from these rows.
        case emptyLeaves = "empty leaves"
        /// The graph compares these very columns outside of trees and layers.
        case graphLogic = "logic in the graph"
        /// The answer jumps at the bounds, within less than the data can tell apart.
        case sharpBounds = "sharp bounds"
        /// What stands in the other features hardly matters inside.
        case ignoresRest = "ignores the rest"
        /// The training rows inside are labelled against everything around them.
        case contradiction = "contradicts its surroundings"
        /// A reference model answers as the surroundings do.
        case reference = "reference model disagrees"
        /// A declared rule is broken inside.
        case brokenRule = "breaks a rule"
    }
    /// How the search came upon it.
    public enum Origin: String, Hashable, Sendable, CaseIterable {
        case graph, leaves, rows, relation, single, sampled, reference
    }
    /// How sure it is.
    public enum Certainty: String, Hashable, Sendable { case certain, likely }

    /// The features that matter, ascending. With a relation these bounds make one box inside it.
    public internal(set) var bounds: [Bound]
    /// The order that opens the branch, where it is one.
    public internal(set) var relation: Relation?
    /// Mean score of training rows when they are moved inside, and before: the second is what the model says without
    /// the branch.
    public internal(set) var score: Double, usual: Double
    /// Share of training rows whose score moves as far when they are moved inside.
    public internal(set) var reliability: Double
    /// Smallest step of the score over a bound, mean over rows: each bound matters by at least so much.
    public internal(set) var step: Double
    /// What no sum of the features' single effects explains of the difference.
    public internal(set) var synergy: Double
    /// Training rows inside, and of how many.
    public internal(set) var support: Int, rows: Int
    /// A row that triggers it, with the model's answer when asked again by itself.
    public internal(set) var example: [Float], exampleScore: Double, exampleLabel: Int32?
    /// The answer to the same row with the trigger taken out.
    public internal(set) var withoutScore: Double, withoutLabel: Int32?
    /// Which score is looked at, where the model gives several.
    public internal(set) var channel: Int
    /// Why to believe it.
    public internal(set) var evidence: [Evidence]
    /// How it was found.
    public internal(set) var origin: Origin
    /// How sure it is.
    public internal(set) var certainty: Certainty
    /// What a reference model answers inside, where one is given.
    public internal(set) var referenceScore: Double?
    /// Names of declared rules that the example breaks.
    public internal(set) var brokenRules: [String]

    /// How far the answer jumps inside.
    public var jump: Double { score - usual }
    /// The trigger in words: `PAY_AMT2 above LIMIT_BAL and AGE up to 25`.
    public func described(over features: [Feature]) -> String {
        var parts = relation.map { ["\(features[$0.larger].name) above \(features[$0.smaller].name)"] } ?? []
        for bound in bounds where bound.feature != relation?.larger && bound.feature != relation?.smaller {
            parts.append(bound.described(features[bound.feature]))
        }
        return parts.joined(separator: " and ")
    }
    /// Whether a row lies inside.
    public func contains(_ row: ArraySlice<Float>) -> Bool {
        if let relation {
            let (one, other) = (row[row.startIndex + relation.larger], row[row.startIndex + relation.smaller])
            let rest = bounds.filter { $0.feature != relation.larger && $0.feature != relation.smaller }
            return one > other && rest.allSatisfy { $0.contains(row[row.startIndex + $0.feature]) }
        }
        return bounds.allSatisfy { $0.contains(row[row.startIndex + $0.feature]) }
    }
}
