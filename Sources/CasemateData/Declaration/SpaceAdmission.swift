import CasemateCore

/// Whether a declared space lets anything change at all, and which rules stand in the way.
///
/// Every proof is one-sided: what is called impossible is so for rows within the training ranges and bounds; what is not
/// may still be.
struct SpaceAdmission {
    /// What moves as one.
    struct Unit {
        /// Its name in messages.
        let name: String
        let features: [Int]
    }
    /// Why a unit cannot change.
    struct Blocker {
        /// A clause behind the name: `is immutable`.
        let clause: String
        /// Where the rule stands, if it has a place.
        var place: String?
        /// Whether the declaration says it plainly, so that nobody has to be told.
        var isPlain = false
    }
    let space: FeatureSpace
    let declaration: FeatureSpaceDeclaration
    let ranges: [FeatureRange?]

    init(_ space: FeatureSpace, declaration: FeatureSpaceDeclaration, ranges: [FeatureRange?]) {
        (self.space, self.declaration, self.ranges) = (space, declaration, ranges)
    }

    private var saysAnything: Bool {
        !declaration.features.isEmpty || !declaration.derived.isEmpty || !declaration.relations.isEmpty
            || declaration.maxChanges != nil || declaration.maxCost != nil
    }

    /// Notes on what can never change though nobody said so.
    /// - Throws: `invalidSetting` when a relation cannot hold within the bounds, or when nothing can change.
    func notes() throws(CasemateError) -> [String] {
        guard saysAnything else { return [] }
        try checkRelations()
        let units = units
        var blockers = units.map { ownBlocker($0) }
        for index in units.indices where blockers[index] == nil { blockers[index] = relationBlocker(units[index]) }
        blockTied(units, &blockers)
        if !units.isEmpty, blockers.allSatisfy({ $0 != nil }) { throw refusal(units, blockers.compactMap { $0 }) }
        return zip(units, blockers).compactMap { unit, blocker in
            guard let blocker, !blocker.isPlain else { return nil }
            return "\(unit.name) can never change: it \(blocker.clause)."
        } + idleRelations()
    }

    /// Units in model order, groups where their first member stands; derived features are none.
    var units: [Unit] {
        let isDerived = Set(space.derived.map(\.feature))
        return space.features.indices.compactMap { index in
            let group = space.program.groupOf[index]
            if isDerived.contains(index) { return nil }
            guard group >= 0 else { return Unit(name: "'\(space.features[index].name)'", features: [index]) }
            let members = space.oneHotGroups[group]
            guard members.first == index else { return nil }
            let name = declaration.oneHot.indices.contains(group) ? declaration.oneHot[group].name : "\(group)"
            return Unit(name: "the group '\(name)'", features: members)
        }
    }

    private func refusal(_ units: [Unit], _ blockers: [Blocker]) -> CasemateError {
        var reasons: [(blocker: Blocker, names: [String])] = []
        for (unit, blocker) in zip(units, blockers) {
            if let index = reasons.firstIndex(where: { $0.blocker.clause == blocker.clause }) {
                reasons[index].names.append(unit.name)
            } else {
                reasons.append((blocker, [unit.name]))
            }
        }
        let derived = space.derived.map { "'\(space.features[$0.feature].name)'" }
        if !derived.isEmpty { reasons.append((Blocker(clause: "is derived", isPlain: true), derived)) }
        // why sorted: what clashes is news, what is declared plainly is not.
        let told = reasons.filter { !$0.blocker.isPlain } + reasons.filter(\.blocker.isPlain)
        let said = told.prefix(6).map { reason, names in
            let shown =
                names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
            return "\(shown) \(names.count > 1 ? reason.clause.replacingVerb : reason.clause)"
        }
        let more = told.count > 6 ? "; and \(told.count - 6) more reasons" : ""
        let place = told.compactMap(\.blocker.place).first ?? declaration.features.values.map(\.place).min()
        return CasemateError(
            .invalidSetting, at: place ?? "feature_space",
            "no change is possible: \(said.joined(separator: "; "))\(more)",
            help: "loosen one of these rules, or leave attacks out")
    }

    /// Relations that read only what cannot change.
    private func idleRelations() -> [String] {
        zip(space.relations, space.program.checks).compactMap { relation, check in
            guard check.sources.allSatisfy({ space.rules[$0].isImmutable }) else { return nil }
            return
                "The relation '\(relation.name.shortened(to: 60))' (\(relation.place)) reads only what nobody can change."
        }
    }
}

extension String {
    /// The clause for several subjects.
    fileprivate var replacingVerb: String {
        for (one, several) in [("is ", "are "), ("has ", "have "), ("keeps ", "keep "), ("costs ", "cost ")]
        where hasPrefix(one) { return several + dropFirst(one.count) }
        return self
    }
}
