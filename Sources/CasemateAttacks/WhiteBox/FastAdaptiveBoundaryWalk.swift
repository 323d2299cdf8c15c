import CasemateCore
import CasemateModels

/// The steps of FAB for all samples of a session in lockstep; keeps the random numbers of samples between starts.
final class FastAdaptiveBoundaryWalk {
    private let session: WhiteBoxSession
    private let configuration: FastAdaptiveBoundaryConfiguration
    private let norm: PerturbationSet.Norm, box: MinimumNormBox, size: Int
    private let sampler = NormalSampler()
    private var generators: [Int: SeededGenerator] = [:]
    private var projection: FastAdaptiveBoundaryProjection
    /// Steps from the point and from the original, of the lane in work.
    private let ownStep: Scratch<Float>, originalStep: Scratch<Float>

    init(_ session: WhiteBoxSession, _ configuration: FastAdaptiveBoundaryConfiguration) {
        (self.session, self.configuration) = (session, configuration)
        (norm, size) = (session.problem.set.norm, session.problem.size)
        box = MinimumNormBox(session.problem.set)
        projection = FastAdaptiveBoundaryProjection(norm, count: size)
        ownStep = Scratch(size, filledWith: 0)
        originalStep = Scratch(size, filledWith: 0)
        for sample in session.open { generators[sample] = session.generator(for: sample) }
    }

    /// One start for all open samples: towards the wrong class of that rank by clean logits, or to all for `nil`.
    func run(round: Int, of rounds: Int, isRandom: Bool, rank: Int?) throws {
        let lanes = MinimumNormLanes(session.open, in: session)
        let all = lanes.rivals(limit: session.classCount - 1)
        let classes = all.map { classes in rank.map { [classes[$0]] } ?? classes }
        if isRandom { for lane in lanes.live { scatter(lane, lanes) } }
        let best = FastAdaptiveBoundaryBest(lanes)
        for iteration in 0..<configuration.iterations {
            session.report(round * configuration.iterations + iteration, of: rounds * configuration.iterations)
            lanes.dropClosed()
            if lanes.live.isEmpty { break }
            try step(lanes, classes, best)
        }
        if session.problem.set.epsilon == nil {
            try best.searchFinally(steps: configuration.finalSteps)
        }
    }

    /// Linearises, steps, asks, and draws misclassified points back towards their original.
    private func step(_ lanes: MinimumNormLanes, _ classes: [[Int32]], _ best: FastAdaptiveBoundaryBest) throws {
        let linear = try lanes.linearize(lanes.live, classes: classes, norm: norm)
        linear.normals.withUnsafeBufferPointer { normals in
            guard let normals = normals.baseAddress else { return }
            for (row, lane) in lanes.live.enumerated() {
                advance(lane, lanes, value: linear.values[row], normal: normals + row * size)
            }
        }
        lanes.dropClosed()
        if lanes.live.isEmpty { return }
        let logits = try lanes.forward(lanes.live)
        for (row, lane) in lanes.live.enumerated() where lanes.isReached(logits, row: row, lane: lane) {
            best.note(lane, margin: lanes.margin(logits, row: row, lane: lane), norm)
            let (point, original, keep) = (
                lanes.point(lane), lanes.original(lane), Float(configuration.backwardStep)
            )
            for index in 0..<size {
                point[index] = original[index] + (point[index] - original[index]) * keep
            }
        }
    }

    /// `(1 - α) (x + η d) + α (x₀ + η d₀)`, clipped to the box.
    private func advance(_ lane: Int, _ lanes: MinimumNormLanes, value: Float, normal: UnsafePointer<Float>) {
        let (point, original) = (lanes.point(lane), lanes.original(lane))
        guard let own = ownStep.values.baseAddress, let back = originalStep.values.baseAddress else { return }
        for index in 0..<size { back[index] = original[index] - point[index] }
        let excess = Double(value) + MinimumNormVectors.dot(normal, back, count: size)
        let ownLength = projection.step(from: point, normal: normal, excess: Double(value), box: box, into: own)
        let backLength = projection.step(from: original, normal: normal, excess: excess, box: box, into: back)
        let (near, far) = (max(ownLength, 1e-8), max(backLength, 1e-8))
        let bias = Float(min(near / (near + far), configuration.largestBias))
        let reach = Float(configuration.extrapolation)
        for index in 0..<size {
            let ownTarget = point[index] + reach * own[index]
            let backTarget = original[index] + reach * back[index]
            point[index] = box.clip((1 - bias) * ownTarget + bias * backTarget)
        }
    }

    /// Moves a lane to a random point at half the radius of its original.
    private func scatter(_ lane: Int, _ lanes: MinimumNormLanes) {
        guard var generator = generators[lanes.samples[lane]], let noise = ownStep.values.baseAddress else { return }
        if norm == .linf {
            generator.fillUniform(ownStep.values, from: -1, to: 1)
        } else {
            sampler.fill(ownStep.values, using: &generator)
        }
        generators[lanes.samples[lane]] = generator
        let length = MinimumNormVectors.norm(norm, noise, count: size)
        guard length > 0 else { return }
        let scale = Float(0.5 * radius(of: lanes.samples[lane]) / length)
        let (point, original) = (lanes.point(lane), lanes.original(lane))
        for index in 0..<size { point[index] = box.clip(original[index] + scale * noise[index]) }
    }

    private func radius(of sample: Int) -> Double {
        if let epsilon = session.problem.set.epsilon { return epsilon }
        let published = norm == .linf ? 0.3 : norm == .l2 ? 1 : 5
        let radius = (configuration.startRadius ?? published) * box.width
        return min(radius, session.best(of: sample)?.distance ?? .infinity)
    }
}
