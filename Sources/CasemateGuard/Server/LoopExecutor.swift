import NIOCore

/// Runs tasks on an event loop, so that a request that takes little work needs no other thread to be woken.
///
/// why unchecked: what is kept here is touched on the loop alone.
final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    private let loop: any EventLoop
    /// Whether the job of a new task is kept to be run at once, and that job.
    private var isKeeping = false
    private var kept: UnownedJob?

    /// Makes an executor of a loop.
    init(_ loop: any EventLoop) { self.loop = loop }

    /// Runs a job in the next turn of the loop.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if loop.inEventLoop, isKeeping { return kept = job }
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Begins a task; called on the loop. The task runs before this returns until it first waits for something, which
    /// spares a turn of the loop.
    func begin(_ work: sending @escaping @isolated(any) () async -> Void) -> Task<Void, Never> {
        isKeeping = true
        let task = Task(executorPreference: self, operation: work)
        isKeeping = false
        if let job = kept {
            kept = nil
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
        return task
    }
}
