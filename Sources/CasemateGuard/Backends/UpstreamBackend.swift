import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// A model behind an address, by the Open Inference Protocol or MLflow's scoring server.
///
/// What it answers is read as strictly as what callers send. Calls are bounded in time, bytes and number; a server that
/// fails is left alone for a while.
package final class UpstreamBackend: ModelBackend {
    private struct State {
        var description: ModelDescription
        var profile: UpstreamProfile?
        var asking: Task<Void, Never>?
        var isEnded = false
        /// Calls that have or wait for a connection.
        var calls = 0
    }
    let settings: BackendSettings
    let upstream: UpstreamSettings
    let client: UpstreamClient
    let breaker: CircuitBreaker
    let model: String
    private let state: Mutex<State>
    private let budget: RetryBudget
    private let reading: ServingReading
    private let clock: any GuardClock
    private let context: RunContext
    private let metrics: MetricsRegistry
    private let labels: [(String, String)]
    private let retried: MetricsRegistry.Cell

    /// Prepares; nothing is sent yet.
    init(
        name: String, version: String, settings: BackendSettings, upstream: UpstreamSettings, setup: StageSetup
    ) throws {
        (self.settings, self.upstream) = (settings, upstream)
        (clock, context, metrics) = (setup.clock, setup.context, setup.metrics)
        labels = [("model", name), ("version", version)]
        model = upstream.model ?? name
        client = try UpstreamClient(upstream)
        reading = ServingReading(classes: settings.classes ?? [])
        budget = RetryBudget(share: upstream.retries)
        let gauge = metrics.gauge(
            "casemate_breaker_state", "State of the breaker of an upstream: 0 closed, 1 half open, 2 open.", labels)
        let logger = context.logger
        // why in memory: a reload must not give a failing server a fresh start.
        let key = "guard.breaker \(name) \(version) \(upstream.address.base) \(upstream.breaker)"
        breaker = setup.memory.object(key) {
            CircuitBreaker(
                upstream.breaker, clock: setup.clock,
                onChange: { phase in
                    gauge.set(Double(phase.rawValue))
                    logger.warning("the breaker of the model '\(name)' is now \(phase)")
                })
        }
        gauge.set(Double(breaker.phase.rawValue))
        retried = metrics.counter("casemate_upstream_retries_total", "Calls of an upstream tried again.", labels)
        let empty = UpstreamProfile(settings, upstream, dialect: upstream.dialect ?? .openInference, metadata: nil)
        state = Mutex(State(description: try empty.description(name: name, version: version, settings, upstream)))
    }

    deinit { state.withLock { $0.asking }?.cancel() }

    /// The model as the server told, or as the configuration says while it has not.
    package var description: ModelDescription { state.withLock { $0.description } }

    /// Whether the server told what its model is, and is not being left alone.
    package var isReady: Bool { state.withLock { $0.profile != nil && !$0.isEnded } && breaker.phase != .open }

    /// Asks the server what its model is, for so many seconds; then goes on asking in the background.
    /// - Throws: `invalidSetting`, `unsupported` where the answer and the configuration do not go together.
    func start(patience: Double) async throws {
        let end = ContinuousClock.now + .seconds(patience)
        repeat {
            if try await ask(isFirst: true) { return }
            try? await Task.sleep(for: .milliseconds(200))
        } while ContinuousClock.now < end && !Task.isCancelled
        context.logger.warning(
            "the server of the model '\(description.name)' does not say what it serves; it is asked again and again")
        startInBackground()
    }

    /// Asks in the background until the server has answered.
    func startInBackground() {
        let task = Task { [weak self] in
            var pause = 0.25
            while !Task.isCancelled {
                guard let backend = self, await !backend.askAgain() else { return }
                try? await Task.sleep(for: .seconds(pause))
                pause = min(10, pause * 2)
            }
        }
        state.withLock { $0.asking = task }
    }

    private func askAgain() async -> Bool { (try? await ask(isFirst: false)) ?? false }

    /// Asks once; whether it is known now what the model is.
    private func ask(isFirst: Bool) async throws -> Bool {
        do {
            let found = try await UpstreamFinder(client: client, settings: settings, upstream: upstream, model: model)
                .profile()
            let old = description
            var new = try found.description(name: old.name, version: old.version, settings, upstream)
            // why: stages were made for the columns known when the file was opened; others would not fit them.
            if !isFirst, new.features != old.features { new = new.with(features: old.features, classes: old.classes) }
            state.withLock { ($0.description, $0.profile) = (new, found) }
            return true
        } catch {
            if isFirst, let known = error as? CasemateError, [.invalidSetting, .unsupported].contains(known.code) {
                throw known
            }
            context.logger.debug(
                "the server of the model '\(description.name)' does not tell", metadata: ["error": "\(error)"])
            return false
        }
    }

    /// Asks the server; see `ModelBackend`.
    package func infer(_ request: InferenceRequest, call: BackendCall) async throws -> InferenceAnswer {
        guard let profile = state.withLock({ $0.profile }) else {
            throw GuardRefusal(
                .unavailable, "the model's server has not answered yet", retryAfter: 5, reason: "upstream_unknown")
        }
        try enter()
        defer { state.withLock { $0.calls -= 1 } }
        let permit = try breaker.admit()
        let start = clock.monotonic
        do {
            let (answer, outcome) = try await answer(request, call, profile)
            breaker.report(outcome, permit)
            return answer
        } catch let failure as UpstreamFailure {
            // why: a caller that used up its time before must not count against the server.
            let taken = Double(clock.monotonic &- start) / 1e9
            let isHasty = failure.refusal.kind == .upstreamTimeout && taken < min(1, settings.timeout)
            breaker.report(isHasty ? .neither : failure.outcome, permit)
            count(failure.refusal.reason)
            throw failure.refusal
        } catch {
            breaker.report(.neither, permit)
            throw error
        }
    }

    /// Counts a call in.
    private func enter() throws {
        try state.withLock { state in
            guard !state.isEnded, state.calls < upstream.pool + upstream.waiting else { throw GuardRefusal.overloaded }
            state.calls += 1
        }
    }

    private func count(_ reason: String) {
        metrics.counter(
            "casemate_upstream_failures_total", "Calls of an upstream that failed.", labels + [("reason", reason)]
        ).add()
    }

    private func answer(
        _ request: InferenceRequest, _ call: BackendCall, _ profile: UpstreamProfile
    ) async throws -> (InferenceAnswer, CircuitBreaker.Outcome) {
        let padded = profile.fixedBatch.map { max($0, request.rows) } ?? request.rows
        let body = profile.body(request, rows: padded)
        var headers = [("content-type", body.header == nil ? "application/json" : "application/octet-stream")]
        headers.append(("traceparent", call.trace.traceparent))
        if let length = body.header { headers.append(("inference-header-content-length", "\(length)")) }
        let reply = try await send(body.bytes, headers, to: profile.url, call)
        try UpstreamFailure.check(reply)
        let length = reply.headers.first(name: "inference-header-content-length").map { Int($0) ?? -1 }
        do throws(ServingLie) {
            var outputs = try profile.outputs(reply.body, header: length, rows: padded)
            if padded > request.rows {
                outputs = outputs.map { NamedTensor($0.name, $0.tensor.rows(0..<request.rows)) }
            }
            let (roles, predictions) = try reading.read(outputs, rows: request.rows)
            let answer = InferenceAnswer(
                outputs: outputs, predictions: predictions,
                roles: .init(label: roles.label, scores: roles.scores, kind: roles.kind))
            return (answer, .success)
        } catch {
            context.logger.debug(
                "an upstream's answer is refused", metadata: ["model": "\(model)", "what": "\(error.what)"])
            throw UpstreamFailure.lie(error)
        }
    }

    /// Sends, and once more where no connection came about and the budget has a try left.
    private func send(
        _ body: [UInt8], _ headers: [(String, String)], to url: String, _ call: BackendCall
    ) async throws -> UpstreamClient.Reply {
        budget.earn()
        let end = min(call.deadline, clock.monotonic &+ UInt64(settings.timeout * 1e9))
        var isSecond = false
        while true {
            let now = clock.monotonic
            guard now < end else { throw UpstreamFailure.timeout }
            do {
                return try await client.send(.POST, url, headers: headers, body: body, nanoseconds: end - now)
            } catch UpstreamClient.Failure.noConnection where !isSecond && budget.spend() {
                isSecond = true
                retried.add()
            } catch let failure as UpstreamClient.Failure {
                throw UpstreamFailure(failure)
            }
        }
    }

    /// Closes the connections.
    package func shutDown() async {
        let task = state.withLock { state in
            state.isEnded = true
            return state.asking
        }
        task?.cancel()
        await client.shutDown()
    }
}
