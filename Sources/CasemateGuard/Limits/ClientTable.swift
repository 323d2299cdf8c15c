import Synchronization

/// What limits know of clients, in bounded memory: some 63 bytes for each client when full, however many come.
///
/// A client whose bucket is not full again, who has requests under way or has used some of today's quota is never
/// forgotten. When no room is left, newcomers share one entry, so that nobody gets a fresh bucket by crowding others
/// out (the failure of envoy gateway#9973). Clients are spread over shards, each with a lock of its own.
package final class ClientTable: Sendable {
    /// What is kept of one client: 48 bytes.
    package struct Entry: Sendable {
        /// Hash of the client; 0 where a place is free.
        fileprivate(set) var key: UInt64 = 0
        /// Theoretical arrival time of its bucket.
        package var tat: UInt64 = 0
        /// Rows of `day`.
        package var used: UInt64 = 0
        /// Monotonic time of its last refusal.
        var refusedAt: UInt64 = 0
        /// Day that `used` counts for.
        package var day: UInt32 = 0
        /// Requests under way.
        package var running: UInt32 = 0
        /// Refusals that have not been forgiven yet.
        var strikes: UInt32 = 0

        /// Whether nothing is lost when the entry goes.
        func isIdle(at now: UInt64, today: UInt32) -> Bool {
            tat <= now && running == 0 && (used == 0 || day != today)
        }
    }
    private final class Shard: Sendable {
        let places: Mutex<ClientPlaces>
        init(_ most: Int) { places = Mutex(ClientPlaces(most: most)) }
    }
    private let shards: [Shard]
    private let overflow = Mutex(Entry())
    private let overflowing = Atomic<Int>(0)
    private let known = Atomic<Int>(0)

    /// Makes a table for at most `capacity` clients.
    package init(capacity: Int) {
        let count = capacity >= 4_096 ? 64 : 1
        shards = (0..<count).map { _ in Shard(max(1, capacity / count)) }
    }

    /// Sets how many clients there may be; those that are there stay.
    func limit(to capacity: Int) {
        for shard in shards { shard.places.withLock { $0.most = max(1, capacity / shards.count) } }
    }
    /// Number of clients that are known.
    package var count: Int { known.load(ordering: .relaxed) }
    /// Bytes that the entries take.
    package var bytes: Int {
        shards.reduce(0) { $0 + $1.places.withLock { $0.slots.capacity } * MemoryLayout<Entry>.stride }
    }
    /// How often a client had to share the common entry.
    package var overflows: Int { overflowing.load(ordering: .relaxed) }

    private func shard(of key: UInt64) -> Shard { shards[Int(truncatingIfNeeded: key) & (shards.count - 1)] }
    private static func key(_ hash: UInt64) -> UInt64 { hash == 0 ? 1 : hash }

    /// Works on the entry of a client, made where there is room.
    /// - Parameter body: Is told whether the entry is the common one.
    /// - Returns: What `body` returns, and whether it was the common entry.
    @inline(__always)
    package func with<Result: Sendable>(
        _ hash: UInt64, at now: UInt64, today: UInt32, _ body: (inout Entry, _ isShared: Bool) -> Result
    ) -> (Result, isShared: Bool) {
        let key = Self.key(hash)
        var change = 0
        let own: Result? = shard(of: key).places.withLock { places in
            let before = places.count
            let place = places.place(of: key, at: now, today: today)
            change = places.count - before
            guard let place else { return nil }
            return body(&places.slots[place], false)
        }
        if change != 0 { known.add(change, ordering: .relaxed) }
        if let own { return (own, false) }
        overflowing.add(1, ordering: .relaxed)
        return (overflow.withLock { body(&$0, true) }, true)
    }

    /// Works on the entry of a client that is there, or on the common one; makes none.
    @discardableResult
    func change<Result: Sendable>(_ hash: UInt64, isShared: Bool, _ body: (inout Entry) -> Result) -> Result? {
        if isShared { return overflow.withLock { body(&$0) } }
        let key = Self.key(hash)
        return shard(of: key).places.withLock { places in
            guard let place = places.find(key) else { return nil }
            return body(&places.slots[place])
        }
    }

    /// Ends a request of a client.
    func end(_ hash: UInt64, isShared: Bool) {
        change(hash, isShared: isShared) { entry in
            if entry.running > 0 { entry.running -= 1 }
        }
    }

    /// Counts a refusal; one is forgiven for each second that passes.
    /// - Returns: Refusals that have not been forgiven.
    func strike(_ hash: UInt64, isShared: Bool, at now: UInt64) -> Int {
        change(hash, isShared: isShared) { entry in
            let forgiven = now > entry.refusedAt ? (now - entry.refusedAt) / 1_000_000_000 : 0
            if forgiven > 0 || entry.strikes == 0 {
                entry.strikes -= UInt32(clamping: min(forgiven, UInt64(entry.strikes)))
                entry.refusedAt = now
            }
            if entry.strikes < .max { entry.strikes += 1 }
            return Int(entry.strikes)
        } ?? 0
    }

    /// Puts the use of a day back that was kept elsewhere, where there is room.
    func restore(_ hash: UInt64, used: UInt64, day: UInt32) {
        let key = Self.key(hash)
        let isNew = shard(of: key).places.withLock { places in
            let before = places.count
            guard let place = places.place(of: key, at: 0, today: day) else { return false }
            (places.slots[place].day, places.slots[place].used) = (day, used)
            return places.count > before
        }
        if isNew { known.add(1, ordering: .relaxed) }
    }
}

