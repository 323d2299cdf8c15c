import CasemateCore
import CasemateModels
import Synchronization

/// Notes the losses of every gradient that passes through it.
final class LossRecorder: GradientOracle {
    private let inner: any GradientOracle
    private let losses = Mutex<[[Float]]>([])

    init(_ inner: any GradientOracle) { self.inner = inner }

    var sampleShape: [Int] { inner.sampleShape }
    var classCount: Int { inner.classCount }

    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        try inner.logits(rows, count: count, cancellation: cancellation)
    }

    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        let answer = try inner.evaluate(
            loss, rows: rows, count: count, labels: labels, targets: targets, cancellation: cancellation)
        losses.withLock { $0.append(answer.losses) }
        return answer
    }

    /// How far the best loss so far moved in the last ten steps, as a share of all it ever moved, mean over rows.
    /// - Returns: The share, and whether no loss moved at all; `nil` unless there are twenty steps of `rows` rows each.
    func movement(rows: Int) -> (share: Double, isFlat: Bool)? {
        let steps = losses.withLock { $0 }
        guard steps.count >= 20, rows > 0, steps.allSatisfy({ $0.count == rows }) else { return nil }
        var (sum, moved) = (0.0, 0)
        for row in 0..<rows {
            var (best, early, lowest) = (-Double.infinity, -Double.infinity, Double.infinity)
            for (step, losses) in steps.enumerated() where losses[row].isFinite {
                best = max(best, Double(losses[row]))
                lowest = min(lowest, Double(losses[row]))
                if step < steps.count - 10 { early = best }
            }
            guard best > lowest, early.isFinite else { continue }
            moved += 1
            sum += (best - early) / (best - lowest)
        }
        return (moved == 0 ? 0 : sum / Double(moved), moved == 0)
    }
}
