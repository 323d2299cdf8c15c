import CasemateCore
import CasemateModels

/// Auto-PGD from one random start: projected gradient ascent with momentum that halves its step where the loss stalls
/// and goes on from the best point.
///
/// Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
/// attacks", ICML 2020, Algorithm 1; `l1` after Croce and Hein, "Mind the box", ICML 2021, Algorithm 1, with the radius
/// lowered in three stages. Deviations: samples leave as soon as they are broken; in `l2` the projection is the nearest
/// point of ball and box, where the authors' program clips after scaling.
struct AutoProjectedSearch {
    /// Gradient steps.
    let steps: Int
    /// Share of a window's steps that must raise the loss, or the step is halved.
    var rho = 0.75
    /// Weight of the new step against the last one.
    var momentum: Float = 0.75
    let session: WhiteBoxSession
    let loss: ClassificationLoss

    /// What is kept of each lane.
    struct Lane {
        var step: Float
        var best: Float, last: Float, bestAtCheckpoint: Float
        var increases = 0
        var wasReduced = true
        /// For `l1`: the share of values that a step moves, and how many values the best point had moved.
        var share = 0.2, moved: Int
    }
    /// The rows of all lanes, one row a lane, and what is kept of each.
    struct State {
        var samples: [Int], targets: [Int32]
        var points: [Float], before: [Float], gradients: [Float], best: [Float], bestGradients: [Float]
        var lanes: [Lane] = []

        mutating func keep(_ kept: [Int], size: Int) {
            guard kept.count < samples.count else { return }
            RowBlocks.keep(kept, width: size, in: &points)
            RowBlocks.keep(kept, width: size, in: &before)
            RowBlocks.keep(kept, width: size, in: &gradients)
            RowBlocks.keep(kept, width: size, in: &best)
            RowBlocks.keep(kept, width: size, in: &bestGradients)
            (samples, lanes) = (samples.kept(kept), lanes.kept(kept))
            if !targets.isEmpty { targets = targets.kept(kept) }
        }
    }

    /// Raises the loss of every sample from its starting point.
    /// - Parameters:
    ///   - points: Where to start, one row a sample.
    ///   - targets: The target of each sample; empty for losses without one.
    func run(_ samples: [Int], from points: [Float], targets: [Int32]) throws {
        guard session.problem.set.norm == .l1, let epsilon = session.problem.set.epsilon else {
            _ = try ascend(samples, points, targets, within: session.problem.set, steps: steps)
            return
        }
        var (samples, points, targets) = (samples, points, targets)
        let stages = [(3.0, steps * 3 / 10), (2.0, steps * 3 / 10), (1.0, steps - 2 * (steps * 3 / 10))]
        for (factor, count) in stages where !samples.isEmpty && count > 0 {
            let set = try session.problem.set.withEpsilon(factor * epsilon)
            let state = try ascend(samples, points, targets, within: set, steps: count)
            (samples, points, targets) = (state.samples, state.best, state.targets)
        }
    }

    /// One ascent within a set; returns the lanes that are still open.
    private func ascend(
        _ samples: [Int], _ start: [Float], _ targets: [Int32], within set: PerturbationSet, steps: Int
    ) throws -> State {
        let size = session.size
        var state = State(
            samples: samples, targets: targets, points: start, before: [], gradients: [], best: [], bestGradients: [])
        project(&state.points, samples, set)
        let length = Float((set.norm == .l1 ? 1 : 2) * (set.epsilon ?? 0))
        state.lanes = try ask(&state).map { Lane(step: length, best: $0, last: $0, bestAtCheckpoint: $0, moved: size) }
        (state.before, state.best, state.bestGradients) = (state.points, state.points, state.gradients)
        leave(&state)
        // why: the authors count the windows of every stage in steps of the whole search.
        var checkpoints = Checkpoints(steps: self.steps, isSparse: set.norm == .l1)
        for step in 1...steps where !state.samples.isEmpty {
            advance(&state, set, isFirst: step == 1)
            // why: neither loss nor gradient at the very last point would be used.
            if step == steps, set == session.problem.set {
                _ = try session.forward(&state.points, of: state.samples)
                leave(&state)
                break
            }
            compare(&state, try ask(&state))
            leave(&state)
            if let window = checkpoints.window(endingAt: step) { adapt(&state, set, window) }
        }
        return state
    }

    /// Evaluates the points, puts the gradients in their place and returns the losses.
    private func ask(_ state: inout State) throws -> [Float] {
        // why: the stages of `l1` with a wider ball are projected here; in the other norms the session does it.
        let answer = try session.evaluate(
            loss, &state.points, of: state.samples, targets: state.targets,
            isConfined: session.problem.set.norm != .l1)
        state.gradients = answer.gradients
        return answer.losses
    }

    private func leave(_ state: inout State) {
        let samples = state.samples
        state.keep(samples.indices.filter { session.isOpen(samples[$0]) }, size: session.size)
    }

    private func project(_ points: inout [Float], _ samples: [Int], _ set: PerturbationSet) {
        let size = session.size
        points.withUnsafeMutableBufferPointer { points in
            session.problem.rows.withUnsafeBufferPointer { rows in
                guard let point = points.baseAddress, let original = rows.baseAddress else { return }
                for (lane, sample) in samples.enumerated() {
                    set.project(point + lane * size, around: original + sample * size, count: size)
                }
            }
        }
    }

