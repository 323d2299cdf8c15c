import CasemateCore
import CasemateGuard
import CasemateModels
import Foundation

/// What tests of limits and identities are made with.
enum LimitSupport {
    /// A setup with a clock that stands.
    static func setup(
        model: String? = "m", clock: any GuardClock = ManualClock(), memory: GuardMemory = .init(),
        metrics: MetricsRegistry = .init(), folder: String = "",
        secret: GuardSecret = .init([UInt8](repeating: 7, count: 32)), context: RunContext = .init()
    ) -> StageSetup {
        StageSetup(
            model: model.map { description($0) }, folder: folder, clock: clock, memory: memory, metrics: metrics,
            secret: secret,
            openBackend: { path, _ in throw CasemateError(.notFound, at: path, "nothing is opened here", help: "") },
            context: context)
    }
    static func description(_ name: String) -> ModelDescription {
        ModelDescription(
            name: name, version: "1", sha256: "", platform: "test", inputs: [], outputs: [], layout: .matrix,
            task: .binary, classes: [], features: [])
    }
    /// A stage of YAML settings.
    static func stage(_ yaml: String, _ setup: StageSetup) throws -> LimitsStage {
        let mode = SettingKey("mode", .choice(["off", "observe", "enforce"]), "")
        let settings = try SettingChecker.read(yaml, file: "guard.yaml", keys: [mode] + LimitsStage.keys)
        return try LimitsStage(settings, setup: setup)
    }
    /// A request of a client on its way.
    static func exchange(_ id: Int, client: ClientIdentity, model: String = "m") -> Exchange {
        let digits = String(UInt64(id), radix: 16)
        return Exchange(
            id: String(repeating: "0", count: 16 - digits.count) + digits, trace: TraceContext(traceparent: nil),
            client: client, face: "test", model: model, version: "1", arrival: 0, deadline: 0)
    }
    static func client(_ name: String, rate: Double? = nil) -> ClientIdentity {
        ClientIdentity(id: "key:\(name)", method: .apiKey, rate: rate)
    }
    static func request(rows: Int, model: String = "m") -> InferenceRequest {
        InferenceRequest(inputs: [], rows: rows, model: description(model))
    }
    /// Nanoseconds that one of many runs takes.
    static func nanoseconds(_ runs: Int, _ body: (Int) async throws -> Void) async rethrows -> Double {
        let start = ContinuousClock.now
        for run in 0..<runs { try await body(run) }
        let spent = (ContinuousClock.now - start).components
        return (Double(spent.seconds) * 1e9 + Double(spent.attoseconds) / 1e9) / Double(runs)
    }
}

extension StageVerdict {
    /// The refusal, if it is one.
    var refusal: GuardRefusal? { if case .refuse(let refusal) = consequence { refusal } else { nil } }
}

extension Exchange {
    /// Admits, and examines what is more than one row; the refusal, if there is one.
    static func pass(
        _ stage: LimitsStage, _ exchange: inout Exchange, rows: Int = 1
    ) async throws -> GuardRefusal? {
        if let refusal = try await stage.admit(&exchange).refusal { return refusal }
        return try await stage.examine(LimitSupport.request(rows: rows), &exchange).refusal
    }
}
