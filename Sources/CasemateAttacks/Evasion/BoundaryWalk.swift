import CasemateCore
import CasemateData

/// The three phases of one HopSkipJump step, each for all live samples at once. Lane and sample are the same number.
final class BoundaryWalk {
    private let session: EvasionSession
    private let lanes: Lanes
    private let tolerance: Float, probeSize: Float
    /// Probe sizes, and the sums that make a direction: of all probes, of probes times answers, of answers.
    private let probe: Scratch<Float>, total: Scratch<Float>, signed: Scratch<Float>
    private let good: Scratch<Int>, asked: Scratch<Int>
    /// Direction of the step; afterwards room for the point that is tried.
    private let direction: Lanes
    private var dimension: Int { lanes.dimension }
    private var isBox: Bool { session.norm == .linf }

    init(_ session: EvasionSession, _ lanes: Lanes, _ attack: HopSkipJump) {
        (self.session, self.lanes) = (session, lanes)
        (tolerance, probeSize) = (Float(attack.tolerance), Float(attack.probeSize))
        probe = Scratch(lanes.count, filledWith: 0)
        total = Scratch(lanes.count * lanes.dimension, filledWith: 0)
        signed = Scratch(lanes.count * lanes.dimension, filledWith: 0)
        good = Scratch(lanes.count, filledWith: 0)
        asked = Scratch(lanes.count, filledWith: 0)
        direction = Lanes(samples: lanes.samples, dimension: lanes.dimension)
    }

    private func size(_ lane: Int) -> Float { session.size(UnsafeBufferPointer(lanes[lane])) }

    /// Sets how far probes go: `δ = √d θ ‖x − x*‖₂` or `d θ ‖x − x*‖∞`, a tenth of the box for the first.
    func setProbes(_ live: [Int], isFirst: Bool) {
        let first = Float(0.1 * session.encoding.meanWidth)
        for lane in live { probe[lane] = max(isFirst ? first : probeSize * size(lane), 1e-7) }
    }

    /// Back to the boundary.
    func approach(_ live: [Int]) throws {
        let theta = tolerance / (isBox ? Float(dimension) : Float(dimension).squareRoot())
        try session.approach(
            lanes, among: live, threshold: { isBox ? min($0 * theta, theta) : theta }, isBox: isBox)
    }

    /// Estimates the direction in which the goal's class lies: the mean of random probes weighted by their answers, the
    /// mean answer taken off (equation 16 of the paper).
    func estimate(_ live: [Int], evaluations: Int) throws {
        for lane in live {
            (good[lane], asked[lane]) = (0, 0)
            total.row(lane, dimension).update(repeating: 0)
            signed.row(lane, dimension).update(repeating: 0)
        }
        try session.ask(
            live.map { EvasionSession.Request(lane: $0, sample: $0, count: evaluations) }
        ) { lane, _, point in
            draw(lane, into: point)
            let (from, size) = (lanes[lane], probe[lane])
            for index in 0..<point.count { point[index] = from[index] + size * point[index] }
        } take: { lane, _, isReached, point in
            // why: the probe as it was asked, clipped at the limits, is what counts.
            let (from, all, weighted) = (lanes[lane], total.row(lane, dimension), signed.row(lane, dimension))
            let sign: Float = isReached ? 1 : -1
            for index in 0..<point.count {
                let offset = point[index] - from[index]
                all[index] += offset
                weighted[index] += sign * offset
            }
            asked[lane] += 1
            if isReached { good[lane] += 1 }
        }
        for lane in live { setDirection(lane) }
    }

    /// A random direction of length 1 within what can move: normal for L2, uniform in the cube for L∞.
    private func draw(_ lane: Int, into point: UnsafeMutableBufferPointer<Float>) {
        if isBox {
            session.drawUniform(for: lane, from: -1, to: 1, into: point)
        } else {
            session.drawNormal(for: lane, into: point)
        }
        let (low, high) = session.limits(of: lane)
        var squares: Float = 0
        for index in 0..<point.count {
            if low[index] == high[index] { point[index] = 0 }
            squares += point[index] * point[index]
        }
        let factor = squares > 0 ? 1 / squares.squareRoot() : 0
        for index in 0..<point.count { point[index] *= factor }
    }

    private func setDirection(_ lane: Int) {
        let (all, weighted, result) = (total.row(lane, dimension), signed.row(lane, dimension), direction[lane])
        let mean = asked[lane] == 0 ? 0 : Float(2 * good[lane] - asked[lane]) / Float(asked[lane])
        let isUniform = good[lane] == 0 || good[lane] == asked[lane]
        var squares: Float = 0
        for index in 0..<dimension {
            result[index] = isUniform ? weighted[index] : weighted[index] - mean * all[index]
            squares += result[index] * result[index]
        }
        let factor = squares > 0 ? 1 / squares.squareRoot() : 0
        for index in 0..<dimension {
            let value = result[index]
            result[index] = isBox ? (value > 0 ? 1 : value < 0 ? -1 : 0) : value * factor
        }
    }

    /// Steps along the direction: `‖x − x*‖ / √t`, halved until the goal is still reached.
    func advance(_ live: [Int], step: Int) throws {
        var lengths = [Float](repeating: 0, count: lanes.count)
        for lane in live { lengths[lane] = size(lane) / Float(step + 1).squareRoot() }
        var waiting = live
        for _ in 0..<20 {
            waiting.removeAll { session.remaining($0) == 0 }
            if waiting.isEmpty { return }
            var isDone = Set<Int>()
            try session.ask(
                waiting.map { EvasionSession.Request(lane: $0, sample: $0, count: 1) }
            ) { lane, _, point in
                let (from, along) = (lanes[lane], direction[lane])
                for index in 0..<point.count { point[index] = from[index] + lengths[lane] * along[index] }
            } take: { lane, _, isReached, point in
                guard isReached else {
                    lengths[lane] /= 2
                    return
                }
                _ = lanes[lane].update(from: point)
                isDone.insert(lane)
            }
            waiting.removeAll(where: isDone.contains)
        }
    }
}
