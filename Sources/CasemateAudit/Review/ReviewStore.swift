public import CasemateCore
public import Foundation
import GRDB

/// Decisions of reviewers, in one SQLite file: who, when, which row of which data, what and why.
///
/// The history only grows: a changed decision is a new record, and the latest wins. Triggers refuse to change or delete
/// what stands there. Several reviewers may work at once, in one process or many.
public final class ReviewStore: Sendable {
    /// Marks the file as ours: `CsmR`.
    private static let application: Int32 = 0x4373_6D52
    /// Usual name of the file.
    public static let name = "review.sqlite"
    /// Path of the file.
    public let path: String
    private let queue: DatabaseQueue

    /// Opens or makes a file.
    /// - Parameter isMade: Whether a file that is not there is made.
    /// - Throws: `notFound`, `refused` for a file of something else, `unsupported` for one of a newer release,
    ///   `malformed` for a damaged one, `unwritable`.
    public init(_ path: String, isMade: Bool = true) throws(CasemateError) {
        self.path = path
        do {
            try Self.prepare(path, isMade: isMade)
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.label = "review"
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.write { database in
                guard try Self.isEmpty(database) else { return try Self.check(database, path) }
                try database.execute(sql: "PRAGMA application_id = \(Self.application)")
            }
            try queue.writeWithoutTransaction { _ = try String.fetchOne($0, sql: "PRAGMA journal_mode = WAL") }
            try Self.migrator.migrate(queue)
        } catch { throw Self.failure(error, path) }
    }

    /// Steps from one schema to the next; never changed once released, only added to.
    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: decisions") { database in
            try database.execute(
                sql: """
                    CREATE TABLE decisions (
                        number INTEGER PRIMARY KEY AUTOINCREMENT, data TEXT NOT NULL, suspects TEXT NOT NULL,
                        row INTEGER NOT NULL CHECK (row >= 0),
                        decision TEXT NOT NULL CHECK (decision IN ('poison', 'mislabelled', 'fine', 'undecided')),
                        note TEXT NOT NULL, who TEXT NOT NULL CHECK (who <> ''), at TEXT NOT NULL,
                        score REAL NOT NULL, checks TEXT NOT NULL);
                    CREATE INDEX decisions_by_row ON decisions (data, row, number);
                    CREATE TRIGGER decisions_stay BEFORE UPDATE ON decisions
                        BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;
                    CREATE TRIGGER decisions_remain BEFORE DELETE ON decisions
                        BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;
                    """)
        }
        return migrator
    }

    /// Makes the file for its owner alone, before SQLite makes it for everybody.
    private static func prepare(_ path: String, isMade: Bool) throws(CasemateError) {
        let flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | (isMade ? O_CREAT : 0)
        let descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else {
            if errno == ENOENT, !isMade {
                throw CasemateError(
                    .notFound, at: path, "no such file", help: "`casemate review` writes one; check the path")
            }
            throw CasemateError(
                .unwritable, at: path, String(cString: strerror(errno)).lowercased(),
                help: "name another file with --decisions")
        }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw CasemateError(.refused, at: path, "is no plain file", help: "name another with --decisions")
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
                help: "name another file with --decisions; this one is left alone")
        }
        guard try !migrator.hasBeenSuperseded(database) else {
            throw CasemateError(
                .unsupported, at: path, "decisions of a newer Casemate", help: "use that release")
        }
        guard try String.fetchOne(database, sql: "PRAGMA quick_check(1)") == "ok" else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
    }

    private static func failure(_ error: any Error, _ path: String) -> CasemateError {
        if let error = error as? CasemateError { return error }
        guard let error = error as? DatabaseError else {
            return CasemateError(.unreadable, at: path, "cannot be used", help: "name another file with --decisions")
        }
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return CasemateError(
                .malformed, at: path, "is no SQLite file, or damaged", help: "restore it, or name another file")
        case .SQLITE_FULL, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_IOERR, .SQLITE_PERM:
            return CasemateError(
                .unwritable, at: path, "decisions cannot be kept there", help: "free space or rights there")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return CasemateError(
                .unreadable, at: path, "another program holds it", help: "wait for it, then try again")
        default:
            return CasemateError(
                .unreadable, at: path, "SQLite refuses (\(error.resultCode.rawValue))", help: "name another file")
        }
    }

    /// Runs a statement on an SQLite file as any other program could: for tests of what the file refuses.
    package static func execute(_ sql: String, at path: String) throws(CasemateError) {
        do { try DatabaseQueue(path: path).write { try $0.execute(sql: sql) } } catch { throw failure(error, path) }
    }

    private func read<Value>(_ body: (Database) throws -> Value) throws(CasemateError) -> Value {
        do { return try queue.read(body) } catch { throw Self.failure(error, path) }
    }
}

