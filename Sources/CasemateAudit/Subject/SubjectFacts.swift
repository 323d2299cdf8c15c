import CasemateCore
import CasemateData
import CasemateModels

/// Facts about a subject for the head of the report.
struct SubjectFacts {
    let subject: AuditSubject
    let data: SubjectLoader.Tables
    let notes: [String]
    /// Whether bounds are hidden: those taken from the data are values of single rows.
    let isRedacted: Bool

    /// The subject at a glance, and what an attacker may change.
    var tables: [EvidenceTable] {
        let signature = subject.model.model.signature
        var rows = [
            ["task", signature.task.rawValue], ["scores", signature.kind.rawValue],
            ["inputs", "\(signature.layout.rawValue), \(Words.count(subject.model.features.count, "feature"))"],
            ["test data", "\(Words.count(data.test.count, "row")), \(Words.count(data.test.columns.count, "column"))"],
        ]
        if let trees = (subject.model.model as? TreeFileModel)?.file {
            let count = Words.count(trees.ensemble.trees, "tree")
            rows.insert(["file", "\(trees.format.rawValue) \(trees.version), \(trees.objective), \(count)"], at: 0)
        }
        if let train = data.train {
            rows.append([
                "training data", "\(Words.count(train.count, "row")), \(Words.count(train.columns.count, "column"))",
            ])
        } else {
            rows.append(["training data", "none given: ranges come from the test data"])
        }
        switch subject.decision?.kind {
        case .binary(let positive, let threshold):
            let name = subject.decision?.classes[positive] ?? ""
            let rule = threshold.map { "'\(name)' from a score of \($0) on" } ?? "the model's own label"
            rows.append(["decision", rule])
        case .value(let threshold): rows.append(["decision", "positive from \(threshold) on"])
        case .multiclass: rows.append(["decision", "the class with the highest score"])
        case nil: rows.append(["decision", "none: a value without threshold"])
        }
        if let favourable = subject.favourable, let classes = subject.decision?.classes {
            rows.append(["favourable outcome", classes[favourable]])
        }
        if !subject.protected.isEmpty {
            rows.append(["protected attributes", subject.protected.map(\.column).joined(separator: ", ")])
        }
        rows += notes.map { ["note", $0] }
        let features = subject.model.features.enumerated().map { index, feature in
            [feature.name, Self.kind(feature, subject.space.rules[index]), room(subject.space.rules[index])]
        }
        return [
            EvidenceTable(title: "Subject", columns: ["fact", "value"], rows: rows),
            EvidenceTable(
                title: "What an attacker may change", columns: ["feature", "kind", "room"], rows: features),
        ]
    }

    private static func kind(_ feature: Feature, _ rule: FeatureSpace.Rule) -> String {
        switch rule.domain {
        case .continuous: "number"
        case .integer: "whole number"
        case .ordinal(let steps): "\(Words.count(steps.count, "step"))"
        case .categorical(let levels, _): "\(Words.count(levels, "level"))"
        }
    }

    private func room(_ rule: FeatureSpace.Rule) -> String {
        if rule.isImmutable { return "immutable" }
        if case .categorical(_, let moves) = rule.domain { return moves == nil ? "any level" : "declared moves" }
        let probe = Feature("value")
        let bounds = isRedacted ? "bounds masked" : "\(probe.text(of: rule.low)) … \(probe.text(of: rule.high))"
        return rule.direction == .any ? bounds : "\(bounds), \(rule.direction.rawValue) only"
    }
}
