import CasemateCore
import Testing

@Suite struct IntervalsTests {
    /// Closed forms: with no success out of n, Clopper-Pearson's upper end is 1 − (α/2)^(1/n), with n of n its mirror.
    @Test(arguments: [1, 2, 10, 1_000])
    func clopperPearsonMatchesItsClosedFormAtTheEnds(trials: Int) throws {
        let none = try #require(Intervals.clopperPearson(successes: 0, trials: trials))
        let all = try #require(Intervals.clopperPearson(successes: trials, trials: trials))
        var root = 1.0
        // Bisection for root^trials = 0.025, independent of any library.
        var (low, high) = (0.0, 1.0)
        for _ in 0..<200 {
            root = (low + high) / 2
            var power = 1.0
            for _ in 0..<trials { power *= root }
            if power > 0.025 { high = root } else { low = root }
        }
        #expect(abs(none.high - (1 - root)) < 1e-9)
        #expect(abs(all.low - root) < 1e-9)
        #expect(none.low == 0 && all.high == 1)
    }

    /// The ends of Clopper-Pearson leave exactly 2.5 % of the binomial distribution beyond the observation.
    @Test(arguments: [(3, 17), (8, 10), (50, 400), (1, 3)])
    func clopperPearsonLeavesTheTailsOfTheBinomial(successes: Int, trials: Int) throws {
        let interval = try #require(Intervals.clopperPearson(successes: successes, trials: trials))
        #expect(abs(binomialTail(from: successes, trials: trials, share: interval.low) - 0.025) < 1e-9)
        let below = 1 - binomialTail(from: successes + 1, trials: trials, share: interval.high)
        #expect(abs(below - 0.025) < 1e-9)
    }

    private func binomialTail(from first: Int, trials: Int, share: Double) -> Double {
        var sum = 0.0
        for k in stride(from: trials, through: first, by: -1) {
            var term = 1.0
            for i in 0..<k { term *= Double(trials - i) / Double(k - i) * share }
            for _ in 0..<(trials - k) { term *= 1 - share }
            sum += term
        }
        return sum
    }

    /// Wilson's ends solve (p̂ − p)² = z² p (1 − p) / n.
    @Test(arguments: [(0, 5), (1, 5), (5, 5), (37, 120), (999, 1_000)])
    func wilsonEndsSolveTheScoreEquation(successes: Int, trials: Int) throws {
        let interval = try #require(Intervals.wilson(successes: successes, trials: trials))
        let share = Double(successes) / Double(trials)
        let z2 = 1.959963984540054 * 1.959963984540054
        for end in [interval.low, interval.high] where end > 0 && end < 1 {
            let left = (share - end) * (share - end)
            #expect(abs(left - z2 * end * (1 - end) / Double(trials)) < 1e-12)
        }
        #expect(interval.low <= share && share <= interval.high)
    }

    @Test func nothingIsMadeUpWithoutTrials() {
        #expect(Intervals.wilson(successes: 0, trials: 0) == nil)
        #expect(Intervals.clopperPearson(successes: 0, trials: 0) == nil)
        #expect(Intervals.katzRatio(successes: 0, trials: 5, referenceSuccesses: 2, referenceTrials: 5) == nil)
        #expect(Intervals.newcombeDifference(successes: 0, trials: 0, referenceSuccesses: 2, referenceTrials: 5) == nil)
    }

    /// Newcombe 1998, table II, example (a): 56/70 − 48/80, method 10.
    @Test func newcombeMatchesThePublishedExample() throws {
        let interval = try #require(
            Intervals.newcombeDifference(successes: 56, trials: 70, referenceSuccesses: 48, referenceTrials: 80))
        #expect(abs(interval.low - 0.0524) < 5e-5)
        #expect(abs(interval.high - 0.3339) < 5e-5)
    }
}
