/// What an attacker can really do to a row: which features move, how far, in which steps, at what cost, and which rules
/// hold between them.
///
/// Compiled from the declaration in `casemate.yaml` and the training data; `docs/reference/feature-space.md` is its
/// outward form. `FeatureSpace+Projection.swift` forces a row into what holds for single features,
/// `FeatureSpace+Repair.swift` into the whole, `FeatureSpace+Check.swift` tests a row apart from any attack.
public struct FeatureSpace: Sendable {
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
        /// What a change costs; `nil` counts 1 for each scale unit, for a changed category and for a moved group.
        public var cost: Cost?
        /// Makes a rule; the defaults forbid nothing.
        public init(
            domain: Domain = .continuous, low: Float = -.infinity, high: Float = .infinity, isImmutable: Bool = false,
            direction: Direction = .any, scale: Float = 1, cost: Cost? = nil
        ) {
            precondition(scale > 0 && scale.isFinite, "scale must be positive, got \(scale)")
            precondition(low <= high, "bounds are the wrong way round: \(low) > \(high)")
            (self.domain, self.low, self.high, self.scale) = (domain, low, high, scale)
            (self.isImmutable, self.direction, self.cost) = (isImmutable, direction, cost)
        }
    }
    /// Features in model order.
    public let features: [Feature]
    /// One rule a feature.
    public let rules: [Rule]
    /// Groups of numeric 0/1 features of which exactly one is 1, as feature indices; groups do not overlap.
    public let oneHotGroups: [[Int]]
    /// Names of the groups; empty where nobody gave any. They are for reading and forbid nothing.
    public let groupNames: [String]
    /// Features that follow from others, each behind those that it follows from.
    public let derived: [Derived]
    /// Rules between features that a change keeps.
    public let relations: [Relation]
    /// The most features that an attacker changes; a group counts once, derived features not at all.
    public let maxChanges: Int?
    /// The most that an attacker spends.
    public let maxCost: Double?
    /// Derived features and relations made ready for rows.
    let program: FeatureSpaceProgram

    /// Makes a space; there must be one rule a feature, and derived features must not form a cycle.
    ///
    /// The rule of a derived feature is replaced: nobody chooses its value, so it counts as immutable for whatever
    /// searches among features that move.
    public init(
        features: [Feature], rules: [Rule], oneHotGroups: [[Int]] = [], groupNames: [String] = [],
        derived: [Derived] = [], relations: [Relation] = [], maxChanges: Int? = nil, maxCost: Double? = nil
    ) {
        precondition(features.count == rules.count, "\(rules.count) rules for \(features.count) features")
        var rules = rules
        for item in derived {
            rules[item.feature] = Rule(domain: rules[item.feature].domain.withoutSteps, isImmutable: true)
        }
        (self.features, self.rules) = (features, rules)
        (self.oneHotGroups, self.groupNames) = (oneHotGroups, groupNames)
        self.derived = Self.ordered(derived, features: features).order
        (self.relations, self.maxChanges, self.maxCost) = (relations, maxChanges, maxCost)
        program = FeatureSpaceProgram(
            features: features, rules: rules, oneHotGroups: oneHotGroups, derived: self.derived, relations: relations)
    }

    /// Whether a row has to keep more than what holds for its features one by one: derived features, relations, a
    /// number of changes or a sum of costs. Without them `project` does all that `repair` does.
    public var hasRules: Bool { !derived.isEmpty || !relations.isEmpty || maxChanges != nil || maxCost != nil }

    /// The same space with other rules for single features.
    public func replacing(rules: [Rule]) -> FeatureSpace {
        FeatureSpace(
            features: features, rules: rules, oneHotGroups: oneHotGroups, groupNames: groupNames, derived: derived,
            relations: relations, maxChanges: maxChanges, maxCost: maxCost)
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

extension FeatureSpace.Rule.Domain {
    /// The domain of a feature whose values follow from others: categories stay, numbers are any.
    fileprivate var withoutSteps: Self {
        if case .categorical(let levels, _) = self { .categorical(levels: levels, moves: nil) } else { .continuous }
    }
}

extension FeatureSpace: Hashable {
    /// Whether both forbid the same; what is made ready from it does not count.
    public static func == (one: FeatureSpace, other: FeatureSpace) -> Bool {
        one.features == other.features && one.rules == other.rules && one.oneHotGroups == other.oneHotGroups
            && one.derived == other.derived && one.relations == other.relations
            && one.maxChanges == other.maxChanges && one.maxCost == other.maxCost
    }
    /// Feeds everything that `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(features)
        hasher.combine(rules)
        hasher.combine(oneHotGroups)
        hasher.combine(derived)
        hasher.combine(relations)
        hasher.combine(maxChanges)
        hasher.combine(maxCost)
    }
}
