import CasemateModels
import Foundation

/// Adam in tanh space for the lanes of Carlini and Wagner's attack, for one constant each.
final class CarliniWagnerDescent {
    /// Whether the goal was reached with the constant in work.
    private(set) var wasReached: [Bool]
    private let lanes: MinimumNormLanes, box: MinimumNormBox, settings: CarliniWagner
    private let size: Int
    /// Where each lane starts in tanh space, its offset from there, and Adam's two moments.
    private let starts: Scratch<Float>, offsets: Scratch<Float>, means: Scratch<Float>, squares: Scratch<Float>
    /// Loss at the last look whether it still falls.
    private var lastLosses: [Double]

    init(_ lanes: MinimumNormLanes, _ box: MinimumNormBox, _ settings: CarliniWagner) {
        (self.lanes, self.box, self.settings, size) = (lanes, box, settings, lanes.size)
        let count = lanes.samples.count
        wasReached = [Bool](repeating: false, count: count)
        lastLosses = [Double](repeating: .infinity, count: count)
        starts = Scratch(count * size, filledWith: 0)
        offsets = Scratch(count * size, filledWith: 0)
        means = Scratch(count * size, filledWith: 0)
        squares = Scratch(count * size, filledWith: 0)
        guard box.isFinite else { return }
        let (centre, half) = (centre, half)
        for lane in 0..<count {
            let (row, original) = (starts.row(lane, size), lanes.original(lane))
            // why: the factor keeps values on the bounds of the box away from infinity
            for index in 0..<size { row[index] = atanh((original[index] - centre) / half * 0.999_999) }
        }
    }

    private var centre: Float { box.low / 2 + box.high / 2 }
    private var half: Float { box.high / 2 - box.low / 2 }

    /// Starts anew with the next constants.
    func start() {
        for scratch in [offsets, means, squares] { scratch.values.update(repeating: 0) }
        for lane in wasReached.indices { (wasReached[lane], lastLosses[lane]) = (false, .infinity) }
    }

    /// One step of all live lanes; those whose loss no longer falls leave.
    func step(_ iteration: Int, constants: [Double]) throws {
        for lane in lanes.live { place(lane) }
        let loss: ClassificationLoss = lanes.problem.targets == nil ? .margin : .targetedMargin
        let answer = try lanes.evaluate(loss, lanes.live, targets: lanes.targets(lanes.live))
        let isLook = settings.stopsEarly && iteration % max(1, settings.iterations / 10) == 0
        let work = lanes.live
        var kept: [Int] = []
        answer.gradients.withUnsafeBufferPointer { gradients in
            guard let first = gradients.baseAddress else { return }
            for (row, lane) in work.enumerated() {
                let margin = Double(answer.losses[row])
                if lanes.isReached(answer.logits, row: row, lane: lane), margin >= settings.confidence {
                    wasReached[lane] = true
                }
                let total = squaredDistance(lane) + constants[lane] * max(settings.confidence - margin, 0)
                if isLook {
                    if total > lastLosses[lane] * 0.9999 { continue }
                    lastLosses[lane] = total
                }
                kept.append(lane)
                let weight = margin < settings.confidence ? constants[lane] : 0
                descend(lane, gradient: first + row * size, weight: Float(weight), time: iteration + 1)
            }
        }
        lanes.live = kept
    }

    /// Writes the point that a lane's offset stands for.
    private func place(_ lane: Int) {
        let (point, original) = (lanes.point(lane), lanes.original(lane))
        let (start, offset) = (starts.row(lane, size), offsets.row(lane, size))
        let (centre, half) = (centre, half)
        if box.isFinite {
            for index in 0..<size { point[index] = centre + half * tanh(start[index] + offset[index]) }
        } else {
            for index in 0..<size { point[index] = original[index] + offset[index] }
        }
    }

    private func squaredDistance(_ lane: Int) -> Double {
        let distance = PerturbationSet.distance(.l2, lanes.point(lane), lanes.original(lane), count: size)
        return distance * distance / (box.width * box.width)
    }

    /// One step of Adam (β₁ = 0.9, β₂ = 0.999) against the gradient of the whole loss.
    private func descend(_ lane: Int, gradient: UnsafePointer<Float>, weight: Float, time: Int) {
        let (point, original) = (lanes.point(lane), lanes.original(lane))
        let (offset, mean, square) = (offsets.row(lane, size), means.row(lane, size), squares.row(lane, size))
        let (centre, half, isFinite) = (centre, half, box.isFinite)
        let pull = Float(2 / (box.width * box.width))
        let rate = Float(
            settings.learningRate * (1 - pow(0.999, Double(time))).squareRoot() / (1 - pow(0.9, Double(time))))
        for index in 0..<size {
            var slope = pull * (point[index] - original[index])
            if weight > 0 { slope -= weight * gradient[index] }
            if isFinite {
                let height = (point[index] - centre) / half
                slope *= half * (1 - height * height)
            }
            guard slope.isFinite else { continue }
            mean[index] = 0.9 * mean[index] + 0.1 * slope
            square[index] = 0.999 * square[index] + 0.001 * slope * slope
            offset[index] -= rate * mean[index] / (square[index].squareRoot() + 1e-8)
        }
    }
}
