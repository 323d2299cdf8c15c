import CasemateCore
import CasemateGuard
import Foundation

/// Another program that holds the write lock of a database.
final class AuditHolder: Sendable {
    private let done = DispatchSemaphore(value: 0)

    init(_ path: String) throws {
        let started = DispatchSemaphore(value: 0), done = done
        Thread {
            try? AuditReader.hold(path, started: { started.signal() }, until: { done.wait() })
        }.start()
        guard started.wait(timeout: .now() + 10) == .success else {
            throw CasemateError(.unreadable, at: path, "could not be held", help: "")
        }
    }
    func release() { done.signal() }
}
