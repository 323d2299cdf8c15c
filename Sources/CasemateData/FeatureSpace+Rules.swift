public import CasemateCore

extension FeatureSpace {
    /// A feature whose value follows from others: `loan_share = row.loan / row.price`.
    ///
    /// Computed in float64 from the row's float32 values and rounded to float32 once. It is recomputed when something
    /// that it follows from changed; until then it keeps the value of the data, whatever the expression gives.
    public struct Derived: Hashable, Sendable {
        /// Index of the feature.
        public let feature: Int
        /// What gives its value.
        public let expression: ConstraintExpression

        /// Reads an expression over `features`, in which numbers are numbers and categories texts.
        /// - Throws: what is wrong with the expression; `mismatch` where its value does not suit the feature.
        public init(
            _ feature: Int, _ text: String, features: [Feature], at place: String = "feature_space"
        ) throws(CasemateError) {
            let name = features[feature].name
            expression = try ConstraintExpression(
                text, name: name, columns: FeatureSpace.columns(of: features), at: place)
            self.feature = feature
            let isText = features[feature].levels != nil
            guard isText == expression.isText else {
                throw CasemateError(
                    .mismatch, at: place,
                    "derived feature '\(name)' \(isText ? "has levels" : "is a number"), and its expression gives "
                        + (expression.isText ? "a text" : "a number"),
                    help: isText ? "write a choice of levels: row.a > 1 ? \"high\" : \"low\"" : "compute a number")
            }
        }
    }

    /// A rule between features that every change keeps: `row.years_on_job <= row.age - 14`.
    ///
    /// Numbers whose difference float32 rounding of the row explains count as equal (`docs/reference/feature-space.md`).
    public struct Relation: Hashable, Sendable {
        /// The rule; its name stands in messages.
        public let rule: ConstraintRule
        /// Where it stands, for messages.
        public let place: String
        /// Name in messages; the text where none was given.
        public var name: String { rule.name }

        /// Reads a rule over `features`, in which numbers are numbers and categories texts.
        /// - Throws: what is wrong with the rule.
        public init(
            _ text: String, name: String? = nil, features: [Feature], at place: String = "feature_space"
        ) throws(CasemateError) {
            rule = try ConstraintRule(text, name: name, columns: FeatureSpace.columns(of: features), at: place)
            self.place = place
        }
    }

    /// The features as rules read them: a number is a number, a category a text.
    package static func columns(of features: [Feature]) -> [Column] {
        features.map { Column(name: $0.name, type: $0.levels == nil ? .number : .text, missing: 0) }
    }

    /// Derived features in an order in which each stands behind what it follows from, and the names around a cycle
    /// where there is no such order (those of the cycle then come last, as given).
    package static func ordered(_ derived: [Derived], features: [Feature]) -> (order: [Derived], cycle: [String]) {
        let names = features.map(\.name)
        var open = derived
        var order: [Derived] = []
        while !open.isEmpty {
            let waiting = Set(open.map { names[$0.feature] })
            guard let next = open.firstIndex(where: { waiting.isDisjoint(with: $0.expression.columns) }) else { break }
            order.append(open.remove(at: next))
        }
        return (order + open, cycle(in: open, names))
    }

    private static func cycle(in open: [Derived], _ names: [String]) -> [String] {
        guard let start = open.first else { return [] }
        var path = [names[start.feature]]
        var current = start
        while let next = open.first(where: { current.expression.columns.contains(names[$0.feature]) }) {
            let name = names[next.feature]
            if let first = path.firstIndex(of: name) { return Array(path[first...]) + [name] }
            path.append(name)
            current = next
        }
        return path
    }
}
