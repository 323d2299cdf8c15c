import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Dispatch
import Foundation
import Synchronization
import TestSupport

/// A model whose runs stand still until they are let go, and that counts them.
final class HeldModel: ServedModel {
    struct Run: Sendable, Hashable {
        let rows: Int
    }
    let facts: ServedFacts
    private let gate = DispatchSemaphore(value: 0)
    private let entered = DispatchSemaphore(value: 0)
    private let state = Mutex<(runs: [Run], isHeld: Bool, cancelled: Int)>(([], true, 0))
    /// Rows with this value make a run fail.
    static let poison: Float = -666

    init(isJoinable: Bool = true, isHeld: Bool = true) {
        facts = ServedFacts(
            platform: "test", inputs: [.init(name: "x", type: .float, shape: [nil, 2])],
            outputs: [.init(name: "y", type: .float, shape: [nil])], layout: .matrix, task: .regression, kind: .value,
            classes: [], label: nil, scores: "y", fixedBatch: nil, isJoinable: isJoinable, rowSize: 2,
            columnNames: nil, levels: [], notes: [])
        state.withLock { $0.isHeld = isHeld }
    }

    var runs: [Run] { state.withLock { $0.runs } }
    var cancelled: Int { state.withLock { $0.cancelled } }
    /// Waits until so many runs have begun.
    func waitForRuns(_ count: Int) async {
        for _ in 0..<count { await onThread { self.entered.wait() } }
    }
    /// Lets all runs go, now and later.
    func release() {
        let count = state.withLock { state in
            state.isHeld = false
            return state.runs.count
        }
        for _ in 0..<count { gate.signal() }
    }

    /// Answers the sum of each row.
    func run(_ inputs: [NamedTensor], rows: Int, cancellation: Cancellation?) throws -> ServedAnswer {
        let isHeld = state.withLock { state in
            state.runs.append(Run(rows: rows))
            return state.isHeld
        }
        entered.signal()
        if isHeld {
            if let cancellation {
                cancellation.whileRunning(onCancel: { self.gate.signal() }) { gate.wait() }
            } else {
                gate.wait()
            }
        }
        if cancellation?.isCancelled == true {
            state.withLock { $0.cancelled += 1 }
            try cancellation?.check()
        }
        guard case .float(let values) = inputs[0].tensor.storage, !values.contains(Self.poison) else {
            throw CasemateError(.engineFailed, at: "test", "poisoned", help: "")
        }
        let sums = (0..<rows).map { values[2 * $0] + values[2 * $0 + 1] }
        return ServedAnswer(
            outputs: [NamedTensor("y", Tensor(shape: [rows], .float(sums)))],
            predictions: Predictions(task: .regression, classes: [], kind: .value, scores: sums, labels: []))
    }
}

/// Runs something that waits on a thread of its own.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// Waits for something that other threads bring about, at most ten seconds.
func eventually(_ condition: @Sendable () -> Bool) async -> Bool {
    for _ in 0..<2_000 {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return condition()
}

enum BackendFixtures {
    static func setup(
        clock: any GuardClock = SystemClock(), metrics: MetricsRegistry = .init(), memory: GuardMemory = .init()
    ) -> StageSetup {
        StageSetup(
            model: nil, folder: "", clock: clock, memory: memory, metrics: metrics, secret: GuardSecret(),
            openBackend: { path, _ in throw CasemateError(.unsupported, at: path, "none", help: "") },
            context: RunContext())
    }

    /// Opens the first entry of `models`, written as YAML under the name `m`.
    static func open(
        _ lines: [String], setup: StageSetup = setup()
    ) async throws -> any ModelBackend {
        let text = "models:\n  - name: m\n" + lines.map { "    \($0)\n" }.joined() + "audit_log: audit.sqlite\n"
        let entry = try GuardConfiguration(text, path: "guard.yaml").models[0]
        return try await BackendOpener(search: Repository.engines).open(entry, setup: setup)
    }

    static func call(seconds: Double = 30, clock: any GuardClock = SystemClock()) -> BackendCall {
        BackendCall(
            trace: TraceContext(traceparent: nil), deadline: clock.monotonic &+ UInt64(seconds * 1e9))
    }

    /// Rows of a matrix as a request.
    static func request(_ values: [Float], rows: Int, for model: ModelDescription) -> InferenceRequest {
        let tensor = Tensor(shape: [rows, values.count / rows], .float(values))
        return InferenceRequest(inputs: [NamedTensor(model.inputs[0].name, tensor)], rows: rows, model: model)
    }
}

/// The refusal that something ends with.
func refusal<Result>(_ body: () async throws -> Result) async -> GuardRefusal? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? GuardRefusal }
}
