import Foundation
import GRDB
import Synchronization

/// Takes most of the write-ahead log over into the database while records are being written, so that the last step, for
/// which writing pauses, finds little left.
///
/// why a reading transaction around it: up to version 3.51.2 SQLite can lose pages when one connection takes over the
/// write-ahead log while another begins it anew (https://sqlite.org/wal.html#walresetbug). Nobody begins it anew while
/// somebody reads from it.
final class AuditTakeOver: Sendable {
    private let reader: DatabaseQueue, worker: DatabaseQueue
    /// The database, for synchronising it. Open as long as SQLite has it open: closing a file lets go of all locks that
    /// this process has on it.
    private let descriptor: Mutex<Int32>

    /// Opens its own connections.
    init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(1)
        configuration.label = "casemate.audit.worker"
        worker = try DatabaseQueue(path: path, configuration: configuration)
        configuration.label = "casemate.audit.reader"
        configuration.readonly = true
        reader = try DatabaseQueue(path: path, configuration: configuration)
        descriptor = Mutex(Foundation.open(path, O_RDONLY | O_CLOEXEC))
    }

    /// Takes over what there is, twice: the second time only what came during the first.
    func catchUp() throws {
        for _ in 0..<2 {
            try reader.inDatabase { reading in
                try reading.inTransaction(.deferred) {
                    _ = try Int.fetchOne(reading, sql: "SELECT count(*) FROM facts")
                    _ = try worker.writeWithoutTransaction { try $0.checkpoint(.passive) }
                    return .commit
                }
            }
            descriptor.withLock { if $0 >= 0 { _ = fdatasync($0) } }
        }
    }

    /// Closes the connections.
    func close() {
        try? reader.close()
        try? worker.close()
    }
    /// Closes the descriptor, when the log itself is closed.
    func closeFile() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { Foundation.close(descriptor) }
            descriptor = -1
        }
    }
}
