import CasemateCore
import Foundation

/// Keeps a second guard from the same file, for as long as the object lives; let go of by the system when the process
/// ends, however it ends.
///
/// why a file of its own: SQLite's locks belong to the process, and closing any descriptor of the database would lose them.
final class AuditLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock.
    /// - Throws: `CasemateError` with `refused` when another process has it, `unwritable`.
    init(_ path: String) throws(CasemateError) {
        descriptor = open(path + "-lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else {
            throw CasemateError(
                .unwritable, at: path, "its folder cannot be written: \(String(cString: strerror(errno)).lowercased())",
                help: "make the folder, and give the guard the right to write there")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CasemateError(
                .refused, at: path, "another guard writes this log",
                help: "stop that one, or give each guard an `audit_log` of its own")
        }
    }
    deinit { close(descriptor) }
}
