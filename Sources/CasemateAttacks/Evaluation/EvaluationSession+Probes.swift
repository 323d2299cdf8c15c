import CasemateCore
import CasemateModels
import Foundation

extension EvaluationSession {
    /// The samples that are looked at before it is known which are right.
    private var first: [Int] { Array(0..<min(plan.checkSamples, problem.count)) }

    /// Asks the same rows five times.
    func measureRandomness() throws {
        let samples = first
        let begin = ContinuousClock.now
        let rows = rows(samples)
        let width = subject.oracle.classCount
        guard problem.size == subject.oracle.sampleShape.reduce(1, *), width >= 2 else { return }
        let once = try ask(rows)
        var largest = 0.0
        for _ in 1..<5 {
            let again = try ask(rows)
            for row in samples.indices where again.count == once.count && (row + 1) * width <= once.count {
                var (difference, scale) = (0.0, 1e-30)
                for index in row * width..<(row + 1) * width {
                    let (a, b) = (Double(once[index]), Double(again[index]))
                    // why: a logit that is no number is another check's business.
                    if a.isNaN || b.isNaN || a == b { continue }
                    difference = max(difference, abs(a - b))
                    scale = max(scale, abs(a), abs(b))
                }
                largest = max(largest, difference / scale)
            }
        }
        facts.randomness = largest
        note("randomness", samples.count, forward: 5 * samples.count, since: begin)
    }

    /// Looks at the gradients of two losses at the samples as they are.
    func measureGradients() throws {
        let samples = checked
        guard subject.hasGradients, !samples.isEmpty else { return }
        let begin = ContinuousClock.now
        var found = EvaluationMeasurements.Gradients(samples: samples.count, areProbabilities: true)
        let piece = max(1, min(256, (1 << 24) / problem.size))
        for start in stride(from: 0, to: samples.count, by: piece) {
            let part = Array(samples[start..<min(start + piece, samples.count)])
            let (rows, labels) = (rows(part), part.map { problem.labels[$0] })
            let entropy = try evaluate(.crossEntropy, rows, labels)
            let margin = try evaluate(.margin, rows, labels)
            for row in part.indices { inspect(row, labels[row], entropy, margin, &found) }
        }
        facts.gradients = found
        note("gradients", samples.count, forward: 2 * samples.count, backward: 2 * samples.count, since: begin)
    }

    private func inspect(
        _ row: Int, _ label: Int32, _ entropy: LossEvaluation, _ margin: LossEvaluation,
        _ found: inout EvaluationMeasurements.Gradients
    ) {
        let (size, width) = (problem.size, subject.oracle.classCount)
        let range = row * size..<(row + 1) * size
        let gradient = entropy.gradients[range]
        let isBroken = gradient.contains { !$0.isFinite } || !entropy.losses[row].isFinite
        found.broken += isBroken ? 1 : 0
        found.zero += !isBroken && gradient.allSatisfy { $0 == 0 } ? 1 : 0
        found.zeroMargin += margin.gradients[range].allSatisfy { $0 == 0 || !$0.isFinite } ? 1 : 0
        let logits = entropy.logits[row * width..<(row + 1) * width].map { Double($0) }
        let own = logits[Int(label)]
        var others = 0.0
        for (index, logit) in logits.enumerated() where index != Int(label) { others += exp(logit - own) }
        found.saturated += others < 0x1p-24 ? 1 : 0
        let sum = logits.reduce(0, +)
        if !logits.allSatisfy({ $0 >= 0 && $0 <= 1 }) || abs(sum - 1) > 1e-5 { found.areProbabilities = false }
    }

