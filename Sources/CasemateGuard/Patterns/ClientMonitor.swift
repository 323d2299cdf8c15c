import CasemateCore
import Synchronization

/// One row that a client asked, with the model's answer.
public struct PatternQuery: Sendable {
    /// The client, its owner and its network; the latter two are empty where they are not known.
    public let client: String, owner: String, network: String
    /// The row, in the columns of the reference; NaN is a missing value.
    public let row: [Float]
    /// Index of the predicted class, or the value of a regression; `nil` where it is not known.
    public let prediction: Double?
    /// Largest and second largest probability; `nil` where they are not known.
    public let top: Double?, second: Double?

    /// Makes a query.
    public init(
        client: String, owner: String = "", network: String = "", row: [Float], prediction: Double? = nil,
        top: Double? = nil, second: Double? = nil
    ) {
        (self.client, self.owner, self.network) = (client, owner, network)
        (self.row, self.prediction, self.top, self.second) = (row, prediction, top, second)
    }
}

/// What the monitor says of a client after a row.
public struct PatternVerdict: Sendable, Hashable {
    /// Evidence as a share of what an alarm takes; 1 and more is an alarm, and stays one.
    public let score: Double
    /// How far the client has come.
    public let level: ClientStanding.Level
    /// What speaks against it, strongest first: names of `PatternSignal`, and `linked_accounts` where it is the traffic
    /// of several accounts together.
    public let reasons: [String]
    /// Rows of the client so far, and which of them raised the alarm, from 1; `nil` without one.
    public let rows: Int, alarmRow: Int?
}

/// Watches the requests of many clients against one reference: each by itself, those of one owner or network together,
/// and rows of different clients against each other.
///
/// Deterministic: the same rows in the same order give the same verdicts. Memory is bounded: 64 sketches a client for
/// at most `capacity` clients; of others the evidence alone is kept, so that a client that comes back does not start
/// anew. Any thread may call it.
public final class ClientMonitor: Sendable {
    /// The reference.
    public let reference: PatternReference
    /// Chance that an honest client ever raises an alarm, at most.
    public let falseAlarms: Double
    /// Clients that are kept with their latest rows.
    public let capacity: Int
    /// Numbers, and rows, of all clients that a new row is compared with.
    private static let sharedNumbers = 98_304, mostSharedRows = 4_096
    private let state: Mutex<MonitorState>

    /// Makes a monitor that has seen nothing.
    public init(_ reference: PatternReference, falseAlarms: Double = 0.01, capacity: Int = 4_096) {
        precondition(falseAlarms > 0 && falseAlarms < 1, "falseAlarms must be in 0..<1, got \(falseAlarms)")
        (self.reference, self.falseAlarms, self.capacity) = (reference, falseAlarms, max(16, capacity))
        state = Mutex(
            MonitorState(
                capacity: max(16, capacity),
                sharedRows: min(Self.mostSharedRows, Self.sharedNumbers / reference.space.sketchStride)))
    }

    /// Takes a row of a client.
    ///
    /// Cost: one look at all reference rows, at the client's latest 64 and at the latest 1,536 to 4,096 of all clients.
    /// - Precondition: The row has the columns of the reference.
    @discardableResult
    public func observe(_ query: PatternQuery) -> PatternVerdict {
        precondition(query.row.count == reference.width, "\(query.row.count) values, not \(reference.width)")
        let reading = reference.reading(
            of: query.row, prediction: query.prediction, top: query.top, second: query.second)
        return state.withLock { $0.observe(query, reading, reference, falseAlarms) }
    }

    /// What is known of a client; `nil` for one that was never seen.
    public func verdict(of client: String) -> PatternVerdict? {
        state.withLock { $0.verdict(of: client, falseAlarms) }
    }
    /// Forgets the evidence against a client: an operator found it honest.
    public func clear(_ client: String) { state.withLock { $0.clear(client) } }
    /// Clients that are kept with their rows, and those of which the evidence alone is kept.
    public var counts: (clients: Int, evidence: Int) { state.withLock { ($0.clients.count, $0.evicted.count) } }
    /// Share of the reference rows that were nearest to some row of the client; `nil` for one that is not kept.
    public func coverage(of client: String) -> Double? {
        state.withLock { state in
            state.clients[client].map { Double($0.visited.count) / Double(max(1, reference.count)) }
        }
    }
}
