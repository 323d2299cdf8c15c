import CasemateCore
import CasemateData
import CasemateModels

/// Finds target and features of a model in a table.
struct StarterFinder {
    let model: any RowModel
    let data: StarterData
    /// The model file.
    let path: String
    let search: EngineSearch
    let options: ExecutionOptions

    /// Finds everything.
    /// - Throws: `mismatch` with the candidates where several columns or none fit.
    func facts(target named: String?, cancellation: Cancellation) throws -> StarterFacts {
        let taken = takesNames ? try bound(to: nil, excluded: []).map(\.name) : nil
        var choice = StarterTarget(
            signature: model.signature, data: data, taken: Set(taken ?? []), knowsFeatures: taken != nil)
        var (finder, task): (StarterFinder, ModelTask?) = (self, nil)
        if try choice.looksLikeLogit(named) {
            // why: one raw value a row is a regression by its graph; two outcomes in the data say that it is a logit.
            finder = try reopened(as: .binary)
            task = .binary
            choice = StarterTarget(
                signature: finder.model.signature, data: data, taken: Set(taken ?? []), knowsFeatures: taken != nil)
        }
        let target = try choice.find(named)
        let features = try StarterFeatures(finder: finder, target: target, cancellation: cancellation).find()
        var notes = target.notes
        if let reason = features.reason { notes.append(reason) }
        let roles = try StarterRoles(data, target: target.column.name, features: features.features, notes: &notes)
        let names = Set(features.features.map(\.name))
        let isProtectedFeature = roles.protected.contains { names.contains($0.column) }
        var facts = StarterFacts(
            signature: finder.model.signature, declaredTask: task, target: target.column, targetReason: target.reason,
            classes: target.classes, classCounts: target.counts, features: features.features,
            featureReason: features.reason,
            takesNames: takesNames, needsFeatureList: features.needsList || (isProtectedFeature && !takesNames),
            roles: roles)
        facts.notes = notes
        facts.favourable = Self.favourable(facts)
        return facts
    }

    private func reopened(as task: ModelTask) throws -> StarterFinder {
        let again = try ModelFile.open(path: path, options: options, overrides: ModelOverrides(task: task)) {
            try OnnxRuntime(search)
        }
        return StarterFinder(model: again, data: data, path: path, search: search, options: options)
    }

    /// Whether the model itself says which columns it takes.
    var takesNames: Bool {
        model.signature.layout == .columns || TableModel.namedColumns(model, in: data.shared.map(\.column)) != nil
    }

    /// The features that the model takes of the columns that both files have.
    func bound(to declared: [String]?, excluded: Set<String>) throws -> [Feature] {
        try TableModel(
            model: model, columns: data.shared.map(\.column), declared: declared, excluded: excluded,
            levels: { try data.leading.table.levels($0, limit: 100_000) }
        ).features
    }

    private static func favourable(_ facts: StarterFacts) -> StarterFacts.Favourable? {
        guard let found = StarterWords.favourable(target: facts.target.name, classes: facts.classes) else { return nil }
        let word = StarterYaml.shown(found.word)
        return StarterFacts.Favourable(
            value: facts.classes[found.index],
            reason: found.isWanted
                ? "\(word) names it" : "\(word) names the other one",
            isObvious: true)
    }
}
