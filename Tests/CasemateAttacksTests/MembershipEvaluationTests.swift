import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// What is reported of an attack, and what is refused.
@Suite struct MembershipEvaluationTests {
    private func evaluation(_ members: [Double], _ others: [Double]) -> MembershipEvaluation {
        MembershipEvaluation(
            scores: members + others, isMember: members.map { _ in true } + others.map { _ in false })
    }

    @Test func aRateThatTheNonMembersCannotCarryIsRefused() {
        let members = (0..<400).map { Double($0) + 1e6 }
        for (count, rate, needed) in [(999, 0.001, 1_000), (99, 0.01, 100), (500, 0.001, 1_000)] {
            let point = evaluation(members, (0..<count).map(Double.init)).point(atFalsePositiveRate: rate)
            #expect(point.truePositiveRate == nil && point.interval == nil && point.pValue == nil)
            #expect(point.neededNonMembers == needed && point.note.contains("at least \(needed) non-members"))
            #expect(point.note.contains("\(count)"))
        }
        let enough = evaluation(members, (0..<1_000).map(Double.init)).point(atFalsePositiveRate: 0.001)
        #expect(enough.truePositiveRate == 1 && enough.falsePositives == 1 && enough.threshold == 999)
        #expect(evaluation([], [1, 2]).point(atFalsePositiveRate: 1).truePositiveRate == nil)
        #expect(evaluation([], [1, 2]).area == nil && evaluation([1], []).balancedAccuracy == nil)
    }

    /// Against brute force over all thresholds at a non-member's score, with ties.
    @Test func thePointIsTheBestThatTheRuleAllows() {
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let levels = UInt64([3, 10, 1_000][Int(seed % 3)])
            func draw(_ count: Int) -> [Double] { (0..<count).map { _ in Double(generator.next() % levels) } }
            let (members, others) = (draw(40), draw(60))
            for rate in [0.02, 0.1, 0.5, 1] {
                let point = evaluation(members, others).point(atFalsePositiveRate: rate)
                let allowed = Int(rate * 60 + 1e-9)
                let open = Set(others).filter { cut in others.count { $0 >= cut } <= allowed }
                let hits =
                    open.min().map { cut in members.count { $0 >= cut } }
                    ?? members.count { $0 > (others.max() ?? 0) }
                #expect(point.truePositives == hits, "seed \(seed), rate \(rate)")
                #expect(point.falsePositives <= allowed)
                #expect(point.falsePositives == (open.min().map { cut in others.count { $0 >= cut } } ?? 0))
            }
        }
    }

    /// A new non-member is accused with a probability of at most the rate, although the same rows chose the threshold.
    @Test func theThresholdIsHonest() {
        var accused = 0.0
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let others = (0..<100).map { _ in generator.uniformDouble() }
            // Uniform scores: the chance that a new one is at or above the threshold is 1 − threshold.
            accused += 1 - evaluation([0.5], others).point(atFalsePositiveRate: 0.05).threshold
        }
        // Exact mean 5/101; standard error of 2,000 draws 0.0005.
        #expect(abs(accused / 2_000 - 5 / 101) < 0.002)
    }

    /// The p-value is uniform where members and non-members are alike, and never too small.
    @Test func theExactTestHoldsItsLevel() {
        for levels in [UInt64(1) << 40, 20] {
            var alarms = 0
            for seed in 0..<1_000 as Range<UInt64> {
                var generator = SeededGenerator(seed: seed)
                func draw(_ count: Int) -> [Double] { (0..<count).map { _ in Double(generator.next() % levels) } }
                let point = evaluation(draw(80), draw(120)).point(atFalsePositiveRate: 0.05)
                if (point.pValue ?? 0) < 0.05 { alarms += 1 }
            }
            // 50 expected at most; one-sided 99.9 % bound.
            #expect(alarms <= 72, "\(alarms) of 1,000 at \(levels) levels")
        }
    }

    @Test func balancedAccuracyIsNotFlattered() {
        var generator = SeededGenerator(seed: 4)
        var sum = 0.0
        for _ in 0..<200 {
            let found = evaluation(
                (0..<30).map { _ in generator.uniformDouble() }, (0..<30).map { _ in generator.uniformDouble() })
            sum += found.balancedAccuracy ?? 0
        }
        #expect(abs(sum / 200 - 0.5) < 0.02)
        let clear = evaluation((0..<50).map { Double($0) + 100 }, (0..<50).map(Double.init))
        #expect((clear.balancedAccuracy ?? 0) >= 0.98 && (clear.balancedAccuracyInterval?.low ?? 0) > 0.9)
    }
}

/// Which rows may stand for members and non-members, and which shadows learn them.
@Suite struct MembershipDesignTests {
    @Test func duplicatesAcrossAndWithinAreLeftOutAndCounted() {
        let features = [Feature("a"), Feature("b")]
        func matrix(_ rows: [[Float]]) -> FeatureMatrix {
            FeatureMatrix(features: features, values: rows.flatMap { $0 })
        }
        let train = matrix([[1, 2], [1, 2], [3, .nan], [0, 5], [7, 7], [1, 2]])
        let test = matrix([[3, .nan], [-0, 5], [8, 8], [7, 7], [8, 8]])
        let rows = MembershipRows(
            members: (train, [0, 0, 1, 1, 0, 1]), nonMembers: (test, [1, 1, 0, 1, 0]))
        // Equal: (3, missing, 1) and (0, 5, 1); (7, 7) has another label; (1, 2, 1) another than (1, 2, 0).
        #expect(rows.members == [0, 4, 5] && rows.sharedMembers == 2 && rows.repeatedMembers == 1)
        #expect(rows.nonMembers == [2, 3] && rows.sharedNonMembers == 2 && rows.repeatedNonMembers == 1)
    }

