import CasemateCore

/// What is known of one client, or of accounts that belong together.
struct WatchedClient: Sendable {
    /// What is kept of a client whose rows were let go of.
    struct Record: Sendable {
        var evidence = PatternEvidence()
        var rows = 0
        var alarmRow: Int?
        var alarmReasons: [String] = []
        var lastSeen: UInt64 = 0
        var best = 0.0
    }
    var record = Record()
    var window: PatternWindow
    /// Reference rows that were nearest to some row.
    var visited: Set<Int32> = []

    init(window: Int) { self.window = PatternWindow(capacity: window) }
}

/// Clients, groups and the latest rows of all, behind the monitor's lock.
struct MonitorState: Sendable {
    let capacity: Int
    var clients: [String: WatchedClient] = [:]
    var evicted: [String: WatchedClient.Record] = [:]
    private var groups: [String: WatchedClient] = [:]
    private var shared: SharedRows
    private var clock: UInt64 = 0
    private static let mostVisited = 4_096

    init(capacity: Int, sharedRows: Int) {
        self.capacity = capacity
        shared = SharedRows(capacity: sharedRows)
    }

    mutating func observe(
        _ query: PatternQuery, _ reading: PatternReading, _ reference: PatternReference, _ rate: Double
    ) -> PatternVerdict {
        clock &+= 1
        let limits = reference.limits
        admit(query.client, limits)
        let groups = admitGroups(of: query, limits)
        let owner = SharedRows.key(query.client)
        let near = shared.compared(with: reading, besides: owner, reference.steps)
        let isNew = !(clients[query.client]?.window.contains(reading) ?? false)
        Self.take(reading, near: near, reference, in: &clients[query.client, default: .init(window: limits.window)])
        var linked = 0.0
        for group in groups {
            Self.take(reading, near: nil, reference, in: &self.groups[group, default: .init(window: limits.window)])
            linked = max(linked, self.groups[group]?.record.evidence.score(rate) ?? 0)
        }
        if isNew { shared.append(reading, owner: owner) }
        return judge(query.client, linked: linked, rate)
    }

    /// Lets the signals answer for a row, unless the client asked it before, and keeps it.
    private static func take(
        _ reading: PatternReading, near: SharedRows.Comparison?, _ reference: PatternReference,
        in client: inout WatchedClient
    ) {
        let limits = reference.limits
        client.record.rows += 1
        guard !client.window.contains(reading) else { return }
        let stratum = reading.stratum
        func ask(_ signal: PatternSignal, _ isYes: Bool) {
            client.record.evidence.take(isYes, of: signal, honest: limits.bound(signal, stratum))
        }
        let seen = client.window.compared(with: reading)
        let scale = Float(max(1e-9, reading.density))
        let isOff = reading.offManifold > limits.offManifold
        let isBroken = reading.correlation > limits.correlation
        let isImplausible = reading.plausibility < limits.plausibility
        let isUnsure = reading.margin < limits.margin
        ask(.offManifold, isOff)
        ask(.brokenCorrelations, isBroken)
        ask(.implausibleCombinations, isImplausible)
        let scores = [reading.offManifold, reading.correlation, -reading.plausibility]
        ask(.strangeRows, limits.ranks.strangeness(scores) > limits.strangeness)
        if !reading.margin.isNaN { ask(.lowMargin, isUnsure) }
        if let near {
            let isUnusual = isOff || isBroken || isImplausible || isUnsure
            let isNear = near.nearest.map { $0 / scale < Float(limits.nearest) } ?? false
            ask(.walksTogether, isUnusual && isNear || near.isStepped && !limits.isBlind(.equalSteps))
        }
        if client.window.count > 0 {
            if reference.steps.isPossible {
                ask(.equalSteps, client.window.isStepped(reading, reference.steps))
            }
            ask(.nearDuplicates, seen.nearest / scale < Float(limits.nearest))
            ask(.sweeps, seen.differing <= limits.differing)
            ask(.repeatsNearOneRecord, client.window.isNearRecent(reading.nearest))
            if reading.hasLabel { ask(.boundaryStraddling, seen.otherAnswer / scale < Float(limits.nearest)) }
            if !reading.top.isNaN { ask(.similarPredictions, seen.gap < Float(limits.gap)) }
            if client.window.count > 1 { ask(.denseNeighbourhood, seen.second / scale < Float(limits.second)) }
        }
        client.window.append(reading)
        if client.visited.count < mostVisited { client.visited.insert(Int32(truncatingIfNeeded: reading.nearest)) }
    }

    /// The verdict after a row. Evidence of a group counts for its members that have done something themselves.
    private mutating func judge(_ id: String, linked: Double, _ rate: Double) -> PatternVerdict {
        guard var record = clients[id]?.record else { return Self.verdict(.init()) }
        record.lastSeen = clock
        let own = record.evidence.score(rate)
        let counts = linked > own && own >= Self.leastOfAMember
        let score = counts ? linked : own
        record.best = max(record.best, score)
        if score >= 1, record.alarmRow == nil { record.alarmRow = record.rows }
        if score >= 0.5 {
            let reasons = record.evidence.reasons(rate).map(\.rawValue) + (counts ? ["linked_accounts"] : [])
            if record.alarmReasons.count <= reasons.count || score >= record.best { record.alarmReasons = reasons }
        }
        clients[id]?.record = record
        return Self.verdict(record, now: score)
    }
    /// Evidence that a member of a group must have raised itself before the group's counts for it: callers behind one
    /// network are not guilty of each other.
    private static let leastOfAMember = 0.25

