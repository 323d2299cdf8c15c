import CasemateCore

/// Decides which outputs of an endpoint are the class and the scores, and what the scores are.
struct RemoteChoice {
    typealias Meaning = (task: ModelTask, kind: ScoreKind, transform: OutputReading.Transform)
    typealias Output = RemoteFacts.Output

    let facts: RemoteFacts
    let overrides: ModelOverrides
    let labels: [String]?
    let place: String

    /// The outputs that matter.
    func outputs() throws(CasemateError) -> (label: Output?, scores: [Output]) {
        var scores: [Output] = []
        if let names = overrides.scoreOutputs {
            for name in names { scores.append(try named(name, "model.output.scores")) }
        }
        var label = try overrides.labelOutput.map { name throws(CasemateError) in
            try named(name, "model.output.label")
        }
        let isValue = overrides.task == .regression || overrides.kind == .value
        if scores.isEmpty { scores = guessedScores(isValue: isValue, apart: label) }
        if label == nil, !isValue { label = guessedLabel(apart: scores) }
        guard label != nil || !scores.isEmpty else { throw unknown() }
        if scores.isEmpty, overrides.labelOutput == nil, label?.isText == false, labels == nil,
            overrides.classes == nil, overrides.task == nil
        {
            throw CasemateError(
                .unsupported, at: place, "it answers whole numbers alone, which may be classes or values",
                help: "state `model.task: regression`, or the classes with `model.output.classes`")
        }
        return (isValue ? nil : label, scores)
    }

    private func named(_ name: String, _ key: String) throws(CasemateError) -> Output {
        guard let output = facts.outputs.first(where: { $0.name == name }) else {
            throw CasemateError(
                .invalidSetting, at: key,
                "the endpoint gives no output '\(OnnxLook.printable(name))'"
                    + Suggestion.clause(for: name, among: facts.outputs.map(\.name)),
                help: "it gives \(facts.outputs.map { "'\(OnnxLook.printable($0.name))'" }.joined(separator: ", "))")
        }
        return output
    }

    private func guessedScores(isValue: Bool, apart label: Output?) -> [Output] {
        let numbers = facts.outputs.filter { !$0.isText && $0 != label }
        if isValue { return numbers.count == 1 ? numbers : [] }
        let wide = numbers.filter { $0.width > 1 }
        if wide.count == 1 { return wide }
        if let named = only(wide.filter { $0.name.lowercased().contains("prob") }) { return [named] }
        let narrow = numbers.filter { $0.width == 1 && (!$0.areWhole || isWholeValue($0)) }
        let units = numbers.filter { $0.width == 1 && $0.isUnit && !$0.areWhole }
        if facts.columnsSumToOne, units.count > 1 { return units }
        return narrow.count == 1
            ? narrow : only(narrow.filter { $0.name.lowercased().contains("prob") }).map { [$0] } ?? []
    }

    /// Whether whole numbers are values and no classes: the data have other labels, or far too many.
    private func isWholeValue(_ output: Output) -> Bool {
        guard facts.outputs.count == 1, overrides.classes == nil, overrides.task == nil, let labels else {
            return false
        }
        let known = Set(labels.compactMap { RemoteReading.number($0) })
        let isCoded = output.values.allSatisfy { Double($0).map { $0 >= 0 && $0 < Double(labels.count) } ?? false }
        return !isCoded && !output.values.allSatisfy { RemoteReading.number($0).map { known.contains($0) } ?? false }
    }

    private func guessedLabel(apart scores: [Output]) -> Output? {
        let found = facts.outputs.filter { $0.width == 1 && ($0.isText || $0.areWhole) && !scores.contains($0) }
        if found.count == 1 { return found[0] }
        return only(
            found.filter { output in
                ["label", "class", "predict"].contains { output.name.lowercased().contains($0) }
            })
    }

    private func only(_ outputs: [Output]) -> Output? { outputs.count == 1 ? outputs[0] : nil }

