import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Opens texts and bytes as data files.
enum DataSupport {
    static func engine(threads: Int = 1, cancellation: Cancellation? = nil) throws -> DataEngine {
        try DataEngine(Repository.engines, threads: threads, memoryLimit: "2GB", cancellation: cancellation)
    }

    static func open(
        _ bytes: [UInt8], as name: String = "data.csv", types: [String: ColumnType] = [:], missing: [String] = [],
        engine: DataEngine? = nil
    ) throws -> DataTable {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/" + name
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return try (engine ?? Self.engine()).open(path, name: "data", types: types, missing: missing)
        }
    }

    static func open(
        _ text: String, as name: String = "data.csv", types: [String: ColumnType] = [:], missing: [String] = []
    ) throws -> DataTable {
        try open(Array(text.utf8), as: name, types: types, missing: missing)
    }

    /// The error of opening bytes, with the folder cut from its place.
    static func failure(
        _ bytes: [UInt8], as name: String = "data.csv", types: [String: ColumnType] = [:], missing: [String] = []
    ) throws -> CasemateError? {
        do { _ = try open(bytes, as: name, types: types, missing: missing) } catch let error as CasemateError {
            let place = (error.place as NSString).lastPathComponent
            return CasemateError(error.code, at: place, error.what, help: error.help)
        }
        return nil
    }

    static func failure(
        _ text: String, as name: String = "data.csv", types: [String: ColumnType] = [:], missing: [String] = []
    ) throws -> CasemateError? {
        try failure(Array(text.utf8), as: name, types: types, missing: missing)
    }

    /// All columns as canonical texts.
    static func content(_ table: DataTable) throws -> [String: [String?]] {
        try Dictionary(uniqueKeysWithValues: table.columns.map { ($0.name, try table.texts($0.name)) })
    }

    /// What a statement of an unsealed database writes: `COPY (…) TO` with `TARGET` for the path.
    static func written(_ statement: String, as name: String) throws -> [UInt8] {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/" + name
            let database = try DuckDatabase(Repository.engines)
            try database.execute(statement.replacing("TARGET", with: "'\(path)'"), for: path)
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
    }
}
