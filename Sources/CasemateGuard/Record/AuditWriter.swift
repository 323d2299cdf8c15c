import CasemateCore
import Foundation
import GRDB
import Logging
import Synchronization

/// Writes a log, one holder of the connection at a time; the numbers and the chain are made there.
///
/// Where a commit only hands bytes to the operating system and nobody holds the connection, a caller writes its record
/// itself, which spares waking two threads. Otherwise it puts the record into a bounded queue and is suspended until the
/// thread of the writer has written it, together with all that waits. What may wait for a disk (synchronised commits,
/// taking the write-ahead log over, heads, deletions) and what is done after a failure is the thread's alone.
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
    /// Who may use the connection.
    enum Holder { case nobody, caller, thread }
    struct State {
        var jobs: [Job] = []
        var holder = Holder.thread
        /// Whether the thread waits for a caller to hand the connection over.
        var isWanted = false
        /// Whether most of the write-ahead log was taken over beside the writing.
        var isCaughtUp = false
        /// Whether settings were changed that the thread has not carried out yet.
        var isStale = true
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
    /// Used by the holder.
    let connection: AuditConnection
    private let takeOver: AuditTakeOver
    private let lock: Mutex<AuditLock?>

    /// Opens or makes a log and starts its thread.
    /// - Throws: `CasemateError` for a file that is locked, foreign, newer, damaged or cannot be written.
    init(_ settings: AuditSettings, setup: StageSetup, pace: Pace = Pace()) throws(CasemateError) {
        let opened = try AuditOpening.open(settings, setup: setup)
        (path, log, clock, self.pace) = (settings.path, opened.log, setup.clock, pace)
        (meters, logger) = (AuditMeters(setup.metrics), setup.context.logger)
        state = Mutex(State(settings: settings))
        lock = Mutex(opened.lock)
        connection = opened.connection
        do { takeOver = try AuditTakeOver(path: settings.path) } catch {
            throw AuditFile.failure(error, settings.path)
        }
        let (identity, records) = (opened.identity, opened.records)
        let thread = Thread { [self] in
            AuditRound(self, identity: identity, headed: records).run()
            connection.close()
            takeOver.closeFile()
            end()
        }
        thread.name = "casemate-audit"
        thread.start()
    }

    /// Takes other settings, at a reload.
    func apply(_ settings: AuditSettings) { state.withLock { ($0.settings, $0.isStale) = (settings, true) } }
    /// Lets the file have no more pages than this.
    func limit(pages: Int) { state.withLock { ($0.pages, $0.isStale) = (pages, true) } }
    /// Whether records can be written now.
    var isWriting: Bool { state.withLock { $0.failure == nil && !$0.isClosing } }
    /// Whether the thread has ended or is about to.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// Keeps a record of a decision.
    /// - Parameter failsOpen: Whether a record that cannot be kept is counted and forgotten.
    /// - Returns: Why it was not kept; `nil` when it was, or when it was counted.
    func append(_ entry: AuditEntry, failsOpen: Bool) async -> AuditFailure? {
        if writeAtOnce(entry) { return nil }
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
            guard state.holder == .nobody else { return (nil, false) }
            state.holder = .thread
            return (nil, true)
        }
        if wakes { wake.signal() }
        return refused
    }

    /// Writes a record on the thread of the caller; `false` where the thread of the writer is to do it.
    private func writeAtOnce(_ entry: AuditEntry) -> Bool {
        let isMine = state.withLock { state in
            guard state.holder == .nobody, state.failure == nil, state.gap == nil, !state.isClosing, !state.isStale,
                state.settings.durability == .os
            else { return false }
            state.holder = .caller
            return true
        }
        guard isMine else { return false }
        // why nothing is done about an error here: the record was not kept, and the thread tries once more and says why.
        let isWritten = commit([entry])
        // why once: those who came meanwhile need not wait for another thread to wake, but no caller works for all.
        let others = isWritten ? takeOthers() : []
        let areWritten = others.isEmpty || commit(others.map(\.entry))
        let wakes = state.withLock { state in
            if !areWritten { state.jobs.insert(contentsOf: others.map(\.job), at: 0) }
            let isNeeded = !isWritten || state.isWanted || state.isClosing || state.isStale || connection.isDue
            state.holder = isNeeded || !state.jobs.isEmpty ? .thread : .nobody
            state.isWanted = false
            return state.holder == .thread
        }
        if wakes { wake.signal() }
        if areWritten { for other in others { other.job.waiter.resume(nil) } }
        return isWritten
    }

    /// Records that wait, where nothing else does.
    private func takeOthers() -> [(job: Job, entry: AuditEntry)] {
        state.withLock { state in
            guard (1...16).contains(state.jobs.count) else { return [] }
            let others = state.jobs.compactMap { job -> (job: Job, entry: AuditEntry)? in
                if case .append(let entry) = job.work { (job, entry) } else { nil }
            }
            guard others.count == state.jobs.count else { return [] }
            state.jobs = []
            return others
        }
    }

    private func commit(_ entries: [AuditEntry]) -> Bool {
        let start = clock.monotonic
        do { try connection.work { try $0.append(entries) } } catch { return false }
        count(entries.count, nanoseconds: clock.monotonic &- start)
        return true
    }

    /// Takes most of the write-ahead log over, and lets the thread do the rest.
    func catchUp() {
        // why nothing is done about an error: the rest is done all the same, and what fails then is told there.
        do { try takeOver.catchUp() } catch { meters.fail("take_over") }
        let wakes = state.withLock { state in
            state.isCaughtUp = true
            switch state.holder {
            case .nobody: state.holder = .thread
            case .caller: state.isWanted = true
            case .thread: return false
            }
            return state.holder == .thread
        }
        if wakes { wake.signal() }
    }
    /// Closes what takes the write-ahead log over.
    func endTakeOver() {
        aside.sync {}
        takeOver.close()
    }

    /// Counts a transaction.
    func count(_ records: Int, nanoseconds: UInt64) {
        meters.commit.observe(nanoseconds: nanoseconds)
        meters.records.add(Double(records))
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
