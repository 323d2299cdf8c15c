public import Foundation
import Synchronization

/// How a client stands with the detectors that watch its requests over time.
public struct ClientStanding: Sendable, Hashable {
    /// How far it has come.
    public enum Level: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
        /// Nothing that honest traffic would not show.
        case calm
        /// More than half of the evidence that an alarm takes.
        case watched
        /// An alarm; it stays until an operator clears the client.
        case alarm

        private var rank: Int { self == .calm ? 0 : self == .watched ? 1 : 2 }
        /// From calm to alarm.
        public static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }
    }
    /// The client, as `ClientIdentity.id`. Comes from outside: escape it wherever it is shown.
    public let id: String
    /// Evidence against it as a share of what an alarm takes, from 0 up; 1 and more is an alarm. Evidence is kept as a
    /// logarithm: 0.5 is the square root of the odds that an alarm needs.
    public let score: Double
    /// How far it has come.
    public let level: Level
    /// What speaks against it, strongest first: stable words such as `near_duplicates`.
    public let reasons: [String]
    /// Requests that were seen of it, and rows in them.
    public let requests: Int, rows: Int
    /// Time of day of its first alarm; `nil` without one.
    public let firstAlarm: Date?
    /// Time of day of its latest request.
    public let lastSeen: Date
    /// Whether an operator said that it is not to be acted upon.
    public let isExempt: Bool

    /// Makes a standing.
    public init(
        id: String, score: Double, level: Level, reasons: [String], requests: Int, rows: Int, firstAlarm: Date?,
        lastSeen: Date, isExempt: Bool = false
    ) {
        (self.id, self.score, self.level, self.reasons) = (id, score, level, reasons)
        (self.requests, self.rows, self.firstAlarm, self.lastSeen) = (requests, rows, firstAlarm, lastSeen)
        self.isExempt = isExempt
    }
}

/// The standings of all clients over all models: what the page of clients shows and the stage of patterns acts upon.
/// Found in `GuardMemory` under `memoryName`, so it outlives reloads. Any thread may use it.
///
/// Holds a bounded number of clients. When it is full the client with the lowest score that was seen longest ago makes
/// room; one with an alarm or a decision of an operator goes last.
public final class ClientStandings: Sendable {
    /// Name in `GuardMemory`.
    public static let memoryName = "guard.standings"
    /// What an operator decided about a client.
    private struct Decision {
        /// Goes up with each clearing; monitors that see a higher number than they know start the client anew.
        var clearings: UInt64 = 0
        var isExempt = false
    }
    private struct State {
        var standings: [String: [String: ClientStanding]] = [:]
        var decisions: [String: Decision] = [:]
    }
    private let state = Mutex(State())
    /// Most clients that are kept.
    public let capacity: Int

    /// Makes an empty table.
    public init(capacity: Int = 20_000) { self.capacity = max(16, capacity) }

    /// Clients by risk: highest score first, then the latest seen, then by name. A client that asks several models
    /// stands there once, with the highest score and all that it asked.
    public func ranked(limit: Int) -> [ClientStanding] {
        let all = state.withLock { state in
            state.standings.map { id, models in Self.merged(id, models, state.decisions[id]) }
        }
        return Array(all.sorted(by: Self.isBefore).prefix(max(0, limit)))
    }

    /// The standing of one client; `nil` for one that is not known.
    public func standing(of id: String) -> ClientStanding? {
        state.withLock { state in
            state.standings[id].map { Self.merged(id, $0, state.decisions[id]) }
        }
    }

    /// Number of clients that are kept.
    public var count: Int { state.withLock { $0.standings.count } }

    /// An operator's decision: what was found so far was honest. Evidence against the client starts anew.
    public func clear(_ id: String) {
        state.withLock { state in
            state.standings[id] = nil
            guard state.decisions[id] != nil || Self.hasRoom(state, capacity) else { return }
            state.decisions[id, default: Decision()].clearings += 1
        }
    }

    /// An operator's decision: nothing is to be done about the client (or, with `false`, that is taken back). It is
    /// watched and shown all the same.
    public func exempt(_ id: String, _ isExempt: Bool = true) {
        state.withLock { state in
            guard state.decisions[id] != nil || Self.hasRoom(state, capacity) else { return }
            state.decisions[id, default: Decision()].isExempt = isExempt
        }
    }

    /// Whether an operator said that nothing is to be done about the client.
    public func isExempt(_ id: String) -> Bool { state.withLock { $0.decisions[id]?.isExempt ?? false } }
    /// How often an operator cleared the client.
    package func clearings(of id: String) -> UInt64 { state.withLock { $0.decisions[id]?.clearings ?? 0 } }

    /// Takes what the monitor of a model says of a client.
    package func update(_ standing: ClientStanding, model: String) {
        state.withLock { state in
            if state.standings[standing.id] == nil, state.standings.count >= capacity { evict(&state) }
            state.standings[standing.id, default: [:]][model] = standing
        }
    }

    private static func hasRoom(_ state: borrowing State, _ capacity: Int) -> Bool {
        state.decisions.count < 4 * capacity
    }

    /// Lets go of a sixteenth of the table, so that the search for whom to let go is rare.
    private func evict(_ state: inout State) {
        let all = state.standings.map { id, models in Self.merged(id, models, state.decisions[id]) }
        for standing in all.sorted(by: Self.isBefore).suffix(max(1, capacity / 16)) {
            state.standings[standing.id] = nil
        }
    }

    private static func isBefore(_ left: ClientStanding, _ right: ClientStanding) -> Bool {
        if left.score != right.score { return left.score > right.score }
        if left.lastSeen != right.lastSeen { return left.lastSeen > right.lastSeen }
        return left.id < right.id
    }

    private static func merged(
        _ id: String, _ models: [String: ClientStanding], _ decision: Decision?
    ) -> ClientStanding {
        let all = models.values.sorted {
            $0.score == $1.score ? $0.reasons.count > $1.reasons.count : $0.score > $1.score
        }
        var reasons: [String] = []
        for reason in all.flatMap(\.reasons) where !reasons.contains(reason) { reasons.append(reason) }
        return ClientStanding(
            id: id, score: all.first?.score ?? 0, level: all.map(\.level).max() ?? .calm, reasons: reasons,
            requests: all.reduce(0) { $0 + $1.requests }, rows: all.reduce(0) { $0 + $1.rows },
            firstAlarm: all.compactMap(\.firstAlarm).min(), lastSeen: all.map(\.lastSeen).max() ?? .distantPast,
            isExempt: decision?.isExempt ?? false)
    }
}
