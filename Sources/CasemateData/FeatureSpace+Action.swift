public import CasemateCore

extension FeatureSpace {
    /// A changed row in words, with its cost: what every attack, search and certificate reports.
    ///
    /// Numbers are raised or lowered, categories and one-hot groups moved, missing values set. Derived features are left
    /// out: they follow.
    /// - Parameters:
    ///   - row: Number of the row in its data file, from 1.
    ///   - distance: Distance in the measure that the attack states.
    public func rowChange(
        row number: Int, from original: some Collection<Float>, to row: some Collection<Float>,
        decisionBefore: String, decisionAfter: String, distance: Double
    ) -> RowChange {
        let (before, after) = (Array(original), Array(row))
        let changes = changes(from: before, to: after)
        return RowChange(
            row: number, steps: changes.map { step($0, before, after) }, decisionBefore: decisionBefore,
            decisionAfter: decisionAfter, distance: distance, cost: changes.reduce(0) { $0 + $1.cost })
    }

    private func step(_ change: Change, _ before: [Float], _ after: [Float]) -> RowChange.Step {
        let index = change.features[0]
        let feature = features[index]
        guard change.features.count == 1 else {
            let group = program.groupOf[index]
            return RowChange.Step(
                feature: groupName(group), before: hotName(group, before), after: hotName(group, after), verb: .move)
        }
        let verb: RowChange.Step.Verb
        if before[index].isNaN || after[index].isNaN {
            verb = .set
        } else if case .categorical = rules[index].domain {
            verb = .move
        } else {
            verb = after[index] > before[index] ? .raise : .lower
        }
        return RowChange.Step(
            feature: feature.name, before: feature.text(of: before[index]), after: feature.text(of: after[index]),
            verb: verb)
    }

    /// Name of a one-hot group: what the declaration calls it, else its members.
    public func groupName(_ group: Int) -> String {
        if groupNames.indices.contains(group) { return groupNames[group] }
        return oneHotGroups[group].map { features[$0].name }.joined(separator: "/")
    }

    /// The member that is 1, without what all names of the group begin with up to a separator.
    private func hotName(_ group: Int, _ row: [Float]) -> String {
        let members = oneHotGroups[group]
        guard let hot = members.first(where: { row[$0] > 0.5 }) else { return "none" }
        let names = members.map { features[$0].name }
        let first = Array(names[0])
        let shared = names.dropFirst().reduce(first.count) { length, name in
            zip(first.prefix(length), name).prefix { $0 == $1 }.count
        }
        let end = first[..<shared].lastIndex { "_=.:- ".contains($0) }.map { $0 + 1 }
        let rest = names[members.firstIndex(of: hot) ?? 0].dropFirst(end ?? 0)
        return rest.isEmpty ? features[hot].name : String(rest)
    }
}
