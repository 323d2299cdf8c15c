// What a call costs besides the run of the model: the bare run, the call through the queue, a proxied call.
import CasemateCore
import CasemateGuard
import CasemateModels
import Dispatch
import Foundation
import TestSupport

@main struct BackendBenchmark {
    static func median(_ times: [Double]) -> String {
        let sorted = times.sorted()
        func at(_ share: Double) -> String {
            let index = min(sorted.count - 1, Int(Double(sorted.count) * share))
            return String(format: "%.1f", sorted[index] * 1e6)
        }
        return "p50 \(at(0.5)) µs, p99 \(at(0.99)) µs"
    }

    static func measure(_ count: Int, _ body: @Sendable () async throws -> Void) async rethrows -> [Double] {
        var times: [Double] = []
        for _ in 0..<count {
            let start = DispatchTime.now().uptimeNanoseconds
            try await body()
            times.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
        }
        return times
    }

    static func setup() -> StageSetup {
        StageSetup(
            model: nil, folder: "", clock: SystemClock(), memory: GuardMemory(), metrics: MetricsRegistry(),
            secret: GuardSecret(),
            openBackend: { path, _ in throw CasemateError(.unsupported, at: path, "none", help: "") },
            context: RunContext())
    }

    static func main() async throws {
        let opener = BackendOpener(search: Repository.engines)
        for file in ["Examples/mortgage/gbm.onnx", "Tests/Fixtures/trees/xgboost-multi-softprob.json"] {
            let path = Repository.path(file)
            let backend = try opener.open(path: path, name: "m", setup: setup())
            let bare = try ServedFile(path: path, format: nil, classes: nil) { try OnnxRuntime(Repository.engines) }
                .model
            let model = backend.description
            let row = Tensor(
                shape: [1, model.features.count], .float([Float](repeating: 0.5, count: model.features.count)))
            let inputs = [NamedTensor(model.inputs[0].name, row)]
            let request = InferenceRequest(inputs: inputs, rows: 1, model: model)
            let call = BackendCall(trace: TraceContext(traceparent: nil), deadline: .max)
            for _ in 0..<2_000 { _ = try await backend.infer(request, call: call) }
            let alone = try await measure(20_000) { _ = try bare.run(inputs, rows: 1, cancellation: nil) }
            let whole = try await measure(20_000) { _ = try await backend.infer(request, call: call) }
            print("\(file), 1 row\n  bare run    \(median(alone))\n  as a call   \(median(whole))")
            for callers in [4, 64] {
                let start = DispatchTime.now().uptimeNanoseconds
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<callers {
                        group.addTask {
                            for _ in 0..<64_000 / callers { _ = try await backend.infer(request, call: call) }
                        }
                    }
                    try await group.waitForAll()
                }
                let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
                print("  \(callers) callers  \(Int(64_000 / seconds)) calls a second")
            }
            await backend.shutDown()
        }
        try await proxied(opener)
    }

    static func proxied(_ opener: BackendOpener) async throws {
        let metadata = """
            {"name":"m","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],\
            "outputs":[{"name":"p","datatype":"FP32","shape":[-1,2]}]}
            """
        let answer = #"{"outputs":[{"name":"p","shape":[1,2],"datatype":"FP32","data":[0.25,0.75]}]}"#
        let server = try LoopbackServer.start { .init($0.path.hasSuffix("/infer") ? answer : metadata) }
        let backend = try opener.open(path: server.url + "/v2/models/m", name: "m", setup: setup())
        while !backend.isReady { try await Task.sleep(for: .milliseconds(10)) }
        let request = InferenceRequest(
            inputs: [NamedTensor("x", Tensor(shape: [1, 2], .float([1, 2])))], rows: 1, model: backend.description)
        let call = BackendCall(trace: TraceContext(traceparent: nil), deadline: .max)
        for _ in 0..<500 { _ = try await backend.infer(request, call: call) }
        let times = try await measure(4_000) { _ = try await backend.infer(request, call: call) }
        print("upstream on loopback, 1 row, with the server's own time\n  as a call   \(median(times))")
        await backend.shutDown()
    }
}
