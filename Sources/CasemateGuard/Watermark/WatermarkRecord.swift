public import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import GRDB
import Synchronization

/// Rows that were answered with a mark, in one SQLite file: what a verification asks a suspect about.
///
/// Holds inputs of callers, for its owner alone. Bounded for each caller and in all: of more rows, those are kept that
/// come first in an order that only the key knows, which is a fair sample of all distinct inputs.
public final class WatermarkRecord: Sendable {
    /// Usual name of the file.
    public static let name = "watermark.sqlite"
    /// Marks the file as ours: `CsmW`.
    private static let application: Int32 = 0x4373_6D57
    /// Path of the file.
    public let path: String
    private let queue: DatabaseQueue
    /// Rows in the file, counted once and then reckoned.
    private let total = Mutex<Int?>(nil)

    /// How much is kept.
    public struct Limits: Sendable, Hashable {
        /// Most rows of a caller.
        public var caller = 20_000
        /// Most values in all: rows times columns.
        public var values = 64_000_000
        /// Makes limits.
        public init(caller: Int = 20_000, values: Int = 64_000_000) { (self.caller, self.values) = (caller, values) }
    }

    /// Opens or makes a file.
    /// - Parameters:
    ///   - fingerprint: `WatermarkKey.fingerprint`; `nil` where it does not matter.
    ///   - isMade: Whether a file that is not there is made.
    /// - Throws: `notFound`; `refused` for a file of something else; `mismatch` for one of another key; `malformed`,
    ///   `unwritable`, `unreadable`.
    public init(_ path: String, fingerprint: String?, isMade: Bool) throws(CasemateError) {
        self.path = path
        do {
            try Self.prepare(path, isMade: isMade)
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.label = "watermark"
            queue = try DatabaseQueue(path: path, configuration: configuration)
            if isMade { try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") } }
            try queue.write { try Self.check($0, path, fingerprint, isMade: isMade) }
        } catch { throw Self.failure(error, path) }
    }

    /// Stands for a file that is not there while a configuration is only checked; nothing of it is kept.
    init(standingFor path: String, fingerprint: String) throws(CasemateError) {
        self.path = path
        do {
            queue = try DatabaseQueue()
            try queue.write { try Self.check($0, path, fingerprint, isMade: true) }
        } catch { throw Self.failure(error, path) }
    }

    private static func prepare(_ path: String, isMade: Bool) throws(CasemateError) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | (isMade ? O_CREAT : 0), 0o600)
        guard descriptor >= 0 else {
            if errno == EISDIR {
                throw CasemateError(.refused, at: path, "is a folder", help: "name the file, such as \(path)/\(name)")
            }
            let isMissing = errno == ENOENT && !isMade
            throw CasemateError(
                isMissing ? .notFound : .unwritable, at: path, isMissing ? "no such file" : "cannot be opened",
                help: isMissing ? "the guard writes it; see `record` of the stage" : "give rights to write there")
        }
        defer { close(descriptor) }
        guard FileFacts(descriptor: descriptor)?.isPlainFile == true else {
            throw CasemateError(.refused, at: path, "is no plain file", help: "name the record")
        }
    }

    private static func check(
        _ database: Database, _ path: String, _ fingerprint: String?, isMade: Bool
    ) throws {
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if isMade, application == 0, tables == 0 {
            try database.execute(
                sql: """
                    PRAGMA application_id = \(Self.application);
                    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                    CREATE TABLE models (
                        id INTEGER PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL,
                        task TEXT NOT NULL, classes TEXT NOT NULL, features TEXT NOT NULL,
                        UNIQUE (name, version, sha256));
                    CREATE TABLE callers (
                        id INTEGER PRIMARY KEY, model INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (model, name));
                    CREATE TABLE answers (
                        caller INTEGER NOT NULL, rank INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
                        position REAL NOT NULL, chance REAL NOT NULL, input BLOB NOT NULL,
                        PRIMARY KEY (caller, rank)) WITHOUT ROWID;
                    CREATE INDEX answers_by_rank ON answers (rank);
                    """)
            try database.execute(
                sql: "INSERT INTO facts VALUES ('schema', '1'), ('key', ?)", arguments: [fingerprint ?? ""])
            return
        }
        guard application == Self.application else {
            throw CasemateError(
                .refused, at: path, "is an SQLite file of something else", help: "name another; this one is left alone")
        }
        guard try String.fetchOne(database, sql: "SELECT value FROM facts WHERE name = 'schema'") == "1" else {
            throw CasemateError(.unsupported, at: path, "a record of a newer Casemate", help: "use that release")
        }
        let key = try String.fetchOne(database, sql: "SELECT value FROM facts WHERE name = 'key'")
        guard fingerprint == nil || key == fingerprint else {
            throw CasemateError(
                .mismatch, at: path, "was made with another secret",
                help: "name the secret that the guard had then, or another file for the record")
        }
    }

    private static func failure(_ error: any Error, _ path: String) -> CasemateError {
        if let error = error as? CasemateError { return error }
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_FULL?, .SQLITE_READONLY?, .SQLITE_CANTOPEN?, .SQLITE_IOERR?, .SQLITE_PERM?:
            return CasemateError(.unwritable, at: path, "cannot be written", help: "free space or rights there")
        case .SQLITE_BUSY?, .SQLITE_LOCKED?:
            return CasemateError(.unreadable, at: path, "another program holds it", help: "try again later")
        default:
            return CasemateError(
                .malformed, at: path, "is no record, or damaged", help: "restore it, or name another file")
        }
    }
}

