import CasemateCore
import Foundation
import GRDB
import Logging

/// Opens the file of a log for writing, and refuses what is no log that can be gone on with.
struct AuditOpening {
    /// Device and number of a file.
    struct Identity: Hashable, Sendable { let device: UInt64, number: UInt64 }
    let connection: AuditConnection
    let lock: AuditLock
    let log: String
    let identity: Identity?
    /// Number of the last record that a head names.
    let records: Int64
    /// Records of the tail that are verified before the log is gone on with.
    static let checkedTail = 1_000
    /// Size in pages up to which the whole file is checked.
    private static let checkedPages = 8_192

    /// Opens or makes the file, checks it and writes that it was opened.
    /// - Throws: `CasemateError`, one line that says what is wrong and what to do.
    static func open(_ settings: AuditSettings, setup: StageSetup) throws(CasemateError) -> AuditOpening {
        let path = settings.path
        let lock = try AuditLock(path)
        let isClean = try prepare(path)
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration())
            let (connection, headed) = try queue.writeWithoutTransaction { database in
                try AuditFile.prepare(database)
                guard try Int.fetchOne(database, sql: "PRAGMA query_only") == 0,
                    FileManager.default.isWritableFile(atPath: path)
                else { throw DatabaseError(resultCode: .SQLITE_READONLY) }
                return try begin(queue, database, settings, setup, isClean: isClean)
            }
            return AuditOpening(
                connection: connection, lock: lock, log: connection.log, identity: identity(path), records: headed)
        } catch { throw AuditFile.failure(error, path) }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(1)
        configuration.label = "casemate.audit"
        return configuration
    }

    private static func begin(
        _ queue: DatabaseQueue, _ database: Database, _ settings: AuditSettings, _ setup: StageSetup, isClean: Bool
    ) throws -> (connection: AuditConnection, headed: Int64) {
        let path = settings.path
        var content = try AuditFile.content(database, path)
        guard try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") == "wal" else {
            throw CasemateError(
                .unsupported, at: path, "the file system cannot hold a log", help: "put it on a local disk")
        }
        try database.execute(sql: "PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = ON")
        if case .nothing = content {
            let log = UUID().uuidString.filter { $0 != "-" }.lowercased()
            try database.inTransaction(.immediate) {
                try AuditFile.make(database, log: log)
                return .commit
            }
            content = .log(log)
        } else {
            try check(database, path)
        }
        guard case .log(let log) = content else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
        let headed = try Int64.fetchOne(database, sql: "SELECT max(records) FROM heads") ?? 0
        let connection = try AuditConnection(database, of: queue, log: log)
        try connection.apply(settings.durability)
        let before = connection.tail.number
        try connection.append([AuditEntry.opened(log: log, records: before, isClean: isClean, time: setup.clock.wall)])
        setup.context.logger.log(
            level: isClean ? .info : .warning,
            isClean ? "the audit log is open" : "the audit log was not closed; it goes on behind its last whole record",
            metadata: ["file": "\(path)", "records": "\(before)"])
        return (connection, headed)
    }

    /// Whether the log can be gone on with: its end is whole, and so is the file where it is small.
    private static func check(_ database: Database, _ path: String) throws {
        if try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0 <= checkedPages,
            try String.fetchOne(database, sql: "PRAGMA quick_check(1)") != "ok"
        {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
        let rows = try Row.fetchAll(
            database,
            sql: "SELECT number, CAST(record AS BLOB), hash FROM records ORDER BY number DESC LIMIT \(checkedTail)")
        var later: (number: Int64, record: Data, hash: Data)?
        for row in rows {
            guard let number = Int64.fromDatabaseValue(row[0]), let record = Data.fromDatabaseValue(row[1]),
                let hash = Data.fromDatabaseValue(row[2]), hash.count == 32
            else { throw broken(path, "record \(later.map { $0.number - 1 } ?? 0) is no record") }
            if let later {
                guard number == later.number - 1,
                    Data(AuditChain.hash(after: [UInt8](hash), later.record)) == later.hash
                else { throw broken(path, "record \(later.number) does not follow from the one before") }
            }
            later = (number, record, hash)
        }
        let last = try Int64.fetchOne(database, sql: "SELECT max(number) FROM records") ?? 0
        let headed = try Int64.fetchOne(database, sql: "SELECT max(records) FROM heads") ?? 0
        guard headed <= last, last > 0 else {
            throw broken(path, "records behind \(last) are missing, a head names \(max(headed, 1))")
        }
    }

    private static func broken(_ path: String, _ what: String) -> CasemateError {
        CasemateError(
            .refused, at: path, "the chain of this log is broken: \(what)",
            help: "keep the file as evidence and name another; `casemate log verify` says what still holds")
    }

    /// Makes the file for its owner alone, before SQLite makes it for everybody.
    /// - Returns: Whether the guard before closed the log.
    private static func prepare(_ path: String) throws(CasemateError) -> Bool {
        let facts = FileFacts(path: path)
        if let facts, !facts.isPlainFile {
            throw CasemateError(.refused, at: path, "is no plain file", help: "name a file under `audit_log`")
        }
        let hasRest = (FileFacts(path: path + "-wal")?.size ?? 0) > 0
        if hasRest, facts?.size ?? 0 == 0 {
            throw CasemateError(
                .refused, at: path, "is gone, and its write-ahead log is still there",
                help: "put the file back beside '-wal', or move that away to begin a new log")
        }
        if facts == nil {
            let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else {
                throw CasemateError(
                    .unwritable, at: path, "cannot be made: \(String(cString: strerror(errno)).lowercased())",
                    help: "give the guard the right to write there")
            }
            close(descriptor)
        }
        return !hasRest
    }

    /// Which file stands under a path now; `nil` for none.
    static func identity(_ path: String) -> Identity? {
        FileFacts(path: path).map { Identity(device: $0.device, number: $0.number) }
    }
    /// Appends a line and synchronises it; whether that worked.
    static func appendLine(_ line: [UInt8], to path: String) -> Bool {
        let descriptor = Foundation.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = line + [UInt8(ascii: "\n")]
        return bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
            && (fdatasync(descriptor) == 0 || errno == EINVAL)
    }
}
