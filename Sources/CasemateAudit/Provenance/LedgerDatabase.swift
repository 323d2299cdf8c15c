import CasemateCore
import CasemateScan
import Foundation
import GRDB

/// A ledger in an SQLite file: the same lines as in a text file, one a row, which the database itself refuses to change.
///
/// That refusal is a help against mistakes only; what a hand with an editor does is found by the chain of hashes.
struct LedgerDatabase: LedgerStore {
    /// Marks the file as ours: `CsmL`.
    private static let application: Int32 = 0x4373_6D4C
    let path: String

    /// Names the file; it is made by the first `append`.
    init(_ path: String) { self.path = path }

    /// The store that a path means: SQLite by its extension, text otherwise.
    static func store(_ path: String) -> any LedgerStore {
        let suffix = (path as NSString).pathExtension.lowercased()
        return ["sqlite", "sqlite3", "db"].contains(suffix) ? LedgerDatabase(path) : LedgerFile(path)
    }

    func read() throws -> LedgerContent? {
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_size > 0 else { return nil }
        do {
            let queue = try open(writes: false)
            return try queue.read { try content($0) }
        } catch { throw failure(error) }
    }

    func append(_ make: (LedgerContent?) throws -> [UInt8]) throws {
        try prepare()
        let queue: DatabaseQueue
        do { queue = try open(writes: true) } catch { throw failure(error) }
        var refusal: (any Error)?
        do {
            try queue.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    try createTable(database)
                    let content = try content(database)
                    let line: [UInt8]
                    do { line = try make(content) } catch {
                        refusal = error
                        return .rollback
                    }
                    try database.execute(sql: "INSERT INTO entries (line) VALUES (?)", arguments: [Data(line)])
                    return .commit
                }
            }
        } catch { throw failure(error) }
        if let refusal { throw refusal }
    }

    func mend() throws -> String? { nil }

    private func open(writes: Bool) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        configuration.readonly = !writes
        configuration.label = "ledger"
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { database in
            if writes { try database.execute(sql: "PRAGMA synchronous = FULL") }
            let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
            let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
            guard application == Self.application || application == 0 && tables == 0 else {
                throw CasemateError(
                    .refused, at: path, "is an SQLite file of something else",
                    help: "name another ledger with --ledger; this one is left alone")
            }
            guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT)
            }
        }
        return queue
    }

    /// Makes the file, and follows no link that somebody put in its place.
    private func prepare() throws(CasemateError) {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o644)
        var facts = stat()
        guard descriptor >= 0, fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            if descriptor >= 0 { close(descriptor) }
            throw CasemateError(
                .unwritable, at: path, "cannot be made or is no plain file", help: "name another with --ledger")
        }
        close(descriptor)
    }

    private func createTable(_ database: Database) throws {
        try database.execute(
            sql: """
                PRAGMA application_id = \(Self.application);
                CREATE TABLE IF NOT EXISTS entries (position INTEGER PRIMARY KEY AUTOINCREMENT, line BLOB NOT NULL);
                CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE DELETE ON entries
                    BEGIN SELECT RAISE(ABORT, 'entries are only appended'); END;
                CREATE TRIGGER IF NOT EXISTS entries_stay_the_same BEFORE UPDATE ON entries
                    BEGIN SELECT RAISE(ABORT, 'entries are only appended'); END;
                """)
    }

    private func content(_ database: Database) throws -> LedgerContent? {
        guard try database.tableExists("entries") else { return nil }
        var content = LedgerContent(lines: [])
        var total = 0
        let rows = try Row.fetchCursor(database, sql: "SELECT CAST(line AS BLOB) FROM entries ORDER BY position")
        while let row = try rows.next() {
            let line: Data = row[0]
            total += line.count
            guard total <= LedgerContent.limit else {
                throw CasemateError(
                    .limitExceeded, at: path, "holds more than \(LedgerContent.limit) bytes", help: "begin a new ledger"
                )
            }
            content.lines.append([UInt8](line)[...])
        }
        return content.lines.isEmpty ? nil : content
    }

    private func failure(_ error: any Error) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return CasemateError(
                .malformed, at: path, "is no SQLite file, or damaged", help: "restore it from a copy")
        case .SQLITE_FULL, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_PERM:
            return CasemateError(
                .unwritable, at: path, "SQLite cannot write there", help: "free space or rights, or name another ledger"
            )
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return CasemateError(.unreadable, at: path, "another program holds it", help: "wait for it")
        default:
            return CasemateError(
                .unreadable, at: path, "SQLite refuses (\(error.resultCode.rawValue))", help: "restore it from a copy")
        }
    }
}
