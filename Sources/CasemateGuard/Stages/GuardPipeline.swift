/// The stages in front of one model, in order, with what becomes of what they say.
public struct GuardPipeline: Sendable {
    /// A stage and how it is run.
    public struct Step: Sendable {
        /// The stage.
        public let stage: any GuardStage
        /// Its identifier.
        public let identifier: String
        /// Whether what it says is carried out; never `off`.
        public let mode: StageMode
        /// Whether a request passes when the stage itself fails.
        public let failsOpen: Bool
        let latency: MetricsRegistry.Histogram?
        /// Makes a step; without a latency its time is not taken.
        public init(
            stage: any GuardStage, mode: StageMode, failsOpen: Bool = false,
            latency: MetricsRegistry.Histogram? = nil
        ) {
            (self.stage, identifier) = (stage, type(of: stage).identifier)
            (self.mode, self.failsOpen, self.latency) = (mode, failsOpen, latency)
        }
    }
    /// The stages.
    public let steps: [Step]
    private let clock: any GuardClock
    private let metrics: MetricsRegistry

    /// Makes a pipeline.
    public init(steps: [Step], clock: any GuardClock, metrics: MetricsRegistry) {
        (self.steps, self.clock, self.metrics) = (steps, clock, metrics)
    }

    /// Asks the stages whether a caller may go on, before the body is read.
    /// - Throws: `GuardRefusal` of the first enforced stage that refuses.
    public func admit(_ exchange: inout Exchange) async throws {
        for step in steps {
            try await run(step, &exchange) { exchange in try await step.stage.admit(&exchange) }
        }
    }
    /// Shows a checked request to the stages.
    /// - Throws: `GuardRefusal` of the first enforced stage that refuses.
    public func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws {
        for step in steps {
            try await run(step, &exchange) { exchange in try await step.stage.examine(request, &exchange) }
        }
    }
    /// Shows the answer to the stages, which may change it.
    /// - Throws: `GuardRefusal` of the first enforced stage that refuses; an answer that is withheld looks like overload.
    public func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws {
        for step in steps {
            if step.mode == .observe {
                // why: a stage that is only observed changes nothing, the answer included.
                var copy = answer
                try await run(step, &exchange) { exchange in
                    try await step.stage.review(&copy, of: request, &exchange)
                }
                continue
            }
            var changed = answer
            try await run(step, &exchange) { exchange in
                try await step.stage.review(&changed, of: request, &exchange)
            }
            answer = changed
        }
        if exchange.isWithheld { throw GuardRefusal.overloaded }
    }
    /// Tells the stages that all is over.
    public func finish(_ exchange: Exchange) async {
        for step in steps { await step.stage.finish(exchange) }
    }

    private func run(
        _ step: Step, _ exchange: inout Exchange,
        _ body: (inout Exchange) async throws -> StageVerdict
    ) async throws {
        let start = step.latency == nil ? 0 : clock.monotonic
        let before = step.mode == .enforce ? nil : exchange
        let verdict: StageVerdict
        do { verdict = try await body(&exchange) } catch let refusal as GuardRefusal {
            verdict = StageVerdict(.refuse(refusal), reasons: [refusal.reason])
        } catch is CancellationError { throw CancellationError() } catch {
            verdict = failure(step)
        }
        if let latency = step.latency {
            let taken = clock.monotonic &- start
            latency.observe(nanoseconds: taken)
            exchange.times.append(.init(step.identifier, taken))
        }
        guard step.mode == .enforce else {
            if let before { exchange.restore(before) }
            return note(verdict, of: step, in: &exchange)
        }
        note(verdict, of: step, in: &exchange)
        try apply(verdict.consequence, to: &exchange)
    }

    /// What holds when a stage fails: refused, or let through and said so.
    private func failure(_ step: Step) -> StageVerdict {
        metrics.counter(
            "casemate_stage_failures_total", "Stages that failed themselves.", [("stage", step.identifier)]
        ).add()
        guard !step.failsOpen else { return StageVerdict(.flag, reasons: ["stage_failed"]) }
        let refusal = GuardRefusal(
            .unavailable, "a check cannot be done at the moment", retryAfter: 5, reason: "stage_failed")
        return StageVerdict(.refuse(refusal), reasons: ["stage_failed"])
    }

    private func note(_ verdict: StageVerdict, of step: Step, in exchange: inout Exchange) {
        guard verdict != .pass else { return }
        exchange.verdicts.append(
            .init(stage: step.identifier, verdict: verdict, isEnforced: step.mode == .enforce))
        if case .pass = verdict.consequence { return }
        metrics.counter(
            "casemate_stage_verdicts_total", "What stages said, passes left out.",
            [
                ("stage", step.identifier), ("consequence", verdict.consequence.name), ("mode", step.mode.rawValue),
            ]
        ).add()
    }

    private func apply(_ consequence: StageVerdict.Consequence, to exchange: inout Exchange) throws {
        switch consequence {
        case .pass, .flag: break
        case .delay(let seconds): exchange.delay = max(exchange.delay, min(60, max(0, seconds)))
        case .degrade: exchange.isDegraded = true
        case .withhold: exchange.isWithheld = true
        case .hold: exchange.isHeld = true
        case .refuse(let refusal): throw refusal
        }
    }
}

extension GuardRefusal {
    /// The server is busy. An answer that is withheld looks the same.
    public static let overloaded = GuardRefusal(
        .unavailable, "the server is busy", retryAfter: 1, reason: "overloaded")
}
