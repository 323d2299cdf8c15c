import CasemateCore
import Foundation
import GRDB

/// Answers that an endpoint gave, in one SQLite file: nothing is asked twice, and an interrupted run goes on where it
/// was.
///
/// A row is stored as a salted SHA-256 alone, beside its answer. Every answer carries a checksum over key and content;
/// one that does not fit is no answer. The file is only ever made, or opened when it says that it is ours.
final class AnswerCache: Sendable {
    /// Marks the file as ours: `CsmA`.
    private static let application: Int32 = 0x4373_6D41
    private let queue: DatabaseQueue
    private let path: String?
    private let limit: Int
    /// What row keys are salted with.
    let salt: [UInt8]

    /// Opens or makes a file; `nil` keeps answers in memory.
    /// - Parameter limit: Most bytes of the file; the oldest answers make way.
    /// - Throws: `refused` for a file of something else, `unsupported` for one of a newer release, `malformed` for a
    ///   damaged one, `unwritable`.
    init(path: String?, limit: Int) throws(CasemateError) {
        (self.path, self.limit) = (path, limit)
        do {
            if let path { try Self.prepare(path) }
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.label = "answers"
            queue =
                try path.map { try DatabaseQueue(path: $0, configuration: configuration) }
                ?? DatabaseQueue(configuration: configuration)
            let isNew = try queue.read { try Self.isEmpty($0) }
            if !isNew { try queue.read { try Self.check($0, path ?? "memory") } }
            try queue.writeWithoutTransaction { database in
                if path != nil { _ = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") }
                try database.execute(sql: "PRAGMA synchronous = NORMAL")
                if isNew { try database.execute(sql: "PRAGMA application_id = \(Self.application)") }
            }
            try Self.migrator.migrate(queue)
            salt = try queue.write { try Self.salt($0) }
        } catch { throw Self.failure(error, path) }
    }

    /// Steps from one schema to the next; never changed once released, only added to.
    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: endpoints and answers") { database in
            try database.execute(
                sql: """
                    CREATE TABLE salt (value BLOB NOT NULL);
                    CREATE TABLE endpoints (
                        id INTEGER PRIMARY KEY, identity BLOB NOT NULL UNIQUE, address TEXT NOT NULL, facts BLOB);
                    CREATE TABLE answers (
                        id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, row BLOB NOT NULL, answer BLOB NOT NULL,
                        UNIQUE (endpoint, row));
                    """)
        }
        return migrator
    }

    /// Makes the file for its owner alone, before SQLite makes it for everybody.
    private static func prepare(_ path: String) throws(CasemateError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let files = FileManager.default
        if !files.fileExists(atPath: folder) {
            try? files.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
        var facts = stat()
        guard descriptor >= 0, fstat(descriptor, &facts) == 0 else {
            throw CasemateError(
                .unwritable, at: path, String(cString: strerror(errno)).lowercased(),
                help: "name another file with `model.endpoint.cache`")
        }
        close(descriptor)
        guard facts.st_mode & S_IFMT == S_IFREG else {
            throw CasemateError(
                .refused, at: path, "is no plain file", help: "name another file with `model.endpoint.cache`")
        }
    }

    private static func isEmpty(_ database: Database) throws -> Bool {
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        return application == 0 && tables == 0
    }

    private static func check(_ database: Database, _ path: String) throws {
        guard try Int32.fetchOne(database, sql: "PRAGMA application_id") == application else {
            throw CasemateError(
                .refused, at: path, "is an SQLite file of something else",
                help: "name another file with `model.endpoint.cache`; this one is left alone")
        }
        guard try !migrator.hasBeenSuperseded(database) else {
            throw CasemateError(
                .unsupported, at: path, "answers of a newer Casemate", help: "use that release, or name another file")
        }
        guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
    }

    private static func salt(_ database: Database) throws -> [UInt8] {
        if let known = try Data.fetchOne(database, sql: "SELECT value FROM salt") { return [UInt8](known) }
        let made = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        try database.execute(sql: "INSERT INTO salt (value) VALUES (?)", arguments: [Data(made)])
        return made
    }

    private static func failure(_ error: any Error, _ path: String?) -> CasemateError {
        if let error = error as? CasemateError { return error }
        let place = path ?? "kept answers"
        guard let error = error as? DatabaseError else {
            return CasemateError(.unreadable, at: place, "cannot be used", help: "name another file")
        }
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return CasemateError(
                .malformed, at: place, "is no SQLite file, or damaged",
                help: "delete it, and answers are asked for again, or name another with `model.endpoint.cache`")
        case .SQLITE_FULL, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_PERM:
            return CasemateError(
                .unwritable, at: place, "answers cannot be kept there",
                help: "free space or rights, or name another file with `model.endpoint.cache`")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return CasemateError(
                .unreadable, at: place, "another program holds it", help: "wait for it, or name another file")
        default:
            return CasemateError(
                .unreadable, at: place, "SQLite refuses (\(error.resultCode.rawValue))", help: "name another file")
        }
    }

    private func read<Value>(_ body: (Database) throws -> Value) throws(CasemateError) -> Value {
        do { return try queue.read(body) } catch { throw Self.failure(error, path) }
    }
    private func write<Value>(_ body: (Database) throws -> Value) throws(CasemateError) -> Value {
        do { return try queue.write(body) } catch { throw Self.failure(error, path) }
    }
}

