import Foundation
import NIOCore

/// A channel handler with a moment at which something must have happened. Deadlines cost nothing until they are looked
/// at: no timer is made or cancelled for a request.
class TimedHandler {
    /// The moment; far away while nothing is waited for.
    var deadline = NIODeadline.distantFuture
    fileprivate var slot = -1
    /// Called on the event loop after the moment; sets another one or closes.
    func expire(_ now: NIODeadline) {}
}

/// What the connections of one event loop share: the watch over their deadlines, and the text of the date.
final class LoopState {
    /// How often deadlines are looked at; they are late by this much at most.
    static let interval = TimeAmount.milliseconds(50)
    /// The date as `Date` headers show it.
    private(set) var date = ""
    /// Runs tasks on the loop.
    let executor: LoopExecutor
    private var second = -1
    private var handlers: [TimedHandler] = []

    /// Makes the state of a loop.
    init(_ loop: any EventLoop) {
        executor = LoopExecutor(loop)
        refreshDate()
    }

    /// Watches the deadline of a handler.
    func add(_ handler: TimedHandler) {
        guard handler.slot < 0 else { return }
        handler.slot = handlers.count
        handlers.append(handler)
    }
    /// Lets a handler go; nothing happens for one that is not watched.
    func remove(_ handler: TimedHandler) {
        let slot = handler.slot
        guard slot >= 0, slot < handlers.count else { return }
        handler.slot = -1
        let last = handlers.removeLast()
        guard last !== handler else { return }
        handlers[slot] = last
        last.slot = slot
    }

    /// Looks at all deadlines.
    func sweep() {
        refreshDate()
        let now = NIODeadline.now()
        // why first collected: whoever expires may close, and take itself and others out of the list.
        for handler in handlers.filter({ $0.deadline <= now }) where handler.deadline <= now { handler.expire(now) }
    }

    private func refreshDate() {
        var now = time(nil)
        guard now != second else { return }
        second = now
        var parts = tm()
        gmtime_r(&now, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(days[Int(parts.tm_wday) % 7]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon) % 12])"
        date = "\(day) \(1900 + parts.tm_year) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}

extension NIODeadline {
    /// So many seconds from now.
    static func seconds(_ seconds: Double) -> NIODeadline { .now() + .nanoseconds(Int64(seconds * 1e9)) }
}
