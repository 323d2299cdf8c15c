import CasemateCore
import CasemateModels
import Synchronization

/// One call that waits for a run, or is in one.
final class BatchJob: Sendable {
    let inputs: [NamedTensor]
    let rows: Int
    /// Monotonic times.
    let arrival: UInt64, deadline: UInt64
    private let answer = PendingAnswer<ServedAnswer>()
    /// The run that it is in.
    private let run = Mutex<BatchRun?>(nil)

    init(_ inputs: [NamedTensor], rows: Int, arrival: UInt64, deadline: UInt64) {
        (self.inputs, self.rows, self.arrival, self.deadline) = (inputs, rows, arrival, deadline)
    }

    /// Takes the continuation; `false` when the call was given up before.
    func begin(_ continuation: CheckedContinuation<ServedAnswer, any Error>) -> Bool { answer.begin(continuation) }

    /// Answers, once; later answers are dropped.
    func finish(_ result: Result<ServedAnswer, any Error>) {
        // why: a run that nobody waits for any more is ended.
        if answer.finish(result), case .failure = result { run.withLock { $0 }?.endIfForsaken() }
    }

    /// Whether it was answered or given up.
    var isDone: Bool { answer.isOver }

    /// Notes the run that it is in.
    func enter(_ run: BatchRun) { self.run.withLock { $0 = run } }
    /// Forgets it.
    func leave() { run.withLock { $0 = nil } }

    /// Whether rows of both may go through the engine together.
    func fits(_ other: BatchJob) -> Bool {
        inputs.count == other.inputs.count
            && zip(inputs, other.inputs).allSatisfy { $0.name == $1.name && $0.tensor.fits($1.tensor) }
    }
}

/// One run of the engine for some calls.
final class BatchRun: Sendable {
    let jobs: [BatchJob]
    let cancellation = Cancellation()
    init(_ jobs: [BatchJob]) { self.jobs = jobs }

    /// Ends the run when every call in it has its answer or is gone.
    func endIfForsaken() {
        if jobs.allSatisfy(\.isDone) { cancellation.cancel(.interrupted) }
    }
}

/// Numbers about the runs of a model.
package struct BatchMetrics: Sendable {
    let runs: MetricsRegistry.Cell
    let joined: MetricsRegistry.Cell
    let waiting: MetricsRegistry.Cell
    let full: MetricsRegistry.Cell
    let late: MetricsRegistry.Cell

    /// Makes them under labels.
    package init(_ metrics: MetricsRegistry, _ labels: [(String, String)]) {
        runs = metrics.counter("casemate_model_runs_total", "Runs of a model in this process.", labels)
        joined = metrics.counter(
            "casemate_model_joined_calls_total", "Calls that shared a run with others.", labels)
        waiting = metrics.gauge("casemate_model_queue_rows", "Rows that wait for a run.", labels)
        func refused(_ reason: String) -> MetricsRegistry.Cell {
            metrics.counter(
                "casemate_model_queue_refused_total", "Calls refused in the queue.", labels + [("reason", reason)])
        }
        (full, late) = (refused("full"), refused("deadline"))
    }
}
