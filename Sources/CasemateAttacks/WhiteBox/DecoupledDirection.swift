import CasemateCore
import CasemateModels
import Foundation

/// DDN: follows the direction of the cross-entropy's gradient on a sphere that shrinks after success and grows after
/// failure.
///
/// Source: Rony, Hafemann, Oliveira, Ben Ayed, Sabourin and Granger, "Decoupling direction and norm for efficient
/// gradient-based L2 adversarial attacks and defenses", CVPR 2019 (arXiv 1811.09600), Algorithm 1. L2 only. Step sizes
/// and the first radius are in units of the box's width, so that data in 0...255 are treated as pixels in 0...1.
/// Deviations: points are not rounded to 256 levels (the session rounds to the deployed type); the radius is bounded
/// by the farthest point of the box, as in the authors' later program; where the gradient is 0 the direction is drawn
/// from the sample's own random numbers.
/// One forward and one backward pass a step, and a last forward pass. Deterministic for one seed.
public struct DecoupledDirection: WhiteBoxAttack {
    /// `ddn`.
    public static let identifier = "ddn"
    /// L2.
    public static let norms: [PerturbationSet.Norm] = [.l2]
    /// Steps.
    public var iterations: Int
    /// By which share the radius shrinks or grows, `γ`.
    public var radiusChange: Double
    /// First radius, in units of the box's width.
    public var initialRadius: Double
    /// First step; later ones fall to a hundredth of it by a half cosine. In units of the box's width.
    public var stepSize: Double

    /// Makes the attack with 300 steps (the paper reports 100, 300 and 1000) and its published settings.
    public init() { self.init(iterations: 300) }
    /// Makes the attack.
    public init(iterations: Int, radiusChange: Double = 0.05, initialRadius: Double = 1, stepSize: Double = 1) {
        (self.iterations, self.radiusChange) = (iterations, radiusChange)
        (self.initialRadius, self.stepSize) = (initialRadius, stepSize)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "iterations": String(iterations), "radiusChange": String(radiusChange),
            "initialRadius": String(initialRadius), "stepSize": String(stepSize),
        ]
    }

    /// Searches for all open samples of the session; see the type.
    public func search(in session: WhiteBoxSession) throws {
        try check()
        let lanes = MinimumNormLanes(session.open, in: session)
        let loss: ClassificationLoss = session.problem.targets == nil ? .crossEntropy : .targetedCrossEntropy
        let box = MinimumNormBox(session.problem.set)
        var radii = [Double](repeating: initialRadius * box.width, count: lanes.samples.count)
        var noise = lanes.samples.map { session.generator(for: $0) }
        let farthest = lanes.samples.indices.map { box.farthest(.l2, from: lanes.original($0), count: lanes.size) }
        let sampler = NormalSampler()
        for iteration in 0..<iterations {
            session.report(iteration, of: iterations)
            lanes.dropClosed()
            if lanes.live.isEmpty { return }
            let answer = try lanes.evaluate(loss, lanes.live, targets: lanes.targets(lanes.live))
            let cosine = (1 + cos(Double.pi * Double(iteration) / Double(iterations))) / 2
            let step = stepSize * box.width * (0.01 + 0.99 * cosine)
            answer.gradients.withUnsafeBufferPointer { gradients in
                guard let first = gradients.baseAddress else { return }
                for (row, lane) in lanes.live.enumerated() {
                    let isReached = lanes.isReached(answer.logits, row: row, lane: lane)
                    let radius = radii[lane] * (isReached ? 1 - radiusChange : 1 + radiusChange)
                    radii[lane] = min(radius, farthest[lane])
                    move(lane, lanes, along: first + row * lanes.size, by: step, to: radii[lane]) { direction in
                        sampler.fill(direction, using: &noise[lane])
                    }
                }
            }
        }
        lanes.dropClosed()
        if !lanes.live.isEmpty { _ = try lanes.forward(lanes.live) }
    }

    /// Adds a step of a given length along a gradient to the perturbation and stretches it to the radius.
    private func move(
        _ lane: Int, _ lanes: MinimumNormLanes, along gradient: UnsafePointer<Float>, by step: Double,
        to radius: Double, withoutGradient draw: (UnsafeMutableBufferPointer<Float>) -> Void
    ) {
        let (size, point, original) = (lanes.size, lanes.point(lane), lanes.original(lane))
        withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { direction in
            guard let change = direction.baseAddress else { return }
            let largest = MinimumNormVectors.norm(.linf, gradient, count: size)
            if largest > 0, largest.isFinite {
                // why: tiny gradients would vanish when squared
                for index in 0..<size { change[index] = gradient[index] / Float(largest) }
            } else {
                draw(direction)
            }
            let length = MinimumNormVectors.norm(.l2, change, count: size)
            let scale = length > 0 ? Float(step / length) : 0
            for index in 0..<size { change[index] = (point[index] - original[index]) + scale * change[index] }
            let reached = MinimumNormVectors.norm(.l2, change, count: size)
            let stretch = reached > 0 ? Float(radius / reached) : 0
            for index in 0..<size { point[index] = original[index] + stretch * change[index] }
        }
    }

    private func check() throws {
        let name = Self.identifier
        try MinimumNormSettings.require(iterations >= 1, name, "iterations", iterations, "use 300")
        try MinimumNormSettings.require(
            radiusChange > 0 && radiusChange < 1, name, "radius_change", radiusChange, "use 0.05")
        for (setting, value) in [("initial_radius", initialRadius), ("step_size", stepSize)] {
            try MinimumNormSettings.require(value > 0 && value.isFinite, name, setting, value, "use 1")
        }
    }
}
