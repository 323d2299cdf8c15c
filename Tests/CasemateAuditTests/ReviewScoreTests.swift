import CasemateAudit
import CasemateCore
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// What decisions say of checks, and what the next ranking makes of it.
@Suite struct ReviewScoreTests {
    private static func decisions(_ marks: [ReviewMark]) throws -> [ReviewDecision] {
        try Repository.withTemporaryFolder { folder in
            let store = try ReviewStore(folder + "/r.sqlite")
            try store.add(marks, data: "d", suspects: "s", who: "anna", now: Date(timeIntervalSince1970: 0))
            return try store.decisions()
        }
    }

    @Test func precisionIsJeffreysPosterior() throws {
        var marks = (0..<8).map { ReviewMark(row: $0, verdict: $0 < 3 ? .poison : .fine, checks: ["data_a"]) }
        marks.append(ReviewMark(row: 8, verdict: .mislabelled, checks: ["data_b"]))
        marks.append(ReviewMark(row: 9, verdict: .undecided, checks: ["data_a"]))
        let scores = ReviewScores(try Self.decisions(marks))
        let first = try #require(scores.scores.first { $0.check == "data_a" })
        #expect((first.reviewed, first.bad) == (8, 3))
        #expect(agree(first.precision, 3.5 / 9))
        // Beta(3.5, 5.5), quantiles of SciPy 1.17.1 (stats.beta.ppf).
        #expect(
            agree(first.interval.low, 0.1190391801541659, tolerance: 1e-6)
                && agree(first.interval.high, 0.7051765537196912, tolerance: 1e-6))
        let second = try #require(scores.scores.first { $0.check == "data_b" })
        #expect(second.interval.high == 1 && agree(second.precision, 0.75))
        // Both are drawn towards 4.5 / 10 by the weight of one row.
        #expect(agree(first.reliability, (3 + 0.45) / 9) && agree(second.reliability, (1 + 0.45) / 2))
        #expect(agree(scores.reliability(for: ["data_c"])["data_c"], 0.45))
        #expect(ReviewScores([]).reliability(for: ["data_c"]) == ["data_c": 1])
    }

    @Test func aRowCountsForTheChecksOfTodayToo() throws {
        let decisions = try Self.decisions([ReviewMark(row: 4, verdict: .fine, checks: ["data_a"])])
        let suspects = [RankedSuspect(row: 4, score: 1, checks: ["data_b"], reason: "")]
        let here = ReviewScores(decisions, suspects: suspects, data: "d")
        #expect(here.scores.map(\.check) == ["data_a", "data_b"] && here.scores.allSatisfy { $0.reviewed == 1 })
        let elsewhere = ReviewScores(decisions, suspects: suspects, data: "e")
        #expect(elsewhere.scores.map(\.reviewed) == [1, 0])
        #expect(
            ReviewScores.reliability(of: decisions, suspects: suspects, data: "d")
                == here.reliability())
    }

    /// 2,000 rows of which 150 are bad; one check is right, two cry wolf with high strength. A person decides about the
    /// first 60 rows of the queue; the rest is ranked anew.
    @Test func theNextQueueHoldsMoreBadRows() throws {
        var (better, before, after) = (0, 0, 0)
        for seed in 0..<20 as Range<UInt64> {
            let world = World(seed: seed)
            let queue = SuspectRanking.ranked(world.results)
            let reviewed = queue.prefix(60)
            let decisions = try Self.decisions(
                reviewed.map {
                    ReviewMark(row: $0.row, verdict: world.bad.contains($0.row) ? .poison : .fine, checks: $0.checks)
                })
            let reliability = ReviewScores.reliability(of: decisions, suspects: queue, data: "d")
            let seen = Set(reviewed.map(\.row))
            func found(_ ranked: [RankedSuspect]) -> Int {
                ranked.filter { !seen.contains($0.row) }.prefix(100).count { world.bad.contains($0.row) }
            }
            let (old, new) = (found(queue), found(SuspectRanking.ranked(world.results, reliability: reliability)))
            before += old
            after += new
            if new > old { better += 1 }
        }
        #expect(
            better == 20 && Double(after) > 1.5 * Double(before), "before \(before), after \(after), better \(better)")
    }

    private struct World {
        let bad: Set<Int>
        let results: [(check: String, suspects: [Suspect])]

        init(seed: UInt64) {
            var generator = SeededGenerator(seed: seed)
            let bad = Set((0..<2_000).shuffled(using: &generator).prefix(150))
            func check(_ name: String, hit: Double, alarm: Double, strength: ClosedRange<Double>) -> (String, [Suspect])
            {
                let rows = (0..<2_000).filter { generator.uniformDouble() < (bad.contains($0) ? hit : alarm) }
                return (
                    name, rows.map { Suspect(row: $0, strength: .random(in: strength, using: &generator), reason: "") }
                )
            }
            results = [
                check("data_right", hit: 0.8, alarm: 0.02, strength: 0.4...0.8),
                check("data_loud", hit: 0.2, alarm: 0.15, strength: 0.6...0.95),
                check("data_wolf", hit: 0.1, alarm: 0.1, strength: 0.7...0.99),
            ]
            self.bad = bad
        }
    }
}
