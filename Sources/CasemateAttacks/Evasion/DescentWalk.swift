import CasemateCore
import CasemateData

/// Says in which direction the goal lies, for many samples at once. Lane and sample are the same number.
protocol DirectionSource: AnyObject {
    /// Queries of one estimate for a sample, at most.
    func queries(for sample: Int) -> Int
    /// Fills the rows of `direction` of the live samples with slopes of the nearness by the coordinates, at their points.
    func estimate(_ live: [Int], _ walk: DescentWalk) throws
}

/// A walk along slopes that looks for the smallest change: steps of a length in proportion to a radius, the point put
/// back to that radius, which shrinks when the goal is reached and grows when not.
///
/// Source: Rony et al., "Decoupling direction and norm for efficient gradient-based L2 adversarial attacks", CVPR 2019,
/// Algorithm 1 (L2), the same with clipping (L∞) and soft thresholds (L1). Deviations: lengths are relative, so that no
/// scale has to be known; before the first success the radius grows by half at each step; slopes that point out of the
/// space do not count; where all are 0, as between the steps of trees, the direction is random.
final class DescentWalk {
    let session: EvasionSession
    /// Points, slopes, and the smallest points that reached the goal.
    let points: Lanes, direction: Lanes, best: Lanes
    /// What the model said to the point of each sample.
    let nearness: Scratch<Float>
    private let radius: Scratch<Float>, bestSize: Scratch<Float>
    private let order: Scratch<Float>
    private var isBox: Bool { session.norm == .linf }

    init(_ session: EvasionSession) {
        self.session = session
        let samples = Array(0..<session.count)
        points = Lanes(samples: samples, dimension: session.dimension)
        direction = Lanes(samples: samples, dimension: session.dimension)
        best = Lanes(samples: samples, dimension: session.dimension)
        nearness = Scratch(session.count, filledWith: 0)
        for sample in samples { nearness[sample] = session.startNearness[sample] }
        let share: Float = session.norm == .linf ? 0.02 : 0.1
        radius = Scratch(session.count, filledWith: share * Float(session.encoding.meanWidth))
        bestSize = Scratch(session.count, filledWith: .infinity)
        order = Scratch(session.dimension, filledWith: 0)
    }

    /// Walks so many steps, as far as the queries reach, and ends with a binary search toward the originals.
    func run(_ source: any DirectionSource, name: String, iterations: Int, allowance: QueryAllowance) throws {
        for step in 0..<iterations {
            session.report(name, step, of: iterations)
            let live = session.open.filter { allowance.left($0) > source.queries(for: $0) }
            if live.isEmpty { break }
            for sample in live { direction[sample].update(repeating: 0) }
            try source.estimate(live, self)
            let share = Float(step) / Float(max(1, iterations - 1))
            for sample in live { move(sample, by: 1 - 0.95 * share) }
            try look(live, decay: 0.1 - 0.09 * share)
        }
        let found = session.open.filter { bestSize[$0].isFinite }
        try session.approach(best, among: found, threshold: { $0 * 0.01 }, isBox: isBox)
    }

    /// Asks about the points and adapts the radii.
    private func look(_ live: [Int], decay: Float) throws {
        try session.askScores(live.map { EvasionSession.Request(lane: $0, sample: $0, count: 1) }) { sample, _, point in
            _ = point.update(from: points[sample])
        } take: { sample, _, answer, point in
            _ = points[sample].update(from: point)
            nearness[sample] = answer.nearness
            guard answer.isReached else {
                let limit = bestSize[sample].isFinite ? bestSize[sample] : 1e6
                radius[sample] = min(radius[sample] * (bestSize[sample].isFinite ? 1 + decay : 1.5), limit)
                return
            }
            let size = session.size(point)
            if size < bestSize[sample] {
                bestSize[sample] = size
                _ = best[sample].update(from: point)
            }
            radius[sample] = min(radius[sample], size) * (1 - decay)
        }
    }

    /// One step along the slopes, and back to the radius.
    private func move(_ sample: Int, by share: Float) {
        let (slope, point) = (direction[sample], points[sample])
        let (low, high) = session.limits(of: sample)
        var isFlat = true
        for index in slope.indices {
            if !slope[index].isFinite { slope[index] = 0 }
            let isOut = slope[index] > 0 ? point[index] >= high[index] : point[index] <= low[index]
            if isOut { slope[index] = 0 }
            if slope[index] != 0 { isFlat = false }
        }
        if isFlat {
            session.drawNormal(for: sample, into: slope)
            for index in slope.indices where low[index] == high[index] { slope[index] = 0 }
        }
        steepest(slope)
        let length = share * radius[sample]
        for index in slope.indices { point[index] += length * slope[index] }
        confine(point, to: radius[sample])
        for index in point.indices { point[index] = min(max(point[index], low[index]), high[index]) }
    }

    /// Turns slopes into the direction of length 1 that gains most.
    private func steepest(_ slope: UnsafeMutableBufferPointer<Float>) {
        switch session.norm {
        case .linf:
            for index in slope.indices { slope[index] = slope[index] > 0 ? 1 : slope[index] < 0 ? -1 : 0 }
        case .l2:
            var squares: Float = 0
            for value in slope { squares += value * value }
            let factor = squares > 0 ? 1 / squares.squareRoot() : 0
            for index in slope.indices { slope[index] *= factor }
        case .l0, .l1:
            // why: one coordinate alone is steepest in L1, and one at a time takes as many steps as there are features.
            let kept = max(1, slope.count / 20)
            for index in slope.indices { order[index] = abs(slope[index]) }
            var sizes = order.values
            sizes.sort(by: >)
            let least = order[kept - 1]
            var sum: Float = 0
            for index in slope.indices {
                if abs(slope[index]) < least { slope[index] = 0 }
                sum += abs(slope[index])
            }
            for index in slope.indices where sum > 0 { slope[index] /= sum }
        }
    }

    /// Puts a point on the sphere of a radius; inside the box for L∞.
    private func confine(_ point: UnsafeMutableBufferPointer<Float>, to radius: Float) {
        switch session.norm {
        case .linf:
            for index in point.indices { point[index] = min(max(point[index], -radius), radius) }
        case .l2:
            let size = session.size(UnsafeBufferPointer(point))
            for index in point.indices where size > 0 { point[index] *= radius / size }
        case .l0, .l1:
            var sum: Float = 0
            for index in point.indices {
                order[index] = abs(point[index])
                sum += order[index]
            }
            let cut = sum > radius ? Self.threshold(order.values, radius) : 0
            for index in point.indices {
                let size = max(abs(point[index]) - cut, 0) * (sum > radius || sum == 0 ? 1 : radius / sum)
                point[index] = point[index] < 0 ? -size : size
            }
        }
    }

    /// What has to be taken off each size so that they sum to `radius`. Sorts the sizes.
    private static func threshold(_ sizes: UnsafeMutableBufferPointer<Float>, _ radius: Float) -> Float {
        var sizes = sizes
        sizes.sort(by: >)
        var (sum, cut): (Float, Float) = (0, 0)
        for (index, size) in sizes.enumerated() {
            sum += size
            let next = (sum - radius) / Float(index + 1)
            if next >= size { break }
            cut = next
        }
        return max(cut, 0)
    }
}
