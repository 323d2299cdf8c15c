import Foundation
import GRDB
import Logging
import Synchronization

/// Daily quotas across restarts: rows of the current day by hash of the client, in one SQLite file of its own.
///
/// Written once a second in the background; what was used in the last second before a kill is forgotten.
final class QuotaStore: Sendable {
    /// Marks the file as ours: `CsmQ`.
    private static let application: Int32 = 0x4373_6D51
    private struct Dirty {
        var day: UInt32 = 0
        var rows: [UInt64: UInt64] = [:]
    }
    private let queue: DatabaseQueue
    private let dirty = Mutex(Dirty())
    private let logger: Logger
    private let failures: MetricsRegistry.Cell
    private let timer: RepeatingTimer

    /// Opens or makes the file.
    /// - Throws: what `OwnedDatabase.open` throws.
    init(_ path: String, logger: Logger, metrics: MetricsRegistry) throws {
        self.logger = logger
        failures = metrics.counter("casemate_quota_store_failures_total", "Daily quotas that could not be kept.")
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: rows of a day") { database in
            try database.execute(
                sql: """
                    CREATE TABLE used (
                        day INTEGER NOT NULL, client INTEGER NOT NULL, rows INTEGER NOT NULL CHECK (rows >= 0),
                        PRIMARY KEY (day, client)) WITHOUT ROWID
                    """)
        }
        queue = try OwnedDatabase.open(
            path, application: Self.application, migrator: migrator, what: "quotas", help: "name another `quota_store`")
        timer = RepeatingTimer(label: "casemate.quotas")
        timer.start(every: 1) { [weak self] in self?.flush() }
    }

    deinit { flush() }

    /// Rows that clients have used on a day, the largest first.
    func rows(of day: UInt32, most: Int) throws -> [(UInt64, UInt64)] {
        try queue.read { database in
            let sql = "SELECT client, rows FROM used WHERE day = ? ORDER BY rows DESC LIMIT ?"
            return try Row.fetchAll(database, sql: sql, arguments: [Int64(day), most]).map { row in
                let (client, rows): (Int64, Int64) = (row["client"], row["rows"])
                return (UInt64(bitPattern: client), UInt64(max(0, rows)))
            }
        }
    }

    /// Remembers what a client has used; written later.
    func note(_ client: UInt64, rows: UInt64, day: UInt32) {
        dirty.withLock { dirty in
            if dirty.day != day { dirty = Dirty(day: day) }
            dirty.rows[client] = max(rows, dirty.rows[client] ?? 0)
        }
    }

    /// Writes what has changed; what cannot be written is tried again.
    func flush() {
        let taken = dirty.withLock { dirty in
            defer { dirty.rows = [:] }
            return dirty
        }
        guard !taken.rows.isEmpty else { return }
        do {
            try queue.write { database in
                try database.execute(sql: "DELETE FROM used WHERE day <> ?", arguments: [Int64(taken.day)])
                let statement = try database.makeStatement(
                    sql: "INSERT INTO used VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rows = max(rows, excluded.rows)")
                for (client, rows) in taken.rows {
                    try statement.execute(
                        arguments: [Int64(taken.day), Int64(bitPattern: client), Int64(clamping: rows)])
                }
            }
        } catch {
            failures.add()
            logger.error("daily quotas could not be kept", metadata: ["error": "\(OwnedDatabase.word(error))"])
            dirty.withLock { dirty in
                guard dirty.day == taken.day || dirty.rows.isEmpty else { return }
                dirty.day = taken.day
                dirty.rows.merge(taken.rows) { max($0, $1) }
            }
        }
    }
}
