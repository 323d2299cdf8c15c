import NIOCore
import NIOHTTP1
import Synchronization

/// One request to a model's server, from its way into the pool to its answer.
final class UpstreamCall: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer?
    private let answer = PendingAnswer<UpstreamClient.Reply>()
    private let alarm = Mutex<Scheduled<Void>?>(nil)

    init(_ head: HTTPRequestHead, body: ByteBuffer?) { (self.head, self.body) = (head, body) }

    /// Takes the continuation; `false` when the call was given up before.
    func begin(_ continuation: CheckedContinuation<UpstreamClient.Reply, any Error>) -> Bool {
        answer.begin(continuation)
    }

    /// Notes what ends the call when its time is up.
    func set(_ alarm: Scheduled<Void>) {
        self.alarm.withLock { $0 = alarm }
        if isOver { alarm.cancel() }
    }

    /// Answers, once; later answers are dropped.
    func finish(_ result: Result<UpstreamClient.Reply, any Error>) {
        answer.finish(result)
        alarm.withLock { $0 }?.cancel()
    }

    /// Whether it was answered or given up.
    var isOver: Bool { answer.isOver }
}