    /// One number a row: a probability, a logit, a decision value, or a value.
    func single(_ output: Output, hasLabel: Bool) -> Meaning {
        if overrides.task == .regression || overrides.kind == .value { return (.regression, .value, .none) }
        let isTold = overrides.task == .binary || overrides.kind != nil || hasLabel || overrides.classes?.count == 2
        // why: a share for data of two outcomes is a probability; a value for such data would be an odd thing to serve.
        let isLikely = output.isUnit && !output.areWhole && labels?.count == 2
        guard isTold || isLikely else { return (.regression, .value, .none) }
        switch overrides.kind ?? (output.isUnit ? .probabilities : .logits) {
        case .logits: return (.binary, .logits, .sigmoid)
        case .decisionValues: return (.binary, .decisionValues, .none)
        default: return (.binary, .probabilities, .none)
        }
    }

    /// Several numbers a row, one a class.
    func several(_ width: Int, _ outputs: [Output]) throws(CasemateError) -> Meaning {
        if overrides.task == .regression || overrides.kind == .value {
            throw setting("gives \(width) numbers a row, a regression gives one; name one with model.output.scores")
        }
        let task: ModelTask = width == 2 ? .binary : .multiclass
        let isDistribution = outputs.count > 1 ? facts.columnsSumToOne : outputs[0].isDistribution
        switch overrides.kind ?? (isDistribution ? .probabilities : .decisionValues) {
        case .logits: return (task, .logits, .softmax)
        case .probabilities: return (task, .probabilities, .none)
        default: return (task, .decisionValues, .none)
        }
    }

    /// Names of the classes in the order of the scores.
    func classes(_ count: Int?, label: Output?, scores: [Output]) throws(CasemateError) -> [String] {
        if let given = overrides.classes {
            guard Set(given).count == given.count, given.count >= 2, given.count == count ?? given.count else {
                throw setting(
                    "\(given.count) class names for \(count.map { String($0) } ?? "some") classes, or one twice")
            }
            return given
        }
        if scores.count > 1 { return scores.map(\.name) }
        let numbered = count.map { (0..<$0).map { String($0) } }
        let isNumbered = label.map { label in label.values.allSatisfy { numbered?.contains($0) ?? false } } ?? true
        if let numbered, isNumbered { return numbered }
        if let count, let seen = ordered(count) { return seen }
        if let labels, labels.count >= 2, count ?? labels.count == labels.count {
            let seen = label?.values ?? []
            if seen.allSatisfy({ name in labels.contains { Self.isSame($0, name) } }) { return labels }
            let coded = labels.indices.map { String($0) }
            if Set(seen).isSubset(of: coded) { return coded }
        }
        throw CasemateError(
            .unsupported, at: place, "it answers a class and does not say which classes there are",
            help: "state them in order with model.output.classes, such as [declined, approved]")
    }

    /// Classes in the order in which the sample's largest scores show them; those that it lacks are the data's other
    /// labels, ascending.
    private func ordered(_ count: Int) -> [String]? {
        guard !facts.order.isEmpty, facts.order.values.allSatisfy({ $0 < count }) else { return nil }
        var names = [String?](repeating: nil, count: count)
        for (name, column) in facts.order { names[column] = name }
        let known = facts.order.keys
        let rest = (labels ?? []).filter { label in !known.contains { Self.isSame($0, label) } }
        let open = names.indices.filter { names[$0] == nil }
        guard rest.count == open.count else { return nil }
        for (column, name) in zip(open, rest) { names[column] = name }
        return names.compactMap { $0 }
    }

    private static func isSame(_ one: String, _ other: String) -> Bool {
        if one == other { return true }
        guard let number = RemoteReading.number(one) else { return false }
        return number == RemoteReading.number(other)
    }

    private func unknown() -> CasemateError {
        let shown = facts.outputs.prefix(8).map {
            "'\(OnnxLook.printable($0.name))' [\($0.width)] \($0.isText ? "texts" : $0.areWhole ? "whole numbers" : "numbers")"
        }
        return CasemateError(
            .unsupported, at: place,
            "it answers \(shown.isEmpty ? "nothing" : shown.joined(separator: ", ")), which is no form that is known",
            help: "name outputs with model.output.label and model.output.scores")
    }

    func setting(_ what: String) -> CasemateError {
        CasemateError(.invalidSetting, at: place, what, help: "leave the override out, or correct it")
    }
}
