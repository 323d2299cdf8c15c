public import CasemateCore
import CasemateData
import CasemateModels

/// Makes an `AuditSubject` from a configuration: opens model and data, binds columns to inputs, compiles the feature
/// space, and asks the model about the test rows.
public struct SubjectLoader: Sendable {
    /// What was loaded.
    public struct Loaded: Sendable {
        /// The subject.
        public let subject: AuditSubject
        /// Files that the result depends on.
        public let inputs: [Report.Input]
        /// Facts for the head of the report.
        public let facts: [EvidenceTable]
        /// Versions of the engines that were used.
        public let engines: [String: String]
    }
    private let configuration: AuditConfiguration
    private let search: EngineSearch
    private let context: RunContext

    /// Makes a loader.
    public init(_ configuration: AuditConfiguration, search: EngineSearch, context: RunContext) {
        (self.configuration, self.search, self.context) = (configuration, search, context)
    }

    /// Loads everything.
    /// - Throws: `CasemateError` with the place of what does not fit; `Cancelled`.
    public func load() throws -> Loaded {
        let paths = try requiredPaths()
        let inputs = try digests(paths)
        context.progress("loading", 0, 4)
        var opened: OnnxRuntime?
        // why: a tree file needs no engine, so none is looked for.
        func runtime() throws -> OnnxRuntime {
            if let opened { return opened }
            let runtime = try OnnxRuntime(search)
            opened = runtime
            return runtime
        }
        let remote = try RemoteSubject(configuration, environment: search.environment, context: context)
        let local = try paths.model.map { path in
            try ModelFile.open(
                path: path, format: configuration.model.format,
                options: ExecutionOptions(provider: configuration.model.provider, threads: context.threads),
                overrides: configuration.model.overrides, runtime: runtime)
        }
        let file = (local as? OnnxModel)?.file
        context.progress("loading", 1, 4)
        let engine = try DataEngine(search, threads: context.threads, cancellation: context.cancellation)
        let tables = try open(paths, engine)
        context.progress("loading", 2, 4)
        let table = try model(local, remote, tables, target: paths.target)
        let model = table.model
        let (test, train) = try matrices(table, tables)
        context.progress("loading", 3, 4)
        let predictions = try answers(table, test, tables.test.path)
        let labels = try SubjectLabels(configuration, tables: tables, signature: model.signature, target: paths.target)
        let compiled = try compile(model.signature.layout, table.features, train ?? test, paths)
        let decisions = labels.decision.map { $0.decide(predictions) } ?? []
        let subject = AuditSubject(
            name: remote?.name ?? String(paths.model?.split(separator: "/").last ?? "model"), file: file, model: table,
            test: test,
            train: train, space: compiled.space, targets: labels.targets, weights: try weights(tables.test),
            predictions: predictions, decision: labels.decision, decisions: decisions, favourable: labels.favourable,
            protected: try protected(tables.test), tables: tables, roles: configuration.data,
            trainTargets: labels.trainTargets,
            constraints: try ConstraintColumns(tables).rules(configuration.constraints),
            insiders: try insiders(tables, engine), previous: try previous(table, tables, test, runtime),
            boosting: try? LightGBM(search), runtime: opened, search: search,
            engine: engine)
        context.progress("loading", 4, 4)
        let external = try (file?.externalFiles ?? []).map { file in
            let digest = try FileDigest(of: file.path)
            return Report.Input(role: "model data", path: file.path, sha256: digest.sha256, bytes: digest.bytes)
        }
        let facts = SubjectFacts(
            subject: subject, data: tables, notes: compiled.notes, isRedacted: configuration.report.isRedacted)
        var engines = ["DuckDB": engine.version]
        if let opened { engines["ONNX Runtime"] = opened.version }
        let served = [table.endpointInput(predictions)].compactMap { $0 }
        return Loaded(subject: subject, inputs: inputs + external + served, facts: facts.tables, engines: engines)
    }

