import CasemateCore
import Foundation
import GRDB

/// The writing side of an open log: the tail of the chain and the prepared statements.
///
/// why unchecked: it is used inside `work` alone, which one thread enters at a time; what is read outside is read by the
/// one that holds the writer.
final class AuditConnection: @unchecked Sendable {
    private let queue: DatabaseQueue
    private let database: Database
    private struct Statements { let insertion: Statement, begin: Statement, commit: Statement }
    /// Prepared; thrown away after a failure, for SQLite says the error once more when such a statement is used again.
    private var statements: Statements?
    /// Number and hash of the last record.
    private(set) var tail: (number: Int64, hash: [UInt8])
    /// About how many pages wait in the write-ahead log.
    private(set) var waitingPages = 0
    /// Identifier of the log.
    let log: String
    /// Most pages that a file can have.
    static let mostPages = 0x3fff_ffff
    private var pages = mostPages
    /// When the thread of the writer has something to do.
    private var due = (pages: 0, number: Int64(0))

    /// Reads the tail; called on the queue.
    init(_ database: Database, of queue: DatabaseQueue, log: String) throws {
        (self.queue, self.database, self.log) = (queue, database, log)
        tail = try Self.tail(database)
    }

    /// Uses the connection.
    func work<Result>(_ body: (AuditConnection) throws -> Result) rethrows -> Result {
        try queue.writeWithoutTransaction { _ in try body(self) }
    }

    /// Closes the file.
    func close() {
        work { $0.statements = nil }
        try? queue.close()
    }

    /// Says from how many waiting pages, and from which record on, the thread of the writer has something to do.
    func isDue(atPages pages: Int, atNumber number: Int64) { due = (pages, number) }
    /// Whether it has.
    var isDue: Bool { waitingPages >= due.pages || tail.number >= due.number }

    private func prepared() throws -> Statements {
        if let statements { return statements }
        let made = Statements(
            insertion: try database.makeStatement(
                sql: "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
            begin: try database.makeStatement(sql: "BEGIN IMMEDIATE"),
            commit: try database.makeStatement(sql: "COMMIT"))
        statements = made
        return made
    }

    private static func tail(_ database: Database) throws -> (number: Int64, hash: [UInt8]) {
        let row = try Row.fetchOne(database, sql: "SELECT number, hash FROM records ORDER BY number DESC LIMIT 1")
        guard let row else { return (0, AuditChain.origin) }
        guard let number = Int64.fromDatabaseValue(row[0]), let hash = Data.fromDatabaseValue(row[1]), hash.count == 32
        else { throw AuditFailure.corrupt }
        return (number, [UInt8](hash))
    }

    /// Sets whether each commit is synchronised to the disk.
    func apply(_ durability: AuditSettings.Durability) throws {
        // why NORMAL and not OFF: a commit writes to the operating system and does not wait for the disk, but the
        // database is still put in order on the disk when the write-ahead log is taken over, so that the loss of power
        // costs the last records and never the file.
        try database.execute(sql: "PRAGMA synchronous = \(durability == .disk ? "FULL" : "NORMAL")")
    }

    /// Appends records in one transaction, all or none.
    func append(_ entries: some Collection<AuditEntry>) throws {
        try transaction(isOne: entries.count == 1) { next in
            for entry in entries { try insert(entry, &next) }
        }
    }

    /// Runs `body` in a transaction that moves the tail, and keeps the tail when it fails.
    private func transaction(
        isOne: Bool = false, _ body: (inout (number: Int64, hash: [UInt8])) throws -> Void
    ) throws {
        var next = tail
        do {
            let statements = try prepared()
            if !isOne { try statements.begin.execute() }
            try body(&next)
            if !isOne { try statements.commit.execute() }
        } catch {
            statements = nil
            if database.isInsideTransaction { try? database.rollback() }
            throw error
        }
        tail = next
        waitingPages += 1
    }

    private func insert(_ entry: AuditEntry, _ next: inout (number: Int64, hash: [UInt8])) throws {
        next.hash = AuditChain.hash(after: next.hash, entry.record)
        next.number += 1
        let columns = entry.columns
        try prepared().insertion.execute(arguments: [
            next.number, columns.time, columns.kind, columns.id, columns.client, columns.model, columns.outcome,
            columns.status, columns.reason, columns.stages, columns.isHeld ? 1 : 0,
            String(decoding: entry.record, as: UTF8.self), Data(next.hash),
        ])
        waitingPages += (entry.record.count + 300) / 4_096
    }

    /// Keeps a head.
    func keep(_ head: AuditHead) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO heads VALUES (?, ?)",
            arguments: [head.records, String(decoding: head.text, as: UTF8.self)])
        waitingPages += 1
    }

    /// Deletes the oldest records that were written before a time, at most `most` of them and never the last, and writes
    /// the record that carries the chain over them.
    /// - Returns: How many were deleted.
    func retire(before cutoff: Int64, most: Int64, key: SigningKey?, time: Date) throws -> Int64 {
        guard let first = try Int64.fetchOne(database, sql: "SELECT min(number) FROM records") else { return 0 }
        let end = min(first + most, tail.number)
        let kept = try Int64.fetchOne(
            database, sql: "SELECT number FROM records WHERE number < ? AND time >= ? ORDER BY number LIMIT 1",
            arguments: [end, cutoff])
        let through = (kept ?? end) - 1
        guard through >= first,
            let hash = try Data.fetchOne(
                database, sql: "SELECT hash FROM records WHERE number = ?", arguments: [through])
        else { return 0 }
        let entry = try AuditEntry.retention(
            log: log, from: first, through: through, hash: [UInt8](hash), cutoff: cutoff, key: key, time: time)
        try transaction { next in
            try insert(entry, &next)
            try database.execute(sql: "UPDATE facts SET value = ? WHERE name = 'retired'", arguments: [through])
            try database.execute(sql: "DELETE FROM records WHERE number <= ?", arguments: [through])
        }
        waitingPages += Int((through - first) / 4)
        return through - first + 1
    }

    /// Takes the write-ahead log over into the database.
    ///
    /// why here and not beside the writer: up to version 3.51.2 SQLite can lose pages when one connection takes over the
    /// write-ahead log while another begins it anew (https://sqlite.org/wal.html#walresetbug). One connection that does
    /// both cannot meet that.
    func takeOver(isLast: Bool = false) throws {
        _ = try database.checkpoint(isLast ? .truncate : .passive)
        waitingPages = 0
    }

    /// Whether the tail on the disk is still the one that is known here.
    func checkTail() throws {
        let found = try Self.tail(database)
        guard found.number == tail.number, found.hash == tail.hash else { throw AuditFailure.foreign }
    }

    /// Lets the file have at most so many pages; SQLite takes no less than it has.
    func limit(pages: Int) throws {
        guard pages != self.pages else { return }
        self.pages = pages
        try database.execute(sql: "PRAGMA max_page_count = \(pages)")
    }
}
