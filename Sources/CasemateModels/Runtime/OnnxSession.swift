import COnnxRuntime
import CasemateCore
import Foundation

/// A model loaded into ONNX Runtime, with the outputs that are asked for.
final class OnnxSession: Sendable {
    let runtime: OnnxRuntime
    let path: String
    // why: made once, never changed; ONNX Runtime lets any number of threads run one session at a time.
    nonisolated(unsafe) private let session: OpaquePointer
    nonisolated(unsafe) private let inputNames: UnsafeMutablePointer<UnsafePointer<CChar>?>
    nonisolated(unsafe) private let outputNames: UnsafeMutablePointer<UnsafePointer<CChar>?>
    let inputs: [String]
    let outputs: [String]

    /// Loads a checked model from its bytes; `folder` holds its external data.
    init(
        _ runtime: OnnxRuntime, bytes: Data, path: String, folder: String, options: ExecutionOptions, inputs: [String],
        outputs: [String], optimisation: cort_optimisation = CORT_OPTIMISE_ALL
    ) throws(CasemateError) {
        let settings = try SessionSettings(runtime, options, folder: folder, optimisation)
        defer { cort_session_options_release(runtime.library, settings.options) }
        var session: OpaquePointer?
        let (code, message) = EngineMessage.capture { room, capacity in
            bytes.withUnsafeBytes {
                cort_session_create_from_memory(
                    runtime.library, runtime.environment, $0.baseAddress, $0.count, settings.options, &session, room,
                    capacity)
            }
        }
        guard code == 0, let session else {
            let needsLocale = message.contains("locale with name")
            throw CasemateError(
                code == CORT_ERROR_NOT_IMPLEMENTED.rawValue || needsLocale ? .unsupported : .malformed, at: path,
                "ONNX Runtime \(runtime.version) does not load it: \(message)",
                help: needsLocale
                    ? "install the locale that the message names (locale-gen), or export with locale 'C'"
                    : "check the export, for instance with onnx.checker, or export with opset 17")
        }
        (self.runtime, self.path, self.session) = (runtime, path, session)
        (self.inputs, self.outputs) = (inputs, outputs)
        (inputNames, outputNames) = (Self.names(inputs), Self.names(outputs))
    }

    deinit {
        cort_session_release(runtime.library, session)
        for (names, count) in [(inputNames, inputs.count), (outputNames, outputs.count)] {
            for index in 0..<count { free(UnsafeMutableRawPointer(mutating: names[index])) }
            names.deallocate()
        }
    }

    private static func names(_ names: [String]) -> UnsafeMutablePointer<UnsafePointer<CChar>?> {
        let result = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: max(1, names.count))
        for (index, name) in names.enumerated() { (result + index).initialize(to: UnsafePointer(strdup(name))) }
        return result
    }

    /// Runs the model on values that the caller owns; `body` sees the outputs, which are gone afterwards.
    /// - Throws: `Cancelled` is the caller's to throw: a run that was ended gives `nil`.
    func run<Result>(
        _ values: [OpaquePointer?], options: OpaquePointer?, _ body: (OnnxOutputs) throws -> Result
    ) throws -> Result? {
        var results = [OpaquePointer?](repeating: nil, count: outputs.count)
        defer { for result in results { cort_value_release(runtime.library, result) } }
        var room = ContiguousArray<CChar>()
        func call(_ capacity: Int) -> Int32 {
            room = ContiguousArray(repeating: 0, count: capacity)
            return room.withUnsafeMutableBufferPointer { room in
                values.withUnsafeBufferPointer { values in
                    cort_session_run(
                        runtime.library, session, options, inputNames, values.baseAddress, values.count, outputNames,
                        results.count, &results, room.baseAddress, capacity)
                }
            }
        }
        let code = call(512)
        if code == CORT_ERROR_CANCELLED.rawValue { return nil }
        guard code == 0 else {
            let text = String(decoding: room.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw CasemateError(
                .engineFailed, at: path, "ONNX Runtime stopped: \(EngineMessage.shorten(text))",
                help: "check that the data have the types and ranges that the model was made for")
        }
        return try body(OnnxOutputs(library: runtime.library, values: results, session: self))
    }

    /// Options of one run, which end it when `terminate` is called with them; release with `release`.
    func makeRunOptions() throws -> RunOptions {
        var options: OpaquePointer?
        let (code, message) = EngineMessage.capture { cort_run_options_create(runtime.library, &options, $0, $1) }
        guard code == 0, let options else {
            throw CasemateError(.engineFailed, at: path, "ONNX Runtime stopped: \(message)", help: "free some memory")
        }
        return RunOptions(runtime: runtime, pointer: options)
    }

    /// Options of runs on one thread.
    final class RunOptions: Sendable {
        private let runtime: OnnxRuntime
        // why: ONNX Runtime lets any thread set the mark that ends a run, the only thing done with it elsewhere.
        nonisolated(unsafe) let pointer: OpaquePointer
        init(runtime: OnnxRuntime, pointer: OpaquePointer) { (self.runtime, self.pointer) = (runtime, pointer) }
        deinit { cort_run_options_release(runtime.library, pointer) }
        /// Ends the runs that use these options.
        func terminate() { _ = cort_run_options_terminate(runtime.library, pointer, nil, 0) }
    }
}

