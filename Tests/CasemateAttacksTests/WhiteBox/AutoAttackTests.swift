import CasemateAttacks
import CasemateCore
import CasemateModels
import Testing

@Suite struct AutoAttackTests {
    typealias Norm = PerturbationSet.Norm

    /// On two inputs a fine grid over the ball finds nearly all there is to find.
    @Test(arguments: [Norm.linf, .l2, .l1], [2, 3, 5])
    func findsWhatAGridFinds(norm: Norm, classes: Int) throws {
        var (grid, found, extra) = (0, 0, 0)
        for seed in 0..<3 as Range<UInt64> {
            let network = SmallNetwork(size: 2, hidden: 12, classes: classes, seed: 20 + seed)
            let samples = try LabelledSamples(network, count: 12, seed: seed)
            let problem = try samples.problem(norm, norm == .l1 ? 0.15 : 0.1)
            let result = try RobustnessRun(attack: AutoAttack()).run(problem, network)
            for index in 0..<samples.count {
                let isBroken = result.samples[index].outcome == .broken
                let isReachable = try reachable(network, samples.row(index), samples.labels[index], problem.set)
                grid += isReachable ? 1 : 0
                found += isReachable && isBroken ? 1 : 0
                extra += isBroken && !isReachable ? 1 : 0
            }
        }
        #expect(found == grid && extra <= 1, "\(found) of \(grid), \(extra) between the points of the grid")
    }

    private func reachable(
        _ network: SmallNetwork, _ row: [Float], _ label: Int32, _ set: PerturbationSet
    ) throws -> Bool {
        let radius = Float(set.epsilon ?? 0)
        var points: [Float] = []
        for down in -30...30 {
            for right in -30...30 {
                let point = [row[0] + radius * Float(down) / 30, row[1] + radius * Float(right) / 30]
                let isInside = point.allSatisfy { (0...1).contains($0) }
                if isInside, PerturbationSet.distance(set.norm, point, row) <= Double(radius) { points += point }
            }
        }
        let labels = try OracleJudge(network).labels(of: points, count: points.count / 2, cancellation: Cancellation())
        return labels.contains { $0 != label }
    }

    @Test(arguments: [2, 3, 4, 12])
    func everyNumberOfClassesWorks(classes: Int) throws {
        let network = SmallNetwork(size: 8, hidden: 10, classes: classes, seed: 7)
        let samples = try LabelledSamples(network, count: 20, seed: 3)
        let problem = try samples.problem(.linf, 0.15)
        let result = try RobustnessRun(attack: AutoAttack()).run(problem, network)
        let single = try RobustnessRun(attack: FastGradientSign()).run(problem, network)
        #expect(result.count(.broken) >= single.count(.broken) && result.count(.broken) > 0)
        #expect(result.count(.broken) + result.count(.notBroken) == 20)
        let members = Set(AutoAttack().members.map { type(of: $0).identifier })
        #expect(Set(result.brokenBy.keys).isSubset(of: members))
        // why: a member sees survivors only, so what the first alone breaks is broken by it.
        let first = try RobustnessRun(attack: AutoPGDCrossEntropy()).run(problem, network)
        #expect(result.brokenBy["apgd-ce"] ?? 0 == first.count(.broken))
    }

    @Test(arguments: whiteBoxAttacks.map { $0.identifier })
    func targetsAreMet(identifier: String) throws {
        let type = try #require(whiteBoxAttacks.first { $0.identifier == identifier })
        let network = SmallNetwork(size: 8, hidden: 10, classes: 4, seed: 7)
        let samples = try LabelledSamples(network, count: 12, seed: 3)
        let targets = samples.labels.map { ($0 + 1) % 4 }
        let norm = try #require(type.norms.first)
        let problem = try samples.problem(norm, norm == .l0 ? 3 : 0.5, targets: targets)
        let result = try RobustnessRun(attack: type.init()).run(problem, network)
        for sample in result.samples where sample.outcome == .broken {
            #expect(sample.adversarialLabel == targets[sample.identifier])
        }
        #expect(result.count(.broken) > 0)
    }

    /// Cross-entropy is blind where the softmax saturates; the ratio of logits is not.
    @Test func scaledLogitsDoNotHide() throws {
        struct Scaled: GradientOracle {
            let inner: SmallNetwork
            var sampleShape: [Int] { inner.sampleShape }
            var classCount: Int { inner.classCount }
            func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
                try inner.logits(rows, count: count, cancellation: cancellation).map { 1_000 * $0 }
            }
            func evaluate(
                _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
                cancellation: Cancellation
            ) throws -> LossEvaluation {
                var answer = try inner.evaluate(
                    loss, rows: rows, count: count, labels: labels, targets: targets, cancellation: cancellation)
                answer.logits = answer.logits.map { 1_000 * $0 }
                guard loss == .crossEntropy else { return answer }
                let width = inner.classCount
                for row in 0..<count {
                    let logits = answer.logits[row * width..<(row + 1) * width]
                    guard let top = logits.max(), logits[row * width + Int(labels[row])] == top,
                        !logits.contains(where: { $0 < top && $0 > top - 100 })
                    else { continue }
                    for index in row * inner.size..<(row + 1) * inner.size { answer.gradients[index] = 0 }
                    answer.losses[row] = 0
                }
                return answer
            }
        }
        let network = SmallNetwork(size: 16, hidden: 12, classes: 5, seed: 8)
        let samples = try LabelledSamples(network, count: 30, seed: 9)
        let problem = try samples.problem(.linf, 0.1)
        let plain = try RobustnessRun(attack: AutoAttack()).run(problem, network)
        let blind = try RobustnessRun(attack: AutoPGDCrossEntropy()).run(problem, Scaled(inner: network))
        let seeing = try RobustnessRun(attack: AutoAttack()).run(problem, Scaled(inner: network))
        #expect(blind.count(.broken) < plain.count(.broken))
        #expect(seeing.robustAccuracy == plain.robustAccuracy)
    }
}
