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
    /// Makes a declaration that leaves everything to the training data.
    public init() {}
}