    /// Compares the margin at random points near samples with what its gradient says.
    func measureNoise() throws {
        // why: a hundred points a sample are dear, and a mean over twenty samples tells enough.
        let samples = Array(checked.prefix(20))
        guard subject.hasGradients, norm != .l0, !samples.isEmpty else { return }
        let begin = ContinuousClock.now
        let points = 100
        let margins = try evaluate(.margin, rows(samples), samples.map { problem.labels[$0] })
        var total = 0.0
        for (place, sample) in samples.enumerated() {
            try context.cancellation.check()
            let original = rows([sample])
            let near = scatter(original, points, sample)
            let gradient = Array(margins.gradients[place * problem.size..<(place + 1) * problem.size])
            let at = Double(margins.losses[place])
            let logits = try ask(near)
            var unexplained = 0.0
            for point in 0..<points {
                var linear = at
                for index in gradient.indices {
                    linear += Double(gradient[index]) * Double(near[point * problem.size + index] - original[index])
                }
                unexplained += abs(Self.margin(logits, point, oracle.classCount, problem.labels[sample]) - linear)
            }
            let share = unexplained / Double(points) / max(abs(at), 1e-12)
            total += share.isFinite ? min(share, 1) : 1
        }
        facts.localNoise = (total / Double(samples.count), samples.count)
        note(
            "local noise", samples.count, forward: (points + 1) * samples.count, backward: samples.count, since: begin)
    }

    /// Random points within a tenth of the radius around a sample, in the box.
    private func scatter(_ original: [Float], _ points: Int, _ sample: Int) -> [Float] {
        let size = problem.size
        var generator = SeededGenerator(
            seed: context.seed ^ 0x6E6F_6973_65, stream: UInt64(bitPattern: Int64(problem.identifiers[sample])))
        let sampler = NormalSampler()
        var near = [Float](repeating: 0, count: points * size)
        near.withUnsafeMutableBufferPointer { near in
            original.withUnsafeBufferPointer { original in
                guard let center = original.baseAddress else { return }
                for point in 0..<points {
                    let row = UnsafeMutableBufferPointer(rebasing: near[point * size..<(point + 1) * size])
                    Steepest.start(
                        norm, row, around: center, radius: epsilon / 10, sampler: sampler, using: &generator)
                    for index in 0..<size { row[index] = min(max(row[index], problem.set.low), problem.set.high) }
                }
            }
        }
        return near
    }

    private static func margin(_ logits: [Float], _ row: Int, _ width: Int, _ label: Int32) -> Double {
        var best = -Double.infinity
        for index in 0..<width where index != Int(label) { best = max(best, Double(logits[row * width + index])) }
        return best - Double(logits[row * width + Int(label)])
    }

    /// Samples as they are, one after the other.
    func rows(_ samples: [Int]) -> [Float] {
        let size = problem.size
        if samples.count == problem.count { return problem.rows }
        return samples.flatMap { problem.rows[$0 * size..<($0 + 1) * size] }
    }

    private func ask(_ rows: [Float]) throws -> [Float] {
        try oracle.logits(rows, count: rows.count / problem.size, cancellation: context.cancellation)
    }

    private func evaluate(_ loss: ClassificationLoss, _ rows: [Float], _ labels: [Int32]) throws -> LossEvaluation {
        let answer = try oracle.evaluate(
            loss, rows: rows, count: labels.count, labels: labels, targets: [], cancellation: context.cancellation)
        guard answer.logits.count == labels.count * oracle.classCount, answer.losses.count == labels.count,
            answer.gradients.count == rows.count
        else {
            throw CasemateError(
                .mismatch, at: "model", "gives \(answer.gradients.count) gradients for \(rows.count) values",
                help: "check the model's input and output shapes")
        }
        return answer
    }

    func note(_ name: String, _ samples: Int, forward: Int, backward: Int = 0, since begin: ContinuousClock.Instant) {
        ledger.note(
            AttackSummary(
                identifier: name, variant: nil, role: .check, epsilon: epsilon, samples: samples, broken: 0,
                forwardPasses: forward, backwardPasses: backward,
                seconds: (ContinuousClock.now - begin).inSeconds))
    }
}
