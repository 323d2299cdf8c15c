public import CasemateCore
import Foundation

/// Opens data files with DuckDB: an engine that sees the files it is told to open and nothing else.
///
/// Files that are opened in one call share a database and can be joined in SQL. Once they are open, the database is
/// sealed: no other file, network, extension or setting can be reached from it any more. Queries may run on any thread.
public final class DataEngine: Sendable {
    private let library: DuckLibrary
    private let threads: Int, memoryLimit: String?, temporaryFolder: String
    private let cancellation: Cancellation?

    /// Loads the engine.
    /// - Parameters:
    ///   - threads: how many threads one query may use; results do not depend on it.
    ///   - memoryLimit: such as `4GB`; DuckDB's own limit (80 % of the machine) where nothing is given.
    ///   - cancellation: stops reading and queries, which then throw `Cancelled`.
    ///   - temporaryFolder: where converted texts and what does not fit memory are kept while they are needed; the
    ///     system's own where nothing is given.
    /// - Throws: `CasemateError` with code `engineMissing` or `engineFailed`.
    public init(
        _ search: EngineSearch, threads: Int = 1, memoryLimit: String? = nil, cancellation: Cancellation? = nil,
        temporaryFolder: String? = nil
    ) throws(CasemateError) {
        library = try DuckLibrary(search)
        self.temporaryFolder = temporaryFolder ?? FileManager.default.temporaryDirectory.path
        (self.threads, self.memoryLimit, self.cancellation) = (max(1, threads), memoryLimit, cancellation)
    }

    /// Version of DuckDB, such as `v1.5.6`.
    public var version: String { library.version }

    /// Path of the library that was loaded.
    public var libraryPath: String { library.path }

    /// Reads one file: CSV, TSV, either as gzip, Parquet, JSON lines.
    /// - Throws: `CasemateError` that names file, place and what is wrong; `Cancelled`.
    public func open(
        _ path: String, name: String, types: [String: ColumnType] = [:], missing: [String] = [],
        storage: DataStorage = .memory
    ) throws -> DataTable {
        let tables = try open([DataSource(path: path, name: name, types: types, missing: missing)], storage: storage)
        guard let table = tables.first else { throw DuckFailure.inconsistent(path) }
        return table
    }

    /// Reads files into one database, so that SQL can join them; names must differ in more than case.
    /// - Throws: as `open(_:name:types:missing:storage:)`; nothing stays open then.
    public func open(_ sources: [DataSource], storage: DataStorage = .memory) throws -> [DataTable] {
        try checkNames(sources)
        let files = try sources.map {
            try SourceFile($0.path, folder: temporaryFolder, cancellation: cancellation)
        }
        do {
            return try load(files, sources, storage)
        } catch let failure as DelimitedFailure {
            return try reopened(files, sources, storage, after: failure)
        }
    }

    private func checkNames(_ sources: [DataSource]) throws(CasemateError) {
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
    }

    private func load(_ files: [SourceFile], _ sources: [DataSource], _ storage: DataStorage) throws -> [DataTable] {
        let folder = storage == .scan ? try TemporaryFolder(in: temporaryFolder) : nil
        let limit = memoryLimit ?? (storage == .scan ? DataStorage.scanMemory : nil)
        let database = try DuckDatabase(
            library, threads: threads, memoryLimit: limit, cancellation: cancellation, folder: folder,
            files: storage == .scan ? files : [])
        let tables = try zip(files, sources).map { file, source in
            let isLarge = storage == .scan && file.contentSize > DataStorage.memorySize
            return try TableLoader(
                file: file, source: source, database: database, isScanned: storage == .scan,
                catalog: isLarge && file.format != .parquet ? try database.diskCatalog() : DuckDatabase.catalog
            ).load()
        }
        try database.seal(allowing: storage == .scan ? files.filter { $0.format == .parquet }.map(\.enginePath) : [])
        return tables
    }

    /// Looks for the reason why a delimited file could not be read: text that turns out to be Windows-1252 behind the
    /// part that was looked at first is converted, anything else is told.
    private func reopened(
        _ files: [SourceFile], _ sources: [DataSource], _ storage: DataStorage, after failure: DelimitedFailure
    ) throws -> [DataTable] {
        guard let position = files.firstIndex(where: { $0 === failure.file }) else { throw failure.error }
        let doctor = try DelimitedDoctor(files[position], cancellation: cancellation)
        guard doctor.longLine == nil, doctor.census.isWindows1252, failure.file.notes.isEmpty else {
            throw doctor.explain(failure.error, path: failure.file.path)
        }
        var files = files
        files[position] = try SourceFile(
            failure.file.path, encoding: .windows1252, folder: temporaryFolder, cancellation: cancellation)
        do {
            return try load(files, sources, storage)
        } catch let failure as DelimitedFailure {
            return try reopened(files, sources, storage, after: failure)
        }
    }
}
