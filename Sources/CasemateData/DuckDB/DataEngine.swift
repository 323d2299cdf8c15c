public import CasemateCore

/// Opens data files with DuckDB: an in-memory engine that sees the files it is told to open and nothing else.
///
/// Files that are opened in one call share a database and can be joined in SQL. Once they are read, the database is
/// sealed: no file, network, extension or setting can be reached from it any more. Queries may run on any thread.
public final class DataEngine: Sendable {
    private let library: DuckLibrary
    private let threads: Int, memoryLimit: String?
    private let cancellation: Cancellation?

    /// Loads the engine.
    /// - Parameters:
    ///   - threads: how many threads one query may use; results do not depend on it.
    ///   - memoryLimit: such as `4GB`; DuckDB's own limit (80 % of the machine) where nothing is given.
    ///   - cancellation: stops reading and queries, which then throw `Cancelled`.
    /// - Throws: `CasemateError` with code `engineMissing` or `engineFailed`.
    public init(
        _ search: EngineSearch, threads: Int = 1, memoryLimit: String? = nil, cancellation: Cancellation? = nil
    ) throws(CasemateError) {
        library = try DuckLibrary(search)
        (self.threads, self.memoryLimit, self.cancellation) = (max(1, threads), memoryLimit, cancellation)
    }

    /// Version of DuckDB, such as `v1.5.6`.
    public var version: String { library.version }

    /// Path of the library that was loaded.
    public var libraryPath: String { library.path }

    /// Reads one file: CSV, TSV, either as gzip, Parquet, JSON lines.
    /// - Throws: `CasemateError` that names file, place and what is wrong; `Cancelled`.
    public func open(
        _ path: String, name: String, types: [String: ColumnType] = [:], missing: [String] = []
    ) throws -> DataTable {
        let tables = try open([DataSource(path: path, name: name, types: types, missing: missing)])
        guard let table = tables.first else { throw DuckFailure.inconsistent(path) }
        return table
    }

    /// Reads files into one database, so that SQL can join them; names must differ in more than case.
    /// - Throws: as `open(_:name:types:missing:)`; nothing stays open then.
    public func open(_ sources: [DataSource]) throws -> [DataTable] {
        var names: Set<String> = []
        for source in sources {
            guard !source.name.isEmpty, source.name.utf8.count <= 64, names.insert(source.name.lowercased()).inserted
            else {
                throw CasemateError(
                    .invalidSetting, at: source.path,
                    "table name '\(source.name.shortened(to: 64))' is empty or used twice",
                    help: "give every table a name of its own, at most 64 bytes long")
            }
        }
        let files = try sources.map { try SourceFile($0.path, cancellation: cancellation) }
        let database = try DuckDatabase(library, threads: threads, memoryLimit: memoryLimit, cancellation: cancellation)
        let tables = try zip(files, sources).map { file, source in
            try TableLoader(file: file, source: source, database: database).load()
        }
        try database.seal()
        return tables
    }
}
