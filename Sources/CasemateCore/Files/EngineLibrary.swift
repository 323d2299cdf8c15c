import Foundation

/// A native engine that is opened at run time: how it is named, where it is looked for, what misses without it.
public struct EngineLibrary: Hashable, Sendable {
    /// Short name, also the folder below the engines folder: `onnxruntime`.
    public let name: String
    /// Environment variable that names the library file.
    public let variable: String
    /// File names that system folders are searched for.
    public let systemNames: [String]
    /// What does not work without it.
    public let cost: String
    /// Makes a description.
    public init(name: String, variable: String, systemNames: [String], cost: String) {
        (self.name, self.variable, self.systemNames, self.cost) = (name, variable, systemNames, cost)
    }
    /// ONNX Runtime.
    public static let onnxRuntime = EngineLibrary(
        name: "onnxruntime", variable: "CASEMATE_ONNXRUNTIME",
        systemNames: ["libonnxruntime.so.1", "libonnxruntime.so"],
        cost: "models cannot be run: no audit, no attack")
    /// LightGBM.
    public static let lightGBM = EngineLibrary(
        name: "lightgbm", variable: "CASEMATE_LIGHTGBM", systemNames: ["lib_lightgbm.so"],
        cost: "boosted trees cannot be trained")
    /// DuckDB.
    public static let duckDB = EngineLibrary(
        name: "duckdb", variable: "CASEMATE_DUCKDB", systemNames: ["libduckdb.so"],
        cost: "data files cannot be read: no audit")
    /// Every engine, in the order `doctor` lists them.
    public static let all = [onnxRuntime, lightGBM, duckDB]
}

/// Where engines are looked for: an environment, system folders, the installation's engines folder, in that order.
public struct EngineSearch: Hashable, Sendable {
    /// Environment variables that count.
    public var environment: [String: String]
    /// System folders.
    public var systemFolders: [String]
    /// Folders that `make setup` fills, the first that holds the engine wins.
    public var enginesFolders: [String]
    /// Makes a search.
    public init(
        environment: [String: String],
        systemFolders: [String] = [
            "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
        ], enginesFolders: [String]
    ) {
        (self.environment, self.systemFolders) = (environment, systemFolders)
        self.enginesFolders = enginesFolders
    }

    /// A library that was found.
    public struct Found: Hashable, Sendable {
        /// Path of the library.
        public let path: String
        /// A library that must be opened before it, such as the one that stands in for Python.
        public let companion: String?
        /// The version that the engines folder states, where it was found there.
        public let statedVersion: String?
    }

    /// One entry of `manifest.json` in an engines folder, as `Scripts/setup` writes it.
    private struct Entry: Decodable {
        let name: String, version: String, library: String
        let stub: String?
    }
    private struct Manifest: Decodable { let engines: [Entry] }

    /// The place of an engine.
    /// - Throws: `CasemateError` that names the engine, every place looked at and the command that installs it.
    public func locate(_ engine: EngineLibrary) throws(CasemateError) -> Found {
        let files = FileManager.default
        var tried: [String] = []
        if let named = environment[engine.variable], !named.isEmpty {
            if files.fileExists(atPath: named) { return Found(path: named, companion: nil, statedVersion: nil) }
            throw CasemateError(
                .engineMissing, at: engine.variable, "names '\(named)', which is not there",
                help: "correct or unset \(engine.variable)")
        }
        tried.append("$\(engine.variable)")
        for folder in systemFolders {
            for name in engine.systemNames where files.fileExists(atPath: folder + "/" + name) {
                return Found(path: folder + "/" + name, companion: nil, statedVersion: nil)
            }
        }
        tried += systemFolders
        for folder in enginesFolders {
            tried.append(folder)
            guard let data = files.contents(atPath: folder + "/manifest.json"), data.count < 1 << 20,
                let manifest = try? JSONDecoder().decode(Manifest.self, from: data),
                let entry = manifest.engines.first(where: { $0.name == engine.name })
            else { continue }
            let path = folder + "/" + entry.library
            guard files.fileExists(atPath: path) else { continue }
            return Found(
                path: path, companion: entry.stub.map { folder + "/" + $0 }, statedVersion: entry.version)
        }
        throw CasemateError(
            .engineMissing, at: engine.name, "not found in \(tried.joined(separator: ", "))",
            help: "run 'make setup', or set \(engine.variable) to the library file")
    }
}
