import CasemateModels

/// DeepFool: steps onto the nearest linearised boundary until the label changes.
///
/// Source: Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool: a simple and accurate method to fool deep neural networks",
/// CVPR 2016 (arXiv 1511.04599), Algorithm 2 and section 3 for L∞; as in the authors' program the classes are the ten
/// with the largest clean logits, and a step is 0.0001 (of the box's width) longer than the way to the boundary.
/// Deviations: every step is stretched by `1 + overshoot` and clipped to the box, instead of the sum at the end, so that
/// what the box takes from one step is made up by the next; with a targeted goal only the boundary to the target counts.
/// One forward and one backward pass a step and class. Draws no random numbers.
public struct DeepFool: WhiteBoxAttack {
    /// `deepfool`.
    public static let identifier = "deepfool"
    /// L2 and L∞.
    public static let norms: [PerturbationSet.Norm] = [.l2, .linf]
    /// Steps at most.
    public var iterations: Int
    /// How far a step goes beyond the boundary, as a share of the step.
    public var overshoot: Double
    /// Wrong classes that are linearised: those with the largest clean logits.
    public var candidates: Int

    /// Makes the attack with 50 steps, an overshoot of 0.02 and nine wrong classes beside the label.
    public init() { self.init(iterations: 50) }
    /// Makes the attack.
    public init(iterations: Int, overshoot: Double = 0.02, candidates: Int = 9) {
        (self.iterations, self.overshoot, self.candidates) = (iterations, overshoot, candidates)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        ["iterations": String(iterations), "overshoot": String(overshoot), "candidates": String(candidates)]
    }

    /// Steps with all open samples of the session; see the type.
    public func search(in session: WhiteBoxSession) throws {
        let name = Self.identifier
        try MinimumNormSettings.require(iterations >= 1, name, "iterations", iterations, "use 50")
        try MinimumNormSettings.require(overshoot >= 0 && overshoot <= 1, name, "overshoot", overshoot, "use 0.02")
        try MinimumNormSettings.require(candidates >= 1, name, "candidates", candidates, "use 9")
        let lanes = MinimumNormLanes(session.open, in: session)
        let classes = lanes.rivals(limit: candidates)
        for iteration in 0...iterations {
            session.report(iteration, of: iterations)
            lanes.dropClosed()
            if lanes.live.isEmpty { break }
            let first = try lanes.evaluate(
                .logitDifference, lanes.live, targets: lanes.live.map { classes[$0][0] })
            let kept = lanes.live.indices.filter { !lanes.isReached(first.logits, row: $0, lane: lanes.live[$0]) }
            if iteration == iterations || kept.isEmpty { break }
            let rest = first.rows(kept, size: lanes.size, classes: session.classCount)
            lanes.live = kept.map { lanes.live[$0] }
            let linear = try lanes.linearize(
                lanes.live, classes: classes, norm: session.problem.set.norm, first: rest)
            step(lanes, linear, session.problem.set.norm)
        }
    }

    /// Moves every live lane by `|f| / ‖w‖_2` along `w`, or by `|f| / ‖w‖_1` along `sign(w)` for L∞, and a little more.
    private func step(_ lanes: MinimumNormLanes, _ linear: MinimumNormLinearization, _ norm: PerturbationSet.Norm) {
        let (size, extra) = (lanes.size, 1e-4 * MinimumNormBox(lanes.problem.set).width)
        linear.normals.withUnsafeBufferPointer { normals in
            guard let first = normals.baseAddress else { return }
            for (row, lane) in lanes.live.enumerated() {
                let normal = first + row * size
                let slope = MinimumNormVectors.dualNorm(norm, normal, count: size)
                let length = (1 + overshoot) * (abs(Double(linear.values[row])) / slope + extra)
                guard slope > 0, length.isFinite else { continue }
                let (point, cube, scale) = (lanes.point(lane), Float(length), Float(length / slope))
                for index in 0..<size {
                    let way = normal[index]
                    point[index] += norm == .linf ? (way > 0 ? cube : way < 0 ? -cube : 0) : scale * way
                }
            }
        }
    }
}

extension LossEvaluation {
    /// The answers for some of the rows.
    fileprivate func rows(_ kept: [Int], size: Int, classes: Int) -> LossEvaluation {
        if kept.count == losses.count { return self }
        return LossEvaluation(
            logits: kept.flatMap { logits[$0 * classes..<($0 + 1) * classes] }, losses: kept.map { losses[$0] },
            gradients: kept.flatMap { gradients[$0 * size..<($0 + 1) * size] })
    }
}
