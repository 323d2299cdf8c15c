import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation
import Synchronization
import Testing

/// Small networks whose gradients are hidden on purpose: the right check must notice, and the attack must get through.
@Suite struct EvaluationMaskingTests {
    /// A way to hide gradients of a network without making it any safer.
    enum Mask: String, CaseIterable, Sendable { case scaled, rounded, noisy }

    struct Masked: GradientOracle {
        let inner: SmallNetwork
        let mask: Mask
        var letsThrough = false
        let calls = Counter()
        final class Counter: Sendable {
            private let value = Mutex<UInt64>(0)
            func next() -> UInt64 {
                value.withLock {
                    $0 += 1
                    return $0
                }
            }
        }
        var sampleShape: [Int] { inner.sampleShape }
        var classCount: Int { inner.classCount }

        private func rounded(_ rows: [Float]) -> [Float] {
            mask == .rounded ? rows.map { ($0 * 16).rounded() / 16 } : rows
        }
        private func change(_ logits: inout [Float]) {
            switch mask {
            case .scaled: for index in logits.indices { logits[index] *= 5_000 }
            case .rounded: return
            case .noisy:
                var generator = SeededGenerator(seed: calls.next())
                let sampler = NormalSampler()
                for index in logits.indices { logits[index] += 0.05 * Float(sampler.next(using: &generator)) }
            }
        }
        func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
            var logits = try inner.logits(rounded(rows), count: count, cancellation: cancellation)
            change(&logits)
            return logits
        }
        func evaluate(
            _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
            cancellation: Cancellation
        ) throws -> LossEvaluation {
            var answer = try inner.evaluate(
                loss, rows: rounded(rows), count: count, labels: labels, targets: targets, cancellation: cancellation)
            change(&answer.logits)
            if mask == .rounded, !letsThrough { answer.gradients = answer.gradients.map { _ in 0 } }
            if mask == .scaled, loss == .crossEntropy { saturate(&answer, labels) }
            return answer
        }
        /// What float32 makes of the cross-entropy: nothing, where the softmax is 1 for the label.
        private func saturate(_ answer: inout LossEvaluation, _ labels: [Int32]) {
            let (width, size) = (classCount, inner.size)
            for (row, label) in labels.enumerated() {
                let logits = answer.logits[row * width..<(row + 1) * width]
                let others = logits.indices.filter { $0 != row * width + Int(label) }.map { logits[$0] }
                guard let best = others.max(), logits[row * width + Int(label)] - best > 104 else { continue }
                answer.losses[row] = 0
                for index in row * size..<(row + 1) * size { answer.gradients[index] = 0 }
            }
        }
    }

    private let network = SmallNetwork(size: 16, hidden: 12, classes: 5, seed: 8)

    private func problem(_ epsilon: Double = 0.1) throws -> RobustnessProblem {
        try LabelledSamples(network, count: 30, seed: 9).problem(.linf, epsilon)
    }

    private func subject(_ mask: Mask) -> EvaluationSubject {
        let masked = Masked(inner: network, mask: mask)
        var subject = EvaluationSubject(oracle: masked, judge: OracleJudge(masked))
        if mask == .rounded {
            subject.roughOperators = ["Round": 1]
            subject.straightThrough = { [network] in Masked(inner: network, mask: mask, letsThrough: true) }
        }
        return subject
    }

    @Test func aPlainNetworkRaisesNoAlarm() throws {
        let plain = EvaluationSubject(oracle: network, judge: OracleJudge(network))
        let result = try RobustnessEvaluation().run(problem(), subject: plain)
        #expect(result.failed.isEmpty, "\(result.story)")
        #expect(result.checks.map(\.number) == Array(1...22))
        #expect(result.adaptations.isEmpty)
    }

    @Test(arguments: Mask.allCases)
    func aMaskedNetworkIsFlaggedAndBroken(mask: Mask) throws {
        let plain = EvaluationSubject(oracle: network, judge: OracleJudge(network))
        let bare = try RobustnessEvaluation().run(problem(), subject: plain)
        let result = try RobustnessEvaluation().run(problem(), subject: subject(mask))
        let wanted: [Mask: Int] = [.scaled: 6, .rounded: 8, .noisy: 9]
        #expect(result.failed.contains(wanted[mask] ?? 0), "\(result.story)")
        // why: rounding and noise really move the border a little.
        let slack = mask == .scaled ? 0 : 4
        let broken = result.result.count(.broken)
        #expect(abs(broken - bare.result.count(.broken)) <= slack, "\(broken) of \(bare.result.count(.broken))")
        let adaptation = try #require(result.adaptations.first { $0.check == wanted[mask] })
        #expect(adaptation.withstoodAfter <= adaptation.withstoodBefore)
        if mask != .noisy { #expect(adaptation.withstoodAfter < adaptation.withstoodBefore) }
    }

    /// Rounding hides everything from gradients: attacks by scores do better, and no radius is large enough.
    @Test func zeroGradientsAreSeenByComparison() throws {
        let result = try RobustnessEvaluation().run(problem(), subject: subject(.rounded))
        for number in [4, 6, 8] { #expect(result.failed.contains(number), "\(number): \(result.story)") }
    }

    /// What a check finds counts, even if the attack that was asked for finds nothing.
    @Test func whatChecksFindCounts() throws {
        let plan = RobustnessEvaluation(attacks: [ProjectedGradientDescent()])
        let result = try plan.run(problem(), subject: subject(.scaled))
        let asked = result.attacks.filter { $0.role == .attack }
        #expect(asked.map(\.identifier) == ["pgd"])
        #expect(asked[0].broken < result.result.count(.broken))
        #expect(result.result.brokenBy.keys.contains { $0.hasPrefix("apgd-dlr") })
    }

    @Test func theSameSeedGivesTheSameEvaluation() throws {
        let plain = EvaluationSubject(oracle: network, judge: OracleJudge(network))
        let first = try RobustnessEvaluation().run(problem(), subject: plain, context: RunContext(seed: 5))
        let second = try RobustnessEvaluation().run(problem(), subject: plain, context: RunContext(seed: 5))
        #expect(first.result == second.result && first.curve == second.curve && first.checks == second.checks)
    }

    @Test func probabilitiesAreNamed() throws {
        var subject = EvaluationSubject(oracle: network, judge: OracleJudge(network))
        subject.removedTail = "Softmax"
        let plan = RobustnessEvaluation(attacks: [ProjectedGradientDescent()], curveEpsilons: [])
        #expect(try plan.run(problem(), subject: subject).check(7)?.detail.contains("ends in Softmax") == true)
        subject.usesLogarithms = true
        #expect(try plan.run(problem(), subject: subject).check(7)?.status == .failed)
    }

    /// Ripples far smaller than the radius turn gradients away; averaged over small changes they vanish.
    @Test func ripplesAreFlaggedAndSmoothedAway() throws {
        struct Rippled: GradientOracle {
            let inner: SmallNetwork
            var sampleShape: [Int] { inner.sampleShape }
            var classCount: Int { inner.classCount }
            func ripple(_ row: ArraySlice<Float>, _ phase: Float) -> (value: Float, slopes: [Float]) {
                (
                    row.reduce(0) { $0 + 0.05 * sin(2_000 * $1 + phase) },
                    row.map { 100 * cos(2_000 * $0 + phase) }
                )
            }
            func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
                var logits = try inner.logits(rows, count: count, cancellation: cancellation)
                for row in 0..<count {
                    let values = rows[row * inner.size..<(row + 1) * inner.size]
                    for index in 0..<classCount {
                        logits[row * classCount + index] += ripple(values, Float(index)).value
                    }
                }
                return logits
            }
            func evaluate(
                _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
                cancellation: Cancellation
            ) throws -> LossEvaluation {
                var answer = try inner.evaluate(
                    loss, rows: rows, count: count, labels: labels, targets: targets, cancellation: cancellation)
                answer.logits = try logits(rows, count: count, cancellation: cancellation)
                for row in 0..<count {
                    let range = row * inner.size..<(row + 1) * inner.size
                    let logits = answer.logits[row * classCount..<(row + 1) * classCount].map { Double($0) }
                    let (loss, up) = ReferenceLoss.value(
                        loss, logits, label: Int(labels[row]), target: targets.isEmpty ? 0 : Int(targets[row]))
                    answer.losses[row] = Float(loss)
                    for (unit, weight) in up.enumerated() where weight != 0 {
                        let slopes = ripple(rows[range], Float(unit)).slopes
                        for (index, slope) in zip(range, slopes) { answer.gradients[index] += Float(weight) * slope }
                    }
                }
                return answer
            }
        }
        let rippled = Rippled(inner: network)
        let samples = try LabelledSamples(rippled, count: 20, seed: 9)
        let subject = EvaluationSubject(oracle: rippled, judge: OracleJudge(rippled))
        let plan = RobustnessEvaluation(attacks: [ProjectedGradientDescent()])
        let result = try plan.run(samples.problem(.linf, 0.1), subject: subject)
        #expect(result.failed.contains(14), "\(result.story)")
        let adaptation = try #require(result.adaptations.first { $0.check == 14 })
        #expect(adaptation.withstoodAfter < adaptation.withstoodBefore, "\(adaptation)")
        let smoothed = try #require(result.attacks.first { $0.role == .adapted })
        #expect(smoothed.backwardPasses % 8 == 0 && smoothed.forwardPasses > smoothed.backwardPasses)
    }
}
