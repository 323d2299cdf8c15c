public import CasemateCore
public import Foundation
import GRDB

/// API keys in one SQLite file: identifiers, hashes of secrets and what each may do. No secret is ever in it.
///
/// A revoked key stays revoked and a hash stays as it is, whoever writes to the file. A guard that uses the file sees
/// additions and revocations within a second.
public final class KeyStore: Sendable {
    /// Marks the file as ours: `CsmK`.
    static let application: Int32 = 0x4373_6D4B
    static let help = "name another file of keys; `casemate keys add` makes one"
    /// Most keys in a file.
    public static let mostKeys = 100_000
    /// Path of the file.
    public let path: String
    private let queue: DatabaseQueue

    /// Opens a file.
    /// - Parameter isMade: Whether a file that is not there is made.
    /// - Throws: `notFound`, `refused` for a link, a file of something else and one that others may write,
    ///   `unsupported` for one of a newer release, `malformed`, `unwritable`.
    public init(_ path: String, isMade: Bool = true) throws(CasemateError) {
        self.path = path
        queue = try OwnedDatabase.open(
            path, application: Self.application, migrator: Self.migrator, what: "keys", help: Self.help,
            isMade: isMade)
    }

    /// Steps from one schema to the next; never changed once released, only added to.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: keys") { database in
            try database.execute(
                sql: """
                    CREATE TABLE keys (
                        id TEXT PRIMARY KEY CHECK (length(id) = 12), hash BLOB NOT NULL CHECK (length(hash) = 32),
                        name TEXT NOT NULL CHECK (name <> ''), scopes TEXT NOT NULL, models TEXT, owner TEXT,
                        rate REAL CHECK (rate > 0), note TEXT NOT NULL, created REAL NOT NULL, expires REAL,
                        revoked REAL, rotated REAL) WITHOUT ROWID;
                    CREATE INDEX keys_by_name ON keys (name);
                    CREATE TRIGGER revoked_stays BEFORE UPDATE ON keys
                        WHEN OLD.revoked IS NOT NULL AND NEW.revoked IS NULL
                        BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked'); END;
                    CREATE TRIGGER hash_stays BEFORE UPDATE OF id, hash, name ON keys
                        BEGIN SELECT RAISE(ABORT, 'keys are replaced, not changed'); END;
                    """)
        }
        return migrator
    }

    /// Every key, in the order of names and dates.
    public func keys() throws(CasemateError) -> [KeyRecord] {
        do {
            return try queue.read { database in
                let sql = "SELECT * FROM keys ORDER BY name, created, id LIMIT ?"
                return try Row.fetchAll(database, sql: sql, arguments: [Self.mostKeys]).map(Self.record)
            }
        } catch { throw failure(error) }
    }

    /// Adds a key for a name that has none that is live.
    /// - Parameter expires: When it ends; `nil` for never.
    /// - Returns: The text of the key, shown once and kept nowhere.
    /// - Throws: `invalidSetting` for names, notes and dates that cannot be kept and a name with a live key.
    public func add(
        _ name: String, _ grant: KeyRecord.Grant = .init(), expires: Date? = nil, now: Date
    ) throws(CasemateError) -> (text: String, record: KeyRecord) {
        try Self.check(name, grant, expires: expires, now: now)
        return try write { database in
            guard try self.live(name, database, now).isEmpty else {
                throw CasemateError(
                    .invalidSetting, at: "--name", "'\(name)' has a key that is live",
                    help: "replace it with `casemate keys rotate`, or choose another name")
            }
            guard try Int.fetchOne(database, sql: "SELECT count(*) FROM keys") ?? 0 < Self.mostKeys else {
                throw CasemateError(
                    .limitExceeded, at: self.path, "holds \(Self.mostKeys) keys", help: "use tokens for so many clients"
                )
            }
            return try Self.insert(name, grant, expires: expires, now: now, database)
        }
    }

    /// Makes a second key for a name and gives the first one an end.
    /// - Parameters:
    ///   - overlap: Seconds for which the old key may still be used.
    ///   - expires: When the new one ends; `nil` takes over the time that the old one was given.
    /// - Throws: `notFound` for a name without a live key, `invalidSetting` while two are live.
    public func rotate(
        _ name: String, overlap: Double = 86_400, expires: Date? = nil, now: Date
    ) throws(CasemateError) -> (text: String, record: KeyRecord, replaced: KeyRecord) {
        guard overlap.isFinite, (0...31_536_000).contains(overlap) else {
            throw CasemateError(
                .invalidSetting, at: "--overlap", "is no time up to a year", help: "write it as 24h; 0 ends it at once")
        }
        return try write { database in
            let live = try self.live(name, database, now)
            guard let old = live.first else { throw self.unknown(name, try Self.names(database)) }
            guard live.count == 1 else {
                throw CasemateError(
                    .invalidSetting, at: "--name",
                    "'\(name)' has two live keys: \(live.map(\.id).joined(separator: ", "))",
                    help: "revoke the one that nobody uses any more, or wait until it ends")
            }
            let given = old.expires.map { now.addingTimeInterval($0.timeIntervalSince(old.created)) }
            try Self.check(name, old.grant, expires: expires, now: now)
            let end = min(old.expires ?? .distantFuture, now.addingTimeInterval(overlap))
            try database.execute(
                sql: "UPDATE keys SET rotated = ?, expires = ? WHERE id = ?",
                arguments: [now.timeIntervalSince1970, end.timeIntervalSince1970, old.id])
            let made = try Self.insert(name, old.grant, expires: expires ?? given, now: now, database)
            let replaced = try Self.record(id: old.id, database) ?? old
            return (made.text, made.record, replaced)
        }
    }

    /// Takes keys back: one by its identifier, or all of a name.
    /// - Returns: The keys that were revoked now.
    /// - Throws: `notFound`.
    public func revoke(_ nameOrID: String, now: Date) throws(CasemateError) -> [KeyRecord] {
        try write { database in
            let found = try Row.fetchAll(
                database, sql: "SELECT * FROM keys WHERE id = ? OR name = ?", arguments: [nameOrID, nameOrID]
            ).map(Self.record)
            guard !found.isEmpty else { throw self.unknown(nameOrID, try Self.names(database)) }
            let standing = found.filter { $0.revoked == nil }
            for key in standing {
                try database.execute(
                    sql: "UPDATE keys SET revoked = ? WHERE id = ?", arguments: [now.timeIntervalSince1970, key.id])
            }
            return try standing.compactMap { try Self.record(id: $0.id, database) }
        }
    }
}