/// Entries in one array with open addressing and linear probing; removal moves what follows back, so that there are no
/// tombstones.
struct ClientPlaces: Sendable {
    var slots: [ClientTable.Entry] = .init(repeating: .init(), count: 16)
    private(set) var count = 0
    /// Most clients.
    var most: Int
    private var hand = 0

    init(most: Int) { self.most = most }

    private func home(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key >> 8) & (slots.count - 1) }

    /// The place of a client that is there.
    func find(_ key: UInt64) -> Int? {
        var place = home(key)
        while slots[place].key != 0 {
            if slots[place].key == key { return place }
            place = (place + 1) & (slots.count - 1)
        }
        return nil
    }

    /// The place of a client, made where there is room; `nil` where there is none.
    mutating func place(of key: UInt64, at now: UInt64, today: UInt32) -> Int? {
        if let place = find(key) { return place }
        if count >= most { sweep(at: now, today: today) }
        guard count < most else { return nil }
        if (count + 1) * 8 > slots.count * 7 { grow() }
        return insert(.init(key: key))
    }

    @discardableResult
    private mutating func insert(_ entry: ClientTable.Entry) -> Int {
        var place = home(entry.key)
        while slots[place].key != 0 { place = (place + 1) & (slots.count - 1) }
        slots[place] = entry
        count += 1
        return place
    }

    private mutating func grow() {
        let old = slots
        slots = .init(repeating: .init(), count: old.count * 2)
        count = 0
        for entry in old where entry.key != 0 { insert(entry) }
    }

    /// Looks at the next 64 places and lets go of clients of whom nothing is lost: bounded work for each newcomer.
    private mutating func sweep(at now: UInt64, today: UInt32) {
        for _ in 0..<min(64, slots.count) {
            hand = (hand + 1) & (slots.count - 1)
            // why a loop: the entry that is moved here may be idle too.
            while slots[hand].key != 0, slots[hand].isIdle(at: now, today: today) { remove(hand) }
        }
    }

    private mutating func remove(_ place: Int) {
        let mask = slots.count - 1
        var (hole, next) = (place, (place + 1) & mask)
        while slots[next].key != 0 {
            let distance = (next - home(slots[next].key)) & mask
            if distance >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = .init()
        count -= 1
    }
}
