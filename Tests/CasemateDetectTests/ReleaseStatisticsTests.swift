import CasemateCore
import CasemateDetect
import TestSupport
import Testing

/// Figures of two lists about the same rows, against public peers.
@Suite struct ReleaseStatisticsTests {
    private func figures() throws -> Figures { try Figures("figures/releases.json") }

    @Test func agreementBeyondChance() throws {
        for item in try figures()["cases"].list {
            let paired = PairedDecisions(
                item["oldClass"].ints.map { Int32($0) }, item["newClass"].ints.map { Int32($0) })
            #expect(agree(paired.kappa, item["kappa"]["kappa"].double))
            #expect(agree(paired.kappaInterval?.low, item["kappa"]["low"].double))
            #expect(agree(paired.kappaInterval?.high, item["kappa"]["high"].double))
        }
        #expect(PairedDecisions([1, 1], [1, 1]).kappa == nil)
        #expect(PairedDecisions([1, 0], [1, 0]).kappa == 1 && PairedDecisions([1, 0], [0, 1]).kappa == -1)
    }

    @Test func exactTestOfPairedChanges() throws {
        for item in try figures()["mcnemar"].list {
            let (one, other) = (item["one"].int ?? -1, item["other"].int ?? -1)
            #expect(agree(PairedDecisions.mcNemar(one, other), item["p"].double, tolerance: 1e-10), "\(one) \(other)")
            #expect(PairedDecisions.mcNemar(one, other) == PairedDecisions.mcNemar(other, one))
        }
        #expect(PairedDecisions.mcNemar(1_000_000, 0) == 0)
    }

    @Test func areasOfTheSameRows() throws {
        for item in try figures()["cases"].list {
            let areas = PairedAreas(
                labels: item["labels"].ints.map { $0 == 1 }, old: item["old"].doubles, new: item["new"].doubles)
            #expect(agree(areas?.old, item["delong"]["old"].double) && agree(areas?.new, item["delong"]["new"].double))
            #expect(agree(areas?.standardError, item["delong"]["error"].double))
            #expect(agree(areas?.pValue, item["delong"]["p"].double))
        }
        #expect(PairedAreas(labels: [true, false, false], old: [1, 2, 3], new: [1, 2, 3]) == nil)
        let same = PairedAreas(labels: [true, true, false, false], old: [3, 4, 1, 2], new: [5, 9, 1, 2])
        #expect(same?.pValue == nil && same?.difference == 0)
    }

    @Test func distancesOfScores() throws {
        for item in try figures()["cases"].list {
            let shift = try ScoreShift(
                old: item["old"].doubles, new: item["new"].doubles, seed: 0, cancellation: Cancellation())
            #expect(agree(shift.distance, item["ks"].double))
        }
        let scores = (0..<200).map { Double($0 % 37) / 37 }
        let same = try ScoreShift(old: scores, new: scores, seed: 0, cancellation: Cancellation())
        #expect(same.distance == 0 && same.pValue == 1 && same.mean == 0)
        let moved = try ScoreShift(old: scores, new: scores.map { $0 + 0.05 }, seed: 0, cancellation: Cancellation())
        #expect(moved.pValue <= 0.01 && abs(moved.mean - 0.05) < 1e-12)
    }

    /// Scores exchanged at random row by row: the permutation p-value keeps its level (99 % bound of 200 draws at 5 %).
    @Test func theScoreTestKeepsItsLevel() throws {
        var alarms = 0
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var (old, new) = ([Double](), [Double]())
            for _ in 0..<150 {
                let centre = generator.uniformDouble()
                old.append(centre + 0.1 * generator.uniformDouble())
                new.append(centre + 0.1 * generator.uniformDouble())
            }
            let shift = try ScoreShift(
                old: old, new: new, permutations: 99, seed: seed, cancellation: Cancellation())
            if shift.pValue <= 0.05 { alarms += 1 }
        }
        #expect(alarms <= 18, "\(alarms) alarms in 200")
    }
}
