package import CasemateCore
import GRDB

extension AuditReader {
    /// Runs statements on a log as a hand with an editor would, the triggers out of the way: for tests of what is found.
    package static func alter(_ path: String, _ sql: String, keepsTriggers: Bool = false) throws(CasemateError) {
        let triggers = AuditFile.schema.filter { $0.sql.hasPrefix("CREATE TRIGGER") }
        do {
            let queue = try DatabaseQueue(path: path)
            try queue.write { database in
                if !keepsTriggers {
                    for trigger in triggers { try database.execute(sql: "DROP TRIGGER \(trigger.name)") }
                }
                try database.execute(sql: sql)
                if !keepsTriggers { for trigger in triggers { try database.execute(sql: trigger.sql) } }
            }
            try queue.close()
        } catch { throw AuditFile.failure(error, path) }
    }

    /// Holds the write lock of a log as another program might, from `started` until `until` returns: for tests.
    package static func hold(_ path: String, started: () -> Void, until: () -> Void) throws {
        try DatabaseQueue(path: path).writeWithoutTransaction { database in
            try database.inTransaction(.immediate) {
                started()
                until()
                return .rollback
            }
        }
    }
}
