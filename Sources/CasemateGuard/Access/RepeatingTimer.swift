import Dispatch

/// Calls something again and again on a queue of its own, away from the threads that answer requests; stops when it
/// goes.
///
/// Unchecked: the source is set once, and libdispatch lets any thread set its handler, schedule and cancel it.
final class RepeatingTimer: @unchecked Sendable {
    private let source: any DispatchSourceTimer

    /// Makes a timer that does nothing yet.
    init(label: String) {
        source = DispatchSource.makeTimerSource(queue: DispatchQueue(label: label, qos: .utility))
        // why at once: a source that is let go without having been resumed stops the process.
        source.schedule(deadline: .distantFuture)
        source.resume()
    }
    deinit { source.cancel() }

    /// Begins.
    func start(every seconds: Double, _ body: @escaping @Sendable () -> Void) {
        source.setEventHandler(handler: body)
        source.schedule(deadline: .now() + seconds, repeating: seconds, leeway: .milliseconds(20))
    }
}