/// Settings with which a session is made.
struct SessionSettings {
    let options: OpaquePointer

    /// One thread inside the engine: rows are spread over threads outside it, which keeps answers the same.
    init(
        _ runtime: OnnxRuntime, _ execution: ExecutionOptions, folder: String, _ optimisation: cort_optimisation
    ) throws(CasemateError) {
        guard execution.provider == "cpu" || execution.provider == "cuda" else {
            throw CasemateError(
                .invalidSetting, at: "provider", "'\(OnnxLook.printable(execution.provider))' is not known",
                help: "use cpu or cuda")
        }
        guard (1...1_024).contains(execution.threads) else {
            throw CasemateError(
                .invalidSetting, at: "threads", "\(execution.threads) is not possible", help: "use 1 to 1024")
        }
        let library = runtime.library
        var made: OpaquePointer?
        let (code, message) = EngineMessage.capture { cort_session_options_create(library, &made, $0, $1) }
        guard code == 0, let made else {
            throw CasemateError(.engineFailed, at: runtime.path, message, help: "free some memory")
        }
        options = made
        let steps: [(UnsafeMutablePointer<CChar>, Int) -> Int32] = [
            { cort_set_log_silent(library, made, $0, $1) },
            { cort_session_options_set_threads(library, made, 1, 1, $0, $1) },
            { cort_session_options_set_parallel(library, made, false, $0, $1) },
            { cort_session_options_set_memory_pattern(library, made, false, $0, $1) },
            { cort_session_options_set_optimisation(library, made, Int32(optimisation.rawValue), $0, $1) },
            {
                cort_session_options_set_entry(
                    library, made, "session.model_external_initializers_file_folder_path", folder, $0, $1)
            },
            {
                // why: releases before 1.20 cannot be asked and have nothing random in their CPU operators.
                let code = cort_session_options_set_deterministic(library, made, true, $0, $1)
                return code == CORT_ERROR_UNSUPPORTED.rawValue ? 0 : code
            },
            { cort_session_options_add_provider(library, made, execution.provider, nil, nil, 0, $0, $1) },
        ]
        for step in steps {
            let (code, message) = EngineMessage.capture(step)
            guard code != 0 else { continue }
            cort_session_options_release(library, made)
            let isProvider = code == CORT_ERROR_NO_PROVIDER.rawValue
            throw CasemateError(
                isProvider ? .engineMissing : .engineFailed, at: runtime.path,
                isProvider ? "brings no provider '\(execution.provider)': \(message)" : message,
                help: isProvider ? "use provider cpu, or an ONNX Runtime built for it" : "run 'make setup'")
        }
    }
}
