/// What an attacker can really do to a row: which features move, how far, in which steps, and how far that counts.
///
/// Compiled from the declaration in `casemate.yaml` and the training data; `docs/reference/feature-space.md` is its
/// outward form. `FeatureSpace+Projection.swift` forces a row into it, `FeatureSpace+Check.swift` tests a row apart
/// from any attack.
public struct FeatureSpace: Hashable, Sendable {
    /// How one feature may move.
    public struct Rule: Hashable, Sendable {
        /// Which values there are between the bounds.
        public enum Domain: Hashable, Sendable {
            /// Any float32.
            case continuous
            /// Whole numbers.
            case integer
            /// Numbers of this ascending list only (an ordinal scale).
            case ordinal([Float])
            /// Indices of levels; `moves[from]` lists the levels that may replace `from`, `nil` allows all.
            case categorical(levels: Int, moves: [[Int]]?)
        }
        /// Directions in which a value may move.
        public enum Direction: String, Hashable, Sendable { case any, increase, decrease }
        /// Values there are.
        public var domain: Domain
        /// Smallest and largest value; infinite where undeclared.
        public var low: Float, high: Float
        /// Whether the attacker cannot change it at all.
        public var isImmutable: Bool
        /// Directions in which it may move.
        public var direction: Direction
        /// A numeric change is divided by this before it counts (1 leaves it raw); always positive and finite.
        public var scale: Float
        /// Makes a rule; the defaults forbid nothing.
        public init(
            domain: Domain = .continuous, low: Float = -.infinity, high: Float = .infinity, isImmutable: Bool = false,
            direction: Direction = .any, scale: Float = 1
        ) {
            precondition(scale > 0 && scale.isFinite, "scale must be positive, got \(scale)")
            precondition(low <= high, "bounds are the wrong way round: \(low) > \(high)")
            (self.domain, self.low, self.high, self.scale) = (domain, low, high, scale)
            (self.isImmutable, self.direction) = (isImmutable, direction)
        }
    }
    /// Features in model order.
    public let features: [Feature]
    /// One rule a feature.
    public let rules: [Rule]
    /// Groups of numeric 0/1 features of which exactly one is 1, as feature indices; groups do not overlap.
    public let oneHotGroups: [[Int]]

    /// Makes a space; there must be one rule a feature.
    public init(features: [Feature], rules: [Rule], oneHotGroups: [[Int]] = []) {
        precondition(features.count == rules.count, "\(rules.count) rules for \(features.count) features")
        (self.features, self.rules, self.oneHotGroups) = (features, rules, oneHotGroups)
    }
    /// A space that forbids nothing but leaving `bounds`: raw distances, for arrays and for comparison with peers.
    public static func unconstrained(
        features: [Feature], low: Float = -.infinity, high: Float = .infinity
    ) -> FeatureSpace {
        FeatureSpace(
            features: features,
            rules: features.map { feature in
                feature.levels.map { Rule(domain: .categorical(levels: $0.count, moves: nil)) }
                    ?? Rule(low: low, high: high)
            })
    }
}
