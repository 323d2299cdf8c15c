import CasemateCore
import CasemateModels
import Foundation

/// FMN: follows the margin's gradient inside a ball whose radius follows the decision boundary; for L0, L1, L2 and L∞.
///
/// Source: Pintor, Roli, Brendel and Biggio, "Fast minimum-norm adversarial attacks through adaptive norm constraints",
/// NeurIPS 2021 (arXiv 2102.12827), Algorithm 1: before the first success the radius is the distance to the linearised
/// boundary, afterwards it shrinks by `γ` after success and grows by `γ` after failure; for L0 it starts at one value
/// and changes by at least one. Steps are L2-normalised for every norm. Starts at the original. Step sizes are in units
/// of the box's width, so that data in 0...255 are treated as pixels in 0...1. Deviations: before the first success the
/// radius goes beyond the linearised boundary by `γ`, since on nearly linear models it would approach the boundary from
/// below for ever, and never shrinks while the box holds values back; ties in the L0 projection keep as many values as allowed, not more; a sample without gradient stays
/// where it is.
/// One forward and one backward pass a step, and a last forward pass. Draws no random numbers.
public struct FastMinimumNorm: WhiteBoxAttack {
    /// `fmn`.
    public static let identifier = "fmn"
    /// L0, L1, L2 and L∞.
    public static let norms: [PerturbationSet.Norm] = [.l0, .l1, .l2, .linf]
    /// Steps.
    public var iterations: Int
    /// First step, `α_0`, in units of the box's width; falls to a hundredth of it by a half cosine.
    public var stepSize: Double
    /// First change of the radius, `γ_0`; falls to `finalRadiusChange` by a half cosine.
    public var radiusChange: Double
    /// Last change of the radius, `γ_K`.
    public var finalRadiusChange: Double

    /// Makes the attack with 100 steps, the smallest number that the paper reports, and its published settings.
    public init() { self.init(iterations: 100) }
    /// Makes the attack.
    public init(
        iterations: Int, stepSize: Double = 1, radiusChange: Double = 0.05, finalRadiusChange: Double = 0.001
    ) {
        (self.iterations, self.stepSize) = (iterations, stepSize)
        (self.radiusChange, self.finalRadiusChange) = (radiusChange, finalRadiusChange)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "iterations": String(iterations), "stepSize": String(stepSize),
            "radiusChange": String(radiusChange), "finalRadiusChange": String(finalRadiusChange),
        ]
    }

    /// Searches for all open samples of the session; see the type.
    public func search(in session: WhiteBoxSession) throws {
        try check()
        let lanes = MinimumNormLanes(session.open, in: session)
        let norm = session.problem.set.norm
        let width = MinimumNormBox(session.problem.set).width
        var radii = FastMinimumNormRadii(lanes, norm, MinimumNormBox(session.problem.set))
        var projection = FastMinimumNormProjection(norm, count: lanes.size)
        let loss: ClassificationLoss = session.problem.targets == nil ? .margin : .targetedMargin
        for iteration in 0..<iterations {
            session.report(iteration, of: iterations)
            lanes.dropClosed()
            if lanes.live.isEmpty { return }
            let answer = try lanes.evaluate(loss, lanes.live, targets: lanes.targets(lanes.live))
            let cosine = (1 + cos(Double.pi * Double(iteration) / Double(iterations))) / 2
            let step = stepSize * width * (0.01 + 0.99 * cosine)
            let change = finalRadiusChange + (radiusChange - finalRadiusChange) * cosine
            answer.gradients.withUnsafeBufferPointer { gradients in
                guard let first = gradients.baseAddress else { return }
                for (row, lane) in lanes.live.enumerated() {
                    let gradient = first + row * lanes.size
                    radii.update(
                        lane, lanes, isReached: lanes.isReached(answer.logits, row: row, lane: lane),
                        margin: answer.losses[row], gradient: gradient, by: change)
                    move(lane, lanes, along: gradient, by: step, to: radii.radii[lane], &projection)
                }
            }
        }
        lanes.dropClosed()
        if !lanes.live.isEmpty { _ = try lanes.forward(lanes.live) }
    }

    /// Adds a step along the gradient to the perturbation and projects it onto the ball.
    private func move(
        _ lane: Int, _ lanes: MinimumNormLanes, along gradient: UnsafePointer<Float>, by step: Double,
        to radius: Double, _ projection: inout FastMinimumNormProjection
    ) {
        let (size, point, original) = (lanes.size, lanes.point(lane), lanes.original(lane))
        let largest = MinimumNormVectors.norm(.linf, gradient, count: size)
        let isUsable = largest > 0 && largest.isFinite
        let length = isUsable ? largest * scaledLength(gradient, Float(largest), size) : 0
        withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { buffer in
            guard let change = buffer.baseAddress else { return }
            for index in 0..<size {
                let push = isUsable ? Float(step * Double(gradient[index]) / length) : 0
                change[index] = (point[index] - original[index]) + push
            }
            projection.project(change, radius: radius, count: size)
            for index in 0..<size { point[index] = original[index] + change[index] }
        }
    }

    /// The Euclidean length of a gradient over its largest value, safe from underflow.
    private func scaledLength(_ gradient: UnsafePointer<Float>, _ largest: Float, _ size: Int) -> Double {
        var sum = 0.0
        for index in 0..<size {
            let part = Double(gradient[index] / largest)
            sum += part * part
        }
        return sum.squareRoot()
    }

    private func check() throws {
        let name = Self.identifier
        try MinimumNormSettings.require(iterations >= 1, name, "iterations", iterations, "use 100 to 1000")
        try MinimumNormSettings.require(stepSize > 0 && stepSize.isFinite, name, "step_size", stepSize, "use 1")
        for (setting, value) in [("radius_change", radiusChange), ("final_radius_change", finalRadiusChange)] {
            try MinimumNormSettings.require(value > 0 && value < 1, name, setting, value, "use 0.05 and 0.001")
        }
    }
}
