/// What `feature_space` in `casemate.yaml` says, before it meets a model and data. Page: `docs/reference/feature-space.md`.
public struct FeatureSpaceDeclaration: Hashable, Sendable {
    /// Where bounds come from.
    public enum Bounds: Hashable, Sendable {
        /// Smallest and largest training value.
        case train
        /// No bounds.
        case none
        /// Given.
        case between(Double, Double)
    }
    /// What a numeric change is divided by before it counts.
    public enum Scale: Hashable, Sendable {
        /// Range of the training values.
        case train
        /// 1.
        case raw
        /// Given.
        case value(Double)
    }
    /// What a change of one feature costs; `nil` leaves a part to its default.
    public struct Cost: Hashable, Sendable {
        /// For each scale unit either way, for any move of a category, or for becoming the 1 of a group.
        public var each: Double?
        /// For each scale unit upwards, and downwards.
        public var increase: Double?, decrease: Double?
        /// For any change, whatever its size.
        public var fixed: Double?
        /// From level to level.
        public var moves: [String: [String: Double]] = [:]
        /// Makes a cost that says nothing but `each`.
        public init(_ each: Double? = nil) { self.each = each }
    }
    /// A feature that is computed from others.
    public struct DerivedFeature: Hashable, Sendable {
        /// Name of the feature.
        public let feature: String
        /// CEL expression over `row`.
        public let expression: String
        /// Where the name and the expression stand, for messages.
        public let place: String, expressionPlace: String
        /// Makes an entry.
        public init(
            _ feature: String, _ expression: String, place: String = "feature_space", expressionPlace: String? = nil
        ) {
            (self.feature, self.expression, self.place) = (feature, expression, place)
            self.expressionPlace = expressionPlace ?? place
        }
    }
    /// A rule that every change keeps.
    public struct RelationRule: Hashable, Sendable {
        /// Name in messages; `nil` for the text itself.
        public let name: String?
        /// CEL condition over `row`.
        public let rule: String
        /// Where it stands, for messages.
        public let place: String
        /// Makes a rule.
        public init(_ rule: String, name: String? = nil, place: String = "feature_space") {
            (self.rule, self.name, self.place) = (rule, name, place)
        }
    }
    /// A limit and where it stands.
    public struct Limit<Value: Hashable & Sendable>: Hashable, Sendable {
        /// The most that is allowed.
        public let value: Value
        /// Where it stands, for messages.
        public let place: String
        /// Makes a limit.
        public init(_ value: Value, place: String = "feature_space") { (self.value, self.place) = (value, place) }
    }
    /// What holds for features that say nothing else.
    public struct Defaults: Hashable, Sendable {
        /// Bounds of numeric features.
        public var bounds: Bounds = .train
        /// Whether a numeric feature whose training values are all whole takes whole numbers only.
        public var detectsIntegers = true
        /// Scale of numeric features.
        public var scale: Scale = .train
        /// Makes the defaults.
        public init() {}
    }
    /// What is said about one feature; `nil` leaves it to the defaults.
    public struct Rule: Hashable, Sendable {
        /// Bounds.
        public var bounds: Bounds?
        /// Whether it takes whole numbers only.
        public var isInteger: Bool?
        /// The values there are, ascending.
        public var ordinal: [Double]?
        /// Whether a numeric feature is a code of categories from 0 on.
        public var isCategorical: Bool?
        /// Levels that may replace a level; levels without an entry cannot be left.
        public var moves: [String: [String]]?
        /// Whether it cannot be changed.
        public var isImmutable: Bool?
        /// The direction in which it may move.
        public var direction: FeatureSpace.Rule.Direction?
        /// Scale.
        public var scale: Scale?
        /// Cost of a change.
        public var cost: Cost?
        /// Where it stands, for messages.
        public var place: String
        /// Makes a rule that says nothing.
        public init(place: String = "feature_space") { self.place = place }
    }
    /// Columns of which exactly one is 1.
    public struct OneHotGroup: Hashable, Sendable {
        /// What the columns stand for.
        public let name: String
        /// The columns.
        public let columns: [String]
        /// Where it stands, for messages.
        public let place: String
        /// Makes a group.
        public init(name: String, columns: [String], place: String = "feature_space") {
            (self.name, self.columns, self.place) = (name, columns, place)
        }
    }
    /// What holds for features that say nothing else.
    public var defaults = Defaults()
    /// Rules by feature.
    public var features: [String: Rule] = [:]
    /// One-hot groups.
    public var oneHot: [OneHotGroup] = []
    /// Features computed from others, in the order of the file.
    public var derived: [DerivedFeature] = []
    /// Rules that every change keeps.
    public var relations: [RelationRule] = []
    /// The most features that an attacker changes.
    public var maxChanges: Limit<Int>?
    /// The most that he spends.
    public var maxCost: Limit<Double>?
    /// Makes a declaration that leaves everything to the training data.
    public init() {}
}
