import CasemateModels

/// The samples that an attack works on, one lane each: original and current point, side by side in memory.
///
/// Lanes leave when the session closes their sample or the attack is done with them. Owned by one thread.
final class MinimumNormLanes {
    /// The sample of each lane.
    let samples: [Int]
    /// Values of one sample.
    let size: Int
    /// Lanes still in work, in order.
    var live: [Int]
    private let session: WhiteBoxSession
    private let originals: UnsafeMutablePointer<Float>
    private let points: UnsafeMutablePointer<Float>

    /// Starts every sample at its original.
    init(_ samples: [Int], in session: WhiteBoxSession) {
        (self.samples, self.session) = (samples, session)
        let size = session.problem.size
        self.size = size
        live = Array(samples.indices)
        originals = .allocate(capacity: samples.count * size)
        points = .allocate(capacity: samples.count * size)
        session.problem.rows.withUnsafeBufferPointer { rows in
            guard let rows = rows.baseAddress else { return }
            for (lane, sample) in samples.enumerated() {
                (originals + lane * size).initialize(from: rows + sample * size, count: size)
                (points + lane * size).initialize(from: rows + sample * size, count: size)
            }
        }
    }
    deinit {
        originals.deallocate()
        points.deallocate()
    }

    /// The unperturbed row of a lane.
    func original(_ lane: Int) -> UnsafePointer<Float> { UnsafePointer(originals + lane * size) }
    /// The row that a lane is at.
    func point(_ lane: Int) -> UnsafeMutablePointer<Float> { points + lane * size }
    /// The samples of the live lanes.
    var liveSamples: [Int] { live.map { samples[$0] } }

    /// Lets lanes go whose sample the session has closed.
    func dropClosed() { live.removeAll { !session.isOpen(samples[$0]) } }

    /// Evaluates a loss at the points of some lanes, inside the box but not confined to the ball; the points become what
    /// the session made of them.
    func evaluate(_ loss: ClassificationLoss, _ lanes: [Int], targets: [Int32]) throws -> LossEvaluation {
        var batch = gather(lanes)
        let answer = try session.evaluate(
            loss, &batch, of: lanes.map { samples[$0] }, targets: targets, isConfined: false)
        scatter(batch, lanes)
        return answer
    }

    /// Asks for the logits of the points of some lanes, likewise, or confined to the ball as well.
    func forward(_ lanes: [Int], isConfined: Bool = false) throws -> [Float] {
        var batch = gather(lanes)
        let logits = try session.forward(&batch, of: lanes.map { samples[$0] }, isConfined: isConfined)
        scatter(batch, lanes)
        return logits
    }

    /// What is to be done.
    var problem: RobustnessProblem { session.problem }
    /// Number of logits.
    var classCount: Int { session.classCount }
    /// A logit of an unperturbed sample.
    func cleanLogit(_ sample: Int, _ index: Int) -> Float { session.cleanLogits[sample * classCount + index] }
    /// The targets of lanes; empty when any wrong label will do.
    func targets(_ lanes: [Int]) -> [Int32] { problem.targets.map { all in lanes.map { all[samples[$0]] } } ?? [] }

    /// Whether row `row` of logits reaches the goal of a lane.
    func isReached(_ logits: [Float], row: Int, lane: Int) -> Bool {
        session.problem.isReached(by: Logits.label(logits, row, session.classCount), samples[lane])
    }

    /// How far a row of logits is beyond the goal: positive where it is reached, up to ties.
    func margin(_ logits: [Float], row: Int, lane: Int) -> Float { margin(logits, at: row * classCount, lane) }
    /// The same for the unperturbed sample.
    func cleanMargin(_ lane: Int) -> Float { margin(session.cleanLogits, at: samples[lane] * classCount, lane) }

    private func margin(_ logits: [Float], at start: Int, _ lane: Int) -> Float {
        let fixed = Int((problem.targets ?? problem.labels)[samples[lane]])
        var other = -Float.infinity
        for index in 0..<classCount where index != fixed { other = max(other, logits[start + index]) }
        let own = logits[start + fixed]
        return problem.targets == nil ? other - own : own - other
    }

    private func gather(_ lanes: [Int]) -> [Float] {
        [Float](unsafeUninitializedCapacity: lanes.count * size) { buffer, filled in
            guard let batch = buffer.baseAddress else { return }
            for (row, lane) in lanes.enumerated() {
                (batch + row * size).initialize(from: points + lane * size, count: size)
            }
            filled = lanes.count * size
        }
    }

    private func scatter(_ batch: [Float], _ lanes: [Int]) {
        batch.withUnsafeBufferPointer { buffer in
            guard let batch = buffer.baseAddress else { return }
            for (row, lane) in lanes.enumerated() {
                (points + lane * size).update(from: batch + row * size, count: size)
            }
        }
    }
}
