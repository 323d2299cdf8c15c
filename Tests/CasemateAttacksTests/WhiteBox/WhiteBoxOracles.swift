import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation
import Synchronization

/// Losses and their gradients by the logits, in double precision, as `ClassificationLoss` words them.
enum ReferenceLoss {
    static func value(
        _ loss: ClassificationLoss, _ z: [Double], label: Int, target: Int
    ) -> (loss: Double, gradient: [Double]) {
        var gradient = [Double](repeating: 0, count: z.count)
        let order = z.indices.sorted { (-z[$0], $0) < (-z[$1], $1) }
        func softmax() -> [Double] {
            let parts = z.map { exp($0 - z[order[0]]) }
            return parts.map { $0 / parts.reduce(0, +) }
        }
        func bestBut(_ index: Int) -> Int { order.first { $0 != index } ?? 0 }
        /// `z[up] - z[down]` over a sum of weighted sorted logits.
        func ratio(_ up: Int, _ down: Int, _ weights: [Int: Double]) -> (Double, [Double]) {
            let width = weights.reduce(1e-12) { $0 + $1.value * z[$1.key] }
            let value = (z[up] - z[down]) / width
            gradient[up] += 1 / width
            gradient[down] -= 1 / width
            for (index, weight) in weights { gradient[index] -= value * weight / width }
            return (value, gradient)
        }
        switch loss {
        case .crossEntropy, .targetedCrossEntropy:
            let isTargeted = loss == .targetedCrossEntropy
            let (sign, index, p) = (isTargeted ? 1.0 : -1.0, isTargeted ? target : label, softmax())
            gradient = p.indices.map { sign * (($0 == index ? 1 : 0) - p[$0]) }
            let sum = z.reduce(0) { $0 + exp($1 - z[order[0]]) }
            return (sign * (z[index] - z[order[0]] - log(sum)), gradient)
        case .margin, .targetedMargin, .logitDifference:
            let up = loss == .margin ? bestBut(label) : target
            let down = loss == .targetedMargin ? bestBut(target) : label
            gradient[up] += 1
            gradient[down] -= 1
            return (z[up] - z[down], gradient)
        case .differenceOfLogitsRatio:
            return ratio(bestBut(label), label, [order[0]: 1, order[2]: -1])
        case .targetedDifferenceOfLogitsRatio:
            return ratio(target, label, [order[0]: 1, order[2]: -0.5, order[3]: -0.5])
        }
    }
}

/// A network of one hidden layer of ReLUs, or a linear one without it, with gradients written by hand.
struct SmallNetwork: GradientOracle {
    let sampleShape: [Int]
    let classCount: Int
    /// `[hidden][size]` and `[classes][hidden]`; without a hidden layer `first` is empty and `second` `[classes][size]`.
    let first: [[Double]], firstBias: [Double], second: [[Double]], secondBias: [Double]

    /// Random weights.
    init(size: Int, hidden: Int, classes: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let sampler = NormalSampler()
        func draw(_ rows: Int, _ width: Int) -> [[Double]] {
            (0..<rows).map { _ in (0..<width).map { _ in sampler.next(using: &generator) / Double(width).squareRoot() }
            }
        }
        first = draw(hidden, size)
        firstBias = (0..<hidden).map { _ in 0.3 * sampler.next(using: &generator) }
        second = draw(classes, hidden == 0 ? size : hidden)
        secondBias = (0..<classes).map { _ in 0.1 * sampler.next(using: &generator) }
        (sampleShape, classCount) = ([size], classes)
    }
    /// A linear model of two classes, `[0, weights · x + bias]`.
    init(weights: [Double], bias: Double) {
        (first, firstBias) = ([], [])
        (second, secondBias) = ([weights.map { _ in 0 }, weights], [0, bias])
        (sampleShape, classCount) = ([weights.count], 2)
    }

    var size: Int { sampleShape[0] }

