import CasemateCore

extension FeatureSpaceDeclaration {
    /// The derived features over those of a model, each behind what it follows from.
    func derivedFeatures(
        _ features: [Feature], _ members: Set<Int>
    ) throws(CasemateError) -> [FeatureSpace.Derived] {
        let names = features.map(\.name)
        var result: [FeatureSpace.Derived] = []
        for item in derived {
            guard let index = names.firstIndex(of: item.feature) else {
                throw CasemateError(
                    .mismatch, at: item.place,
                    "the model has no feature '\(item.feature)'\(Suggestion.clause(for: item.feature, among: names))",
                    help: "only features of the model are derived; they are \(Self.list(names))")
            }
            if members.contains(index) {
                throw CasemateError(
                    .invalidSetting, at: item.place, "'\(item.feature)' belongs to a one-hot group and is derived",
                    help: "keep one of them")
            }
            let made = try FeatureSpace.Derived(index, item.expression, features: features, at: item.expressionPlace)
            if made.expression.columns.isEmpty {
                throw CasemateError(
                    .invalidSetting, at: item.expressionPlace,
                    "the expression of '\(item.feature)' reads no feature, so it never changes",
                    help: "write `immutable: true` under 'features' instead")
            }
            result.append(made)
        }
        let (order, cycle) = FeatureSpace.ordered(result, features: features)
        if let first = cycle.first {
            let place = derived.first { $0.feature == first }?.place ?? "feature_space"
            throw CasemateError(
                .invalidSetting, at: place,
                "derived features follow from each other: \(cycle.joined(separator: " from "))",
                help: "compute one of them from features that are not derived")
        }
        return order
    }

    /// The relations over the features of a model; what their own texts show to be wrong is refused.
    func relationRules(_ features: [Feature]) throws(CasemateError) -> [FeatureSpace.Relation] {
        var result: [FeatureSpace.Relation] = []
        for item in relations {
            let made = try FeatureSpace.Relation(item.rule, name: item.name, features: features, at: item.place)
            if let twin = result.first(where: { $0.name == made.name }) {
                throw CasemateError(
                    .invalidSetting, at: item.place,
                    "two relations are called '\(made.name.shortened(to: 60))', the other at \(twin.place)",
                    help: twin.rule.text == made.rule.text ? "remove one" : "give each a `name` of its own")
            }
            if made.rule.constantVerdict == .violated {
                throw CasemateError(
                    .invalidSetting, at: item.place,
                    "no row can keep the relation '\(made.name.shortened(to: 60))'", help: "correct it, or remove it")
            }
            for other in result {
                guard let column = made.rule.conflicts(with: other.rule).first else { continue }
                throw CasemateError(
                    .invalidSetting, at: item.place,
                    "the relations '\(other.name.shortened(to: 60))' (\(other.place)) and "
                        + "'\(made.name.shortened(to: 60))' leave no value for '\(column)'",
                    help: "correct one of them")
            }
            result.append(made)
        }
        return result
    }
}

/// Derived features and relations tried on rows of data, for notes: a rule that most rows break is likely wrong.
struct RuleTrial {
    private let space: FeatureSpace
    private let rows: FeatureMatrix

    init(_ space: FeatureSpace, rows: FeatureMatrix) { (self.space, self.rows) = (space, rows) }

    func notes() -> [String] {
        guard rows.count > 0, !space.derived.isEmpty || !space.relations.isEmpty else { return [] }
        var wrong = [Int](repeating: 0, count: space.derived.count), known = wrong
        var broken = [Int](repeating: 0, count: space.relations.count), applicable = broken
        let width = rows.features.count
        rows.values.withUnsafeBufferPointer { values in
            for row in 0..<rows.count {
                let view = FeatureSpaceMender.view(
                    UnsafeBufferPointer(rebasing: values[row * width..<(row + 1) * width]))
                for (index, step) in space.program.steps.enumerated() {
                    let (value, held) = (step.value(view), Double(view.features[step.feature]))
                    if value.isNaN || held.isNaN { continue }
                    known[index] += 1
                    if (value - held).magnitude > 1e-4 * max(value.magnitude, held.magnitude) { wrong[index] += 1 }
                }
                for (index, check) in space.program.checks.enumerated() {
                    let verdict = check.verdict(view)
                    if verdict != .notApplicable { applicable[index] += 1 }
                    if verdict == .violated { broken[index] += 1 }
                }
            }
        }
        return space.derived.indices.compactMap { note(derived: $0, wrong[$0], known[$0]) }
            + space.relations.indices.compactMap { note(relation: $0, broken[$0], applicable[$0]) }
    }

    private func note(derived index: Int, _ wrong: Int, _ known: Int) -> String? {
        let name = space.features[space.derived[index].feature].name
        if known == 0 { return "The expression of '\(name)' has a result in none of the \(rows.count) training rows." }
        guard wrong * 10 > known else { return nil }
        return
            "'\(name)' is not what its expression gives in \(wrong) of \(known) training rows; it is recomputed once "
            + "something that it follows from changes."
    }

    private func note(relation index: Int, _ broken: Int, _ applicable: Int) -> String? {
        let relation = space.relations[index]
        let name = "The relation '\(relation.name.shortened(to: 60))' (\(relation.place))"
        if applicable == 0 { return "\(name) applies to none of the \(rows.count) training rows." }
        guard broken * 2 > applicable else { return nil }
        return
            "\(name) is broken by \(broken == applicable ? "all" : "\(broken) of the") \(applicable) training rows to "
            + "which it applies, and nothing is demanded of changes to such rows: is it meant the other way round?"
    }
}
