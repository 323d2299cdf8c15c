import Foundation
import Synchronization

/// What the stage keeps over reloads for a model: its monitor, and how often clients asked. Bounded.
final class PatternMemory: Sendable {
    private struct Counts {
        var requests = 0
        var sinceWatched = 0, sinceAlarm = 0
        var firstAlarm: Date?
        var clearings: UInt64 = 0
    }
    private struct State {
        var key = ""
        var monitor: ClientMonitor?
        var counts: [String: Counts] = [:]
    }
    private let state = Mutex(State())
    private static let mostClients = 100_000

    /// The monitor of the same file and settings; another is made when these changed.
    func monitor(for settings: PatternSettings, file: String, make: () throws -> ClientMonitor) throws -> ClientMonitor
    {
        let key = "\(file) \(settings.falseAlarms) \(settings.tolerance) \(settings.clients)"
        if let found = state.withLock({ $0.key == key ? $0.monitor : nil }) { return found }
        let made = try make()
        state.withLock { state in (state.key, state.monitor) = (key, made) }
        return made
    }

    /// Counts a request; with the time of the first alarm.
    func countRequest(_ id: String, isAlarm: Bool, now: Date) -> (count: Int, firstAlarm: Date?) {
        state.withLock { state in
            Self.makeRoom(&state, for: id)
            var counts = state.counts[id] ?? Counts()
            counts.requests += 1
            if isAlarm, counts.firstAlarm == nil { counts.firstAlarm = now }
            state.counts[id] = counts
            return (counts.requests, counts.firstAlarm)
        }
    }
    /// Counts a request of a client that is watched or raised an alarm, and says how many there were.
    func countSince(_ level: ClientStanding.Level, _ id: String) -> Int {
        state.withLock { state in
            Self.makeRoom(&state, for: id)
            if level == .alarm {
                state.counts[id, default: Counts()].sinceAlarm += 1
                return state.counts[id]?.sinceAlarm ?? 0
            }
            state.counts[id, default: Counts()].sinceWatched += 1
            return state.counts[id]?.sinceWatched ?? 0
        }
    }
    /// Whether an operator cleared the client since it was last asked about.
    func mustClear(_ id: String, _ clearings: UInt64) -> Bool {
        guard clearings > 0 else { return false }
        return state.withLock { state in
            guard state.counts[id]?.clearings ?? 0 < clearings else { return false }
            state.counts[id] = Counts(clearings: clearings)
            return true
        }
    }

    /// Lets go of the clients that asked least and never raised an alarm.
    private static func makeRoom(_ state: inout State, for id: String) {
        guard state.counts[id] == nil, state.counts.count >= mostClients else { return }
        let least = state.counts.sorted {
            ($0.value.sinceAlarm, $0.value.requests, $0.key) < ($1.value.sinceAlarm, $1.value.requests, $1.key)
        }
        for (id, _) in least.prefix(mostClients / 16) { state.counts[id] = nil }
    }
}
