public import CasemateCore
import CasemateData
import CasemateModels

/// One native engine as it was found on this machine.
public struct EngineReport: Hashable, Sendable, Encodable {
    /// Short name.
    public let name: String
    /// Whether it was found and opens.
    public let isFound: Bool
    /// Version that the engine states; `nil` when it is missing or states none.
    public let version: String?
    /// Path of the library.
    public let path: String?
    /// Platform that engines must be built for.
    public let platform: String
    /// What does not work without it.
    public let cost: String
    /// Why it is missing; `nil` when it was found.
    public let problem: String?

    /// Looks for every engine and opens it.
    public static func all(_ search: EngineSearch) -> [EngineReport] {
        EngineLibrary.all.map { engine in
            do {
                let found = try search.locate(engine)
                let version = try version(of: engine, search) ?? found.statedVersion
                return EngineReport(engine, version: version, path: found.path, problem: nil)
            } catch {
                return EngineReport(engine, version: nil, path: nil, problem: "\(error)")
            }
        }
    }

    private init(_ engine: EngineLibrary, version: String?, path: String?, problem: String?) {
        (name, isFound, cost) = (engine.name, problem == nil, engine.cost)
        (self.version, self.path, self.problem) = (version, path, problem)
        platform = Product.platform
    }

    private static func version(of engine: EngineLibrary, _ search: EngineSearch) throws -> String? {
        switch engine {
        case .onnxRuntime: return try OnnxRuntime(search).version
        case .duckDB: return try DataEngine(search).version
        default:
            _ = try LightGBM(search)
            return nil
        }
    }
}
