import CasemateCore
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// Residuals and their tests against committed figures, enumeration and made data.
@Suite struct ResidualTests {
    private static let figures = Result { try Figures("figures/residuals.json") }

    /// Tolerance: the penalty of 1e-3 is the same on both sides, the optimum is reached to 1e-8.
    @Test func devianceResidualsEqualTheFigures() throws {
        let figures = try Self.figures.get()["deviance"]
        let outcomes = figures["outcomes"].ints.map { $0 == 1 }
        let residuals = try OddsResiduals(outcomes: outcomes, outOfFold: figures["raw"].doubles)
        let chances = try #require(residuals.probabilities)
        #expect(outcomes.count == 60)
        for row in outcomes.indices {
            #expect(agree(chances[row], figures["calibrated"].doubles[row], tolerance: 1e-6))
            #expect(agree(residuals.values[row], figures["residuals"].doubles[row], tolerance: 1e-6))
        }
        #expect(abs(residuals.excess.reduce(0, +)) < 1e-6)
    }

    /// Calling the outcomes the other way round turns every residual round and nothing else.
    @Test func residualsAreOrientedByTheOutcome() throws {
        let figures = try Self.figures.get()["deviance"]
        let (outcomes, raw) = (figures["outcomes"].ints.map { $0 == 1 }, figures["raw"].doubles)
        let one = try OddsResiduals(outcomes: outcomes, outOfFold: raw)
        let other = try OddsResiduals(outcomes: outcomes.map { !$0 }, outOfFold: raw.map { 1 - $0 })
        for (value, mirrored) in zip(one.values, other.values) { #expect(abs(value + mirrored) < 1e-6) }
        #expect(one.ranking(.granted) == other.ranking(.denied))
        #expect(one.top(0.1, .granted).allSatisfy { outcomes[$0] })
        #expect(one.top(1, .granted).count == outcomes.count { $0 })
    }

    @Test func exactTailsEqualSciPyAndEnumeration() throws {
        let figures = try Self.figures.get()["tests"]
        for example in figures["binomial"].list {
            let (k, n) = (try #require(example["k"].int), try #require(example["n"].int))
            let found = ExactTests.binomial(atLeast: k, trials: n, share: try #require(example["share"].double))
            #expect(agree(found, example["p"].double, tolerance: 1e-9), "\(k) of \(n)")
        }
        for example in figures["mcNemar"].list {
            let (b, c) = (try #require(example["b"].int), try #require(example["c"].int))
            #expect(agree(PairedDecisions.mcNemar(b, c), example["p"].double, tolerance: 1e-9), "\(b), \(c)")
        }
        let chances = [0.1, 0.7, 0.35, 0.02, 0.9, 0.5]
        for least in 0...7 {
            var sum = 0.0
            for mask in 0..<64 where mask.nonzeroBitCount >= least {
                sum += chances.indices.reduce(1) { $0 * (mask >> $1 & 1 == 1 ? chances[$1] : 1 - chances[$1]) }
            }
            #expect(abs(ExactTests.poissonBinomial(atLeast: least, chances: chances) - sum) < 1e-12, "\(least)")
        }
    }

    /// Rows whose outcome follows `chances`, and a source of eight each.
    private func draw(_ count: Int, seed: UInt64) throws -> (chances: [Double], outcomes: [Bool], sources: [Int?]) {
        var generator = SeededGenerator(seed: seed, stream: 3)
        let chances = (0..<count).map { _ in 0.02 + 0.96 * generator.uniformDouble() }
        let outcomes = chances.map { generator.uniformDouble() < $0 }
        return (chances, outcomes, (0..<count).map { _ in Int.random(in: 0..<8, using: &generator) })
    }

    /// Probabilities may be too sure; they are calibrated before anything is compared with them.
    @Test func honestOutcomesRaiseFewAlarms() throws {
        var alarms = (tail: 0, source: 0, shift: 0)
        for seed in 0..<100 as Range<UInt64> {
            let (chances, outcomes, sources) = try draw(2_000, seed: seed)
            let sure = chances.map { 1 / (1 + Foundation.pow(1 / $0 - 1, 1.7)) }
            let residuals = try OddsResiduals(outcomes: outcomes, outOfFold: sure)
            if try #require(residuals.tail(0.05, .granted)).pValue < 0.05 { alarms.tail += 1 }
            let top = residuals.top(0.01, .granted)
            let rows = ResidualGroups(residuals, top: top, groups: sources, .granted).rows
            if rows.contains(where: { $0.pValue < 0.05 }) { alarms.source += 1 }
            if rows.contains(where: { $0.excessPValue < 0.05 }) { alarms.shift += 1 }
        }
        // why 11: the one-sided 99 % bound of a count with mean 5 in 100.
        #expect(alarms.tail <= 11 && alarms.source <= 11 && alarms.shift <= 11, "\(alarms)")
    }

    /// Twenty refused rows of one source with poor odds, relabelled.
    @Test func aSourceThatBendsOutcomesIsFound() throws {
        var found = 0
        for seed in 0..<50 as Range<UInt64> {
            let drawn = try draw(2_000, seed: seed)
            var outcomes = drawn.outcomes
            let victims = outcomes.indices.filter {
                drawn.sources[$0] == 5 && !outcomes[$0] && drawn.chances[$0] < 0.2
            }
            for row in victims.prefix(20) { outcomes[row] = true }
            let residuals = try OddsResiduals(outcomes: outcomes, outOfFold: drawn.chances)
            let top = residuals.top(0.02, .granted)
            let rows = ResidualGroups(residuals, top: top, groups: drawn.sources, .granted).rows
            if let worst = rows.min(by: { $0.pValue < $1.pValue }), worst.group == 5, worst.pValue < 0.05,
                let interval = worst.interval, interval.low > 1
            {
                found += 1
            }
        }
        #expect(found >= 48, "\(found) of 50")
    }

    @Test func groupsAddUpAndUnknownOnesAreLeftOut() throws {
        let (chances, outcomes, sources) = try draw(500, seed: 1)
        let residuals = try OddsResiduals(outcomes: outcomes, outOfFold: chances)
        let top = residuals.top(0.05, .denied)
        let groups = sources.map { $0 == 7 ? nil : $0 }
        let rows = ResidualGroups(residuals, top: top, groups: groups, .denied).rows
        #expect(rows.map(\.group) == Array(0..<7))
        #expect(rows.reduce(0) { $0 + $1.observed } == top.count { groups[$0] != nil })
        #expect(abs(rows.reduce(0) { $0 + $1.share } - 1) < 1e-12)
        #expect(rows.reduce(0) { $0 + $1.count } == groups.count { $0 != nil })
        // Chances of being in the list are those of the outcome, where it would surprise enough.
        let mass = residuals.chances(ofBeingIn: top, .denied)
        #expect(mass.contains(0) && top.allSatisfy { mass[$0] > 0 })
    }

    @Test func windowsHoldAsManyRowsAndKeepEqualTimesTogether() {
        #expect(ResidualGroups.windows([5, 1, 3, 2, 4, .nan], count: 5) == [4, 0, 2, 1, 3, nil])
        #expect(ResidualGroups.windows([1, 1, 1, 2], count: 2) == [0, 0, 0, 1])
        #expect(ResidualGroups.windows([], count: 3) == [])
    }

    @Test func valuesAreStandardisedAndTurnedToTheGoodSide() {
        let targets = (0..<101).map(Double.init)
        let answers = targets.map { $0 - ($0 - 50) / 10 }
        let high = OddsResiduals(
            targets: targets, outOfFold: answers, isHighFavourable: true, outcomes: targets.map { $0 >= 50 })
        // why: errors run evenly from −5 to 5, so that the median absolute deviation is 2.5.
        #expect(abs(high.values[100] - 5 / (1.4826 * 2.5)) < 1e-9 && high.ranking(.granted).first == 100)
        let low = OddsResiduals(
            targets: targets, outOfFold: answers, isHighFavourable: false, outcomes: targets.map { $0 < 50 })
        #expect(low.ranking(.granted).first == 0 && low.probabilities == nil && low.tail(0.1, .granted) == nil)
    }

    /// The quantiles and their bootstrap against sorting every resample.
    @Test func quantilesOfDivergenceEqualSortedResamples() {
        var generator = SeededGenerator(seed: 2)
        let one = (0..<201).map { _ in generator.uniformDouble() }
        let other = one.map { min(1, $0 + (generator.uniformDouble() * 20).rounded() / 100) }
        let divergence = ScoreDivergence(one, other)
        for quantile in divergence.quantiles([0, 0.5, 0.9, 0.99, 1], seed: 7) {
            let direct = Bootstrap.interval(
                strata: [Array(0..<201)], replicates: Bootstrap.replicates(for: 201), seed: 7
            ) { rows in Bootstrap.quantile(rows.map { divergence.values[$0] }.sorted(), quantile.probability) }
            #expect(quantile.value == Bootstrap.quantile(divergence.values.sorted(), quantile.probability))
            #expect(agree(quantile.interval?.low, direct?.low) && agree(quantile.interval?.high, direct?.high))
        }
        let pairs = ScoreDivergence([0.2, 0.8, 0.5, 0.5], [0.5, 0.5, 0.4, 0.6], classes: 2)
        #expect(agree(pairs.values[0], 0.3) && agree(pairs.values[1], 0.1) && pairs.rows(beyond: 0.2) == [0])
    }
}
