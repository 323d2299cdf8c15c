import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

/// A tree ensemble with the rows that certificates are wanted for.
struct CertifySubject {
    let name: String
    let model: TableModel
    let trees: TreeModel
    let rows: FeatureMatrix
    /// Number of each row: its column `row` where the data have one, else its place in the file from 1.
    let numbers: [Int]
    /// Class of each row as an index; `nil` where there is no label.
    let labels: [Int32?]
    /// Where rows may lie; `nil` where nothing was said, and then every number may become every other.
    let space: FeatureSpace?
    let decision: DecisionRule
    let favourable: Int?
    let facts: [EvidenceTable]
    let inputs: [Report.Input]
    let engines: [String: String]

    /// Names of the decisions.
    var classes: [String] { decision.classes }

    // MARK: With a configuration

    /// Takes everything from an audit's subject.
    init(_ loaded: SubjectLoader.Loaded) throws {
        let subject = loaded.subject
        guard let trees = try TreeModel(subject.model) else { throw Self.noTrees(subject.name) }
        guard let decision = subject.decision else {
            throw CasemateError(
                .invalidSetting, at: subject.name, "a regression makes no decisions that could turn",
                help: "add `decision: {threshold: …}`, or --threshold")
        }
        let labels = EvasionRows.labels(subject)
        (name, model, self.trees, rows) = (subject.name, subject.model, trees, subject.test)
        numbers = (0..<subject.test.count).map { $0 + 1 }
        self.labels = labels.map { $0 }
        (space, self.decision, favourable) = (subject.space, decision, subject.favourable)
        (facts, inputs, engines) = (loaded.facts, loaded.inputs, loaded.engines)
    }

    // MARK: Model and points alone

    /// Binds a model to a file of points; a column `row` numbers them, a column called like a target labels them.
    init(
        model path: String, points: String, configuration: AuditConfiguration, search: EngineSearch, context: RunContext
    ) throws {
        let inputs = try [("model", path), ("test", points)].map { role, path in
            let digest = try FileDigest(of: path)
            return Report.Input(role: role, path: path, sha256: digest.sha256, bytes: digest.bytes)
        }
        var versions: [String: String] = [:]
        let opened = try ModelFile.open(
            path: path, format: configuration.model.format,
            options: ExecutionOptions(provider: configuration.model.provider, threads: context.threads),
            overrides: configuration.model.overrides,
            runtime: {
                let runtime = try OnnxRuntime(search)
                versions["ONNX Runtime"] = runtime.version
                return runtime
            })
        let engine = try DataEngine(search, threads: context.threads, cancellation: context.cancellation)
        let table = try engine.open(
            [
                DataSource(
                    path: points, name: "test", types: configuration.data.types, missing: configuration.data.missing)
            ]
        )[0]
        let roles = try PointRoles(table: table, model: opened, configuration: configuration)
        let bound = try TableModel(
            model: opened, columns: table.columns, declared: roles.features, excluded: roles.excluded,
            levels: { try table.levels($0, limit: 100_000) })
        guard let trees = try TreeModel(bound) else { throw Self.noTrees(path) }
        try table.rejectNonFinite(bound.features.map(\.name))
        let matrix = try table.matrix(bound.features)
        self.trees = trees
        (model, rows) = (bound, matrix)
        name = String(path.split(separator: "/").last ?? "model")
        numbers = try roles.numbers(table)
        labels = try roles.labels(table, signature: opened.signature)
        decision = try roles.decision(opened.signature, threshold: configuration.decision.threshold)
        (space, favourable, facts) = (nil, nil, [])
        self.inputs = inputs
        versions["DuckDB"] = engine.version
        engines = versions
    }

    private static func noTrees(_ place: String) -> CasemateError {
        CasemateError(
            .unsupported, at: place, "the model is no tree ensemble: this release proves nothing about it",
            help: "give trees of XGBoost, LightGBM or ONNX; `casemate attack` searches changes of other models")
    }
}

/// What the columns of a file of points are.
struct PointRoles {
    /// The model's columns in its order; `nil` leaves the choice to the binding.
    let features: [String]?
    /// Columns that are no features.
    let excluded: Set<String>
    private let target: String?, number: String?

    init(table: DataTable, model: any Model, configuration: AuditConfiguration) throws {
        let names = Set(table.columns.map(\.name))
        let width = (model as? any RowModel)?.rowSize
        let numbered = width.map { (0..<$0).map { "f\($0)" } }
        let declared = configuration.model.features
        let isNumbered = declared == nil && numbered?.allSatisfy(names.contains) == true
        features = declared ?? (isNumbered ? numbered : nil)
        let named = Set((model as? any RowModel)?.featureNames ?? []).union(features ?? [])
        if let target = configuration.data.target {
            self.target = try table.column(target).name
        } else {
            target = ["label", "target", "class", "y"].first { names.contains($0) && !named.contains($0) }
        }
        let isRow = table.columns.contains { $0.name == "row" && $0.type.isNumeric } && !named.contains("row")
        number = isRow ? "row" : nil
        excluded = configuration.data.excluded.union([target, number].compactMap { $0 })
    }

    func numbers(_ table: DataTable) throws -> [Int] {
        guard let number else { return (0..<table.count).map { $0 + 1 } }
        let values = try table.numbers(number).map { Int(exactly: $0) }
        let known = values.compactMap { $0 }
        guard known.count == table.count else { return (0..<table.count).map { $0 + 1 } }
        return known
    }

    func labels(_ table: DataTable, signature: ModelSignature) throws -> [Int32?] {
        guard let target, signature.task != .regression else { return [Int32?](repeating: nil, count: table.count) }
        return try table.texts(target).map { text in
            text.flatMap { ClassMapping.match($0, among: signature.classes) }.map { Int32($0) }
        }
    }

    func decision(_ signature: ModelSignature, threshold: Double?) throws(CasemateError) -> DecisionRule {
        switch signature.task {
        case .multiclass: return DecisionRule(kind: .multiclass, classes: signature.classes)
        case .binary:
            return DecisionRule(kind: .binary(positive: 1, threshold: threshold), classes: signature.classes)
        case .regression:
            guard let threshold else {
                throw CasemateError(
                    .invalidSetting, at: "--threshold", "a regression makes no decisions that could turn",
                    help: "say from which value on it counts as positive with --threshold")
            }
            return DecisionRule(
                kind: .value(threshold: threshold), classes: ["below \(threshold)", "\(threshold) or above"])
        }
    }
}