extension ReviewStore {
    private static let columns = "number, data, suspects, row, decision, note, who, at, score, checks"
    private static let latest = "SELECT max(number) FROM decisions WHERE data = ? GROUP BY row"

    /// The decisions that stand for the rows of a data file, by row; those that were taken back are among them.
    /// - Parameter data: SHA-256 of the file.
    public func decisions(data: String) throws(CasemateError) -> [Int: ReviewDecision] {
        try read { database in
            let found = try Row.fetchAll(
                database, sql: "SELECT \(Self.columns) FROM decisions WHERE number IN (\(Self.latest))",
                arguments: [data])
            return Dictionary(found.map(Self.decision).map { ($0.row, $0) }, uniquingKeysWith: { $1 })
        }
    }

    /// The decisions that stand, of every data file in this history, in the order they were made.
    public func decisions() throws(CasemateError) -> [ReviewDecision] {
        try read { database in
            let latest = "SELECT max(number) FROM decisions GROUP BY data, row"
            let sql = "SELECT \(Self.columns) FROM decisions WHERE number IN (\(latest)) ORDER BY number"
            return try Row.fetchAll(database, sql: sql).map(Self.decision)
        }
    }

    /// Everything that was ever decided about a data file, in order; only what came after the record `number`.
    public func history(data: String, after number: Int64 = 0) throws(CasemateError) -> [ReviewDecision] {
        try read { database in
            let sql = "SELECT \(Self.columns) FROM decisions WHERE data = ? AND number > ? ORDER BY number"
            return try Row.fetchAll(database, sql: sql, arguments: [data, number]).map(Self.decision)
        }
    }

    /// Number of rows of other data files about which something was decided.
    public func countOfOthers(than data: String) throws(CasemateError) -> Int {
        try read { database in
            let sql = "SELECT count(*) FROM (SELECT 1 FROM decisions WHERE data <> ? GROUP BY data, row)"
            return try Int.fetchOne(database, sql: sql, arguments: [data]) ?? 0
        }
    }

    /// Adds to the history, all or nothing.
    /// - Parameters:
    ///   - data: SHA-256 of the data file.
    ///   - suspects: SHA-256 of the list.
    ///   - who: Who decides.
    ///   - now: When.
    /// - Throws: `invalidSetting` without a name or with a note that is too long; what writing throws.
    public func add(
        _ marks: [ReviewMark], data: String, suspects: String, who: String, now: Date
    ) throws(CasemateError) {
        guard !who.isEmpty, who.utf8.count <= 200 else {
            throw CasemateError(
                .invalidSetting, at: "--who", who.isEmpty ? "nobody is named" : "more than 200 bytes",
                help: "say who decides: --who anna")
        }
        guard marks.allSatisfy({ ($0.note ?? "").utf8.count <= ReviewMark.noteLimit }) else {
            throw CasemateError(
                .limitExceeded, at: "--note", "more than \(ReviewMark.noteLimit) bytes", help: "write less")
        }
        let at = now.ISO8601Format(.init(includingFractionalSeconds: true))
        do {
            try queue.write { database in
                for mark in marks {
                    let standing = try Self.standing(database, data, mark.row)
                    try database.execute(
                        sql: """
                            INSERT INTO decisions (data, suspects, row, decision, note, who, at, score, checks)
                            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                            """,
                        arguments: [
                            data, suspects, mark.row,
                            (mark.verdict ?? standing?.verdict ?? .undecided).rawValue,
                            mark.note ?? standing?.note ?? "", who, at, mark.score,
                            mark.checks.joined(separator: ";"),
                        ])
                }
            }
        } catch { throw Self.failure(error, path) }
    }

    private static func standing(_ database: Database, _ data: String, _ row: Int) throws -> ReviewDecision? {
        let sql = "SELECT \(columns) FROM decisions WHERE data = ? AND row = ? ORDER BY number DESC LIMIT 1"
        return try Row.fetchOne(database, sql: sql, arguments: [data, row]).map(decision)
    }

    private static func decision(_ row: Row) -> ReviewDecision {
        let checks: String = row["checks"]
        return ReviewDecision(
            number: row["number"], data: row["data"], suspects: row["suspects"], row: row["row"],
            verdict: ReviewDecision.Verdict(rawValue: row["decision"]) ?? .undecided, note: row["note"],
            who: row["who"], when: row["at"], score: row["score"], checks: checks.split(separator: ";").map(String.init)
        )
    }
}
