import Foundation
import Synchronization

/// Spreads numbered pieces of work over threads that stay alive as long as it does, apart from the shared queues, so
/// that a timer which cancels can still run.
final class WorkerThreads: Sendable {
    private let pool = Pool()
    private let threads: Int

    /// Prepares; a thread starts when work first needs it.
    init(threads: Int) { self.threads = threads }

    deinit { pool.end() }

    /// Runs `body` for 0..<count, on the calling thread and on others.
    /// - Throws: the error of the piece with the lowest number among those that failed.
    func run(_ count: Int, _ body: @Sendable @escaping (Int) throws -> Void) throws {
        let workers = min(threads, count)
        guard workers > 1 else {
            for piece in 0..<count { try body(piece) }
            return
        }
        let job = Job(count: count, body: body)
        let others = DispatchGroup()
        for _ in 1..<workers {
            others.enter()
            pool.submit {
                job.work()
                others.leave()
            }
        }
        job.work()
        others.wait()
        if let error = job.failure.withLock({ $0?.error }) { throw error }
    }

    private final class Job: Sendable {
        let count: Int
        let body: @Sendable (Int) throws -> Void
        let next = Atomic<Int>(0)
        let failure = Mutex<(piece: Int, error: any Error)?>(nil)
        init(count: Int, body: @escaping @Sendable (Int) throws -> Void) { (self.count, self.body) = (count, body) }

        func work() {
            while failure.withLock({ $0 == nil }) {
                let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard piece < count else { return }
                do { try body(piece) } catch {
                    failure.withLock { if piece < $0?.piece ?? Int.max { $0 = (piece, error) } }
                }
            }
        }
    }

    /// Threads that wait for work.
    private final class Pool: Sendable {
        private struct State {
            var waiting: [@Sendable () -> Void] = []
            var idle = 0
            var threads = 0
            var isEnded = false
        }
        private let state = Mutex(State())
        private let signal = DispatchSemaphore(value: 0)

        func submit(_ work: @escaping @Sendable () -> Void) {
            let needsThread = state.withLock { state in
                state.waiting.append(work)
                if state.idle >= state.waiting.count { return false }
                state.threads += 1
                return true
            }
            if needsThread { Thread.detachNewThread { [self] in serve() } }
            signal.signal()
        }

        func end() {
            let threads = state.withLock { state in
                state.isEnded = true
                return state.threads
            }
            for _ in 0..<threads { signal.signal() }
        }

        private func serve() {
            while true {
                state.withLock { $0.idle += 1 }
                signal.wait()
                let (next, isEnded) = state.withLock { state -> ((@Sendable () -> Void)?, Bool) in
                    state.idle -= 1
                    return (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isEnded)
                }
                next?()
                if next == nil, isEnded { return }
            }
        }
    }
}
