public import CasemateCore
public import Foundation
import GRDB

/// Reads a log, also while a guard writes it; never changes it.
public final class AuditReader: Sendable {
    /// The file.
    public let path: String
    /// Identifier of the log.
    package let log: String
    private let queue: DatabaseQueue

    /// Opens a log.
    /// - Throws: `CasemateError`: `notFound`, `refused` for a file of something else, `unsupported` for a newer release,
    ///   `malformed`, `unreadable`.
    public convenience init(_ path: String) throws(CasemateError) { try self.init(path, isStrict: true) }

    /// Opens a log, also one whose tables somebody changed.
    init(_ path: String, isStrict: Bool) throws(CasemateError) {
        self.path = path
        guard !path.utf8.contains(0), let facts = FileFacts(path: path) else {
            throw CasemateError(.notFound, at: path, "no such file", help: "name the file of `audit_log` in guard.yaml")
        }
        guard facts.isPlainFile, facts.size > 0 else {
            throw CasemateError(
                .refused, at: path, "is no audit log", help: "name the file of `audit_log` in guard.yaml")
        }
        do {
            queue = try Self.open(path)
            log = try queue.read { database in
                try AuditFile.prepare(database)
                guard case .log(let log) = try AuditFile.content(database, path, isStrict: isStrict) else {
                    throw CasemateError(
                        .refused, at: path, "is an SQLite file without a log",
                        help: "name the file of `audit_log` in guard.yaml")
                }
                return log
            }
        } catch { throw AuditFile.failure(error, path, isReading: true) }
    }

    /// The log of the guard whose memory this is; `nil` while none is open.
    public static func shared(in memory: GuardMemory) -> AuditReader? {
        AuditRegistry.shared(in: memory).current?.reader
    }

    private static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        configuration.label = "casemate.audit.read"
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            _ = try queue.read { try Int.fetchOne($0, sql: "PRAGMA schema_version") }
            return queue
        } catch let error as DatabaseError
            where error.resultCode == .SQLITE_CANTOPEN || error.resultCode == .SQLITE_READONLY
        {
            // why: a log in WAL mode in a folder that cannot be written is only opened as one that nobody changes, which
            // is true while no write-ahead log stands beside it.
            if let rest = FileFacts(path: path + "-wal"), rest.size > 0 { throw error }
            let unsafe: Set<Unicode.Scalar> = ["%", "?", "#"]
            let name = path.unicodeScalars.map { unsafe.contains($0) ? "%" + String($0.value, radix: 16) : String($0) }
            let absolute = path.hasPrefix("/") ? "file://" : "file:"
            return try DatabaseQueue(path: absolute + name.joined() + "?immutable=1", configuration: configuration)
        }
    }

    /// Runs a reading transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws(CasemateError) -> Value {
        do { return try queue.read(body) } catch { throw AuditFile.failure(error, path, isReading: true) }
    }

    /// The latest records that pass a filter, the latest first.
    public func recent(limit: Int, filter: AuditFilter = AuditFilter()) throws(CasemateError) -> [AuditRow] {
        let condition = filter.condition
        return try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT \(AuditRow.columns) FROM records WHERE \(condition.sql) ORDER BY number DESC LIMIT ?",
                arguments: condition.arguments + [max(0, limit)]
            ).map(AuditRow.init)
        }
    }

    /// Hands every record that passes a filter to `body`, the oldest first, one at a time.
    /// - Returns: How many there were.
    @discardableResult public func each(
        _ filter: AuditFilter = AuditFilter(), _ body: (AuditRow) throws -> Void
    ) throws(CasemateError) -> Int {
        let condition = filter.condition
        return try read { database in
            let rows = try Row.fetchCursor(
                database, sql: "SELECT \(AuditRow.columns) FROM records WHERE \(condition.sql) ORDER BY number",
                arguments: condition.arguments)
            var count = 0
            while let row = try rows.next() {
                try body(AuditRow(row))
                count += 1
            }
            return count
        }
    }

    /// Counts the decisions since a time, among the latest `most` records; a clock that was set back while they were
    /// written makes the counts approximate.
    public func counts(since: Date, most: Int = 200_000) throws(CasemateError) -> AuditCounts {
        let start = AuditTime.microseconds(since)
        return try read { database in
            var counts = AuditCounts()
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT time, kind, outcome, model, stages FROM records ORDER BY number DESC LIMIT ?",
                arguments: [max(0, most)])
            var (seen, late) = (0, 0)
            while let row = try rows.next() {
                seen += 1
                guard let time = Int64.fromDatabaseValue(row[0]), time >= start else {
                    late += 1
                    // why not the first: clocks go back now and then.
                    if late > 100 { break }
                    continue
                }
                guard String.fromDatabaseValue(row[1]) == "decision" else { continue }
                counts.total += 1
                counts.outcomes[String.fromDatabaseValue(row[2]) ?? "", default: 0] += 1
                counts.models[String.fromDatabaseValue(row[3]) ?? "", default: 0] += 1
                for word in (String.fromDatabaseValue(row[4]) ?? "").split(separator: ",") {
                    guard let mark = word.firstIndex(where: { $0 == "=" || $0 == "~" }) else { continue }
                    let consequence = String(word[mark...].dropFirst())
                    counts.stages[String(word[..<mark]), default: [:]][consequence, default: 0] += 1
                }
            }
            counts.isCut = seen >= most && late == 0
            return counts
        }
    }
}

