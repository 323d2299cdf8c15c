import CasemateCore
import Foundation
import GRDB

/// The SQLite file of a log: its schema, how it is opened, and what an error means to whoever starts the guard.
enum AuditFile {
    /// Marks the file as ours: `CsmA`.
    static let application: Int32 = 0x4373_6D41
    /// Version of the schema.
    static let version = 1

    /// The tables, word by word as they stand in the file.
    ///
    /// why no index over clients or models: each would dirty one more page a record, at a place nobody can foresee. The
    /// two that are there hold the few records that wait for a person, and what was decided about them.
    static let schema: [(name: String, sql: String)] = [
        (
            "records",
            "CREATE TABLE records (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, "
                + "id TEXT NOT NULL, client TEXT NOT NULL, model TEXT NOT NULL, outcome TEXT NOT NULL, "
                + "status INTEGER NOT NULL, reason TEXT NOT NULL, stages TEXT NOT NULL, held INTEGER NOT NULL, "
                + "record TEXT NOT NULL, hash BLOB NOT NULL)"
        ),
        ("records_held", "CREATE INDEX records_held ON records (id) WHERE held = 1"),
        ("records_reviewed", "CREATE INDEX records_reviewed ON records (id) WHERE kind = 'review'"),
        ("heads", "CREATE TABLE heads (records INTEGER PRIMARY KEY, head TEXT NOT NULL)"),
        ("facts", "CREATE TABLE facts (name TEXT PRIMARY KEY, value NOT NULL)"),
        (
            "records_stay",
            "CREATE TRIGGER records_stay BEFORE UPDATE ON records "
                + "BEGIN SELECT RAISE(ABORT, 'records are only appended'); END"
        ),
        (
            "records_remain",
            "CREATE TRIGGER records_remain BEFORE DELETE ON records "
                + "WHEN OLD.number > (SELECT value FROM facts WHERE name = 'retired') "
                + "BEGIN SELECT RAISE(ABORT, 'records are only appended'); END"
        ),
    ]

    /// What stands in the file.
    enum Content {
        case nothing
        /// A log with this identifier.
        case log(String)
    }

    /// Looks what the file is.
    /// - Parameter isStrict: Whether triggers and indices must be there, and nothing else.
    /// - Throws: `CasemateError`: `refused` for a file of something else, `unsupported` for one of a newer release,
    ///   `malformed` where the schema is not ours word by word; `DatabaseError`.
    static func content(_ database: Database, _ path: String, isStrict: Bool = true) throws -> Content {
        let found = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let objects = try Row.fetchAll(
            database, sql: "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        if found == 0, objects.isEmpty { return .nothing }
        guard found == application else {
            throw CasemateError(
                .refused, at: path, "is an SQLite file of something else",
                help: "name another file under `audit_log`; this one is left alone")
        }
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version <= Self.version else {
            throw CasemateError(
                .unsupported, at: path,
                "is a log of a newer Casemate (schema \(version), this one knows \(Self.version))",
                help: "use that release, or name another file")
        }
        let there = Dictionary(
            objects.map { (String.fromDatabaseValue($0[0]) ?? "", String.fromDatabaseValue($0[1]) ?? "") },
            uniquingKeysWith: { $1 })
        let expected = schema.filter { isStrict || $0.sql.hasPrefix("CREATE TABLE") }
        guard expected.allSatisfy({ there[$0.name] == $0.sql }), !isStrict || there.count == expected.count,
            let row = try Row.fetchOne(database, sql: "SELECT value FROM facts WHERE name = 'log'"),
            let log = String.fromDatabaseValue(row[0]), log.utf8.count == 32
        else {
            throw CasemateError(
                .malformed, at: path, "somebody changed the tables of this log",
                help: "keep the file as evidence and name another; `casemate log verify` says what still holds")
        }
        return .log(log)
    }

    /// Makes the tables.
    static func make(_ database: Database, log: String) throws {
        for object in schema { try database.execute(sql: object.sql) }
        try database.execute(sql: "INSERT INTO facts VALUES ('log', ?), ('retired', 0)", arguments: [log])
        try database.execute(sql: "PRAGMA application_id = \(application)")
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// The settings of every connection: nothing in the file is trusted.
    static func prepare(_ database: Database) throws {
        try database.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    }

    /// Whether triggers and indices are those that we made.
    static func isUntouched(_ database: Database, _ path: String) throws -> Bool {
        do { _ = try content(database, path) } catch is CasemateError { return false }
        return true
    }

    /// What an error of the database means.
    static func failure(_ error: any Error, _ path: String, isReading: Bool = false) -> CasemateError {
        if let error = error as? CasemateError { return error }
        if error is RowDecodingError {
            return CasemateError(.malformed, at: path, "is damaged", help: "restore it from a copy")
        }
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_NOTADB:
            return CasemateError(
                .malformed, at: path, "is no SQLite file",
                help: isReading
                    ? "name the file of `audit_log` in guard.yaml" : "name another file; this one is left alone")
        case .SQLITE_CORRUPT, .SQLITE_MISMATCH, .SQLITE_TOOBIG, .SQLITE_ERROR:
            return CasemateError(
                .malformed, at: path, "is damaged",
                help: "keep the file as evidence and name another; `casemate log verify` says what still holds")
        case .SQLITE_FULL:
            return CasemateError(.unwritable, at: path, "no space is left there", help: "free some")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return CasemateError(.unreadable, at: path, "another program holds it", help: "wait for it, or stop it")
        case .SQLITE_CANTOPEN where isReading:
            return CasemateError(
                .unreadable, at: path, "cannot be opened",
                help: "give yourself the right to read it, and to write its folder while a guard uses it")
        default:
            return CasemateError(
                .unwritable, at: path, isReading ? "cannot be read" : "cannot be written",
                help: "give the guard the right to write the file and its folder")
        }
    }
}
