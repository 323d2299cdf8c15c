import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// What the monitor promises whatever the traffic: honest clients are left alone, memory is bounded, suspects stay so.
@Suite struct ClientMonitorTests {
    private static let rows = SyntheticRows.make(700, seed: 1)
    private static let reference = Result {
        try PatternReference(rows, place: "reference", context: RunContext(seed: 1))
    }

    private func monitor(_ rate: Double = 0.01, capacity: Int = 4_096) throws -> ClientMonitor {
        ClientMonitor(try Self.reference.get(), falseAlarms: rate, capacity: capacity)
    }

    /// A hundred honest clients of 50 to 350 queries, of reference rows and of rows from the same source.
    @Test(arguments: [true, false]) func honestClientsRaiseAlarmsAsRarelyAsSaid(isReference: Bool) throws {
        let (monitor, pool) = (try monitor(0.02), isReference ? Self.rows : SyntheticRows.make(2_000, seed: 2))
        var generator = SeededGenerator(seed: 3, stream: 0)
        var alarms = 0
        for client in 0..<100 {
            for _ in 0..<Int.random(in: 50...350, using: &generator) {
                let row = SyntheticRows.row(pool, Int.random(in: 0..<pool.count, using: &generator))
                monitor.observe(SyntheticRows.query("c\(client)", row))
            }
            if monitor.verdict(of: "c\(client)")?.level == .alarm { alarms += 1 }
        }
        let interval = try #require(Intervals.clopperPearson(successes: alarms, trials: 100, confidence: 0.99))
        #expect(interval.low <= 0.02, "\(alarms) of 100")
    }

    @Test func theSameRowAgainIsNoAlarm() throws {
        let monitor = try monitor()
        let row = SyntheticRows.row(Self.rows, 5)
        var verdict: PatternVerdict?
        for _ in 0..<1_000 { verdict = monitor.observe(SyntheticRows.query("retry", row)) }
        #expect(verdict?.level == .calm && verdict?.rows == 1_000)
    }

    @Test func aSweepIsFoundAndNamed() throws {
        let monitor = try monitor()
        var row = SyntheticRows.row(Self.rows, 9)
        for step in 0..<60 {
            row[3] = Float(step) * 0.05 - 1.5
            monitor.observe(SyntheticRows.query("sweep", row))
        }
        let verdict = try #require(monitor.verdict(of: "sweep"))
        #expect(verdict.level == .alarm && (verdict.alarmRow ?? 99) < 40 && verdict.reasons.contains("sweeps"))
    }

    /// Values without sense neither trap nor pass as usual.
    @Test func hostileValuesAreTaken() throws {
        let monitor = try monitor()
        for value in [
            Float.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, .nan, .infinity,
        ] {
            for column in 0..<8 {
                var row = SyntheticRows.row(Self.rows, column)
                row[column] = value
                let query = PatternQuery(client: "h", row: row, prediction: .infinity, top: .nan, second: -.infinity)
                #expect(monitor.observe(query).score.isFinite)
            }
        }
    }

    /// A thousand other clients push a suspect out; when it comes back, its evidence is still there.
    @Test func evictionDoesNotClearASuspect() throws {
        let monitor = try monitor(capacity: 64)
        var row = SyntheticRows.row(Self.rows, 9)
        for step in 0..<60 {
            row[3] = Float(step) * 0.05 - 1.5
            monitor.observe(SyntheticRows.query("sweep", row))
        }
        #expect(monitor.verdict(of: "sweep")?.level == .alarm)
        for client in 0..<3_000 {
            monitor.observe(SyntheticRows.query("other\(client)", SyntheticRows.row(Self.rows, client % 700)))
        }
        let counts = monitor.counts
        #expect(counts.clients <= 64 && counts.evidence <= 64 * 16)
        #expect(monitor.verdict(of: "sweep")?.level == .alarm)
        #expect(monitor.observe(SyntheticRows.query("sweep", SyntheticRows.row(Self.rows, 1))).level == .alarm)
        monitor.clear("sweep")
        #expect(monitor.observe(SyntheticRows.query("sweep", SyntheticRows.row(Self.rows, 1))).level == .calm)
    }

    /// Accounts of one owner that share a search are found together sooner than one by one.
    @Test func accountsOfOneOwnerAreJoined() throws {
        let (joined, apart) = (try monitor(), try monitor())
        var row = SyntheticRows.row(Self.rows, 9)
        for step in 0..<120 {
            row[3] = Float(step) * 0.025 - 1.5
            joined.observe(SyntheticRows.query("a\(step % 12)", row, owner: "o"))
            apart.observe(SyntheticRows.query("a\(step % 12)", row))
        }
        func alarms(_ monitor: ClientMonitor) -> Int {
            (0..<12).filter { monitor.verdict(of: "a\($0)")?.level == .alarm }.count
        }
        #expect(alarms(joined) >= alarms(apart))
        #expect(alarms(joined) >= 10, "\(alarms(joined)) and \(alarms(apart))")
    }
}
