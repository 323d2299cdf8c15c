import CDuckDB
package import CasemateCore
import Synchronization

/// A database in memory, with a second one on disk where tables are too large.
///
/// Open to files while tables are loaded; `seal` ends that for good. Every query gets a connection of its own.
package final class DuckDatabase: Sendable {
    /// The catalog that holds the tables, as DuckDB calls that of a database in memory.
    package static let catalog = "memory"
    /// The catalog of tables on disk.
    private static let disk = "disk"
    private let library: DuckLibrary
    // why unchecked: DuckDB allows several threads to connect to one database.
    nonisolated(unsafe) private let handle: OpaquePointer
    private let cancellation: Cancellation?
    /// Where what does not fit memory goes; removed after the database is closed.
    private let folder: TemporaryFolder?
    /// Files that are read while the database lives.
    private let files: [SourceFile]
    private let hasDisk = Mutex(false)

    /// Opens an empty database; no extension is installed or loaded, nothing is written to a disk outside `folder`.
    init(
        _ library: DuckLibrary, threads: Int, memoryLimit: String?, cancellation: Cancellation?,
        folder: TemporaryFolder? = nil, files: [SourceFile] = []
    ) throws {
        (self.folder, self.files) = (folder, files)
        var settings = [
            "threads": String(threads), "preserve_insertion_order": "true", "temp_directory": folder?.path ?? "",
            "allow_community_extensions": "false", "allow_unsigned_extensions": "false",
            "allow_persistent_secrets": "false",
        ]
        settings["memory_limit"] = memoryLimit
        let keys = settings.keys.sorted()
        let values = keys.map { settings[$0] ?? "" }
        var opened: OpaquePointer?
        let (code, message) = DuckMessage.capture { buffer, capacity in
            withCStrings(keys) { keys in
                withCStrings(values) { values in
                    cduck_database_open(library.handle, keys, values, settings.count, &opened, buffer, capacity)
                }
            }
        }
        guard code == 0, let opened else {
            if memoryLimit != nil, message.contains("memory") {
                throw CasemateError(
                    .invalidSetting, at: "memory limit", "'\(memoryLimit ?? "")' is no size", help: "write 512MB or 4GB"
                )
            }
            throw CasemateError(
                .engineFailed, at: library.path, "no database can be opened: \(message.shortened(to: 160))",
                help: "check the version of DuckDB")
        }
        (self.library, handle, self.cancellation) = (library, opened, cancellation)
    }

    /// A database that is not sealed, for tests and tools that write files.
    package convenience init(_ search: EngineSearch, threads: Int = 1) throws {
        try self.init(try DuckLibrary(search), threads: threads, memoryLimit: nil, cancellation: nil)
    }

    deinit { cduck_database_close(library.handle, handle) }

    /// The catalog of the database on disk, which is made when it is first asked for.
    func diskCatalog() throws -> String {
        guard let folder else { return Self.catalog }
        try hasDisk.withLock { isThere in
            guard !isThere else { return }
            try execute("ATTACH \(literal(folder.path + "/tables.duckdb")) AS \(Self.disk)", for: folder.path)
            isThere = true
        }
        return Self.disk
    }

    /// Closes the way to files, network, extensions and settings, save reading the files named here; it cannot be opened
    /// again.
    func seal(allowing paths: [String]) throws {
        if !paths.isEmpty {
            let list = paths.map { literal($0) }.joined(separator: ", ")
            try execute("SET allowed_paths = [\(list)]", for: library.path)
        }
        try execute("SET enable_external_access = false", for: library.path)
        try execute("SET lock_configuration = true", for: library.path)
    }

    /// Runs one statement for the file or query named `place`.
    package func execute(_ sql: String, for place: String) throws {
        try run(sql, parameters: [], isQuery: false, for: place) { result in
            while try result.next() != nil {}
        }
    }

    /// Runs a query and hands over its rows chunk by chunk, in order.
    func read(_ sql: String, for place: String, _ body: (DuckChunk) throws -> Void) throws {
        try run(sql, parameters: [], isQuery: false, for: place) { result in
            while let chunk = try result.next() { try body(chunk) }
        }
    }

    /// Number of the first row, from 1, that meets a condition.
    ///
    /// why counted here: `rowid` would be a column of that name where a file has one.
    func firstRow(_ condition: String, of relation: String, for place: String) throws -> Int? {
        var row = 0
        var first: Int?
        try read("SELECT CASE WHEN \(condition) THEN 1.0::DOUBLE END FROM \(relation)", for: place) { chunk in
            try chunk.columns[0].forEachDouble { if $1 != nil, first == nil { first = row + $0 + 1 } }
            row += chunk.count
        }
        return first
    }

    /// Runs a statement on a connection of its own; a cancellation interrupts it wherever it is.
    func run<Value>(
        _ sql: String, parameters: [QueryParameter], isQuery: Bool, for place: String,
        _ body: (DuckResult) throws -> Value
    ) throws -> Value {
        try cancellation?.check()
        let connection = try DuckConnection(library, database: handle, place: place, isQuery: isQuery)
        guard let cancellation else {
            do { return try connection.run(sql, parameters, body) } catch { throw explained(error) }
        }
        defer { connection.interrupter.finish() }
        do {
            return try cancellation.whileRunning(onCancel: { [interrupter = connection.interrupter] in
                interrupter.start()
            }) {
                try connection.run(sql, parameters) { result in
                    result.cancellation = cancellation
                    return try body(result)
                }
            }
        } catch {
            try cancellation.check()
            throw explained(error)
        }
    }

    /// A file that is read where it lies must stay there: the engine checks by name what it opens by descriptor.
    private func explained(_ error: any Error) -> any Error {
        guard let refusal = error as? CasemateError, refusal.code == .refused,
            let lost = files.first(where: { $0.isGone })
        else { return error }
        return CasemateError(
            .unreadable, at: lost.path, "was deleted or replaced while it was read",
            help: "run again with files that stay as they are")
    }
}

/// Calls `body` with an array of C strings that live during the call.
private func withCStrings<Value>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Value
) -> Value {
    let bytes = texts.map { Array($0.utf8CString) }
    func extend(_ index: Int, _ pointers: [UnsafePointer<CChar>?]) -> Value {
        guard index < bytes.count else { return pointers.withUnsafeBufferPointer { body($0.baseAddress) } }
        return bytes[index].withUnsafeBufferPointer { extend(index + 1, pointers + [$0.baseAddress]) }
    }
    return extend(0, [])
}
