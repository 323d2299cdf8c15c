import Dispatch
import Synchronization

/// Independent tasks on a bounded number of threads.
package enum ParallelTasks {
    private struct State<Result: Sendable> {
        var next = 0
        var results: [Result?]
        var failures: [Int: any Error] = [:]
    }

    /// Results of `body` for 0..<count, in that order whatever thread made them.
    /// - Throws: the error of the task with the lowest number among those that failed; no task starts after a failure.
    package static func map<Result: Sendable>(
        _ count: Int, threads: Int, _ body: @Sendable (Int) throws -> Result
    ) throws -> [Result] {
        let state = Mutex(State(results: [Result?](repeating: nil, count: count)))
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, count))) { _ in
            while true {
                let task = state.withLock { state -> Int? in
                    guard state.failures.isEmpty, state.next < count else { return nil }
                    defer { state.next += 1 }
                    return state.next
                }
                guard let task else { return }
                do {
                    let result = try body(task)
                    state.withLock { $0.results[task] = result }
                } catch {
                    state.withLock { $0.failures[task] = error }
                }
            }
        }
        return try state.withLock { state in
            if let first = state.failures.min(by: { $0.key < $1.key }) { throw first.value }
            return state.results.compactMap { $0 }
        }
    }
}
