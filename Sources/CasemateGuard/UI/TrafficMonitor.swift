public import Foundation
import Synchronization

/// Counts of decisions for the pages: the last hour by minute, verdicts by stage, models, clients, the last decisions.
///
/// Bounded: 60 minutes, 200 decisions, 5,000 clients; of clients the one longest unseen makes room, those that were
/// noticed last.
public final class TrafficMonitor: DecisionObserver {
    /// Counts of one minute.
    public struct Minute: Sendable, Hashable {
        /// Minutes since the start of the clock.
        public var index: UInt64
        /// Decisions by outcome.
        public var answered = 0, refused = 0, failed = 0
    }
    /// What a stage said, counted.
    public struct StageCount: Sendable, Hashable {
        /// Stage and consequence.
        public let stage: String, consequence: String
        /// Whether it was carried out.
        public let isEnforced: Bool
        /// How often.
        public var count: Int
    }
    /// A model's counts.
    public struct ModelCount: Sendable, Hashable {
        /// Decisions by outcome, and rows.
        public var answered = 0, refused = 0, failed = 0, rows = 0
        /// Nanoseconds in the model, of answered requests.
        public var nanoseconds: UInt64 = 0
    }
    /// A client's counts.
    public struct ClientCount: Sendable, Hashable {
        /// Requests, those refused, those that a stage noticed, rows.
        public var requests = 0, refused = 0, noticed = 0, rows = 0
        /// Words that stages said, at most 8.
        public var reasons: [String] = []
        /// When it was last seen.
        public var lastSeen = Date(timeIntervalSince1970: 0)
    }
    /// All counts at one moment.
    public struct Snapshot: Sendable {
        /// The minutes, oldest first.
        public var minutes: [Minute] = []
        /// Verdicts by stage, in the order of stage and consequence.
        public var stages: [StageCount] = []
        /// Counts by model and version.
        public var models: [String: ModelCount] = [:]
        /// Counts by client.
        public var clients: [String: ClientCount] = [:]
        /// The last decisions, newest first.
        public var recent: [DecisionEvent] = []
    }
    private struct Key: Hashable { let stage: String, consequence: String, isEnforced: Bool }
    private struct State {
        var minutes: [Minute] = []
        var stages: [Key: Int] = [:]
        var models: [String: ModelCount] = [:]
        var clients: [String: ClientCount] = [:]
        var recent: [DecisionEvent] = []
        var next = 0
    }
    private static let keptMinutes = 60, keptEvents = 200, keptClients = 5_000
    private let state = Mutex(State())
    private let clock: any GuardClock

    /// Makes a monitor.
    public init(clock: any GuardClock) { self.clock = clock }

    /// Takes note of an event.
    public func observe(_ event: DecisionEvent) {
        let minute = clock.monotonic / 60_000_000_000
        state.withLock { state in
            Self.count(event, in: &state.minutes, minute)
            for verdict in event.verdicts {
                if case .pass = verdict.verdict.consequence { continue }
                let key = Key(
                    stage: verdict.stage, consequence: verdict.verdict.consequence.name,
                    isEnforced: verdict.isEnforced)
                state.stages[key, default: 0] += 1
            }
            if !event.model.isEmpty {
                Self.count(event, in: &state.models["\(event.model) \(event.version)", default: .init()])
            }
            Self.count(event, in: &state.clients)
            if state.recent.count < Self.keptEvents {
                state.recent.append(event)
            } else {
                state.recent[state.next] = event
                state.next = (state.next + 1) % Self.keptEvents
            }
        }
    }

    private static func count(_ event: DecisionEvent, in minutes: inout [Minute], _ index: UInt64) {
        if minutes.last?.index != index {
            minutes.append(Minute(index: index))
            if minutes.count > keptMinutes { minutes.removeFirst(minutes.count - keptMinutes) }
        }
        let last = minutes.count - 1
        switch event.outcome {
        case .answered: minutes[last].answered += 1
        case .refused: minutes[last].refused += 1
        case .failed, .gone: minutes[last].failed += 1
        }
    }

    private static func count(_ event: DecisionEvent, in model: inout ModelCount) {
        model.rows += event.rows
        switch event.outcome {
        case .answered:
            model.answered += 1
            model.nanoseconds &+= event.modelNanoseconds
        case .refused: model.refused += 1
        case .failed, .gone: model.failed += 1
        }
    }

    private static func count(_ event: DecisionEvent, in clients: inout [String: ClientCount]) {
        let id = event.client.id.isEmpty ? "unknown" : String(event.client.id.prefix(200))
        if clients[id] == nil, clients.count >= keptClients {
            // why a sample: looking at all 5,000 for each newcomer would let strangers slow the guard down.
            let sample = clients.lazy.prefix(64)
            let oldest = sample.min { one, other in
                (one.value.noticed > 0 ? 1 : 0, one.value.lastSeen) < (
                    other.value.noticed > 0 ? 1 : 0, other.value.lastSeen
                )
            }
            if let oldest { clients[oldest.key] = nil }
        }
        var client = clients[id] ?? ClientCount()
        client.requests += 1
        client.rows += event.rows
        client.lastSeen = event.time
        if event.outcome == .refused { client.refused += 1 }
        let said = event.verdicts.filter { if case .pass = $0.verdict.consequence { false } else { true } }
        if !said.isEmpty { client.noticed += 1 }
        for reason in said.flatMap(\.verdict.reasons)
        where client.reasons.count < 8 && !client.reasons.contains(reason) {
            client.reasons.append(reason)
        }
        clients[id] = client
    }

    /// All counts now.
    public func snapshot() -> Snapshot {
        state.withLock { state in
            let stages = state.stages.map {
                StageCount(
                    stage: $0.key.stage, consequence: $0.key.consequence, isEnforced: $0.key.isEnforced, count: $0.value
                )
            }
            let recent = Array(state.recent[state.next...] + state.recent[..<state.next])
            return Snapshot(
                minutes: state.minutes,
                stages: stages.sorted { ($0.stage, $0.consequence) < ($1.stage, $1.consequence) },
                models: state.models, clients: state.clients, recent: Array(recent.reversed()))
        }
    }
}