extension WatermarkRecord {
    /// A row to be kept.
    struct Entry: Sendable {
        let caller: String
        let rank: Int64
        let clean: WatermarkPen.Clean
        let input: [Float]
    }

    private struct ColumnFacts: Codable {
        let name: String
        let levels: [String]?
    }

    /// The number of a model; made where it is not there.
    func model(_ model: ModelDescription) throws -> Int64 {
        let columns = model.features.map { ColumnFacts(name: $0.name, levels: $0.levels) }
        let features = String(decoding: try JSONEncoder().encode(columns), as: UTF8.self)
        let classes = String(decoding: try JSONEncoder().encode(model.classes), as: UTF8.self)
        do {
            return try queue.write { database in
                try database.execute(
                    sql: """
                        INSERT OR IGNORE INTO models (name, version, sha256, task, classes, features)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        model.name, model.version, model.sha256, model.task.rawValue, classes, features,
                    ])
                return try Int64.fetchOne(
                    database, sql: "SELECT id FROM models WHERE name = ? AND version = ? AND sha256 = ?",
                    arguments: [model.name, model.version, model.sha256]) ?? 0
            }
        } catch { throw Self.failure(error, path) }
    }

    /// Keeps rows, and lets go of what is beyond the limits.
    /// - Returns: Ranks from which on rows need not be offered again: by caller, and for all.
    func keep(_ entries: [Entry], model: Int64, width: Int, limits: Limits) throws -> (
        callers: [String: Int64], all: Int64?
    ) {
        try queue.write { database in
            var numbers: [String: Int64] = [:]
            let insert = try database.cachedStatement(
                sql: "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)")
            for entry in entries {
                let caller = try numbers[entry.caller] ?? Self.caller(entry.caller, model, database)
                numbers[entry.caller] = caller
                let input = entry.input.map { $0.bitPattern.littleEndian }.withUnsafeBytes { Data($0) }
                try insert.execute(arguments: [
                    caller, entry.rank, entry.clean.low, entry.clean.high, Double(entry.clean.position),
                    Double(entry.clean.chance), input,
                ])
            }
            var bounds: [String: Int64] = [:]
            for (name, number) in numbers {
                let last = try Int64.fetchOne(
                    database, sql: "SELECT rank FROM answers WHERE caller = ? ORDER BY rank LIMIT 1 OFFSET ?",
                    arguments: [number, limits.caller - 1])
                guard let last else { continue }
                bounds[name] = last
                try database.execute(
                    sql: "DELETE FROM answers WHERE caller = ? AND rank > ?", arguments: [number, last])
            }
            return (bounds, try trim(database, added: entries.count, most: max(1_000, limits.values / max(1, width))))
        }
    }

    private static func caller(_ name: String, _ model: Int64, _ database: Database) throws -> Int64 {
        try database.execute(
            sql: "INSERT OR IGNORE INTO callers (model, name) VALUES (?, ?)", arguments: [model, name])
        return try Int64.fetchOne(
            database, sql: "SELECT id FROM callers WHERE model = ? AND name = ?", arguments: [model, name]) ?? 0
    }

    /// Nine tenths of the most that may be there are kept once there is more.
    private func trim(_ database: Database, added: Int, most: Int) throws -> Int64? {
        func counted() throws -> Int { try Int.fetchOne(database, sql: "SELECT count(*) FROM answers") ?? 0 }
        // why: counting takes time in proportion to the rows, so it is done again only where the limit may be reached.
        var count = try total.withLock { $0 }.map { $0 + added } ?? counted()
        if count > most { count = try counted() }
        total.withLock { $0 = min(count, most) }
        guard count > most else { return nil }
        let last = try Int64.fetchOne(
            database, sql: "SELECT rank FROM answers ORDER BY rank LIMIT 1 OFFSET ?", arguments: [most / 10 * 9])
        guard let last else { return nil }
        try database.execute(sql: "DELETE FROM answers WHERE rank > ?", arguments: [last])
        try database.execute(sql: "DELETE FROM callers WHERE id NOT IN (SELECT DISTINCT caller FROM answers)")
        return last
    }

    /// Runs a statement on an SQLite file as any other program could: for tests of what a reading believes.
    package static func execute(_ sql: String, at path: String) throws(CasemateError) {
        do { try DatabaseQueue(path: path).writeWithoutTransaction { try $0.execute(sql: sql) } } catch {
            throw failure(error, path)
        }
    }

    /// Forgets everything about a caller.
    public func forget(caller: String) throws(CasemateError) {
        do {
            try queue.write { database in
                try database.execute(
                    sql: "DELETE FROM answers WHERE caller IN (SELECT id FROM callers WHERE name = ?)",
                    arguments: [caller])
                try database.execute(sql: "DELETE FROM callers WHERE name = ?", arguments: [caller])
            }
        } catch { throw Self.failure(error, path) }
    }
}

extension WatermarkRecord {
    /// What a verification takes from a record.
    public struct Reading: Sendable {
        /// Name and version of the model.
        public let model: String, version: String
        /// SHA-256 of its file.
        public let sha256: String
        /// Rows of all callers, at most `WatermarkVerifier.mostRows`.
        public let sample: WatermarkSample
        /// Rows of the callers with the most, each on its own.
        public let byCaller: [WatermarkSample]
        /// Rows that make no sense.
        public let unreadable: Int
    }

    /// Reads the rows of a model, the newest of its name where several are recorded.
    /// - Parameter model: Its name; `nil` for the only one.
    /// - Throws: `notFound` where there is none, `invalidSetting` where there are several and none is named; `malformed`.
    public func reading(model: String? = nil) throws(CasemateError) -> Reading {
        do {
            return try queue.read { database in
                let names = try String.fetchAll(database, sql: "SELECT DISTINCT name FROM models ORDER BY name")
                guard let name = model ?? (names.count == 1 ? names.first : nil) else {
                    throw CasemateError(
                        names.isEmpty ? .notFound : .invalidSetting, at: path,
                        names.isEmpty ? "nothing is recorded" : "\(names.count) models are recorded",
                        help: names.isEmpty ? "let the guard answer first" : "name one with --name")
                }
                let found = try Row.fetchOne(
                    database, sql: "SELECT * FROM models WHERE name = ? ORDER BY id DESC LIMIT 1", arguments: [name])
                guard let found else {
                    throw CasemateError(
                        .notFound, at: path,
                        "there is no model of that name\(Suggestion.clause(for: name, among: names))",
                        help: "name one that is recorded")
                }
                return try Self.reading(found, database)
            }
        } catch { throw Self.failure(error, path) }
    }

    private static func reading(_ model: Row, _ database: Database) throws -> Reading {
        let decoder = JSONDecoder()
        guard let number = model["id"] as Int64?, let task = (model["task"] as String?).flatMap(ModelTask.init),
            let columns = model["features"] as String?, let names = model["classes"] as String?,
            columns.utf8.count < 64 << 20, names.utf8.count < 16 << 20,
            let features = try? decoder.decode([ColumnFacts].self, from: Data(columns.utf8)), !features.isEmpty,
            let classes = try? decoder.decode([String].self, from: Data(names.utf8))
        else { throw DatabaseError(resultCode: .SQLITE_CORRUPT) }
        let empty = WatermarkSample(
            features: features.map { Feature($0.name, $0.levels.map { .categorical(levels: $0) } ?? .numeric) },
            task: task, classes: classes)
        var unreadable = 0
        func sample(_ sql: String, _ value: Int64, _ limit: Int) throws -> WatermarkSample {
            var result = empty
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT answers.*, callers.name FROM answers JOIN callers ON callers.id = caller WHERE \(sql) "
                    + "ORDER BY rank LIMIT \(limit)", arguments: [value])
            while let row = try rows.next() { if !Self.append(row, to: &result) { unreadable += 1 } }
            return result
        }
        let all = try sample("callers.model = ?", number, WatermarkVerifier.mostRows)
        let count = unreadable
        let callers = try Int64.fetchAll(
            database,
            sql: """
                SELECT caller FROM answers JOIN callers ON callers.id = caller WHERE callers.model = ?
                GROUP BY caller HAVING count(*) >= ? ORDER BY count(*) DESC, caller LIMIT ?
                """, arguments: [number, WatermarkVerifier.fewestRows, WatermarkVerifier.mostCallers])
        let byCaller = try callers.map { try sample("caller = ?", $0, WatermarkVerifier.mostRows) }
        return Reading(
            model: model["name"] ?? "", version: model["version"] ?? "", sha256: model["sha256"] ?? "", sample: all,
            byCaller: byCaller.filter { $0.count >= WatermarkTest.fewest }, unreadable: count)
    }

    /// `false` for a row whose types or values make no sense.
    private static func append(_ row: Row, to sample: inout WatermarkSample) -> Bool {
        guard let input = Data.fromDatabaseValue(row["input"]), input.count == 4 * sample.features.count,
            let low = Int32.fromDatabaseValue(row["low"]), let high = Int32.fromDatabaseValue(row["high"]),
            let position = Double.fromDatabaseValue(row["position"]),
            let chance = Double.fromDatabaseValue(row["chance"]), let caller = String.fromDatabaseValue(row["name"])
        else { return false }
        let values = input.withUnsafeBytes { bytes in
            (0..<sample.features.count).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
        let clean = WatermarkPen.Clean(low: low, high: high, position: Float(position), chance: Float(chance))
        return sample.append(values, clean, caller: caller)
    }
}