    private static func verdict(_ record: WatchedClient.Record, now score: Double = 0) -> PatternVerdict {
        let shown = record.alarmRow == nil ? score : max(1, record.best)
        let level: ClientStanding.Level = record.alarmRow != nil ? .alarm : score >= 0.5 ? .watched : .calm
        return PatternVerdict(
            score: shown, level: level, reasons: level == .calm ? [] : record.alarmReasons, rows: record.rows,
            alarmRow: record.alarmRow)
    }

    func verdict(of id: String, _ rate: Double) -> PatternVerdict? {
        guard let record = clients[id]?.record ?? evicted[id] else { return nil }
        return Self.verdict(record, now: record.evidence.score(rate))
    }

    mutating func clear(_ id: String) {
        clients[id] = nil
        evicted[id] = nil
    }

    // MARK: - bounds

    /// Makes a place for a client; one that was let go of comes back with its evidence.
    private mutating func admit(_ id: String, _ limits: PatternLimits) {
        guard clients[id] == nil else { return }
        if clients.count >= capacity { evict() }
        var client = WatchedClient(window: limits.window)
        if let record = evicted.removeValue(forKey: id) { client.record = record }
        clients[id] = client
    }

    /// Lets go of the rows of a sixteenth of the clients, those seen longest ago, and keeps their evidence; of evidence
    /// the least is let go of when there is too much.
    private mutating func evict() {
        let oldest = clients.sorted { ($0.value.record.lastSeen, $0.key) < ($1.value.record.lastSeen, $1.key) }
        for (id, client) in oldest.prefix(max(1, capacity / 16)) {
            clients[id] = nil
            evicted[id] = client.record
        }
        let most = 16 * capacity
        guard evicted.count > most else { return }
        let least = evicted.sorted {
            ($0.value.best, $0.value.lastSeen, $0.key) < ($1.value.best, $1.value.lastSeen, $1.key)
        }
        for (id, _) in least.prefix(evicted.count - most + capacity) { evicted[id] = nil }
    }

    private mutating func admitGroups(of query: PatternQuery, _ limits: PatternLimits) -> [String] {
        var names: [String] = []
        if !query.owner.isEmpty { names.append("owner:" + query.owner) }
        if !query.network.isEmpty, query.network != query.client { names.append("network:" + query.network) }
        for name in names where groups[name] == nil {
            if groups.count >= capacity {
                let oldest = groups.sorted { ($0.value.record.rows, $0.key) < ($1.value.record.rows, $1.key) }
                for (id, _) in oldest.prefix(max(1, capacity / 16)) { groups[id] = nil }
            }
            groups[name] = WatchedClient(window: limits.window)
        }
        return names
    }
}

/// The latest rows of all clients, so that accounts that walk together are seen.
struct SharedRows: Sendable {
    private let capacity: Int
    private var sketches: [Float] = [], owners: [UInt64] = [], next = 0
    init(capacity: Int) { self.capacity = capacity }

    static func key(_ id: String) -> UInt64 {
        id.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    /// What the rows of all clients say of a new one.
    struct Comparison {
        /// Distance of the nearest row of another client that is not the same; `nil` where there is none.
        var nearest: Float?
        /// Whether it lies a step of a search apart from one of the nearest of these.
        var isStepped = false
    }

    func compared(with reading: PatternReading, besides owner: UInt64, _ steps: StepPattern) -> Comparison {
        let width = reading.sketch.count
        let most = StepPattern.neighbours
        return withUnsafeTemporaryAllocation(of: (index: Int, distance: Float).self, capacity: most) { best in
            var (others, found, worst) = (Float.infinity, 0, Float.infinity)
            return reading.sketch.withUnsafeBufferPointer { sketch in
                sketches.withUnsafeBufferPointer { sketches in
                    guard let sketch = sketch.baseAddress, let base = sketches.baseAddress else { return Comparison() }
                    for index in owners.indices {
                        let distance = VectorLoops.squaredDistance(sketch, base + index * width, width)
                        guard distance > 1e-10 else { continue }
                        if distance < others, owners[index] != owner { others = distance }
                        guard owners[index] != owner, distance < worst || found < most else { continue }
                        var place = found < most ? found : most - 1
                        while place > 0, best[place - 1].distance > distance {
                            best[place] = best[place - 1]
                            place -= 1
                        }
                        best[place] = (index, distance)
                        found = min(most, found + 1)
                        if found == most { worst = best[most - 1].distance }
                    }
                    let isStepped =
                        steps.isPossible
                        && (0..<found).contains { steps.isStep(sketch, base + best[$0].index * width) }
                    return Comparison(nearest: others < .infinity ? others.squareRoot() : nil, isStepped: isStepped)
                }
            }
        }
    }

    mutating func append(_ reading: PatternReading, owner: UInt64) {
        if owners.count < capacity {
            sketches += reading.sketch
            owners.append(owner)
        } else {
            let width = reading.sketch.count
            for column in 0..<width { sketches[next * width + column] = reading.sketch[column] }
            owners[next] = owner
            next = (next + 1) % capacity
        }
    }
}
