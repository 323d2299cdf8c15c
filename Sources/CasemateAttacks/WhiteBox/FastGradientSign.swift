import CasemateModels

/// One step to the point of the set where the loss would be largest if it were linear.
///
/// Source: Goodfellow, Shlens, Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015. In `l2` and `l1`
/// the step also spends what the box takes away, so that it is the best of all single steps. A baseline: it shows little.
public struct FastGradientSign: WhiteBoxAttack {
    /// `fgsm`.
    public static let identifier = "fgsm"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Yes.
    public static let needsRadius = true
    /// Makes the attack; it has no settings.
    public init() {}

    /// Takes the step from every open sample.
    public func search(in session: WhiteBoxSession) throws {
        let lanes = session.open
        var points = session.originals(lanes)
        let (loss, targets) = GoalLoss.crossEntropy.resolve(in: session, for: lanes)
        let answer = try session.evaluate(loss, &points, of: lanes, targets: targets)
        let (size, set) = (session.size, session.problem.set)
        points.withUnsafeMutableBufferPointer { points in
            answer.gradients.withUnsafeBufferPointer { gradients in
                guard let point = points.baseAddress, let gradient = gradients.baseAddress else { return }
                for lane in lanes.indices {
                    Self.leap(point + lane * size, gradient + lane * size, size, set)
                }
            }
        }
        let left = lanes.indices.filter { session.isOpen(lanes[$0]) }
        RowBlocks.keep(left, width: size, in: &points)
        _ = try session.forward(&points, of: lanes.kept(left))
    }

    /// why: the projection of a point far along the gradient maximises the linear function over ball and box.
    private static func leap(
        _ point: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, _ size: Int, _ set: PerturbationSet
    ) {
        guard let epsilon = set.epsilon else { return }
        if set.norm == .linf {
            return Steepest.step(set, point, along: gradient, count: size, step: 2 * Float(epsilon))
        }
        let widest = Steepest.largest(gradient, size, rank: 0)
        guard widest > 0, widest.isFinite else { return }
        let scale = Double(size) * 100 * max(epsilon, 1e-6) / Double(widest)
        for index in 0..<size { point[index] += Float(scale * Double(gradient[index])) }
    }
}