extension AnswerCache {
    /// The number of an endpoint in this file, made when it is new.
    /// - Parameters:
    ///   - identity: Everything that its answers depend on besides the row.
    ///   - address: For people who look into the file.
    func endpoint(_ identity: String, address: String) throws(CasemateError) -> Int64 {
        let digest = Data(FileDigest.sha256(Data(identity.utf8)).utf8)
        return try write { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO endpoints (identity, address) VALUES (?, ?)", arguments: [digest, address])
            return try Int64.fetchOne(
                database, sql: "SELECT id FROM endpoints WHERE identity = ?", arguments: [digest]) ?? 0
        }
    }

    /// What was learned about an endpoint.
    func facts(of endpoint: Int64) throws(CasemateError) -> Data? {
        try read { try Data.fetchOne($0, sql: "SELECT facts FROM endpoints WHERE id = ?", arguments: [endpoint]) }
    }

    /// Keeps what was learned about an endpoint.
    func keep(facts: Data, of endpoint: Int64) throws(CasemateError) {
        try write { try $0.execute(sql: "UPDATE endpoints SET facts = ? WHERE id = ?", arguments: [facts, endpoint]) }
    }

    /// The answers to rows, `nil` where there is none.
    func answers(to keys: [RowKey], endpoint: Int64, width: Int) throws(CasemateError) -> [RemoteAnswer?] {
        try read { database in
            let statement = try database.cachedStatement(
                sql: "SELECT answer FROM answers WHERE endpoint = ? AND row = ?")
            return try keys.map { key in
                let data = key.data
                guard let blob = try Data.fetchOne(statement, arguments: [endpoint, data]) else { return nil }
                return RemoteAnswer(blob, key: data, width: width)
            }
        }
    }

    /// Keeps answers, in place of damaged ones.
    func keep(_ answers: [(key: RowKey, answer: RemoteAnswer)], endpoint: Int64) throws(CasemateError) {
        try write { database in
            let statement = try database.cachedStatement(
                sql: "INSERT OR REPLACE INTO answers (endpoint, row, answer) VALUES (?, ?, ?)")
            for (key, answer) in answers {
                let data = key.data
                try statement.execute(arguments: [endpoint, data, answer.blob(key: data)])
            }
            try makeRoom(database)
        }
    }

    /// Deletes the oldest answers once the file is full.
    private func makeRoom(_ database: Database) throws {
        let pages = try Int.fetchOne(database.cachedStatement(sql: "PRAGMA page_count")) ?? 0
        let size = try Int.fetchOne(database.cachedStatement(sql: "PRAGMA page_size")) ?? 4_096
        guard pages * size > limit else { return }
        // why: pages that deletions left free are used again, they do not count.
        let free = try Int.fetchOne(database, sql: "PRAGMA freelist_count") ?? 0
        guard (pages - free) * size > limit else { return }
        try database.execute(
            sql: "DELETE FROM answers WHERE id <= (SELECT id FROM answers ORDER BY id LIMIT 1 OFFSET "
                + "(SELECT count(*) / 5 FROM answers))")
    }
}

/// The answer to one row as it is kept: the class, where the endpoint gives one, and the scores as they came.
struct RemoteAnswer: Hashable, Sendable {
    let label: String?
    let scores: [Float]

    init(label: String?, scores: [Float]) { (self.label, self.scores) = (label, scores) }

    /// Reads what `blob` wrote; `nil` for anything else.
    init?(_ blob: Data, key: Data, width: Int) {
        let bytes = [UInt8](blob)
        guard bytes.count >= 12 else { return nil }
        let content = bytes[8...]
        guard bytes[..<8].elementsEqual(Self.checksum(key, content)) else { return nil }
        let length = Int(UInt32(bytes[8]) | UInt32(bytes[9]) << 8 | UInt32(bytes[10]) << 16 | UInt32(bytes[11]) << 24)
        let isNone = length == Int(UInt32.max)
        let text = isNone ? 0 : length
        guard bytes.count == 12 + text + 4 * width else { return nil }
        label = isNone ? nil : String(decoding: bytes[12..<12 + text], as: UTF8.self)
        scores = bytes.withUnsafeBytes { all in
            (0..<width).map { index in
                Float(
                    bitPattern: UInt32(
                        littleEndian: all.loadUnaligned(fromByteOffset: 12 + text + 4 * index, as: UInt32.self)))
            }
        }
    }

    /// Checksum, length of the class, class, scores; little-endian.
    func blob(key: Data) -> Data {
        var content: [UInt8] = []
        let text = label.map { Array($0.utf8) }
        let length = text.map { UInt32($0.count) } ?? .max
        withUnsafeBytes(of: length.littleEndian) { content += $0 }
        content += text ?? []
        for score in scores { withUnsafeBytes(of: score.bitPattern.littleEndian) { content += $0 } }
        return Data(Self.checksum(key, content[...]) + content)
    }

    /// FNV-1a, 64 bits, over key and content.
    private static func checksum(_ key: Data, _ content: ArraySlice<UInt8>) -> [UInt8] {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for byte in content { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return withUnsafeBytes(of: hash.littleEndian) { Array($0) }
    }

    /// How far two answers to one row lie apart, and whether their classes differ.
    func difference(from other: RemoteAnswer) -> (size: Float, isFlip: Bool) {
        var size: Float = 0
        for (one, two) in zip(scores, other.scores) {
            size = max(size, abs(one - two) / max(1, abs(one), abs(two)))
        }
        return (size, label != other.label)
    }
}
