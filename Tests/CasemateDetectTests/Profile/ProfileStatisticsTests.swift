import CasemateCore
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// Statistics of shift agree with SciPy: `Tests/Reference/make_profile_figures.py`.
@Suite struct ProfileStatisticsTests {
    let figures: Figures

    init() throws { figures = try Figures("figures/profile.json") }

    @Test func gapsAndDistancesOfSamples() throws {
        for sample in figures["samples"].list {
            let one = sample["one"].doubles.sorted(), other = sample["other"].doubles.sorted()
            let gap = ShiftMeasures.gap(one, other)
            #expect(agree(gap.statistic, sample["gap"].double) && gap.error == 0)
            let p = ShiftMeasures.gapProbability(gap.statistic, one.count, other.count)
            #expect(agree(p, sample["probability"].double, tolerance: 1e-10))
            #expect(agree(ShiftMeasures.transport(one, other), sample["wasserstein"].double))
        }
        #expect(figures["samples"].list.count == 4)
    }

    /// Counts between edges give the gap to within the error that is stated, and all of it where values are listed.
    @Test(arguments: [4, 16, 64]) func binnedGapsStateTheirError(bins: Int) throws {
        for sample in figures["samples"].list {
            let one = sample["one"].doubles.sorted(), other = sample["other"].doubles.sorted()
            let edges = NumberDistribution.edges(ofSorted: other, bins: bins)
            let gap = ShiftMeasures.gap(Self.counts(one, edges), Self.counts(other, edges), edges: edges)
            let exact = try #require(sample["gap"].double)
            #expect(gap.statistic <= exact + 1e-12 && exact <= gap.statistic + gap.error + 1e-12)
            #expect(gap.error <= 2.5 / Double(bins))
            let all = NumberDistribution.distinct((one + other).flatMap { [$0, $0.nextUp] })
            let full = ShiftMeasures.gap(Self.counts(one, all), Self.counts(other, all), edges: all)
            #expect(agree(full.statistic, exact) && full.error < 1e-12)
            let (low, high) = (min(one[0], other[0]), max(one[one.count - 1], other[other.count - 1]))
            let distance = ShiftMeasures.transport(
                Self.counts(one, all), Self.counts(other, all), edges: all, low: low, high: high)
            #expect(agree(distance, sample["wasserstein"].double, tolerance: 1e-6))
        }
    }

    private static func counts(_ values: [Double], _ edges: [Double]) -> [Int] {
        var counts = [Int](repeating: 0, count: edges.count + 1)
        for value in values { counts[edges.filter { $0 <= value }.count] += 1 }
        return counts
    }

    @Test func cellsOfCategories() throws {
        for cells in figures["cells"].list {
            let (one, other) = (cells["one"].ints, cells["other"].ints)
            let test = try #require(HypothesisTests.chiSquared(one, other))
            #expect(agree(test.statistic, cells["statistic"].double) && test.degrees == cells["degrees"].int)
            #expect(agree(test.pValue, cells["probability"].double, tolerance: 1e-12))
            #expect(agree(ShiftMeasures.stability(one, other), cells["psi"].double))
            #expect(agree(ShiftMeasures.divergence(one, other), cells["jensenShannon"].double))
            #expect(agree(ShiftMeasures.variation(one, other), cells["variation"].double))
        }
        #expect(HypothesisTests.chiSquared([1, 0], [3, 0]) == nil)
        #expect(HypothesisTests.chiSquared([1, 2], [0, 0]) == nil)
    }

    @Test func distributionsAndFalseDiscovery() throws {
        for entry in figures["kolmogorov"].list.map(\.doubles) {
            #expect(agree(Distributions.kolmogorovSurvival(entry[0]), entry[1], tolerance: 1e-12))
        }
        for entry in figures["chiSquared"].list.map(\.doubles) {
            let found = Distributions.chiSquaredSurvival(entry[0], degrees: entry[1])
            #expect(abs(found - entry[2]) <= 1e-10 * entry[2])
        }
        let discovery = figures["discovery"]
        let adjusted = HypothesisTests.benjaminiHochberg(discovery["pValues"].doubles)
        for (found, expected) in zip(adjusted, discovery["adjusted"].doubles) { #expect(agree(found, expected)) }
        #expect(adjusted.count == 30 && HypothesisTests.benjaminiHochberg([]).isEmpty)
    }

    /// Under the null hypothesis a p-value below 0.05 comes up in one of twenty comparisons, or fewer with ties.
    @Test func gapsKeepTheirLevel() throws {
        var alarms = 0
        for trial in 0..<400 {
            var generator = SeededGenerator(seed: UInt64(trial))
            let one = (0..<200).map { _ in generator.uniformDouble() }.sorted()
            let other = (0..<300).map { _ in generator.uniformDouble() }.sorted()
            if ShiftMeasures.gapProbability(ShiftMeasures.gap(one, other).statistic, 200, 300) < 0.05 { alarms += 1 }
        }
        // 20 are expected; 35 or more have a probability below 0.1 %.
        #expect((2..<35).contains(alarms))
    }
}
