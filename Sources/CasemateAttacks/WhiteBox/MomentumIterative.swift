import CasemateCore
import CasemateModels

/// Steps along a running sum of normalised gradients; carries over to other models better than plain steps.
///
/// Source: Dong et al., "Boosting adversarial attacks with momentum", CVPR 2018.
public struct MomentumIterative: WhiteBoxAttack {
    /// `mim`.
    public static let identifier = "mim"
    /// L∞, L2.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2]
    /// Yes.
    public static let needsRadius = true
    /// Gradient steps; each has the length `eps / steps`.
    public var steps: Int
    /// How much of the running sum is kept at each step.
    public var decay: Float

    /// Makes the attack.
    public init(steps: Int, decay: Float = 1) { (self.steps, self.decay) = (steps, decay) }
    /// Makes the attack with 10 steps and decay 1.
    public init() { self.init(steps: 10) }
    /// Steps and decay.
    public var settings: [String: String] { ["steps": String(steps), "decay": "\(decay)"] }

    /// Steps from every open sample.
    public func search(in session: WhiteBoxSession) throws {
        guard steps >= 1, decay >= 0, decay.isFinite else {
            throw CasemateError(
                .invalidSetting, at: Self.identifier, "\(steps) steps with decay \(decay) make no sense",
                help: "give at least one step and a decay that is not negative")
        }
        let (set, size) = (session.problem.set, session.size)
        let step = Float((set.epsilon ?? 0) / Double(steps))
        var lanes = session.open
        var points = session.originals(lanes)
        var velocity = [Float](repeating: 0, count: points.count)
        for _ in 0..<steps where !lanes.isEmpty {
            let (loss, targets) = GoalLoss.crossEntropy.resolve(in: session, for: lanes)
            let gradients = try session.evaluate(loss, &points, of: lanes, targets: targets).gradients
            points.withUnsafeMutableBufferPointer { points in
                velocity.withUnsafeMutableBufferPointer { velocity in
                    gradients.withUnsafeBufferPointer { gradients in
                        guard let point = points.baseAddress, let speed = velocity.baseAddress,
                            let gradient = gradients.baseAddress
                        else { return }
                        for offset in stride(from: 0, to: points.count, by: size) {
                            accelerate(speed + offset, gradient + offset, size)
                            Steepest.step(set, point + offset, along: speed + offset, count: size, step: step)
                        }
                    }
                }
            }
            let left = lanes.indices.filter { session.isOpen(lanes[$0]) }
            RowBlocks.keep(left, width: size, in: &points)
            RowBlocks.keep(left, width: size, in: &velocity)
            lanes = lanes.kept(left)
        }
        _ = try session.forward(&points, of: lanes)
    }

    private func accelerate(_ velocity: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, _ size: Int) {
        let length = Steepest.absoluteSum(gradient, size)
        let scale = length > 0 && length.isFinite ? Float(Double(size) / length) : 0
        // why: the mean, not the sum, is 1: the direction is the same and the numbers stay far from the smallest float.
        for index in 0..<size { velocity[index] = decay * velocity[index] + (scale > 0 ? scale * gradient[index] : 0) }
    }
}
