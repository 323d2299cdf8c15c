import CasemateCore
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport

enum UpstreamFixtures {
    static let metadata = """
        {"name":"m","versions":["3"],"platform":"toy","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],\
        "outputs":[{"name":"label","datatype":"INT64","shape":[-1]},{"name":"p","datatype":"FP32","shape":[-1,2]}]}
        """
    /// A right answer for one row.
    static let right = answer("[1]", "[0.25,0.75]")

    static func answer(_ labels: String, _ scores: String, rows: Int = 1) -> String {
        """
        {"model_name":"m","model_version":"3","outputs":[\
        {"name":"label","shape":[\(rows)],"datatype":"INT64","data":\(labels)},\
        {"name":"p","shape":[\(rows),2],"datatype":"FP32","data":\(scores)}]}
        """
    }

    /// A server that tells its metadata and answers calls as `infer` does.
    static func server(
        _ infer: @escaping @Sendable (LoopbackServer.Request) -> LoopbackServer.Response
    ) throws -> LoopbackServer {
        try LoopbackServer.start { request in
            request.path.hasSuffix("/infer") ? infer(request) : LoopbackServer.Response(metadata)
        }
    }

    static func open(
        _ url: String, _ upstream: [String] = [], _ lines: [String] = ["classes: [no, yes]"],
        setup: StageSetup = BackendFixtures.setup()
    ) async throws -> UpstreamBackend {
        let settings = (["url: \(url)", "protocol: open_inference", "patience: 1ms"] + upstream)
            .joined(separator: ", ")
        let backend = try await BackendFixtures.open(["upstream: {\(settings)}"] + lines, setup: setup)
        guard let upstream = backend as? UpstreamBackend else {
            throw CasemateError(.unsupported, at: "test", "no upstream", help: "")
        }
        return upstream
    }

    static func ask(
        _ backend: UpstreamBackend, rows: Int = 1, seconds: Double = 30, clock: any GuardClock = SystemClock()
    ) async throws -> InferenceAnswer {
        let values = (0..<2 * rows).map { Float($0) / 4 }
        let tensor = Tensor(shape: [rows, 2], .float(values))
        let request = InferenceRequest(
            inputs: [NamedTensor("x", tensor)], rows: rows, model: backend.description)
        return try await backend.infer(request, call: BackendFixtures.call(seconds: seconds, clock: clock))
    }
}
