import CasemateCore
import Foundation
import Synchronization

/// The logs that are open in this process, found by their files, so that a reload goes on with the one that is open.
final class AuditRegistry: Sendable {
    /// An open log.
    struct Open: Sendable {
        let writer: AuditWriter
        let reader: AuditReader
    }
    private struct State {
        var logs: [String: Open] = [:]
        /// Files in the order in which they were opened last.
        var order: [String] = []
    }
    private let state = Mutex(State())

    init() {}
    /// The registry of a guard.
    static func shared(in memory: GuardMemory) -> AuditRegistry {
        memory.object("audit.registry") { AuditRegistry() }
    }

    /// The log that was opened last and is still open.
    var current: Open? {
        state.withLock { state in
            for key in state.order.reversed() {
                if let open = state.logs[key], !open.writer.isClosing { return open }
            }
            return nil
        }
    }

    /// The log of a file, opened where it is not; the caller takes part in its use. One that is open keeps its settings.
    func open(_ settings: AuditSettings, setup: StageSetup, pace: AuditWriter.Pace) throws -> AuditWriter {
        // why the folder: the file itself may not be there yet.
        let url = URL(fileURLWithPath: settings.path)
        let folder = url.deletingLastPathComponent().resolvingSymlinksInPath()
        let key = folder.appendingPathComponent(url.lastPathComponent).resolvingSymlinksInPath().path
        return try state.withLock { state in
            if let open = state.logs[key], open.writer.retain() {
                state.order = state.order.filter { $0 != key } + [key]
                return open.writer
            }
            if let closing = state.logs.removeValue(forKey: key) { closing.writer.waitUntilClosed(seconds: 5) }
            let writer = try AuditWriter(settings, setup: setup, pace: pace)
            _ = writer.retain()
            do { state.logs[key] = Open(writer: writer, reader: try AuditReader(settings.path)) } catch {
                writer.release()
                throw error
            }
            state.order = state.order.filter { $0 != key } + [key]
            return writer
        }
    }

    /// Forgets a log that is closed.
    func forget(_ writer: AuditWriter) {
        state.withLock { state in
            for (key, open) in state.logs where open.writer === writer {
                state.logs[key] = nil
                state.order.removeAll { $0 == key }
            }
        }
    }
}