    @Test func everyRowIsInExactlyHalfOfTheShadows() {
        let design = ShadowDesign(shadows: 10, rows: 500, seed: 3)
        for row in 0..<500 {
            #expect((0..<10).count { design.isMember[$0 * 500 + row] } == 5)
        }
        for shadow in 0..<10 {
            #expect((200...300).contains(design.members(of: shadow).count))
            #expect(
                design.membership(of: shadow).enumerated().filter(\.element).map(\.offset) == design.members(of: shadow)
            )
        }
        #expect(design == ShadowDesign(shadows: 10, rows: 500, seed: 3))
        #expect(design != ShadowDesign(shadows: 10, rows: 500, seed: 4))
    }

    @Test func confidencesThatDoNotFitAreRefused() throws {
        let design = ShadowDesign(shadows: 4, rows: 3, seed: 0)
        func code(_ values: [Double], _ design: ShadowDesign) -> CasemateError.Code? {
            do {
                _ = try ShadowConfidences(design: design, values: values)
                return nil
            } catch { return error.code }
        }
        #expect(code([Double](repeating: 0, count: 12), design) == nil)
        #expect(code([0], design) == .mismatch)
        #expect(code([Double](repeating: 0, count: 11) + [.infinity], design) == .unusableData)
        let lopsided = ShadowDesign(isMember: [true, true, true, false], shadows: 4)
        #expect(code([0, 0, 0, 0], lopsided) == .unusableData)
        let whole = try ShadowConfidences(
            design: ShadowDesign(shadows: 6, rows: 2, seed: 0), values: (0..<12).map(Double.init))
        let rest = try whole.leaving(out: 2)
        #expect(rest.design.shadows == 5 && rest.values == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11])
        #expect(whole.confidences(of: 2) == [4, 5])
    }

    private func pool(_ count: Int) -> ShadowPool {
        let matrix = normalMatrix(count, 4, seed: 2)
        let labels = (0..<count).map { (matrix[row: $0].first ?? 0) > 0 ? 1 : 0 }
        return ShadowPool(matrix: matrix, labels: labels, classes: 2)
    }

    @Test func shadowsAreTheSameAtAnyNumberOfThreads() throws {
        let engine = try LightGBM(Repository.engines)
        let (pool, design) = (pool(300), ShadowDesign(shadows: 6, rows: 300, seed: 1))
        let learner = BoostedShadow(engine: engine, rounds: 10)
        let one = try design.confidences(of: pool, learner: learner, context: RunContext(threads: 1))
        let three = try design.confidences(of: pool, learner: learner, context: RunContext(threads: 3))
        #expect(one == three)
        // Only its own members matter to a shadow.
        let first = try learner.confidences(trainingOn: design.members(of: 0), of: pool, cancellation: Cancellation())
        #expect(first == one.confidences(of: 0))
        let linear = try design.confidences(of: pool, learner: LogisticShadow(), context: RunContext(threads: 2))
        #expect(linear.values.count == 1_800)
    }

    @Test func shadowsStopWhenTold() throws {
        let engine = try LightGBM(Repository.engines)
        let (pool, design) = (pool(300), ShadowDesign(shadows: 6, rows: 300, seed: 1))
        let learner = BoostedShadow(engine: engine)
        let late = RunContext(deadline: ContinuousClock.now)
        #expect(throws: Cancelled(reason: .outOfTime)) {
            try design.confidences(of: pool, learner: learner, context: late)
        }
        let cancelled = RunContext(threads: 2)
        cancelled.cancellation.cancel(.interrupted)
        #expect(throws: Cancelled(reason: .interrupted)) {
            try design.confidences(of: pool, learner: learner, context: cancelled)
        }
    }

    /// A shift is found; its absence raises few alarms.
    @Test func aShiftIsFoundAndItsAbsenceIsNot() throws {
        let engine = try LightGBM(Repository.engines)
        var moved = normalMatrix(400, 5, seed: 12)
        for index in moved.values.indices where index % 5 == 2 { moved.values[index] += 0.7 }
        let found = try DistributionShift(
            between: normalMatrix(400, 5, seed: 11), and: moved, engine: engine, context: RunContext(seed: 1))
        #expect(found.isFound() && (found.ranks.area ?? 0) > 0.6 && found.count == 800)
        var alarms = 0
        for seed in 0..<40 as Range<UInt64> {
            let none = try DistributionShift(
                between: normalMatrix(300, 5, seed: 100 + seed), and: normalMatrix(200, 5, seed: 200 + seed),
                engine: engine, context: RunContext(seed: seed, threads: 2))
            if none.isFound() { alarms += 1 }
        }
        #expect(alarms <= 3, "\(alarms) alarms in 40")
    }
}
