import CasemateCore
import CasemateData
import CasemateModels

/// The file, section by section in the order of the reference page.
struct StarterPage {
    let facts: StarterFacts
    let data: StarterData
    let patterns: StarterPatterns
    /// Paths as the file writes them.
    let model: String, test: String, train: String?

    /// The text; `rules` are those of the policy, once they are measured.
    func text(rules: [StarterRule]) -> String {
        var yaml = StarterYaml()
        yaml.comment(
            "Made by `casemate init` from the model and its data. What could be seen stands below; what only people "
                + "can know is explained and left as a comment: take the \"# \" away to use it. All keys: "
                + "docs/reference/casemate-yaml.md. Ranges and level names come from the data.")
        yaml.line("version: 1")
        modelSection(&yaml)
        dataSection(&yaml)
        decisionSection(&yaml)
        spaceSection(&yaml)
        constraintSection(&yaml)
        probeSection(&yaml)
        policySection(&yaml, rules)
        yaml.gap()
        yaml.line("report: {output: casemate-report}")
        yaml.line("seed: 0")
        return yaml.text
    }

    // MARK: Model

    private func modelSection(_ yaml: inout StarterYaml) {
        yaml.gap()
        yaml.line("model:")
        yaml.line("path: \(StarterYaml.scalar(model))", indent: 2)
        let count = Words.count(facts.features.count, "feature")
        yaml.comment("By its file: \(task), \(count), gives \(facts.signature.kind.rawValue).", indent: 2)
        if let task = facts.declaredTask {
            yaml.comment("One raw value a row and a target of two outcomes: taken as a logit. Check that.", indent: 2)
            yaml.line("task: \(task.rawValue)", indent: 2)
        }
        if let reason = facts.featureReason { yaml.comment(reason, indent: 2) }
        if facts.needsFeatureList {
            yaml.list("features", facts.features.map { StarterYaml.scalar($0.name) }, indent: 2)
        } else if facts.takesNames {
            yaml.comment("It names the columns that it takes.", indent: 2)
        } else if facts.signature.layout != .text {
            yaml.comment("It takes all columns that are declared as nothing else, in the order of the file.", indent: 2)
        }
        yaml.comment("The release before this one, to compare with segment by segment:", indent: 2)
        yaml.line("previous: previous.onnx", indent: 2, isOff: true)
    }

    private var task: String {
        switch facts.signature.task {
        case .binary: "two classes"
        case .multiclass: "\(facts.signature.classes.count) classes"
        case .regression: "a value"
        }
    }

    // MARK: Data

    private func dataSection(_ yaml: inout StarterYaml) {
        yaml.gap()
        yaml.line("data:")
        if let train {
            yaml.line("train: \(StarterYaml.scalar(train))", indent: 2)
        } else {
            yaml.comment(
                "With the training data, ranges come from them, and the probes that look for memorised or planted rows "
                    + "can run:", indent: 2)
            yaml.line("train: train.csv", indent: 2, isOff: true)
        }
        yaml.line("test: \(StarterYaml.scalar(test))", indent: 2)
        yaml.comment("Found as the target: \(facts.targetReason).", indent: 2)
        yaml.line("target: \(StarterYaml.scalar(facts.target.name))", indent: 2)
        favourable(&yaml)
        let roles = facts.roles
        if !roles.identifiers.isEmpty {
            yaml.comment("Another value in each row; never features:", indent: 2)
            yaml.list("identifiers", roles.identifiers.map { StarterYaml.scalar($0) }, indent: 2)
        }
        protected(&yaml)
        if let weights = roles.weights {
            yaml.comment("If these are row weights, take the column out of `ignore` and say so:", indent: 2)
            yaml.line("weights: \(StarterYaml.scalar(weights))", indent: 2, isOff: true)
        }
        if let time = roles.time {
            yaml.comment("When a row came to be, by its name or its values:", indent: 2)
            yaml.line("time: \(StarterYaml.scalar(time))", indent: 2)
        }
        if let source = roles.source {
            yaml.comment("Where a row came from, by its name:", indent: 2)
            yaml.line("source: \(StarterYaml.scalar(source))", indent: 2)
        }
        if !roles.ignored.isEmpty {
            yaml.comment("The model does not take these:", indent: 2)
            yaml.list("ignore", roles.ignored.map { StarterYaml.scalar($0) }, indent: 2)
        }
        if !data.missing.isEmpty {
            yaml.comment("These stand between numbers, so they are taken as missing values:", indent: 2)
            yaml.list("missing", data.missing.map { StarterYaml.scalar($0) }, indent: 2)
        }
    }

