import CasemateCore
import Foundation
import GRDB
import Logging
import Synchronization

/// The one thread that writes a log: whatever waits goes into one transaction, then all who wait for it go on.
///
/// Callers put a finished record into a bounded queue and are suspended, so that no thread of theirs waits for a disk.
/// The thread alone holds the connection; the numbers and the chain are made there.
final class AuditWriter: Sendable {
    /// Who waits for a job.
    enum Waiter {
        case task(UnsafeContinuation<AuditFailure?, Never>)
        case thread(AuditTicket)
    }
    /// What the thread is to do.
    enum Work {
        case append(AuditEntry)
        case act(@Sendable (AuditConnection) throws -> Void)
    }
    struct Job {
        let work: Work
        let waiter: Waiter
    }
    struct State {
        var jobs: [Job] = []
        var isIdle = false
        var isClosing = false, isClosed = false
        var failure: AuditFailure?
        var gap: AuditGap?
        var settings: AuditSettings
        var users = 0
        /// Most pages of the file; a disk without space, for tests.
        var pages = AuditConnection.mostPages
        var closers: [UnsafeContinuation<Void, Never>] = []
    }
    /// How often the thread looks around by itself, in seconds of real time.
    struct Pace: Sendable {
        /// Between tries while nothing can be written.
        var retry = 0.25
        /// While nothing comes.
        var idle = 0.5
    }
    /// Most records in one transaction.
    static let largestBatch = 1_024

    let path: String
    /// Identifier of the log.
    let log: String
    let clock: any GuardClock
    let meters: AuditMeters
    let logger: Logger
    let pace: Pace
    let state: Mutex<State>
    let wake = DispatchSemaphore(value: 0)
    /// Does what may take long and nobody waits for: synchronising, exporting heads.
    let aside = DispatchQueue(label: "casemate.audit.aside", qos: .utility)
    private let lock: Mutex<AuditLock?>

    /// Opens or makes a log and starts its thread.
    /// - Throws: `CasemateError` for a file that is locked, foreign, newer, damaged or cannot be written.
    init(_ settings: AuditSettings, setup: StageSetup, pace: Pace = Pace()) throws(CasemateError) {
        let opened = try AuditOpening.open(settings, setup: setup)
        (path, log, clock, self.pace) = (settings.path, opened.log, setup.clock, pace)
        (meters, logger) = (AuditMeters(setup.metrics), setup.context.logger)
        state = Mutex(State(settings: settings))
        lock = Mutex(opened.lock)
        let (queue, identity, records) = (opened.queue, opened.identity, opened.records)
        let thread = Thread { [self] in
            let round = AuditRound(self, identity: identity, headed: records)
            do { try queue.writeWithoutTransaction { round.run(try AuditConnection($0, log: log)) } } catch {
                state.withLock { $0.failure = AuditFailure(error) }
            }
            try? queue.close()
            end()
        }
        thread.name = "casemate-audit"
        thread.start()
    }

    /// Takes other settings, at a reload.
    func apply(_ settings: AuditSettings) { state.withLock { $0.settings = settings } }
    /// Whether records can be written now.
    var isWriting: Bool { state.withLock { $0.failure == nil && !$0.isClosing } }
    /// Whether the thread has ended or is about to.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// Keeps a record of a decision.
    /// - Parameter failsOpen: Whether a record that cannot be kept is counted and forgotten.
    /// - Returns: Why it was not kept; `nil` when it was, or when it was counted.
    func append(_ entry: AuditEntry, failsOpen: Bool) async -> AuditFailure? {
        let failure: AuditFailure? = await withUnsafeContinuation { continuation in
            if let refused = enqueue(Job(work: .append(entry), waiter: .task(continuation))) {
                continuation.resume(returning: refused)
            }
        }
        guard let failure else { return nil }
        note(failure, at: entry.columns.time, isAnswered: failsOpen)
        return failsOpen ? nil : failure
    }

    /// Keeps a record while the calling thread waits, five seconds at most.
    func appendAndWait(_ entry: AuditEntry) -> AuditFailure? {
        let ticket = AuditTicket()
        return enqueue(Job(work: .append(entry), waiter: .thread(ticket))) ?? ticket.wait(seconds: 5)
    }

    /// Runs something on the thread of the writer, between records.
    func perform(_ act: @escaping @Sendable (AuditConnection) throws -> Void) async -> AuditFailure? {
        await withUnsafeContinuation { continuation in
            if let refused = enqueue(Job(work: .act(act), waiter: .task(continuation))) {
                continuation.resume(returning: refused)
            }
        }
    }

