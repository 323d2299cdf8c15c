import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// A model and the samples that are attacked, from arrays, images or a table.
struct WhiteBoxSubject {
    let name: String
    let model: OnnxModel
    let runtime: OnnxRuntime
    /// Samples on the scale that distances are measured in, `[count, shape]`.
    let rows: [Float]
    let shape: [Int]
    let labels: [Int32]
    let bounds: ClosedRange<Float>
    /// How rows in shares of each feature's range become rows in units; `nil` where they are in units.
    let scaling: FeatureScaling?
    /// Numbers of the samples in their file, from 0.
    let identifiers: [Int]
    let format: PictureSheet.Format?
    let notes: [String]
    let inputs: [Report.Input]
    let facts: [EvidenceTable]
    let engines: [String: String]
    let overrides: ModelOverrides

    /// Loads what a plan names.
    init(_ configuration: AuditConfiguration, _ plan: WhiteBoxPlan, search: EngineSearch, context: RunContext) throws {
        if SampleReader.serves(plan.data) {
            self = try Self.samples(configuration, plan, search: search, context: context)
        } else {
            self = try Self.table(configuration, plan, search: search, context: context)
        }
    }

    private static func samples(
        _ configuration: AuditConfiguration, _ plan: WhiteBoxPlan, search: EngineSearch, context: RunContext
    ) throws -> WhiteBoxSubject {
        guard let path = configuration.model.path else {
            throw CasemateError(.invalidSetting, at: "attack", "no model is named", help: "name an ONNX file")
        }
        let runtime = try OnnxRuntime(search)
        let overrides = configuration.model.overrides
        let model = try OnnxModel(
            path: path, runtime: runtime, options: ExecutionOptions(threads: context.threads), overrides: overrides)
        guard model.rowSize != nil else {
            throw CasemateError(
                .unsupported, at: path, "takes \(model.signature.inputs.count) inputs or text: arrays do not fit",
                help: "give a table (--data FILE.csv --target COLUMN), or a model with one numeric input")
        }
        let found = try SampleSubject(
            SampleSubject.Choices(
                path: plan.data, labels: plan.labels, samplesArray: plan.array, divisor: plan.divisor,
                bounds: plan.bounds, count: plan.samples), model: model, context: context)
        var inputs = [try input("model", path)]
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: plan.data, isDirectory: &isFolder)
        if !isFolder.boolValue { inputs.append(try input("data", plan.data)) }
        let facts = EvidenceTable(
            title: "Samples", columns: ["what", "value"],
            rows: [
                ["source", found.source], ["samples", "\(found.count)"],
                ["axes", found.shape.map { String($0) }.joined(separator: " × ")],
                ["stored as", found.element.rawValue], ["divided by", Words.distance(Double(found.divisor))],
                ["box", "\(found.bounds.lowerBound)…\(found.bounds.upperBound)"],
                ["labels", found.areOwnAnswers ? "the model's own answers" : "from the data"],
            ])
        return WhiteBoxSubject(
            name: String(path.split(separator: "/").last ?? "model"), model: model, runtime: runtime, rows: found.rows,
            shape: found.shape, labels: found.labels, bounds: found.bounds, scaling: nil,
            identifiers: Array(0..<found.count), format: PictureSheet.Format(found.shape) ?? nil, notes: found.notes,
            inputs: inputs, facts: [facts], engines: ["ONNX Runtime": runtime.version], overrides: overrides)
    }

    private static func table(
        _ configuration: AuditConfiguration, _ plan: WhiteBoxPlan, search: EngineSearch, context: RunContext
    ) throws -> WhiteBoxSubject {
        try configuration.validate()
        let loaded = try SubjectLoader(configuration, search: search, context: context).load()
        let subject = loaded.subject
        if let reason = reasonAgainst(subject) {
            throw CasemateError(
                .unsupported, at: subject.name, reason, help: "attacks by labels (--access labels) still work")
        }
        return try WhiteBoxSubject(
            subject, configuration, samples: plan.samples ?? Int.max, bounds: plan.bounds, runtime: OnnxRuntime(search),
            inputs: loaded.inputs, facts: loaded.facts, engines: loaded.engines, context: context)
    }

    /// The subject of an audit; rows are drawn by the seed and measured in shares of each feature's range, unless bounds
    /// on the model's own scale are given.
    init(
        _ subject: AuditSubject, _ configuration: AuditConfiguration, samples: Int, bounds: ClosedRange<Float>?,
        runtime: OnnxRuntime, inputs: [Report.Input] = [], facts: [EvidenceTable] = [], engines: [String: String] = [:],
        context: RunContext
    ) throws {
        guard let model = subject.model.model as? OnnxModel else {
            throw CasemateError(
                .unsupported, at: subject.name, "is no ONNX file", help: "gradients are taken of ONNX graphs")
        }
        var settings = EvasionSettings()
        settings.samples = samples
        let chosen = EvasionRows(subject, settings, seed: context.seed).indices
        let all = EvasionRows.labels(subject)
        let raw = chosen.flatMap { Array(subject.test[row: $0]) }
        let width = subject.test.features.count
        let finite = chosen.enumerated().filter { index, _ in
            raw[index * width..<(index + 1) * width].allSatisfy(\.isFinite)
        }
        let kept = finite.flatMap { Array(raw[$0.offset * width..<($0.offset + 1) * width]) }
        let scaling = bounds == nil ? Self.scaling(subject, kept, width) : nil
        (name, self.model, self.runtime) = (subject.name, model, runtime)
        rows = (scaling?.scaled(kept) ?? kept).map { bounds == nil ? min(max($0, 0), 1) : $0 }
        shape = model.rowShape
        labels = finite.map { all[$0.element] }
        self.bounds = bounds ?? 0...1
        self.scaling = scaling
        identifiers = finite.map(\.element)
        format = PictureSheet.Format(model.rowShape) ?? nil
        var notes: [String] = []
        if scaling != nil { notes.append("Distances are shares of each feature's range (1: the whole range).") }
        if finite.count < chosen.count {
            notes.append("\(Words.count(chosen.count - finite.count, "row")) with missing values were left out.")
        }
        self.notes = notes
        (self.inputs, self.facts, self.engines) = (inputs, facts, engines)
        overrides = configuration.model.overrides
        guard !labels.isEmpty else {
            throw CasemateError(
                .unusableData, at: subject.name, "no row without missing values is left to attack",
                help: "give rows without missing values")
        }
    }

    /// Why gradients cannot be used on a table's model; `nil` when they can.
    static func reasonAgainst(_ subject: AuditSubject) -> String? {
        guard let model = subject.model.model as? OnnxModel, model.signature.task != .regression else {
            return "gradient attacks take ONNX classifiers"
        }
        guard model.rowSize != nil, let type = model.signature.inputs.first?.type, type == .float || type == .double
        else {
            return "gradient attacks take one numeric input of floats"
        }
        let rules = subject.space.rules
        if rules.contains(where: { $0.isImmutable || $0.direction != .any }) || !subject.space.oneHotGroups.isEmpty {
            return
                "the feature space fixes features, directions or one-hot groups, which gradient steps would leave; the "
                + "`evasion` probe keeps them"
        }
        let isFree = rules.allSatisfy { rule in
            if case .continuous = rule.domain { true } else { false }
        }
        guard isFree || model.signature.layout == .image else {
            return "features are whole numbers or categories, between which gradient steps would fall; the `evasion` "
                + "probe keeps them"
        }
        if case .binary(_, let threshold?)? = subject.decision?.kind, abs(threshold - 0.5) > 1e-9 {
            return "the decision threshold is \(threshold): gradient attacks go by the model's own decision"
        }
        return nil
    }

    private static func scaling(_ subject: AuditSubject, _ rows: [Float], _ width: Int) -> FeatureScaling {
        var low = [Float](repeating: .infinity, count: width), high = [Float](repeating: -.infinity, count: width)
        for values in [subject.train?.values ?? subject.test.values, rows] {
            for (index, value) in values.enumerated() where value.isFinite {
                low[index % width] = min(low[index % width], value)
                high[index % width] = max(high[index % width], value)
            }
        }
        return FeatureScaling(low: low.map { $0.isFinite ? $0 : 0 }, high: high.map { $0.isFinite ? $0 : 1 })
    }

    private static func input(_ role: String, _ path: String) throws -> Report.Input {
        let digest = try FileDigest(of: path)
        return Report.Input(role: role, path: path, sha256: digest.sha256, bytes: digest.bytes)
    }

    private init(
        name: String, model: OnnxModel, runtime: OnnxRuntime, rows: [Float], shape: [Int], labels: [Int32],
        bounds: ClosedRange<Float>, scaling: FeatureScaling?, identifiers: [Int], format: PictureSheet.Format?,
        notes: [String], inputs: [Report.Input], facts: [EvidenceTable], engines: [String: String],
        overrides: ModelOverrides
    ) {
        (self.name, self.model, self.runtime, self.rows, self.shape) = (name, model, runtime, rows, shape)
        (self.labels, self.bounds, self.scaling, self.identifiers) = (labels, bounds, scaling, identifiers)
        (self.format, self.notes, self.inputs, self.facts) = (format, notes, inputs, facts)
        (self.engines, self.overrides) = (engines, overrides)
    }
}