    private func favourable(_ yaml: inout StarterYaml) {
        if facts.signature.task == .regression {
            yaml.comment(
                "The side of a threshold that people want; it needs `decision` below. Without it disparate impact and "
                    + "residuals are not tested.", indent: 2)
            for side in ["above", "below"] { yaml.line("favourable: \(side)", indent: 2, isOff: true) }
            return
        }
        if let found = facts.favourable, found.isObvious {
            yaml.comment(
                "The outcome that the person in a row wants; \(found.reason). If that is wrong, take the other one: "
                    + "every figure about fairness turns round with it.", indent: 2)
        } else {
            yaml.comment(
                "The outcome that the person in a row wants. Nothing in the files says which one that is, and "
                    + "disparate impact and residuals are not tested without it. Keep one of these lines:", indent: 2)
        }
        for name in facts.classes.prefix(20) {
            let isOff = facts.favourable?.isObvious != true || facts.favourable?.value != name
            let rows = Words.count(facts.classCounts[name] ?? 0, "test row")
            yaml.line("favourable: \(StarterYaml.value(name))  # \(rows)", indent: 2, isOff: isOff)
        }
    }

    private func protected(_ yaml: inout StarterYaml) {
        let roles = facts.roles
        guard !roles.protected.isEmpty else {
            yaml.comment(
                "No column sounds like a protected attribute. Name those that there are, such as sex or age; the model "
                    + "need not take them:", indent: 2)
            yaml.line("protected: [sex, {column: age, buckets: [25, 40, 60]}]", indent: 2, isOff: true)
            return
        }
        let taken = Set(facts.features.map(\.name))
        yaml.comment(
            "Protected attributes, by their names. `reference: …` names the group that others are compared with.",
            indent: 2)
        yaml.line("protected:", indent: 2)
        for attribute in roles.protected {
            let name = StarterYaml.scalar(attribute.column)
            let notes = [attribute.note, taken.contains(attribute.column) ? "the model takes it" : ""]
            let note = notes.filter { !$0.isEmpty }.joined(separator: "; ")
            let cuts = attribute.buckets.map { StarterYaml.number($0) }.joined(separator: ", ")
            let item = cuts.isEmpty ? name : "{column: \(name), buckets: [\(cuts)]}"
            yaml.line("- \(item)" + (note.isEmpty ? "" : "  # \(note)"), indent: 4)
        }
    }

    // MARK: Decision

    private func decisionSection(_ yaml: inout StarterYaml) {
        yaml.gap()
        let positive = facts.classes.last.map { StarterYaml.value($0) } ?? ""
        switch (facts.signature.task, facts.signature.kind) {
        case (.binary, .probabilities), (.binary, .logits):
            yaml.line("decision:")
            yaml.comment("Probabilities of the positive class from here on decide positive.", indent: 2)
            yaml.line("threshold: 0.5", indent: 2)
            yaml.comment("The model's last class is the positive one unless another is named:", indent: 2)
            yaml.line("positive: \(positive)", indent: 2, isOff: true)
        case (.binary, _):
            yaml.comment("The model's own label decides. Its last class is the positive one unless another is named:")
            yaml.line("decision: {positive: \(positive)}", isOff: true)
        case (.multiclass, _): yaml.comment("The class with the highest score decides.")
        case (.regression, _):
            yaml.comment("A value has no decision. Where one is made of it, say from which value on it is positive:")
            let middle = facts.target.low.flatMap { low in facts.target.high.map { (low + $0) / 2 } } ?? 0
            yaml.line("decision: {threshold: \(StarterYaml.number(middle))}", isOff: true)
        }
    }
}