// MARK: Requests that are held

extension AuditReader {
    enum Held { case pending, decided }

    /// Held requests with the last decision about each.
    func held(_ which: Held, limit: Int, offset: Int) throws(CasemateError) -> [HeldRequest] {
        let condition =
            which == .pending
            ? "r.number IS NULL ORDER BY d.number" : "r.number IS NOT NULL ORDER BY r.number DESC"
        return try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT d.record, r.record, d.number FROM records d LEFT JOIN records r ON r.number =
                        (SELECT max(number) FROM records WHERE kind = 'review' AND id = d.id)
                    WHERE d.held = 1 AND \(condition) LIMIT ? OFFSET ?
                    """, arguments: [max(0, limit), max(0, offset)]
            ).compactMap(HeldRequest.init)
        }
    }
    func pendingCount() throws(CasemateError) -> Int {
        try read { database in
            let sql = """
                SELECT count(*) FROM records d WHERE d.held = 1 AND NOT EXISTS
                    (SELECT 1 FROM records WHERE kind = 'review' AND id = d.id)
                """
            return try Int.fetchOne(database, sql: sql) ?? 0
        }
    }
    /// Number of the record of a held request; `nil` where none of that identifier is held.
    func heldNumber(_ id: String) throws(CasemateError) -> (number: Int64, isDecided: Bool)? {
        let id = AuditColumns.plain(AuditText.clipped(id, 64))
        return try read { database in
            guard
                let number = try Int64.fetchOne(
                    database, sql: "SELECT number FROM records WHERE held = 1 AND id = ?", arguments: [id])
            else { return nil }
            let isDecided = try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM records WHERE kind = 'review' AND id = ?)",
                arguments: [id])
            return (number, isDecided ?? false)
        }
    }
}

extension HeldRequest {
    /// Reads the record of a decision and that of the last review.
    init?(_ row: Row) {
        guard let text = String.fromDatabaseValue(row[0]), let record = AuditJSON(Array(text.utf8)),
            let number = Int64.fromDatabaseValue(row[2])
        else { return nil }
        let review = String.fromDatabaseValue(row[1]).flatMap { AuditJSON(Array($0.utf8)) }
        func time(_ json: AuditJSON?) -> Date? {
            json?["time"]?.text.flatMap(AuditTime.microseconds).map(AuditTime.date)
        }
        self.init(
            id: record["id"]?.text ?? "", number: number, time: time(record) ?? AuditTime.date(0),
            client: record["client"]?["id"]?.text ?? "", model: record["model"]?["name"]?.text ?? "",
            reasons: Self.reasons(record["verdicts"]?.list ?? []),
            labels: (record["labels"]?.list ?? []).compactMap { $0.integer.flatMap(Int32.init(exactly:)) },
            status: Int(record["status"]?.integer ?? 0),
            decision: review?["decision"]?.text.flatMap(Decision.init(rawValue:)), note: review?["note"]?.text,
            who: review?["who"]?.text, decided: time(review))
    }

    /// `stage: reason` for each reason; the stage and what it said where it gave none.
    private static func reasons(_ verdicts: [AuditJSON]) -> [String] {
        verdicts.flatMap { verdict -> [String] in
            guard verdict["consequence"]?.text != "pass" else { return [] }
            let stage = verdict["stage"]?.text ?? ""
            let reasons = verdict["reasons"]?.list.compactMap(\.text) ?? []
            return reasons.isEmpty
                ? ["\(stage): \(verdict["consequence"]?.text ?? "")"] : reasons.map { "\(stage): \($0)" }
        }
    }
}
