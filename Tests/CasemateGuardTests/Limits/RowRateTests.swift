import CasemateCore
import CasemateGuard
import Testing

@Suite struct RowRateTests {
    /// A token bucket as textbooks have it: tokens in exact thousandths of what one nanosecond brings.
    private struct TokenBucket {
        let interval: UInt64, burst: UInt64
        var level: UInt64, last: UInt64 = 0
        init(interval: UInt64, burst: UInt64) {
            (self.interval, self.burst, level) = (interval, burst, burst * interval)
        }
        mutating func take(_ rows: UInt64, at now: UInt64) -> Bool {
            level = min(burst * interval, level + (now - last))
            last = now
            guard level >= rows * interval else { return false }
            level -= rows * interval
            return true
        }
    }
    private static let patterns: [(rate: Double, burst: Int, most: Int, gap: UInt64)] = [
        (1, 1, 1, 2_000_000_000), (10, 20, 3, 20_000_000), (100, 100, 150, 30_000_000), (1_000, 1, 1, 1_500_000),
        (0.01, 5, 2, 60_000_000_000), (1_000_000, 64, 64, 50_000), (3, 7, 9, 500_000_000), (333.3, 40, 10, 9_000_000),
    ]

    @Test(arguments: patterns.indices, 0..<12 as Range<UInt64>)
    func agreesWithATokenBucket(pattern: Int, seed: UInt64) {
        let (rate, burst, most, gap) = Self.patterns[pattern]
        let limit = RowRate(perSecond: rate, burst: burst)
        var bucket = TokenBucket(interval: UInt64((1e9 / rate).rounded(.up)), burst: UInt64(burst))
        var generator = SeededGenerator(seed: seed, stream: UInt64(pattern))
        var (tat, now, passed, refused) = (UInt64(0), UInt64(1_000_000), 0, 0)
        bucket.last = now
        for step in 0..<3_000 {
            // why: crowds, quiet times and everything between.
            let scale = [0, 1, 1, 4, 60][Int.random(in: 0..<5, using: &generator)] as UInt64
            now += UInt64.random(in: 0...gap * max(1, scale), using: &generator) * min(1, scale)
            let rows = Int.random(in: 1...most, using: &generator)
            let wait = limit.take(rows, from: &tat, at: now)
            let expected = bucket.take(UInt64(rows), at: now)
            #expect((wait == nil) == expected, "seed \(seed), step \(step)")
            if wait == nil { passed += 1 } else { refused += 1 }
            if let wait, rows <= burst {
                var (early, late) = (tat, tat)
                #expect(wait > 0 && limit.take(rows, from: &early, at: now + wait - 1) != nil, "not a moment earlier")
                #expect(limit.take(rows, from: &late, at: now + wait) == nil, "and then it passes")
            }
        }
        #expect(passed > 100 && refused > 100, "both happen: \(passed) passed, \(refused) refused")
    }

    /// In no window of time more than burst + rate · t rows pass.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func noWindowHoldsMoreThanTheBound(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let rate = Double.random(in: 0.5...5_000, using: &generator)
        let burst = Int.random(in: 1...50, using: &generator)
        let limit = RowRate(perSecond: rate, burst: burst)
        var (tat, now) = (UInt64(0), UInt64(5_000))
        var passed: [(time: UInt64, rows: Int)] = []
        for _ in 0..<4_000 {
            now += UInt64(Double.random(in: 0...2e9 / rate, using: &generator))
            let rows = Int.random(in: 1...min(burst, 5), using: &generator)
            if limit.take(rows, from: &tat, at: now) == nil { passed.append((now, rows)) }
        }
        #expect(passed.count > 500)
        for _ in 0..<4_000 {
            let first = Int.random(in: 0..<passed.count, using: &generator)
            let last = Int.random(in: first..<min(passed.count, first + 400), using: &generator)
            let rows = passed[first...last].reduce(0) { $0 + $1.rows }
            let seconds = Double(passed[last].time - passed[first].time) / 1e9
            #expect(Double(rows) <= Double(burst) + rate * seconds + 1e-6, "seed \(seed)")
        }
    }

    /// A process that was stopped for a minute, or for a year, has one burst to give and no more.
    @Test(arguments: [60, 31_536_000] as [UInt64])
    func aJumpOfTheClockGivesOneBurst(seconds: UInt64) {
        let limit = RowRate(perSecond: 10, burst: 25)
        var tat: UInt64 = 0
        var now: UInt64 = 1
        while limit.take(1, from: &tat, at: now) == nil {}
        now += seconds * 1_000_000_000
        var passed = 0
        while limit.take(1, from: &tat, at: now) == nil { passed += 1 }
        #expect(passed == 25)
    }

    @Test func batchesLargerThanTheBurstNeverPass() {
        let limit = RowRate(perSecond: 1_000, burst: 8)
        var tat: UInt64 = 0
        #expect(limit.take(9, from: &tat, at: 1 << 60) != nil)
        #expect(limit.take(Int.max, from: &tat, at: 1 << 60) != nil)
        #expect(tat == 0, "and cost nothing")
        #expect(limit.take(8, from: &tat, at: 1 << 60) == nil)
    }

    @Test func numbersOutsideTheBoundsAreTakenToTheNearest() {
        #expect(RowRate(perSecond: .infinity).perSecond == 1_000_000)
        #expect(RowRate(perSecond: .nan).perSecond == 0.0001)
        #expect(RowRate(perSecond: -3, burst: -5).burst == 1)
        #expect(RowRate(perSecond: 2.5).burst == 3)
        #expect(RowRate(perSecond: 0.2).burst == 1)
    }

    /// The vector of the paper's appendix A, and the first of the authors' table.
    @Test func hashesAsTheSourceDoes() {
        let hash = SipHash(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
        #expect(hash.of((0..<15).map { UInt8($0) }) == 0xA129_CA61_49BE_45E5)
        #expect(hash.of([]) == 0x726F_DB47_DD0E_0E31)
    }

    @Test func clientsOfTwoMethodsNeverShareAHash() {
        let hash = SipHash(1, 2)
        let hashes = ClientIdentity.Method.allCases.map { hash.of(ClientIdentity(id: "same", method: $0)) }
        #expect(Set(hashes).count == hashes.count)
    }
}
