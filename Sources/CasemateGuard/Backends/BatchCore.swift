import CasemateCore
import CasemateModels
import Dispatch
import Foundation
import Synchronization

/// The queue of a model and what its threads share; kept by the threads as long as they run.
final class BatchCore: Sendable {
    struct State {
        var waiting: [BatchJob] = []
        var waitingRows = 0
        /// Runs that are going, on threads of callers and on our own.
        var running = 0
        /// Runs on our own threads.
        var runs: [BatchRun] = []
        /// Our threads, and those of them that wait and were not woken yet.
        var threads = 0
        var idle = 0
        var isWatched = false
        var isEnded = false
    }
    let model: any ServedModel
    let settings: BatchSettings
    let threads: Int
    let clock: any GuardClock
    let metrics: BatchMetrics
    let state = Mutex(State())
    let wake = DispatchSemaphore(value: 0)
    let isJoinable: Bool
    /// Nanoseconds that a row is expected to take, a running mean.
    private let rowTime: Atomic<UInt64>

    init(
        _ model: any ServedModel, settings: BatchSettings, threads: Int, clock: any GuardClock, metrics: BatchMetrics
    ) {
        (self.model, self.settings, self.threads) = (model, settings, threads)
        (self.clock, self.metrics) = (clock, metrics)
        isJoinable = model.facts.isJoinable && settings.maxBatch > 1
        // why: the first run is made on our own thread and shows what the next ones take.
        rowTime = Atomic(settings.inlineLimit)
    }

    /// Whether the caller is to run the model itself; if so it has a place and calls `runInline` next.
    func enter(rows: Int, deadline: UInt64) throws -> Bool {
        guard clock.monotonic < deadline else {
            metrics.late.add()
            throw GuardRefusal.late
        }
        let (expected, isTooLong) = rowTime.load(ordering: .relaxed).multipliedReportingOverflow(by: UInt64(rows))
        let isQuick = settings.maxWait == 0 && !isTooLong && expected < settings.inlineLimit
        return try state.withLock { state in
            guard !state.isEnded else { throw GuardRefusal.overloaded }
            if isQuick, state.waiting.isEmpty, state.running < threads {
                state.running += 1
                return true
            }
            guard hasRoom(state, rows: rows) else {
                metrics.full.add()
                throw GuardRefusal.overloaded
            }
            return false
        }
    }

    /// Whether a call may wait: a call larger than the whole queue may where nothing else does.
    private func hasRoom(_ state: State, rows: Int) -> Bool {
        state.waiting.isEmpty || state.waitingRows + rows <= settings.queue
    }

    /// Runs the model on the thread of the caller.
    func runInline(_ inputs: [NamedTensor], rows: Int) throws -> ServedAnswer {
        defer { free() }
        return try timed(rows) { try model.run(inputs, rows: rows, cancellation: nil) }
    }

    /// Puts a call into the queue.
    func submit(_ job: BatchJob) {
        enum Need { case refusal, waking, thread, nothing }
        let (need, isUnwatched) = state.withLock { state -> (Need, Bool) in
            guard !state.isEnded, hasRoom(state, rows: job.rows) else { return (.refusal, false) }
            state.waiting.append(job)
            add(job.rows, &state)
            defer { state.isWatched = true }
            if state.idle > 0 {
                state.idle -= 1
                return (.waking, !state.isWatched)
            }
            guard state.threads < threads else { return (.nothing, !state.isWatched) }
            state.threads += 1
            return (.thread, !state.isWatched)
        }
        switch need {
        case .refusal:
            metrics.full.add()
            job.finish(.failure(GuardRefusal.overloaded))
        case .waking: wake.signal()
        case .thread: Thread.detachNewThread { [self] in serve() }
        case .nothing: break
        }
        if isUnwatched { Thread.detachNewThread { [self] in watch() } }
        // why: the caller may have gone between the look at the job and its way into the queue.
        if job.isDone { remove(job) }
    }

    /// Lets a call go whose caller went away.
    func drop(_ job: BatchJob) {
        job.finish(.failure(CancellationError()))
        remove(job)
    }

    private func remove(_ job: BatchJob) {
        state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0 === job }) else { return }
            state.waiting.remove(at: index)
            add(-job.rows, &state)
        }
    }

    /// Counts rows that wait.
    func add(_ rows: Int, _ state: inout State) {
        state.waitingRows += rows
        metrics.waiting.set(Double(state.waitingRows))
    }

    /// Gives the place of a run back, and wakes a thread that may take it.
    func free() {
        let isWanted = state.withLock { state in
            state.running -= 1
            guard !state.waiting.isEmpty, state.idle > 0 else { return false }
            state.idle -= 1
            return true
        }
        if isWanted { wake.signal() }
    }

    /// Takes nothing more; what waits is still answered.
    func end() {
        let idle = state.withLock { state in
            defer { state.idle = 0 }
            state.isEnded = true
            return state.idle
        }
        for _ in 0..<idle { wake.signal() }
    }

    /// Runs the model and remembers how long that took.
    func timed<Result>(_ rows: Int, _ body: () throws -> Result) rethrows -> Result {
        let start = DispatchTime.now().uptimeNanoseconds
        defer {
            let taken = (DispatchTime.now().uptimeNanoseconds &- start) / UInt64(max(1, rows))
            let mean = rowTime.load(ordering: .relaxed)
            // why a bound: one run that the system interrupted says nothing about the next.
            let seen = min(taken, mean &* 4 &+ 1_000)
            rowTime.store(mean - mean / 8 + seen / 8, ordering: .relaxed)
            metrics.runs.add()
        }
        return try body()
    }
}

extension GuardRefusal {
    /// A call whose time was up before its run.
    static let late = GuardRefusal(.unavailable, "the server is busy", retryAfter: 1, reason: "deadline")
    /// A call whose time was up in its run.
    static let tooSlow = GuardRefusal(.upstreamTimeout, "the model took too long", reason: "model_timeout")
}
