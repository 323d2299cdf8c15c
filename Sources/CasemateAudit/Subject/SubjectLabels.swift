import CasemateCore
import CasemateData
import CasemateModels

/// Targets, favourable outcome and decision rule of a subject.
struct SubjectLabels {
    let targets: AuditSubject.Targets
    /// Labels of the training rows; `nil` without training data or where they lack the target.
    let trainTargets: AuditSubject.Targets?
    let decision: DecisionRule?
    let favourable: Int?

    init(
        _ configuration: AuditConfiguration, tables: SubjectLoader.Tables, signature: ModelSignature, target: String
    ) throws {
        if signature.task == .regression {
            try self.init(regression: configuration, tables, target)
        } else {
            try self.init(classes: configuration, tables, signature, target)
        }
    }

    private init(
        classes configuration: AuditConfiguration, _ tables: SubjectLoader.Tables, _ signature: ModelSignature,
        _ target: String
    ) throws {
        let favourable = configuration.data.favourable
        let column = try LabelColumn(tables.test, target: target, favourable: favourable)
        var labels = column.classes
        var trainColumn: LabelColumn?
        if let train = tables.train, train.columns.contains(where: { $0.name == target }) {
            // why: train alone may hold classes that the test data lack; both decide how labels fit the model.
            let known = Set(labels)
            let found = try LabelColumn(train, target: target)
            labels += found.classes.filter { !known.contains($0) }
            trainColumn = found
        }
        let mapping = try ClassMapping(
            classes: signature.classes, labels: labels, place: "\(tables.test.path):'\(target)'")
        func positions(_ column: LabelColumn) -> [Int] {
            let byClass = column.classes.map { mapping.position(of: $0) ?? 0 }
            return column.labels.map { byClass[Int($0)] }
        }
        targets = .classes(positions(column))
        trainTargets = trainColumn.map { .classes(positions($0)) }
        self.favourable = column.favourable.flatMap { mapping.position(of: column.classes[$0]) }
        guard signature.classes.count == 2 else {
            try Self.refuseThreshold(configuration)
            decision = DecisionRule(kind: .multiclass, classes: mapping.classes)
            return
        }
        var positive = 1
        if let named = configuration.decision.positive {
            guard let position = mapping.position(of: named) else {
                throw CasemateError(
                    .invalidSetting, at: configuration.path ?? "audit",
                    "the positive class '\(named)' is none of \(mapping.classes.joined(separator: ", "))",
                    help: "name one of them under `decision: {positive: …}`")
            }
            positive = position
        }
        if signature.kind == .labels, configuration.decision.threshold != nil {
            throw CasemateError(
                .invalidSetting, at: configuration.place(of: "decision.threshold"),
                "the model gives labels only, which no threshold applies to", help: "remove the threshold")
        }
        // why: 0.5 means something for probabilities only; margins and bare labels decide by the model's own label.
        let hasProbabilities = signature.kind == .probabilities || signature.kind == .logits
        if hasProbabilities, let threshold = configuration.decision.threshold, !(0...1).contains(threshold) {
            throw CasemateError(
                .invalidSetting, at: configuration.place(of: "decision.threshold"),
                "a threshold of \(threshold) for probabilities, which lie in 0…1",
                help: "give a number between 0 and 1")
        }
        decision = DecisionRule(
            kind: .binary(
                positive: positive, threshold: configuration.decision.threshold ?? (hasProbabilities ? 0.5 : nil)),
            classes: mapping.classes)
    }

    private static func refuseThreshold(_ configuration: AuditConfiguration) throws(CasemateError) {
        guard configuration.decision.threshold != nil else { return }
        throw CasemateError(
            .invalidSetting, at: configuration.path ?? "audit",
            "a threshold is declared for a model of several classes",
            help: "remove `decision: {threshold: …}`: the class with the highest score decides")
    }

    private init(regression configuration: AuditConfiguration, _ tables: SubjectLoader.Tables, _ target: String) throws
    {
        let table = tables.test
        let values = try Self.values(table, target)
        var distinct: Set<Double> = []
        for value in values where distinct.count < 3 { distinct.insert(value) }
        guard distinct.count > 1 else {
            throw CasemateError(
                .unusableData, at: "\(table.path):'\(target)'", "the target is the same in every row",
                help: "check `target`, or give data with different outcomes")
        }
        if distinct.count == 2, configuration.model.overrides.task == nil {
            throw CasemateError(
                .mismatch, at: "\(table.path):'\(target)'",
                "the target has two values and the model gives one value a row that is no probability by its graph",
                help: "say what it is: `model: {task: binary}` for a logit, `model: {task: regression}` for a value")
        }
        targets = .values(values)
        trainTargets = try tables.train.flatMap { train in
            train.columns.contains { $0.name == target } ? .values(try Self.values(train, target)) : nil
        }
        guard let threshold = configuration.decision.threshold else {
            guard configuration.data.favourable == nil else {
                throw CasemateError(
                    .invalidSetting, at: configuration.place(of: "data.favourable"),
                    "a regression has a favourable outcome only from a threshold on",
                    help: "add `decision: {threshold: …}`, or remove `favourable`")
            }
            (decision, favourable) = (nil, nil)
            return
        }
        let names = ["below \(threshold)", "at least \(threshold)"]
        decision = DecisionRule(kind: .value(threshold: threshold), classes: names)
        favourable = try configuration.data.favourable.map { text throws(CasemateError) in
            switch text {
            case "above", "high", "1": 1
            case "below", "low", "0": 0
            default:
                throw CasemateError(
                    .invalidSetting, at: configuration.path ?? "audit",
                    "'\(text)' names no side of the threshold of a regression",
                    help: "write `favourable: above` or `favourable: below`")
            }
        }
    }

    /// The target of a regression, a number in every row.
    private static func values(_ table: DataTable, _ target: String) throws -> [Double] {
        let column = try table.column(target)
        guard column.type == .integer || column.type == .number || column.type == .boolean else {
            throw CasemateError(
                .mismatch, at: "\(table.path):'\(target)'", "the target is text and the model gives one value a row",
                help: "name a numeric target, or say what the value is: `model: {task: binary}`")
        }
        try table.rejectNonFinite([target])
        let values = try table.numbers(target)
        if let row = values.firstIndex(where: \.isNaN) {
            throw CasemateError(
                .unusableData, at: "\(table.path):row \(row + 1)", "the target '\(target)' is missing",
                help: "leave out rows without a known outcome")
        }
        return values
    }
}