    func hidden(_ row: ArraySlice<Float>) -> [Double] {
        if first.isEmpty { return row.map(Double.init) }
        return zip(first, firstBias).map { weights, bias in
            var sum = bias
            for (weight, value) in zip(weights, row) { sum += weight * Double(value) }
            return max(0, sum)
        }
    }
    func logits(_ row: ArraySlice<Float>) -> [Double] { output(hidden(row)) }
    private func output(_ hidden: [Double]) -> [Double] {
        zip(second, secondBias).map { weights, bias in zip(weights, hidden).reduce(bias) { $0 + $1.0 * $1.1 } }
    }

    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        precondition(rows.count == count * size)
        return (0..<count).flatMap { logits(rows[$0 * size..<($0 + 1) * size]).map { Float($0) } }
    }

    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        precondition(rows.count == count * size && labels.count == count)
        precondition(targets.count == (loss.isTargeted ? count : 0), "\(targets.count) targets for \(loss)")
        var result = LossEvaluation(logits: [], losses: [], gradients: [])
        for row in 0..<count {
            let hidden = hidden(rows[row * size..<(row + 1) * size])
            let logits = output(hidden)
            let (value, up) = ReferenceLoss.value(
                loss, logits, label: Int(labels[row]), target: targets.isEmpty ? 0 : Int(targets[row]))
            var inner = hidden.indices.map { unit in second.indices.reduce(0) { $0 + up[$1] * second[$1][unit] } }
            if !first.isEmpty {
                for unit in inner.indices where hidden[unit] <= 0 { inner[unit] = 0 }
                inner = (0..<size).map { input in first.indices.reduce(0) { $0 + inner[$1] * first[$1][input] } }
            }
            result.logits += logits.map { Float($0) }
            result.losses.append(Float(value))
            result.gradients += inner.map { Float($0) }
        }
        return result
    }
}

/// Counts what an oracle is asked, and may answer otherwise than it.
final class WatchedOracle: GradientOracle {
    let inner: any GradientOracle
    let change: @Sendable (inout [Float], _ call: Int) -> Void
    private let counts = Mutex((forward: 0, backward: 0, calls: 0, largest: 0))
    var sampleShape: [Int] { inner.sampleShape }
    var classCount: Int { inner.classCount }
    var forwardPasses: Int { counts.withLock { $0.forward } }
    var backwardPasses: Int { counts.withLock { $0.backward } }
    var largestCall: Int { counts.withLock { $0.largest } }

    /// `change` may rewrite logits.
    init(_ inner: any GradientOracle, change: @escaping @Sendable (inout [Float], Int) -> Void = { _, _ in }) {
        (self.inner, self.change) = (inner, change)
    }
    private func count(_ rows: Int, isBackward: Bool) -> Int {
        counts.withLock {
            $0.forward += rows
            $0.backward += isBackward ? rows : 0
            $0.calls += 1
            $0.largest = max($0.largest, rows)
            return $0.calls
        }
    }
    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        let call = self.count(count, isBackward: false)
        var logits = try inner.logits(rows, count: count, cancellation: cancellation)
        change(&logits, call)
        return logits
    }
    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        let call = self.count(count, isBackward: true)
        var answer = try inner.evaluate(
            loss, rows: rows, count: count, labels: labels, targets: targets, cancellation: cancellation)
        change(&answer.logits, call)
        return answer
    }
}

/// Uniform samples with the labels that a model gives them.
struct LabelledSamples {
    let rows: [Float], labels: [Int32], size: Int
    var count: Int { labels.count }

    init(_ oracle: some GradientOracle, count: Int, seed: UInt64, low: Float = 0, high: Float = 1) throws {
        var generator = SeededGenerator(seed: seed)
        let size = oracle.sampleShape.reduce(1, *)
        self.size = size
        rows = (0..<count * size).map { _ in low + (high - low) * generator.uniform() }
        labels = try OracleJudge(oracle).labels(of: rows, count: count, cancellation: Cancellation())
    }
    func row(_ index: Int) -> [Float] { Array(rows[index * size..<(index + 1) * size]) }
    func problem(
        _ norm: PerturbationSet.Norm, _ epsilon: Double?, low: Float = 0, high: Float = 1, targets: [Int32]? = nil
    ) throws -> RobustnessProblem {
        try RobustnessProblem(
            rows: rows, shape: [size], labels: labels, targets: targets,
            set: try PerturbationSet(norm: norm, epsilon: epsilon, low: low, high: high))
    }
}

extension RobustnessRun {
    /// Runs with the oracle's own decisions as the judge.
    func run(_ problem: RobustnessProblem, _ oracle: any GradientOracle, seed: UInt64 = 0) throws -> RobustnessResult {
        try run(problem, oracle: oracle, judge: OracleJudge(oracle), context: RunContext(seed: seed))
    }
}