extension KeyStore {
    private func write<Value>(_ body: (Database) throws -> Value) throws(CasemateError) -> Value {
        do { return try queue.write(body) } catch { throw failure(error) }
    }
    private func failure(_ error: any Error) -> CasemateError {
        OwnedDatabase.failure(error, path, what: "keys", help: Self.help)
    }
    private func unknown(_ name: String, _ names: [String]) -> CasemateError {
        CasemateError(
            .notFound, at: path, "no live key is named '\(name)'\(Suggestion.clause(for: name, among: names))",
            help: "see `casemate keys list --store \(path)`")
    }
    private static func names(_ database: Database) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT DISTINCT name FROM keys LIMIT 10000")
    }
    private func live(_ name: String, _ database: Database, _ now: Date) throws -> [KeyRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM keys WHERE name = ? ORDER BY created", arguments: [name])
            .map(Self.record).filter { $0.state(at: now) == .live || $0.state(at: now) == .ending }
    }
    private static func record(id: String, _ database: Database) throws -> KeyRecord? {
        try Row.fetchOne(database, sql: "SELECT * FROM keys WHERE id = ?", arguments: [id]).map(record)
    }

    private static func insert(
        _ name: String, _ grant: KeyRecord.Grant, expires: Date?, now: Date, _ database: Database
    ) throws -> (text: String, record: KeyRecord) {
        let (text, key) = ApiKey.make()
        let id = ApiKey.text(ofID: key.id)
        try database.execute(
            sql: """
                INSERT INTO keys (id, hash, name, scopes, models, owner, rate, note, created, expires)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                id, key.hash.data, name, grant.scopes.map(\.rawValue).sorted().joined(separator: " "),
                grant.models.map { $0.sorted().joined(separator: " ") }, grant.owner, grant.rate, grant.note,
                now.timeIntervalSince1970, expires?.timeIntervalSince1970,
            ])
        guard let record = try record(id: id, database) else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
        return (text, record)
    }

    static func record(_ row: Row) -> KeyRecord {
        func date(_ column: String) -> Date? {
            (row[column] as Double?).map { Date(timeIntervalSince1970: $0) }
        }
        let (scopes, models): (String, String?) = (row["scopes"], row["models"])
        let grant = KeyRecord.Grant(
            scopes: Set(scopes.split(separator: " ").compactMap { ClientIdentity.Scope(rawValue: String($0)) }),
            models: models.map { Set($0.split(separator: " ").map(String.init)) }, owner: row["owner"],
            rate: row["rate"], note: row["note"])
        return KeyRecord(
            id: row["id"], name: row["name"], grant: grant, created: date("created") ?? .distantPast,
            expires: date("expires"), revoked: date("revoked"), rotated: date("rotated"))
    }

    private static func check(
        _ name: String, _ grant: KeyRecord.Grant, expires: Date?, now: Date
    ) throws(CasemateError) {
        func wrong(_ option: String, _ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: option, what, help: help)
        }
        guard isWord(name) else {
            throw wrong("--name", "is no name", "use letters, digits and . _ - @, at most 100 of them")
        }
        guard ApiKey.id(name) == nil else {
            throw wrong("--name", "looks like the identifier of a key", "add a dot, or another letter")
        }
        guard grant.models?.allSatisfy(isWord) ?? true, !(grant.models?.isEmpty ?? false) else {
            throw wrong("--models", "holds what is no name of a model", "write names with commas: --models a,b")
        }
        guard !grant.scopes.isEmpty else {
            throw wrong("--scopes", "is empty", "name scopes: --scopes infer,metadata")
        }
        guard grant.owner.map({ isLine($0, most: 200) && !$0.isEmpty }) ?? true, isLine(grant.note, most: 1_000) else {
            throw wrong("--note", "a note or owner is too long or has control characters", "write one short line")
        }
        guard grant.rate.map(RowRate.rates.contains) ?? true else {
            throw wrong("--rate", "is no rate", "rows a second, from 0.0001 to 1000000")
        }
        guard expires.map({ $0 > now }) ?? true else {
            throw wrong("--expires", "is over already", "name a later time")
        }
    }
    private static func isWord(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 100
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "._-@".utf8.contains(byte)
            }
    }
    private static func isLine(_ text: String, most: Int) -> Bool {
        text.utf8.count <= most && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
