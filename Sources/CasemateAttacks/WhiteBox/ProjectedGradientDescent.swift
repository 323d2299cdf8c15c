import CasemateCore
import CasemateModels

/// Steps along the gradient from a random point of the ball, each projected back.
///
/// Source: Madry, Makelov, Schmidt, Tsipras, Vladu, "Towards deep learning models resistant to adversarial attacks",
/// ICLR 2018; `l1` with the sparse step of Tramèr and Boneh, NeurIPS 2019. A baseline with a fixed step size.
public struct ProjectedGradientDescent: WhiteBoxAttack {
    /// What is raised.
    public enum Loss: String, Hashable, Sendable, CaseIterable {
        /// Cross-entropy; blind where the softmax is saturated.
        case crossEntropy = "cross-entropy"
        /// The largest wrong logit less the right one; does not saturate.
        case margin
    }
    /// `pgd`.
    public static let identifier = "pgd"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Yes.
    public static let needsRadius = true
    /// Gradient steps of one start.
    public var steps: Int
    /// Length of a step in the problem's norm; `nil` takes `2.5 eps / steps`.
    public var stepSize: Double?
    /// Number of starts.
    public var restarts: Int
    /// Whether a start is a random point of the ball; false starts at the sample.
    public var startsRandomly: Bool
    /// What is raised.
    public var loss: Loss

    /// Makes the attack.
    public init(
        steps: Int = 40, stepSize: Double? = nil, restarts: Int = 1, startsRandomly: Bool = true,
        loss: Loss = .crossEntropy
    ) {
        (self.steps, self.stepSize, self.restarts) = (steps, stepSize, restarts)
        (self.startsRandomly, self.loss) = (startsRandomly, loss)
    }
    /// Makes the attack with 40 steps and one random start.
    public init() { self.init(steps: 40) }

    /// Steps, step size, restarts, start, loss.
    public var settings: [String: String] {
        [
            "steps": String(steps), "stepSize": stepSize.map { "\($0)" } ?? "2.5 eps / steps",
            "restarts": String(restarts), "start": startsRandomly ? "random" : "sample", "loss": loss.rawValue,
        ]
    }

    /// Runs every start on the samples that are still open.
    public func search(in session: WhiteBoxSession) throws {
        guard steps >= 1, restarts >= 1, stepSize ?? 1 > 0, stepSize?.isFinite ?? true else {
            throw CasemateError(
                .invalidSetting, at: Self.identifier, "\(settings.sorted { $0.key < $1.key }) makes no sense",
                help: "give at least one step and one start, and a step size above 0")
        }
        var starts = RandomStarts(session)
        for restart in 0..<restarts where !session.open.isEmpty {
            let lanes = session.open
            var points = session.originals(lanes)
            if startsRandomly { starts.scatter(&points, of: lanes) }
            try descend(lanes, points, session)
            session.report(restart + 1, of: restarts)
        }
    }

    private func descend(_ start: [Int], _ from: [Float], _ session: WhiteBoxSession) throws {
        var (lanes, points) = (start, from)
        let (set, size) = (session.problem.set, session.size)
        let epsilon = set.epsilon ?? 0
        let step = Float(stepSize ?? 2.5 * epsilon / Double(steps))
        let wanted: GoalLoss = loss == .margin ? .margin : .crossEntropy
        for _ in 0..<steps where !lanes.isEmpty {
            let (loss, targets) = wanted.resolve(in: session, for: lanes)
            let gradients = try session.evaluate(loss, &points, of: lanes, targets: targets).gradients
            points.withUnsafeMutableBufferPointer { points in
                gradients.withUnsafeBufferPointer { gradients in
                    guard let point = points.baseAddress, let gradient = gradients.baseAddress else { return }
                    for lane in lanes.indices where session.isOpen(lanes[lane]) {
                        let offset = lane * size
                        Steepest.step(set, point + offset, along: gradient + offset, count: size, step: step)
                    }
                }
            }
            let left = lanes.indices.filter { session.isOpen(lanes[$0]) }
            guard left.count < lanes.count else { continue }
            RowBlocks.keep(left, width: size, in: &points)
            lanes = lanes.kept(left)
        }
        _ = try session.forward(&points, of: lanes)
    }
}

/// Random points of the ball, from the samples' own generators.
struct RandomStarts {
    private let session: WhiteBoxSession
    private let sampler = NormalSampler()
    private var generators: [Int: SeededGenerator] = [:]

    init(_ session: WhiteBoxSession) { self.session = session }

    /// Replaces rows by random points around them: uniform in the ball of the problem's set.
    mutating func scatter(_ points: inout [Float], of lanes: [Int]) {
        let set = session.problem.set
        each(&points, lanes) { row, original, sampler, generator in
            Steepest.start(
                set.norm, row, around: original, radius: set.epsilon ?? 0, sampler: sampler, using: &generator)
        }
    }

    /// Calls `body` for each row with its original and its generator.
    mutating func each(
        _ points: inout [Float], _ lanes: [Int],
        _ body: (
            UnsafeMutableBufferPointer<Float>, UnsafePointer<Float>, NormalSampler, inout SeededGenerator
        ) -> Void
    ) {
        let size = session.size
        points.withUnsafeMutableBufferPointer { points in
            session.problem.rows.withUnsafeBufferPointer { rows in
                guard let originals = rows.baseAddress else { return }
                for (lane, sample) in lanes.enumerated() {
                    var generator = generators[sample] ?? session.generator(for: sample)
                    let row = UnsafeMutableBufferPointer(rebasing: points[lane * size..<(lane + 1) * size])
                    body(row, originals + sample * size, sampler, &generator)
                    generators[sample] = generator
                }
            }
        }
    }
}
