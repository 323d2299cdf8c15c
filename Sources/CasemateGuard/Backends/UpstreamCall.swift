import NIOCore
import NIOHTTP1
import Synchronization

/// One request to a model's server, from its way into the pool to its answer.
final class UpstreamCall: Sendable {
    typealias Reply = UpstreamClient.Reply
    private enum Phase {
        case new
        case waiting(CheckedContinuation<Reply, any Error>)
        case over
    }
    private struct State {
        var phase = Phase.new
        var alarm: Scheduled<Void>?
    }
    let head: HTTPRequestHead
    let body: ByteBuffer?
    private let state = Mutex(State())

    init(_ head: HTTPRequestHead, body: ByteBuffer?) { (self.head, self.body) = (head, body) }

    /// Takes the continuation; `false` when the call was given up before.
    func begin(_ continuation: CheckedContinuation<Reply, any Error>) -> Bool {
        let isLive = state.withLock { state in
            guard case .new = state.phase else { return false }
            state.phase = .waiting(continuation)
            return true
        }
        if !isLive { continuation.resume(throwing: CancellationError()) }
        return isLive
    }

    /// Notes what ends the call when its time is up.
    func set(_ alarm: Scheduled<Void>) {
        let isLate = state.withLock { state in
            if case .over = state.phase { return true }
            state.alarm = alarm
            return false
        }
        if isLate { alarm.cancel() }
    }

    /// Answers, once; later answers are dropped.
    func finish(_ result: Result<Reply, any Error>) {
        let (continuation, alarm) = state.withLock {
            state -> (CheckedContinuation<Reply, any Error>?, Scheduled<Void>?) in
            defer { state = State(phase: .over) }
            if case .waiting(let continuation) = state.phase { return (continuation, state.alarm) }
            return (nil, state.alarm)
        }
        alarm?.cancel()
        continuation?.resume(with: result)
    }

    /// Whether it was answered or given up.
    var isOver: Bool { state.withLock { if case .over = $0.phase { true } else { false } } }
}
