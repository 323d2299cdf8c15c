import CasemateCore
package import CasemateModels
import Synchronization

/// Runs a model for many callers: at once on the caller's thread while that is quick and nothing else waits, otherwise
/// on threads of its own, several calls in one run.
///
/// The queue is bounded in rows. A call whose deadline passes is refused without a run, or its run is ended when nobody
/// else waits for it; a caller that goes away leaves the queue.
package final class BatchQueue: Sendable {
    private let core: BatchCore

    /// Prepares; threads start when work first needs them and end with this object.
    package init(
        _ model: any ServedModel, settings: BatchSettings, threads: Int, clock: any GuardClock, metrics: BatchMetrics
    ) {
        core = BatchCore(model, settings: settings, threads: threads, clock: clock, metrics: metrics)
    }

    deinit { core.end() }

    /// Whether nothing is taken any more.
    package var isEnded: Bool { core.state.withLock { $0.isEnded } }
    /// Rows that wait now.
    package var waitingRows: Int { core.state.withLock { $0.waitingRows } }
    /// Takes nothing more; what waits is still answered.
    package func end() { core.end() }

    /// Answers tensors.
    /// - Throws: `GuardRefusal.overloaded` for a full queue, `unavailable` for a deadline that passed in it,
    ///   `upstreamTimeout` for one that passed in the run; what the model throws; `CancellationError`.
    package func answer(_ inputs: [NamedTensor], rows: Int, deadline: UInt64) async throws -> ServedAnswer {
        if try core.enter(rows: rows, deadline: deadline) { return try core.runInline(inputs, rows: rows) }
        let job = BatchJob(inputs, rows: rows, arrival: core.clock.monotonic, deadline: deadline)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard job.begin(continuation) else { return }
                core.submit(job)
            }
        } onCancel: { [core] in
            core.drop(job)
        }
    }
}
