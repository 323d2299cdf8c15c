import CasemateCore
import Foundation
import GRDB

/// SQLite files of our own: made for their owner alone, marked, never those of something else.
enum OwnedDatabase {
    /// Opens or makes a file for writing. The journal is not write-ahead, so that the file alone is the whole of it.
    /// - Parameters:
    ///   - application: Mark of the file (`application_id`).
    ///   - what: What it holds, for messages.
    ///   - help: What to do when the file cannot be used.
    ///   - isMade: Whether a file that is not there is made.
    /// - Throws: `notFound`, `refused` for a link, a file of something else and one that others may write,
    ///   `unsupported` for one of a newer release, `malformed`, `unwritable`.
    static func open(
        _ path: String, application: Int32, migrator: DatabaseMigrator, what: String, help: String, isMade: Bool = true
    ) throws(CasemateError) -> DatabaseQueue {
        do {
            try inspect(path, isMade: isMade, help: help)
            let queue = try DatabaseQueue(path: path, configuration: configuration(isReadOnly: false))
            try queue.write { database in
                guard try isEmpty(database) else {
                    return try check(database, path, application, migrator, what: what, help: help)
                }
                try database.execute(sql: "PRAGMA application_id = \(application)")
            }
            try migrator.migrate(queue)
            return queue
        } catch { throw failure(error, path, what: what, help: help) }
    }

    /// Opens a file for reading alone.
    /// - Throws: as `open`; `malformed` too for an empty one.
    static func openForReading(
        _ path: String, application: Int32, migrator: DatabaseMigrator, what: String, help: String
    ) throws(CasemateError) -> DatabaseQueue {
        do {
            try inspect(path, isMade: false, help: help)
            let queue = try DatabaseQueue(path: path, configuration: configuration(isReadOnly: true))
            try queue.read { database in
                try check(database, path, application, migrator, what: what, help: help)
                guard try migrator.hasCompletedMigrations(database) else {
                    throw CasemateError(
                        .unsupported, at: path, "\(what) of an older Casemate",
                        help: "open it once for writing, with `casemate keys list`")
                }
            }
            return queue
        } catch { throw failure(error, path, what: what, help: help) }
    }

    private static func configuration(isReadOnly: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(isReadOnly ? 1 : 10)
        configuration.readonly = isReadOnly
        return configuration
    }

    private static func inspect(_ path: String, isMade: Bool, help: String) throws(CasemateError) {
        // why not opened where it is there: closing a file gives up every lock that this process has on it.
        guard let facts = FileFacts(path: path, followsLinks: false) else {
            guard errno == ENOENT, isMade else {
                throw CasemateError(.notFound, at: path, "there is no such file", help: help)
            }
            let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw CasemateError(.unwritable, at: path, String(cString: strerror(errno)).lowercased(), help: help)
            }
            close(descriptor)
            return
        }
        guard facts.isPlainFile else {
            throw CasemateError(
                .refused, at: path, facts.isLink ? "is a symbolic link" : "is no plain file", help: help)
        }
        guard facts.permissions & 0o022 == 0 else {
            throw CasemateError(
                .refused, at: path, "can be written by its group or by others", help: "chmod 600 '\(path)'")
        }
        guard access(path, R_OK) == 0 else {
            throw CasemateError(
                .unreadable, at: path, "cannot be read: \(String(cString: strerror(errno)).lowercased())",
                help: "run this as the owner of the file")
        }
    }

    private static func isEmpty(_ database: Database) throws -> Bool {
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        return application == 0 && tables == 0
    }

    private static func check(
        _ database: Database, _ path: String, _ application: Int32, _ migrator: DatabaseMigrator, what: String,
        help: String
    ) throws {
        guard try Int32.fetchOne(database, sql: "PRAGMA application_id") == application else {
            throw CasemateError(
                .refused, at: path, "is an SQLite file of something else", help: "\(help); this one is left alone")
        }
        guard try !migrator.hasBeenSuperseded(database) else {
            throw CasemateError(.unsupported, at: path, "\(what) of a newer Casemate", help: "use that release")
        }
        guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
    }

    /// An error of SQLite in our words.
    static func failure(_ error: any Error, _ path: String, what: String, help: String) -> CasemateError {
        if let error = error as? CasemateError { return error }
        guard let error = error as? DatabaseError else {
            return CasemateError(.unreadable, at: path, "cannot be used", help: help)
        }
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return CasemateError(.malformed, at: path, "is no SQLite file, or damaged", help: "restore it; or \(help)")
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
            return CasemateError(
                .unwritable, at: path, "the file or its folder cannot be written",
                help: "run this as the owner of the file, and give that user the right to write the folder")
        case .SQLITE_FULL, .SQLITE_IOERR:
            return CasemateError(
                .unwritable, at: path, "\(what) cannot be kept there", help: "free space or rights there")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return CasemateError(.unreadable, at: path, "another program holds it", help: "wait for it, then try again")
        default: return CasemateError(.unreadable, at: path, "SQLite refuses (\(word(error)))", help: help)
        }
    }

    /// A short word for an error, without paths and values.
    static func word(_ error: any Error) -> String {
        if let error = error as? DatabaseError { return "sqlite \(error.extendedResultCode.rawValue)" }
        return (error as? CasemateError)?.code.rawValue ?? "unknown"
    }
}
