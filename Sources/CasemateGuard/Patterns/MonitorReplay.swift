public import CasemateCore

/// Runs a recorded trace through a monitor, as if the requests came now.
public struct MonitorReplay: Sendable {
    /// What became of one client.
    public struct Client: Sendable, Hashable, Encodable {
        /// The client.
        public let id: String
        /// Whether it raised an alarm.
        public let alarm: Bool
        /// Evidence as a share of what an alarm takes; 1 and more is an alarm.
        public let score: Double
        /// What speaks against it, strongest first.
        public let reasons: [String]
        /// Number of the request that raised the alarm; `nil` without one.
        public let firstAlarmSeq: Int?
        /// Its requests, and how many of these it had sent when the alarm was raised.
        public let requests: Int, requestsToAlarm: Int?
        /// Share of the reference rows that were nearest to some request.
        public let coverage: Double
        /// What PRADA says by itself, for comparison.
        public let prada: Prada.Verdict?
    }
    /// The clients, highest score first.
    public let clients: [Client]
    /// Requests, reference rows in use, features.
    public let requests: Int, referenceRows: Int, features: Int
    /// Chance that an honest client ever raises an alarm, at most.
    public let falseAlarms: Double
    /// What could not be seen, a clause each.
    public let blind: [String]

    /// Replays a trace.
    /// - Throws: `CasemateError` for a reference that cannot be used; `Cancelled`.
    public init(
        _ trace: MonitorTrace, place: String, falseAlarms: Double = 0.01,
        tolerance: Double = PatternReference.tolerance,
        withPrada: Bool = false, context: RunContext
    ) throws {
        let reference = try PatternReference(trace.reference, place: place, tolerance: tolerance, context: context)
        let monitor = ClientMonitor(reference, falseAlarms: falseAlarms, capacity: 1 << 16)
        var tally = Tally()
        var prada = withPrada ? try Prada(trace.reference, reference: reference, falseAlarms, context) : nil
        let (rows, width) = (trace.rows, trace.rows.width)
        for row in 0..<rows.count {
            if row.isMultiple(of: 256) {
                try context.cancellation.check()
                context.progress("replay", row, rows.count)
            }
            let query = PatternQuery(
                client: trace.clients[row], owner: trace.owners.isEmpty ? "" : trace.owners[row],
                network: trace.networks.isEmpty ? "" : trace.networks[row],
                row: Array(rows.values[row * width..<(row + 1) * width]),
                prediction: Self.known(rows.predictions, row), top: Self.known(rows.top, row),
                second: Self.known(rows.second, row))
            tally.take(monitor.observe(query), of: query.client, sequence: trace.sequence[row])
            prada?.observe(query, sequence: trace.sequence[row])
        }
        (requests, referenceRows, features) = (rows.count, reference.count, width)
        (self.falseAlarms, blind) = (falseAlarms, reference.blind + trace.blind)
        let pradas = prada
        clients = tally.order.map { id in
            let verdict = monitor.verdict(of: id)
            return Client(
                id: id, alarm: verdict?.alarmRow != nil, score: Self.rounded(verdict?.score ?? 0),
                reasons: verdict?.reasons ?? [], firstAlarmSeq: tally.alarms[id], requests: verdict?.rows ?? 0,
                requestsToAlarm: verdict?.alarmRow, coverage: Self.rounded(monitor.coverage(of: id) ?? 0),
                prada: pradas?.verdict(of: id))
        }.sorted { $0.score == $1.score ? $0.id < $1.id : $0.score > $1.score }
    }

    private static func known(_ values: [Double], _ row: Int) -> Double? {
        values.isEmpty || values[row].isNaN ? nil : values[row]
    }
    private static func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }

    /// Clients in the order in which they came, and when they raised an alarm.
    private struct Tally {
        var order: [String] = [], alarms: [String: Int] = [:], seen: Set<String> = []
        mutating func take(_ verdict: PatternVerdict, of id: String, sequence: Int) {
            if seen.insert(id).inserted { order.append(id) }
            if verdict.alarmRow != nil, alarms[id] == nil { alarms[id] = sequence }
        }
    }
}
