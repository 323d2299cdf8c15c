import CasemateCore
import CasemateModels

/// Averages gradients over small random changes of the input, so that steps and ripples too small to matter vanish.
///
/// Logits are the inner oracle's. Changes are drawn anew by row and repeat: the same row always gets the same gradient.
struct SmoothedOracle: GradientOracle {
    let inner: any GradientOracle
    /// Standard deviation of the changes.
    let spread: Float
    /// Changes for each gradient.
    var times = 8

    var sampleShape: [Int] { inner.sampleShape }
    var classCount: Int { inner.classCount }

    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        try inner.logits(rows, count: count, cancellation: cancellation)
    }

    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        var total = LossEvaluation(
            logits: try inner.logits(rows, count: count, cancellation: cancellation),
            losses: [Float](repeating: 0, count: count), gradients: [Float](repeating: 0, count: rows.count))
        let sampler = NormalSampler()
        for time in 0..<times {
            // why: the same changes for every row, so that a row's gradient does not depend on its place in the batch.
            var generator = SeededGenerator(seed: 0x736D_6F6F_7468, stream: UInt64(time))
            let size = count == 0 ? 0 : rows.count / count
            let change = (0..<size).map { _ in spread * Float(sampler.next(using: &generator)) }
            var moved = rows
            for index in moved.indices { moved[index] += change[index % size] }
            let answer = try inner.evaluate(
                loss, rows: moved, count: count, labels: labels, targets: targets, cancellation: cancellation)
            for index in answer.losses.indices { total.losses[index] += answer.losses[index] / Float(times) }
            for index in answer.gradients.indices { total.gradients[index] += answer.gradients[index] / Float(times) }
        }
        return total
    }
}
