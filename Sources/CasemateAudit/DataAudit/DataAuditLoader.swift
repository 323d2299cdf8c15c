public import CasemateCore
import CasemateData
public import CasemateDetect
import CasemateModels
import Foundation

/// Makes a `DataSubject` from a configuration: opens the data, and the model where one is named.
public struct DataAuditLoader: Sendable {
    /// What was loaded.
    public struct Loaded: Sendable {
        /// The data under examination.
        public let subject: DataSubject
        /// Files that the result depends on.
        public let inputs: [Report.Input]
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
        guard let path = configuration.data.train else { throw missing() }
        let inputs = try digests()
        let name = String(path.split(separator: "/").last ?? "data")
        if SampleReader.serves(path) { return try samples(path, name: name, inputs) }
        let engine = try DataEngine(search, threads: context.threads, cancellation: context.cancellation)
        var engines = ["DuckDB": engine.version]
        let runtime = try? OnnxRuntime(search)
        let boosting = try? LightGBM(search)
        if let runtime { engines["ONNX Runtime"] = runtime.version }
        let tables = try open(path, engine)
        var opening = DataOpening(train: tables.train, reference: tables.reference, test: tables.test)
        opening.roles = configuration.data.roles
        (opening.boosting, opening.runtime) = (boosting, runtime)
        opening.constraints = try configuration.constraints.isEmpty ? [] : rules(tables)
        if let model = configuration.model.path { opening.model = try bound(model, tables.train, runtime) }
        if let model = configuration.model.previous { opening.previous = try bound(model, tables.train, runtime) }
        return Loaded(subject: try opening.subject(name: name), inputs: inputs, engines: engines)
    }

    /// A profile of the training data alone, without rows.
    /// - Throws: as `load`; `unsupported` for pictures and other arrays.
    public func profile() throws -> DataProfile {
        guard let path = configuration.data.train else { throw missing() }
        guard !SampleReader.serves(path) else {
            throw CasemateError(
                .unsupported, at: path, "pictures and arrays have no profile", help: "name a table")
        }
        let engine = try DataEngine(search, threads: context.threads, cancellation: context.cancellation)
        let source = DataSource(
            path: path, name: "train", types: configuration.data.types, missing: configuration.data.missing)
        guard let table = try engine.open([source], storage: .scan).first else { throw missing() }
        return try DataProfile(of: table, roles: configuration.data.roles, context: context)
    }

    private func missing() -> CasemateError {
        CasemateError(
            .invalidSetting, at: "data", "no training data are named",
            help: "give a file, as in `casemate data audit train.csv`, or a configuration with `data: {train: …}`")
    }

    /// Pictures and other arrays in place of a table.
    private func samples(_ path: String, name: String, _ inputs: [Report.Input]) throws -> Loaded {
        var opening = try PictureOpening(SampleSource(path), cancellation: context.cancellation)
        opening.favourable = configuration.data.favourable
        opening.boosting = try? LightGBM(search)
        opening.runtime = try? OnnxRuntime(search)
        let engines = opening.runtime.map { ["ONNX Runtime": $0.version] } ?? [:]
        return Loaded(subject: try opening.subject(name: name), inputs: inputs, engines: engines)
    }

    private typealias Tables = (train: DataTable, reference: DataTable?, test: DataTable?)

    private func open(_ path: String, _ engine: DataEngine) throws -> Tables {
        let others = [("reference", configuration.data.reference), ("test", configuration.data.test)]
        let named = [("train", path)] + others.compactMap { name, path in path.map { (name, $0) } }
        let tables = try engine.open(
            named.map { name, path in
                DataSource(
                    path: path, name: name, types: configuration.data.types, missing: configuration.data.missing)
            }, storage: .scan)
        func table(_ name: String) -> DataTable? { tables.first { $0.name == name } }
        return (tables[0], table("reference"), table("test"))
    }

    private func rules(_ tables: Tables) throws -> [ConstraintRule] {
        try ConstraintColumns(AuditSubject.Tables(test: tables.train, train: nil, reference: nil)).rules(
            configuration.constraints)
    }

    /// A model bound to the columns of the training data.
    private func bound(_ path: String, _ table: DataTable, _ found: OnnxRuntime?) throws -> TableModel {
        let model = try ModelFile.open(
            path: path, format: path == configuration.model.path ? configuration.model.format : nil,
            options: ExecutionOptions(provider: configuration.model.provider, threads: context.threads),
            overrides: configuration.model.overrides, runtime: { try found ?? OnnxRuntime(search) })
        var excluded = configuration.data.excluded
        if configuration.data.target == nil {
            let usual = DataOpening.usualTargets
            excluded.formUnion(table.columns.map(\.name).filter { usual.contains($0.lowercased()) }.prefix(1))
        }
        return try TableModel(
            model: model, columns: table.columns, declared: configuration.model.features, excluded: excluded,
            levels: { try table.levels($0, limit: 100_000) })
    }

    private func digests() throws -> [Report.Input] {
        let data = configuration.data
        let files = [
            ("configuration", configuration.path), ("train", data.train), ("reference", data.reference),
            ("test", data.test), ("model", configuration.model.path), ("previous model", configuration.model.previous),
        ]
        return try files.compactMap { role, path in
            guard let path else { return nil }
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            if isFolder.boolValue { return nil }
            try context.cancellation.check()
            let digest = try FileDigest(of: path)
            return Report.Input(role: role, path: path, sha256: digest.sha256, bytes: digest.bytes)
        }
    }
}

extension AuditConfiguration.Data {
    /// What columns mean to checks on data.
    var roles: DataSubject.Roles {
        var roles = DataSubject.Roles()
        (roles.target, roles.favourable) = (target, favourable)
        (roles.source, roles.time) = (source, time)
        (roles.identifiers, roles.ignored) = (identifiers, ignore + [weights].compactMap(\.self))
        roles.protected = protected.map(\.column)
        return roles
    }
}
