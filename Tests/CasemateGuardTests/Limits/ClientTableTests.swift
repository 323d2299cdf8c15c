import CasemateCore
import CasemateGuard
import Foundation
import Testing

@Suite struct ClientTableTests {
    private static let rate = RowRate(perSecond: 0.1, burst: 10)

    private func take(_ table: ClientTable, _ key: UInt64, _ now: UInt64) -> (passed: Bool, isShared: Bool) {
        let (wait, isShared) = table.with(key, at: now, today: 0) { entry, _ in
            Self.rate.take(1, from: &entry.tat, at: now)
        }
        return (wait == nil, isShared)
    }

    /// A drained client stays drained while a million others come by; the table stays as large as it may be.
    @Test func crowdsDoNotRefillADrainedClient() {
        let table = ClientTable(capacity: 100_000)
        var generator = SeededGenerator(seed: 1)
        let mallory = generator.next()
        for _ in 0..<10 { #expect(take(table, mallory, 1).passed) }
        #expect(!take(table, mallory, 1).passed)
        for index in 0..<1_000_000 {
            _ = take(table, generator.next(), UInt64(2 + index))
            if index % 50_000 == 0 { #expect(!take(table, mallory, UInt64(2 + index)).passed, "after \(index) others") }
        }
        #expect(!take(table, mallory, 1_000_002).passed)
        #expect(table.count <= 100_000)
        #expect(table.count > 95_000, "known: \(table.count)")
        #expect(table.overflows > 800_000)
        #expect(table.bytes <= 100_000 * 64, "\(table.bytes) bytes")
        print("client table: \(table.count) clients, \(Double(table.bytes) / Double(table.count)) bytes each")
    }

    /// Once their buckets are full again, those who left make room for those who come.
    @Test func rememberedClientsMakeRoomWhenTheirBucketIsFull() {
        let table = ClientTable(capacity: 5_000)
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<6_000 { _ = take(table, generator.next(), 1) }
        let crowded = table.overflows
        #expect(crowded >= 1_000)
        var shared = 0
        for index in 0..<50_000 {
            // why: one row comes back in 10 s, so that whoever asked once is forgotten after that.
            if take(table, generator.next(), 20_000_000_000 + UInt64(index) * 11_000_000_000).isShared { shared += 1 }
        }
        #expect(shared == 0, "newcomers had to share \(shared) times")
        #expect(table.count <= 5_000)
    }

    /// Newcomers in a full table share one bucket of the usual size: all of them together get one burst.
    @Test func newcomersShareOneBucket() {
        let table = ClientTable(capacity: 16)
        for key in 1...16 as ClosedRange<UInt64> { #expect(!take(table, key << 20, 1).isShared) }
        var passed = 0
        for key in 1...5_000 as ClosedRange<UInt64> {
            let one = take(table, key << 30, 1)
            #expect(one.isShared)
            if one.passed { passed += 1 }
        }
        #expect(passed == 10)
        #expect(take(table, 1 << 20, 1) == (true, false), "who was there keeps a bucket")
    }

    /// A model of the table as a dictionary without bounds: every client that is not shared behaves as in that.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func behavesLikeADictionary(seed: UInt64) {
        let table = ClientTable(capacity: 300)
        var generator = SeededGenerator(seed: seed)
        var truth: [UInt64: UInt64] = [:]
        var now: UInt64 = 1
        for step in 0..<30_000 {
            now += UInt64.random(in: 0...900_000_000, using: &generator)
            // why so few low bits: many keys meet at the same place.
            let key = UInt64.random(in: 1...400, using: &generator) << 12
            let (seen, isShared) = table.with(key, at: now, today: 0) { entry, _ -> UInt64 in
                let before = entry.tat
                _ = Self.rate.take(1, from: &entry.tat, at: now)
                return before
            }
            guard !isShared else { continue }
            var expected = truth[key] ?? 0
            // why: a bucket that is full again may be forgotten; both then mean the same.
            #expect(max(seen, now) == max(expected, now), "seed \(seed), step \(step)")
            _ = Self.rate.take(1, from: &expected, at: now)
            truth[key] = expected
        }
        #expect(table.count <= 300)
    }

    @Test func clientsWithRequestsUnderWayOrUsedQuotaStay() {
        let table = ClientTable(capacity: 16)
        for key in 1...8 as ClosedRange<UInt64> {
            table.with(key << 16, at: 1, today: 5) { entry, _ in entry.running = 1 }.0
            table.with(key << 40, at: 1, today: 5) { entry, _ in (entry.day, entry.used) = (5, 1) }.0
        }
        let far: UInt64 = 1 << 50
        #expect(table.with(99 << 50, at: far, today: 5) { _, _ in 0 }.isShared)
        #expect(!table.with(99 << 50, at: far, today: 6) { _, _ in 0 }.isShared, "the day is over")
        #expect(table.with(3 << 16, at: far, today: 6) { entry, _ in entry.running }.0 == 1)
    }

    @Test func daysFollowTheWallClockWithoutGivingAnythingTwice() {
        let days = DayClock()
        let noon = Date(
            timeIntervalSince1970: 1_700_000_000 - 1_700_000_000.0.truncatingRemainder(dividingBy: 86_400) + 43_200)
        let hour: UInt64 = 3_600_000_000_000
        let first = days.today(noon, monotonic: 0)
        #expect(first.left == 43_200)
        #expect(days.today(noon.addingTimeInterval(86_400), monotonic: hour).day == first.day + 1, "set forward a day")
        #expect(days.today(noon, monotonic: 2 * hour).day == first.day + 1, "set back: the day stays")
        #expect(days.today(noon.addingTimeInterval(86_400), monotonic: 3 * hour).day == first.day + 1, "and to again")
        let back = days.today(noon, monotonic: 5 * hour)
        #expect(back.day == first.day + 1 && back.left == 20 * 3_600, "nobody waits for more than 24 hours")
        #expect(days.today(noon, monotonic: 26 * hour).day == first.day, "then the clock is believed")
        #expect(days.today(Date(timeIntervalSince1970: -5), monotonic: 27 * hour).day == first.day)
        #expect(days.today(.distantFuture, monotonic: 27 * hour).day > first.day)
    }
}
