import CasemateCore
import Dispatch
import Synchronization

/// Takes rows from requests and writes them behind their back; never makes a request wait.
final class WatermarkWriter: Sendable {
    private struct State {
        var entries: [WatermarkRecord.Entry] = []
        var isScheduled = false
        /// Ranks from which on rows are not kept any more.
        var bounds: [String: Int64] = [:]
        var bound = Int64.max
        /// Rows seen lately, by rank, so that repeats cost nothing.
        var seen = [UInt64](repeating: 0, count: 1 << 14)
    }
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "casemate.watermark", qos: .utility)
    private let record: WatermarkRecord
    private let model: Int64, width: Int
    private let limits: WatermarkRecord.Limits
    private let dropped: MetricsRegistry.Cell
    private static let mostWaiting = 8_192, mostBounds = 10_000

    init(
        _ record: WatermarkRecord, model: Int64, width: Int, limits: WatermarkRecord.Limits,
        dropped: MetricsRegistry.Cell
    ) {
        (self.record, self.model, self.width, self.limits) = (record, model, width, limits)
        self.dropped = dropped
    }

    /// Whether a row is worth keeping; asked before its values are copied.
    func wants(_ rank: Int64, of caller: String) -> Bool {
        let mixed = UInt64(bitPattern: rank) ^ UInt64(truncatingIfNeeded: caller.hashValue)
        return state.withLock { state in
            guard rank <= state.bound, rank <= state.bounds[caller] ?? .max else { return false }
            let slot = Int(truncatingIfNeeded: mixed & UInt64(state.seen.count - 1))
            if state.seen[slot] == mixed { return false }
            state.seen[slot] = mixed
            return true
        }
    }

    /// Takes rows; those that do not fit the buffer are dropped and counted.
    func add(_ entries: [WatermarkRecord.Entry]) {
        guard !entries.isEmpty else { return }
        let (room, mustSchedule) = state.withLock { state in
            let room = max(0, Self.mostWaiting - state.entries.count)
            state.entries.append(contentsOf: entries.prefix(room))
            defer { state.isScheduled = true }
            return (room, !state.isScheduled)
        }
        if room < entries.count { dropped.add(Double(entries.count - room)) }
        if mustSchedule { queue.asyncAfter(deadline: .now() + .milliseconds(200)) { [weak self] in self?.write() } }
    }

    /// Writes what waits, now.
    func flush() { queue.sync { write() } }

    private func write() {
        let entries = state.withLock { state in
            defer { (state.entries, state.isScheduled) = ([], false) }
            return state.entries
        }
        guard !entries.isEmpty else { return }
        do {
            let found = try record.keep(entries, model: model, width: width, limits: limits)
            state.withLock { state in
                if state.bounds.count > Self.mostBounds { state.bounds = [:] }
                state.bounds.merge(found.callers) { $1 }
                if let all = found.all { state.bound = all }
            }
        } catch {
            // why: a mark that cannot be recorded is still a mark; answers must not wait for the disk of the record.
            dropped.add(Double(entries.count))
        }
    }

    deinit { write() }
}
