import CasemateCore
import TestSupport
import Testing

/// Against SciPy and statsmodels: `Tests/Reference/make_figures.py`.
@Suite struct StatisticsFiguresTests {
    @Test func quantilesAgree() throws {
        let rows = try Figures("figures/intervals.json")["normalQuantiles"].list
        #expect(rows.count >= 10)
        for row in rows {
            #expect(agree(row["p"].double.map(Distributions.normalQuantile), row["z"].double, tolerance: 1e-12))
        }
    }

    @Test func binomialIntervalsAgree() throws {
        let rows = try Figures("figures/intervals.json")["binomial"].list
        #expect(rows.count >= 40)
        for row in rows {
            let (k, n) = (try #require(row["k"].int), try #require(row["n"].int))
            let confidence = try #require(row["confidence"].double)
            let wilson = Intervals.wilson(successes: k, trials: n, confidence: confidence)
            #expect(agree(wilson?.low, row["wilson"][0].double), "Wilson \(k)/\(n)")
            #expect(agree(wilson?.high, row["wilson"][1].double), "Wilson \(k)/\(n)")
            let exact = Intervals.clopperPearson(successes: k, trials: n, confidence: confidence)
            #expect(agree(exact?.low, row["clopperPearson"][0].double), "Clopper-Pearson \(k)/\(n)")
            #expect(agree(exact?.high, row["clopperPearson"][1].double), "Clopper-Pearson \(k)/\(n)")
        }
    }

    @Test func tablesAgree() throws {
        let rows = try Figures("figures/intervals.json")["tables"].list
        #expect(rows.count >= 30)
        for row in rows {
            let cells = try ["k1", "n1", "k0", "n0"].map { try #require(row[$0].int) }
            let (k1, n1, k0, n0) = (cells[0], cells[1], cells[2], cells[3])
            let fisher = HypothesisTests.fisherExact(k1, n1 - k1, k0, n0 - k0)
            #expect(agree(fisher, row["fisher"].double, tolerance: 1e-8), "Fisher \(cells)")
            let z = HypothesisTests.twoProportionZ(
                successes: k1, trials: n1, referenceSuccesses: k0, referenceTrials: n0)
            #expect(agree(z, row["zTest"]["p"].double ?? row["zTest"].double), "z \(cells)")
            let katz = Intervals.katzRatio(successes: k1, trials: n1, referenceSuccesses: k0, referenceTrials: n0)
            #expect(agree(katz?.low, row["katz"][0].double), "Katz \(cells)")
            #expect(agree(katz?.high, row["katz"][1].double), "Katz \(cells)")
            let difference = Intervals.newcombeDifference(
                successes: k1, trials: n1, referenceSuccesses: k0, referenceTrials: n0)
            let newcombe = row["differenceIntervals"]["newcombe"]
            #expect(agree(difference?.low, newcombe[0].double), "Newcombe \(cells)")
            #expect(agree(difference?.high, newcombe[1].double), "Newcombe \(cells)")
        }
    }

    @Test func holmAgrees() throws {
        for row in try Figures("figures/intervals.json")["holm"].list {
            let adjusted = HypothesisTests.holm(row["p"].doubles)
            #expect(zip(adjusted, row["adjusted"].doubles).allSatisfy { agree($0, $1) })
            #expect(adjusted.count == row["adjusted"].list.count)
        }
    }
}
