public import CasemateCore
import CasemateModels
import Dispatch
import Foundation
import Logging

/// Runs the probes of the catalogue over a subject, within a time budget.
public struct AuditPlan: Sendable {
    /// Probes in the order they run.
    public let probes: [any Probe]
    /// Identifiers of probes that the configuration switches off.
    public let disabled: Set<String>
    /// Time for all probes together; `nil` sets no limit.
    public let budget: Duration?
    /// Finds and keeps results; `nil` runs every probe and keeps nothing.
    let memory: Memory?

    /// The cache with what all keys of this audit share.
    struct Memory: Sendable {
        let cache: ProbeCache
        let base: String
        let started: Date
        let isRedacted: Bool
    }

    /// Makes a plan.
    public init(probes: [any Probe], disabled: Set<String> = [], budget: Duration? = nil) {
        self.init(probes: probes, disabled: disabled, budget: budget, memory: nil)
    }
    init(probes: [any Probe], disabled: Set<String>, budget: Duration?, memory: Memory?) {
        (self.probes, self.disabled, self.budget, self.memory) = (probes, disabled, budget, memory)
    }

    /// Runs every probe that applies; the others are listed with the reason.
    ///
    /// Work that can stop early is asked to at nine tenths of the budget; at the end of it whatever still runs is
    /// cancelled, and what has not begun is not begun.
    /// - Throws: `Cancelled` when interrupted. A probe that fails is an outcome, not an error.
    public func run(on subject: AuditSubject, context: RunContext) throws -> [ProbeOutcome] {
        var context = context
        let clock = ContinuousClock()
        let timer = BudgetTimer(budget, &context)
        defer { timer?.stop() }
        var outcomes: [ProbeOutcome] = []
        for (position, probe) in probes.enumerated() {
            context.progress("probes", position, probes.count)
            context.logger.info("probe \(type(of: probe).identifier)")
            if let kept = kept(probe, on: subject) {
                outcomes.append(kept)
                continue
            }
            let start = clock.now
            var outcome = try run(probe, on: subject, context: context)
            outcome.seconds = (clock.now - start).inSeconds
            keep(outcome, of: probe, context: context)
            outcomes.append(outcome)
        }
        context.progress("probes", probes.count, probes.count)
        return outcomes + untestedThreats.map(\.outcome)
    }

    /// The kept result of a probe that runs and applies.
    private func kept(_ probe: some Probe, on subject: AuditSubject) -> ProbeOutcome? {
        guard let memory, !disabled.contains(type(of: probe).identifier), probe.reasonNotToRun(on: subject) == nil
        else { return nil }
        return memory.cache.outcome(for: ProbeKey(probe, base: memory.base))?.outcome
    }

    private func keep(_ outcome: ProbeOutcome, of probe: some Probe, context: RunContext) {
        guard let memory else { return }
        let shown = memory.isRedacted ? outcome.redacted() : outcome
        let problem = memory.cache.keep(shown, for: ProbeKey(probe, base: memory.base), at: memory.started)
        if let problem { context.logger.info("the result of '\(outcome.probe)' is not kept: \(problem)") }
    }

    private func run(_ probe: some Probe, on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        let identifier = type(of: probe).identifier
        if disabled.contains(identifier) {
            return probe.outcome(
                status: .notTested, reason: "switched off by `probes: {\(identifier): {enabled: false}}`")
        }
        if let reason = probe.reasonNotToRun(on: subject) { return probe.outcome(status: .notTested, reason: reason) }
        let late = "the time budget ran out before it began"
        if let deadline = context.deadline, ContinuousClock.now >= deadline {
            return probe.outcome(status: .partial, reason: late)
        }
        do {
            return try probe.run(on: subject, context: context)
        } catch let cancelled as Cancelled {
            guard cancelled.reason == .outOfTime else { throw cancelled }
            return probe.outcome(status: .partial, reason: "the time budget ran out before it had a result")
        } catch let error as CasemateError where error.code == .queriesSpent {
            return probe.outcome(status: .partial, reason: error.what)
        } catch let error as CasemateError {
            return probe.outcome(status: .failed, reason: error.description)
        }
    }
}

/// Asks a run to stop at nine tenths of its time and cancels it at the end.
final class BudgetTimer {
    private let source: any DispatchSourceTimer

    /// Starts the clock and sets the context's deadline; `nil` without a budget.
    init?(_ budget: Duration?, _ context: inout RunContext) {
        guard let budget else { return nil }
        context.deadline = ContinuousClock.now + budget * 0.9
        let cancellation = context.cancellation
        source = DispatchSource.makeTimerSource(queue: .global())
        source.schedule(deadline: .now() + budget.inSeconds)
        source.setEventHandler { cancellation.cancel(.outOfTime) }
        source.resume()
    }

    func stop() { source.cancel() }
}