    /// The model in a file, else the one that is served, bound to the table.
    private func model(
        _ local: (any RowModel)?, _ remote: RemoteSubject?, _ tables: Tables, target: String
    ) throws -> TableModel {
        if let local { return try bind(local, tables) }
        guard let remote else {
            throw CasemateError(.invalidSetting, at: "model", "no model is named", help: "name a file or an endpoint")
        }
        return try remote.model(tables, target: target) { try bind($0, tables) }
    }

    // MARK: Files

    struct Paths {
        let model: String?, train: String?
        let test: String, target: String
    }
    typealias Tables = AuditSubject.Tables

    private func requiredPaths() throws(CasemateError) -> Paths {
        func missing(_ key: String, _ option: String, _ what: String) -> CasemateError {
            CasemateError(
                .invalidSetting, at: configuration.path ?? "audit", "no \(what) is named",
                help: "add `\(key)` to the configuration, or give \(option)")
        }
        let model = configuration.model.path
        guard model != nil || configuration.model.endpoint.url != nil else {
            throw missing("model: {path: …}", "--model FILE", "model")
        }
        guard let test = configuration.data.test else { throw missing("data: {test: …}", "--test FILE", "test data") }
        guard let target = configuration.data.target else {
            throw missing("data: {target: …}", "--target COLUMN", "target column")
        }
        return Paths(model: model, train: configuration.data.train, test: test, target: target)
    }

    private func digests(_ paths: Paths) throws -> [Report.Input] {
        let files = [
            ("configuration", configuration.path), ("model", paths.model), ("train", paths.train), ("test", paths.test),
            ("reference", configuration.data.reference), ("previous model", configuration.model.previous),
            ("insiders", configuration.insiders.path),
        ]
        return try files.compactMap { role, path in
            guard let path else { return nil }
            try context.cancellation.check()
            let digest = try FileDigest(of: path)
            return Report.Input(role: role, path: path, sha256: digest.sha256, bytes: digest.bytes)
        }
    }

    private func open(_ paths: Paths, _ engine: DataEngine) throws -> Tables {
        func source(_ path: String, _ name: String) -> DataSource {
            DataSource(path: path, name: name, types: configuration.data.types, missing: configuration.data.missing)
        }
        let named = [
            ("test", paths.test), ("train", paths.train), ("reference", configuration.data.reference),
        ].compactMap { name, path in path.map { (name, $0) } }
        let opened = try engine.open(named.map { source($1, $0) })
        func table(_ name: String) -> DataTable? { opened.first { $0.name == name } }
        return Tables(test: opened[0], train: table("train"), reference: table("reference"))
    }

    // MARK: Rows

    private func bind(_ model: any RowModel, _ tables: Tables) throws -> TableModel {
        try checkDeclared(tables)
        return try TableModel(
            model: model, columns: tables.leading.columns, declared: configuration.model.features,
            excluded: configuration.data.excluded,
            levels: { column in
                var levels = try tables.leading.levels(column, limit: 100_000)
                let known = Set(levels)
                if tables.train != nil {
                    levels += try tables.test.levels(column, limit: 100_000).filter { !known.contains($0) }
                }
                return levels
            })
    }

    /// A column that is left out may be in either file; every other declared one is needed in the test data.
    private func checkDeclared(_ tables: Tables) throws(CasemateError) {
        let data = configuration.data
        let optional = Set(data.ignore + data.identifiers + [data.time, data.source].compactMap { $0 })
        // why sorted: the first mistake is the same one on every run.
        for column in data.excluded.sorted() {
            let isInTrain = tables.train?.columns.contains { $0.name == column } ?? false
            if isInTrain, optional.contains(column) { continue }
            _ = try tables.test.column(column)
        }
    }

    private func matrices(_ model: TableModel, _ tables: Tables) throws -> (test: FeatureMatrix, train: FeatureMatrix?)
    {
        let names = model.features.map(\.name)
        for table in [tables.train, tables.test].compactMap({ $0 }) { try table.rejectNonFinite(names) }
        return (try tables.test.matrix(model.features), try tables.train?.matrix(model.features))
    }