    /// Moves every lane one step; `before` becomes the points that were.
    private func advance(_ state: inout State, _ set: PerturbationSet, isFirst: Bool) {
        let (size, weight) = (session.size, isFirst ? 1 : momentum)
        let (samples, lanes) = (state.samples, state.lanes)
        state.points.withUnsafeMutableBufferPointer { points in
            state.before.withUnsafeMutableBufferPointer { before in
                state.gradients.withUnsafeBufferPointer { gradients in
                    session.problem.rows.withUnsafeBufferPointer { rows in
                        guard let point = points.baseAddress, let old = before.baseAddress,
                            let gradient = gradients.baseAddress, let original = rows.baseAddress
                        else { return }
                        for (lane, sample) in samples.enumerated() {
                            let offset = lane * size
                            move(
                                point + offset, old + offset, gradient + offset, original + sample * size,
                                lanes[lane], set, weight)
                        }
                    }
                }
            }
        }
        // why: `move` writes the new point over the one before the last, which nobody needs any more.
        swap(&state.points, &state.before)
    }

    private func move(
        _ point: UnsafePointer<Float>, _ before: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
        _ original: UnsafePointer<Float>, _ lane: Lane, _ set: PerturbationSet, _ weight: Float
    ) {
        let size = session.size
        withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { row in
            guard let next = row.baseAddress else { return }
            next.initialize(from: point, count: size)
            Steepest.step(set, next, along: gradient, count: size, step: lane.step, share: lane.share)
            set.project(next, around: original, count: size)
            if set.norm == .l1 { return before.update(from: next, count: size) }
            for index in 0..<size {
                let here = point[index]
                before[index] = here + weight * (next[index] - here) + (1 - weight) * (here - before[index])
            }
        }
    }

    /// Notes the losses of the new points and keeps the best ones.
    private func compare(_ state: inout State, _ losses: [Float]) {
        for lane in losses.indices {
            let loss = losses[lane]
            if loss > state.lanes[lane].last { state.lanes[lane].increases += 1 }
            state.lanes[lane].last = loss
            guard loss > state.lanes[lane].best else { continue }
            state.lanes[lane].best = loss
            RowBlocks.copy(lane, width: session.size, from: state.points, to: &state.best)
            RowBlocks.copy(lane, width: session.size, from: state.gradients, to: &state.bestGradients)
        }
    }

    /// At a checkpoint: shortens the step of lanes that stalled, and sends them back to their best point.
    private func adapt(_ state: inout State, _ set: PerturbationSet, _ window: Int) {
        for lane in state.lanes.indices {
            let isBack = set.norm == .l1 ? thin(&state, lane, set) : halve(&state.lanes[lane], window)
            guard isBack else { continue }
            RowBlocks.copy(lane, width: session.size, from: state.best, to: &state.points)
            RowBlocks.copy(lane, width: session.size, from: state.bestGradients, to: &state.gradients)
        }
    }

    private func halve(_ lane: inout Lane, _ window: Int) -> Bool {
        let hasStalled = Double(lane.increases) <= rho * Double(window)
        let isStuck = !lane.wasReduced && lane.bestAtCheckpoint >= lane.best
        lane.wasReduced = hasStalled || isStuck
        (lane.bestAtCheckpoint, lane.increases) = (lane.best, 0)
        if lane.wasReduced { lane.step /= 2 }
        return lane.wasReduced
    }

    /// The rule of `l1`: steps move fewer values as the best point becomes sparser; where it did, the step is long again.
    private func thin(_ state: inout State, _ lane: Int, _ set: PerturbationSet) -> Bool {
        let (size, sample, epsilon) = (session.size, state.samples[lane], Float(set.epsilon ?? 0))
        let moved = state.best.withUnsafeBufferPointer { best in
            session.problem.rows.withUnsafeBufferPointer { rows -> Int in
                guard let point = best.baseAddress, let original = rows.baseAddress else { return 0 }
                return Int(
                    PerturbationSet.distance(.l0, point + lane * size, original + sample * size, count: size))
            }
        }
        let isSparser = Double(moved) < 0.95 * Double(state.lanes[lane].moved)
        let step = isSparser ? epsilon : state.lanes[lane].step / 1.5
        state.lanes[lane].step = min(max(step, epsilon / 10), epsilon)
        state.lanes[lane].share = Double(moved) / Double(size) / 1.5
        state.lanes[lane].moved = moved
        return isSparser
    }
}

/// The steps after which Auto-PGD looks at its progress: windows that begin at 22 % of the steps and shrink by 3 % each
/// to 6 %; in `l1` every 4 %.
struct Checkpoints {
    private var length: Int, last = 0
    private let shrink: Int, shortest: Int

    init(steps: Int, isSparse: Bool) {
        func share(_ percent: Int) -> Int { max(1, steps * percent / 100) }
        (length, shrink, shortest) = isSparse ? (share(4), 0, share(4)) : (share(22), share(3), share(6))
    }

    /// The length of the window that ends at a step; `nil` when none does.
    mutating func window(endingAt step: Int) -> Int? {
        guard step - last == length else { return nil }
        defer {
            last = step
            length = max(length - shrink, shortest)
        }
        return length
    }
}
