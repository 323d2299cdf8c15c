import COnnxRuntime
public import CasemateCore

/// ONNX Runtime, opened at run time. Give one to every model; it lives until the last of them is gone.
///
/// Nothing is logged; whatever goes wrong comes back as an error.
public final class OnnxRuntime: Sendable {
    /// Version of the library.
    public let version: String
    /// Path of the library.
    public let path: String
    /// Names of the execution providers that the library brings.
    public let providers: [String]
    // why: the library and its environment are made once, never changed, and ONNX Runtime lets any thread use them.
    nonisolated(unsafe) let library: OpaquePointer
    nonisolated(unsafe) let environment: OpaquePointer

    /// Opens the library that `search` finds.
    /// - Throws: `CasemateError.engineMissing` when there is none or it does not open.
    public init(_ search: EngineSearch) throws(CasemateError) {
        let found = try search.locate(.onnxRuntime)
        let (library, complaint) = EngineMessage.capture { cort_open(found.path, $0, $1) }
        guard let library else {
            throw CasemateError(
                .engineMissing, at: found.path, "ONNX Runtime does not open: \(complaint)",
                help: "run 'make setup', or set \(EngineLibrary.onnxRuntime.variable) to another library")
        }
        var environment: OpaquePointer?
        let (code, reason) = EngineMessage.capture {
            cort_environment_create(library, Int32(CORT_LOG_SILENT.rawValue), 0, &environment, $0, $1)
        }
        guard code == 0, let environment else {
            cort_close(library)
            throw CasemateError(
                .engineMissing, at: found.path, "ONNX Runtime does not start: \(reason)",
                help: "run 'make setup', or set \(EngineLibrary.onnxRuntime.variable) to another library")
        }
        (self.library, self.environment, path) = (library, environment, found.path)
        version = cort_version(library).map { String(cString: $0) } ?? ""
        providers = (0..<cort_provider_count(library)).compactMap {
            cort_provider_name(library, $0).map { String(cString: $0) }
        }
    }

    deinit {
        cort_environment_release(library, environment)
        cort_close(library)
    }
}

/// Takes the messages of the engines' shims.
enum EngineMessage {
    /// Runs `body` with room for a message; gives its result and the message, fit for a terminal.
    static func capture<Result>(_ body: (UnsafeMutablePointer<CChar>, Int) -> Result) -> (Result, String) {
        let capacity = 1_024
        let room = UnsafeMutablePointer<CChar>.allocate(capacity: capacity)
        defer { room.deallocate() }
        room.initialize(repeating: 0, count: capacity)
        let result = body(room, capacity - 1)
        let bytes = UnsafeBufferPointer(start: room, count: capacity).prefix { $0 != 0 }
        let text = String(decoding: bytes.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return (result, text.isEmpty ? "" : shorten(text))
    }

    static func shorten(_ text: String) -> String {
        // why: the places in the engine's sources mean nothing to its users.
        let words = text.split(whereSeparator: \.isWhitespace).filter { !$0.contains("onnxruntime_src") }
        let line = words.joined(separator: " ")
        let clean = stride(from: 0, to: min(line.count, 320), by: 80).map { start in
            OnnxLook.printable(String(line.dropFirst(start).prefix(80)))
        }
        return clean.joined()
    }
}