    private func answers(_ model: TableModel, _ test: FeatureMatrix, _ path: String) throws -> Predictions {
        let predictions = try model.predict(test, cancellation: context.cancellation)
        try predictions.rejectNonFinite(path)
        return predictions
    }

    private func compile(
        _ layout: ModelSignature.Layout, _ features: [Feature], _ matrix: FeatureMatrix, _ paths: Paths
    ) throws -> FeatureSpaceDeclaration.Compiled {
        var declaration = configuration.featureSpace
        var ranges = FeatureRange.ranges(of: matrix)
        if layout == .image {
            // why: pixels share one scale; a border pixel that is always black can still be painted.
            let known = ranges.compactMap { $0 }
            if let low = known.map(\.low).min(), let high = known.map(\.high).max() {
                let shared = FeatureRange(low: low, high: high, isWhole: known.allSatisfy(\.isWhole) && high > 1)
                ranges = ranges.map { _ in shared }
            }
            if configuration.origins["feature_space.defaults.scale"] == nil { declaration.defaults.scale = .raw }
        }
        let compiled = try declaration.compile(features: features, ranges: ranges, training: matrix)
        if !declaration.oneHot.isEmpty { try declaration.checkOneHot(matrix, file: paths.train ?? paths.test) }
        return compiled
    }

    private func insiders(_ tables: Tables, _ engine: DataEngine) throws -> InsiderRows? {
        try configuration.insiders.path.map { path in
            try InsiderRows.load(
                path: path, column: configuration.insiders.column, identifiers: configuration.data.identifiers,
                tables: tables, engine: engine)
        }
    }

    private func previous(
        _ current: TableModel, _ tables: Tables, _ test: FeatureMatrix, _ runtime: () throws -> OnnxRuntime
    ) throws -> PreviousRelease? {
        try configuration.model.previous.map { path in
            try PreviousRelease.load(
                path: path, runtime: runtime,
                options: ExecutionOptions(provider: configuration.model.provider, threads: context.threads),
                overrides: configuration.model.overrides, current: current, table: tables.test, test: test,
                cancellation: context.cancellation)
        }
    }

    private func weights(_ table: DataTable) throws -> [Double]? {
        guard let column = configuration.data.weights else { return nil }
        try table.rejectNonFinite([column])
        let values = try table.numbers(column)
        if let row = values.firstIndex(where: { $0.isNaN || $0 < 0 }) {
            throw CasemateError(
                .unusableData, at: "\(table.path):row \(row + 1)", "the weight in '\(column)' is missing or negative",
                help: "give every row a weight of 0 or more")
        }
        guard values.contains(where: { $0 > 0 }) else {
            throw CasemateError(
                .unusableData, at: table.path, "every weight in '\(column)' is 0", help: "give some rows a weight")
        }
        return values
    }

    private func protected(_ table: DataTable) throws -> [AuditSubject.Protected] {
        try configuration.data.protected.map { attribute in
            let values: [String?]
            if attribute.buckets.isEmpty {
                let distinct = try table.distinct(attribute.column, limit: 51).count
                guard distinct <= 50 else {
                    throw CasemateError(
                        .invalidSetting, at: table.path,
                        "the protected attribute '\(attribute.column)' has more than 50 values",
                        help: "make groups of it with `buckets: [25, 60]`, or name a column of groups")
                }
                values = try table.texts(attribute.column)
            } else {
                values = try table.numbers(attribute.column).map { attribute.group(of: $0) }
            }
            if let reference = attribute.reference, !values.contains(reference) {
                let groups = Set(values.compactMap { $0 }).sorted()
                throw CasemateError(
                    .invalidSetting, at: configuration.path ?? "audit",
                    "'\(attribute.column)' has no group '\(reference)'\(Suggestion.clause(for: reference, among: groups))",
                    help: "groups are \(groups.joined(separator: ", "))")
            }
            return AuditSubject.Protected(column: attribute.column, reference: attribute.reference, values: values)
        }
    }
}