    private func enqueue(_ job: Job) -> AuditFailure? {
        let (refused, wakes) = state.withLock { state -> (AuditFailure?, Bool) in
            if state.isClosing { return (.closed, false) }
            if let failure = state.failure { return (failure, false) }
            guard state.jobs.count < state.settings.queue else { return (.queue, false) }
            state.jobs.append(job)
            defer { state.isIdle = false }
            return (nil, state.isIdle)
        }
        if wakes { wake.signal() }
        return refused
    }

    /// Counts a decision that is not in the log; a record says so as soon as one can be written.
    private func note(_ failure: AuditFailure, at time: Int64, isAnswered: Bool) {
        (isAnswered ? meters.gap : meters.refused).add()
        state.withLock { state in
            var gap = state.gap ?? AuditGap(cause: failure, first: time, last: time)
            if isAnswered { gap.answered += 1 } else { gap.refused += 1 }
            (gap.first, gap.last) = (min(gap.first, time), max(gap.last, time))
            state.gap = gap
        }
    }

    /// Takes part in the use of the writer; `false` when it is closing and another must be opened.
    func retain() -> Bool {
        state.withLock { state in
            guard !state.isClosing else { return false }
            state.users += 1
            return true
        }
    }
    /// Ends a use; the last one lets the thread write what is left, and end.
    /// - Returns: Whether it was the last.
    @discardableResult func release() -> Bool {
        let isLast = state.withLock { state in
            state.users -= 1
            if state.users <= 0 { state.isClosing = true }
            return state.users <= 0
        }
        if isLast { wake.signal() }
        return isLast
    }
    /// Waits until the thread has ended.
    func closed() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isClosed = state.withLock { state in
                if !state.isClosed { state.closers.append(continuation) }
                return state.isClosed
            }
            if isClosed { continuation.resume() }
        }
    }

    /// Lets the calling thread wait until the thread has ended: for a log that is opened again at once.
    func waitUntilClosed(seconds: Double) {
        for _ in 0..<Int(seconds * 1_000) where !state.withLock({ $0.isClosed }) { usleep(1_000) }
    }

    private func end() {
        lock.withLock { $0 = nil }
        let (jobs, closers) = state.withLock { state in
            defer { (state.jobs, state.closers) = ([], []) }
            (state.isClosing, state.isClosed) = (true, true)
            return (state.jobs, state.closers)
        }
        for job in jobs { job.waiter.resume(.closed) }
        for closer in closers { closer.resume() }
    }
}

extension AuditWriter.Waiter {
    /// Lets whoever waits go on.
    func resume(_ failure: AuditFailure?) {
        switch self {
        case .task(let continuation): continuation.resume(returning: failure)
        case .thread(let ticket): ticket.resume(failure)
        }
    }
}

/// What a thread waits for.
final class AuditTicket: Sendable {
    private let outcome = Mutex<AuditFailure?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func resume(_ failure: AuditFailure?) {
        outcome.withLock { $0 = failure }
        done.signal()
    }
    /// Waits; `locked` when the time is over, after which the record may still be written.
    func wait(seconds: Double) -> AuditFailure? {
        guard done.wait(timeout: .now() + seconds) == .success else { return .locked }
        return outcome.withLock { $0 }
    }
}

/// What is counted about a log.
struct AuditMeters: Sendable {
    let records: MetricsRegistry.Cell, gap: MetricsRegistry.Cell, refused: MetricsRegistry.Cell
    let isWriting: MetricsRegistry.Cell, retired: MetricsRegistry.Cell, heads: MetricsRegistry.Cell
    let commit: MetricsRegistry.Histogram
    private let registry: MetricsRegistry

    init(_ registry: MetricsRegistry) {
        self.registry = registry
        records = registry.counter("casemate_audit_records_total", "Records written to the audit log.")
        gap = registry.counter(
            "casemate_audit_gap_total", "Decisions that went out and are not in the audit log (on_failure: open).")
        refused = registry.counter(
            "casemate_audit_refused_total", "Decisions refused because they could not be recorded.")
        isWriting = registry.gauge("casemate_audit_writing", "Whether the audit log can be written: 1 or 0.")
        retired = registry.counter("casemate_audit_retired_total", "Records deleted by the retention of the audit log.")
        heads = registry.counter("casemate_audit_heads_total", "Heads of the audit log that were written.")
        commit = registry.histogram(
            "casemate_audit_commit_duration_seconds", "Time of one transaction of the audit log.")
        isWriting.set(1)
    }
    /// Counts a failure.
    func fail(_ cause: String) {
        registry.counter("casemate_audit_failures_total", "Failures of the audit log.", [("cause", cause)]).add()
    }
}
