import CasemateCore
import CasemateModels

/// Carlini and Wagner's L2 attack: Adam on `‖δ‖² + c · max(margin of the label, -κ)` in tanh space, with a binary search
/// of the constant `c` for each sample.
///
/// Source: Carlini and Wagner, "Towards evaluating the robustness of neural networks", IEEE S&P 2017
/// (arXiv 1608.04644), sections V and VI, with the settings of the authors' program (first constant 0.001, nine steps
/// of the search, tanh space scaled by 0.999999, a run of Adam ends when a tenth of its steps gained less than 0.01 %).
/// The margin is taken of logits, as published. Distances are in units of the box's width, so that `c` means the same
/// for data in 0...255. Deviations: 1,000 steps instead of 10,000; without a finite box Adam works on the values
/// themselves; the closest success counts, whichever constant found it. L2 only; one forward and one backward pass a
/// step. Draws no random numbers.
public struct CarliniWagner: WhiteBoxAttack {
    /// `cw`.
    public static let identifier = "cw"
    /// L2.
    public static let norms: [PerturbationSet.Norm] = [.l2]
    /// Constants tried.
    public var searchSteps: Int
    /// Steps of Adam for one constant.
    public var iterations: Int
    /// Step size of Adam, in tanh space.
    public var learningRate: Double
    /// First constant.
    public var initialConstant: Double
    /// Margin of the wrong label that is asked for, `κ`, in logits.
    public var confidence: Double
    /// Whether Adam ends early when the loss no longer falls.
    public var stopsEarly: Bool

    /// Makes the attack with 9 constants, 1,000 steps each and its published settings.
    public init() { self.init(iterations: 1000) }
    /// Makes the attack.
    public init(
        iterations: Int, searchSteps: Int = 9, learningRate: Double = 0.01, initialConstant: Double = 0.001,
        confidence: Double = 0, stopsEarly: Bool = true
    ) {
        (self.iterations, self.searchSteps, self.learningRate) = (iterations, searchSteps, learningRate)
        (self.initialConstant, self.confidence, self.stopsEarly) = (initialConstant, confidence, stopsEarly)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "iterations": String(iterations), "searchSteps": String(searchSteps),
            "learningRate": String(learningRate), "initialConstant": String(initialConstant),
            "confidence": String(confidence), "stopsEarly": String(stopsEarly),
        ]
    }

    /// Searches for all open samples of the session; see the type.
    public func search(in session: WhiteBoxSession) throws {
        try check()
        let lanes = MinimumNormLanes(session.open, in: session)
        let descent = CarliniWagnerDescent(lanes, MinimumNormBox(session.problem.set), self)
        var bounds = lanes.samples.map { _ in ConstantBounds(constant: initialConstant) }
        for search in 0..<searchSteps {
            lanes.live = lanes.samples.indices.filter { session.isOpen(lanes.samples[$0]) }
            if lanes.live.isEmpty { return }
            let attempted = lanes.live
            descent.start()
            for iteration in 0..<iterations {
                session.report(search * iterations + iteration, of: searchSteps * iterations)
                lanes.dropClosed()
                if lanes.live.isEmpty { break }
                try descent.step(iteration, constants: bounds.map(\.constant))
            }
            for lane in attempted { bounds[lane].narrow(didReach: descent.wasReached[lane]) }
        }
    }

    /// The binary search of one sample's constant.
    private struct ConstantBounds {
        var constant: Double, low = 0.0, high = Double.infinity
        /// Halves the interval; grows tenfold while no constant was large enough.
        mutating func narrow(didReach: Bool) {
            if didReach { high = min(high, constant) } else { low = max(low, constant) }
            constant = high.isFinite ? (low + high) / 2 : constant * 10
        }
    }

    private func check() throws {
        func require(_ holds: Bool, _ setting: String, _ value: some Any, _ help: String) throws {
            try MinimumNormSettings.require(holds, Self.identifier, setting, value, help)
        }
        try require(iterations >= 1, "iterations", iterations, "use 1000")
        try require(searchSteps >= 1, "search_steps", searchSteps, "use 9")
        try require(learningRate > 0 && learningRate.isFinite, "learning_rate", learningRate, "use 0.01")
        try require(initialConstant > 0 && initialConstant.isFinite, "initial_constant", initialConstant, "use 0.001")
        try require(confidence >= 0 && confidence.isFinite, "confidence", confidence, "use 0")
    }
}
