import CDuckDB
import CasemateCore

/// DuckDB's library, found and opened.
final class DuckLibrary: Sendable {
    // why unchecked: the table of functions behind the handle never changes, and DuckDB allows any thread to call.
    nonisolated(unsafe) let handle: OpaquePointer
    let version: String, path: String

    /// Finds and opens the library.
    init(_ search: EngineSearch) throws(CasemateError) {
        let found = try search.locate(.duckDB)
        let opened = DuckMessage.capture { cduck_library_open(found.path, found.companion, $0, $1) }
        guard let handle = opened.value else {
            throw CasemateError(
                .engineMissing, at: found.path, "DuckDB cannot be loaded: \(opened.message.shortened(to: 300))",
                help: "run 'make setup', or set \(EngineLibrary.duckDB.variable) to a library of DuckDB")
        }
        (self.handle, path) = (handle, found.path)
        version = cduck_version(handle).map { String(cString: $0) } ?? "unknown"
    }

    deinit { cduck_library_close(handle) }
}

/// The text that a function of the shim writes when it fails.
enum DuckMessage {
    private static let capacity = 1 << 16

    /// Calls `body` with a buffer for the message.
    static func capture<Value>(_ body: (UnsafeMutablePointer<CChar>, Int) -> Value) -> (value: Value, message: String) {
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: capacity)
        defer { buffer.deallocate() }
        buffer[0] = 0
        let value = body(buffer, capacity)
        return (value, buffer[0] == 0 ? "" : String(cString: buffer))
    }
}
