import CasemateCore
import CasemateModels
import Foundation

/// The state of one search for a counterexample.
struct SpecificationSearch {
    let property: VnnProperty
    let network: VnnNetwork
    /// The box of each case in float32; `nil` where it holds no point.
    let boxes: [(low: [Float], high: [Float])?]
    /// Cases whose box holds points.
    let cases: [Int]
    let steps: Int
    let context: RunContext
    /// Why gradients were not used.
    var note: String?
    private var witness: SpecificationAttack.Witness?
    private var points = 0
    private var doneRounds = 0
    private var usesGradients = false
    /// The best points so far, best first, with their case.
    private var elite: [(excess: Float, point: [Float], index: Int)] = []

    init(
        property: VnnProperty, network: VnnNetwork, boxes: [(low: [Float], high: [Float])?], cases: [Int], steps: Int,
        context: RunContext
    ) {
        (self.property, self.network, self.boxes, self.cases) = (property, network, boxes, cases)
        (self.steps, self.context) = (steps, context)
    }

    /// What was found.
    var result: SpecificationAttack.Result {
        SpecificationAttack.Result(
            witness: witness, points: points,
            bestExcess: witness != nil
                ? min(0, Double(elite.first?.excess ?? 0)) : Double(elite.first?.excess ?? .infinity),
            rounds: doneRounds, usedGradients: usesGradients, note: note)
    }

    private var isOver: Bool {
        witness != nil || context.deadline.map { ContinuousClock.now >= $0 } ?? false
    }

    /// Walks from many points at a time until something is found or time is over.
    mutating func walk(_ gradient: VnnGradient, rounds: Int) throws {
        usesGradients = true
        let size = gradient.inputCount
        let lanes = gradient.isBatched ? max(32, min(512, 65_536 / max(1, size))) : 8
        for round in 0..<rounds {
            try context.cancellation.check()
            if isOver { return }
            var generator = SeededGenerator(seed: context.seed, stream: UInt64(round))
            var (rows, owners) = starts(round: round, lanes: lanes, &generator)
            let directions = owners.indices.map { lane -> [Float]? in
                guard lane % 4 == 1 || lane % 4 == 2 else { return nil }
                return (0..<property.outputCount).map { _ in generator.uniform() * 2 - 1 }
            }
            try descend(&rows, owners, directions, gradient)
            doneRounds = round + 1
        }
    }

    /// Starting points: middles, corners and random points of the cases' boxes, and points near the best so far.
    private func starts(round: Int, lanes: Int, _ generator: inout SeededGenerator) -> ([Float], [Int]) {
        var rows: [Float] = []
        var owners: [Int] = []
        rows.reserveCapacity(lanes * property.inputCount)
        for lane in 0..<lanes {
            let index = cases[(lane + round * lanes) % cases.count]
            guard let box = boxes[index] else { continue }
            let width = box.low.count
            if round > 0, lane % 2 == 0, !elite.isEmpty {
                let known = elite[lane / 2 % elite.count]
                guard let own = boxes[known.index] else { continue }
                let spread: Float = [0.3, 0.1, 0.03, 0.01][round % 4]
                for place in 0..<width {
                    let move = (generator.uniform() * 2 - 1) * spread * (own.high[place] - own.low[place])
                    rows.append(min(max(known.point[place] + move, own.low[place]), own.high[place]))
                }
                owners.append(known.index)
                continue
            }
            let kind = round == 0 && lane < cases.count ? 0 : 1 + lane % 3
            for place in 0..<width {
                let share: Float =
                    switch kind {
                    case 0: 0.5
                    case 1: generator.uniform() < 0.5 ? 0 : 1
                    default: generator.uniform()
                    }
                let value = box.low[place] + share * (box.high[place] - box.low[place])
                rows.append(min(max(value, box.low[place]), box.high[place]))
            }
            owners.append(index)
        }
        return (rows, owners)
    }

    /// Steps along a random direction of the outputs that come first in half of the walks. Source: Tashiro, Song and
    /// Ermon, "Diversity can be transferred: output diversification", NeurIPS 2020.
    private static let diversifyingSteps = 7

    private mutating func descend(
        _ rows: inout [Float], _ owners: [Int], _ directions: [[Float]?], _ gradient: VnnGradient
    ) throws {
        let size = gradient.inputCount
        var velocity = [Float](repeating: 0, count: rows.count)
        var best = [Float](repeating: .infinity, count: owners.count)
        var bestRows = rows
        let none = [[Float]?](repeating: nil, count: owners.count)
        for step in -Self.diversifyingSteps...steps {
            try context.cancellation.check()
            if isOver { break }
            let answer = try gradient.evaluate(
                rows, cases: owners, directions: step < 0 ? directions : none, cancellation: context.cancellation)
            points += owners.count
            for lane in owners.indices where answer.excess[lane] < best[lane] {
                best[lane] = answer.excess[lane]
                bestRows.replaceSubrange(lane * size..<(lane + 1) * size, with: rows[lane * size..<(lane + 1) * size])
                if answer.excess[lane] <= 0 { try confirm(Array(rows[lane * size..<(lane + 1) * size])) }
            }
            if witness != nil || step == steps { break }
            // why: wide steps find the region, narrow ones the point; every round runs through both.
            let length = 0.3 * Float(pow(0.002, Double(max(0, step)) / Double(steps)))
            move(&rows, &velocity, owners, answer, size: size, length: length)
        }
        for lane in owners.indices where best[lane].isFinite {
            elite.append((best[lane], Array(bestRows[lane * size..<(lane + 1) * size]), owners[lane]))
        }
        elite.sort { $0.excess < $1.excess }
        elite.removeLast(max(0, elite.count - 48))
    }

    /// One step down: by the sign of the gradient on even lanes, along the gradient scaled by the box with momentum on
    /// odd ones.
    private func move(
        _ rows: inout [Float], _ velocity: inout [Float], _ owners: [Int], _ answer: VnnGradient.Answer, size: Int,
        length: Float
    ) {
        for lane in owners.indices {
            guard let box = boxes[owners[lane]] else { continue }
            var norm: Float = 0
            for place in 0..<size {
                let width = box.high[place] - box.low[place]
                let slope = answer.gradients[lane * size + place] * width
                norm += slope.isFinite ? slope * slope : 0
            }
            // why: along the gradient a step of the same length in every direction, not in every coordinate.
            let scale = norm > 0 ? Float(size).squareRoot() / norm.squareRoot() : 0
            for place in 0..<size {
                let at = lane * size + place
                let width = box.high[place] - box.low[place]
                let slope = answer.gradients[at].isFinite ? answer.gradients[at] * width : 0
                let direction: Float =
                    lane % 2 == 0 ? (slope > 0 ? 1 : slope < 0 ? -1 : 0) : min(max(slope * scale, -3), 3)
                velocity[at] = 0.5 * velocity[at] + direction
                let next = rows[at] - length * velocity[at] * width
                rows[at] = min(max(next, box.low[place]), box.high[place])
            }
        }
    }

    /// Asks plain ONNX Runtime whether a point meets the property, box and inequalities, with no tolerance.
    private mutating func confirm(_ point: [Float]) throws {
        guard witness == nil else { return }
        let output = try network.answer(point)
        if output.count == property.outputCount, property.isMet(input: point, output: output) {
            witness = SpecificationAttack.Witness(input: point, output: output)
        }
    }

    /// Searches at random and from the best points, for networks that no gradient goes through.
    mutating func sample(rounds: Int) throws {
        for round in 0..<rounds {
            try context.cancellation.check()
            if isOver { return }
            var generator = SeededGenerator(seed: context.seed, stream: UInt64(round))
            let (rows, owners) = starts(round: round, lanes: 64, &generator)
            let size = property.inputCount
            for lane in owners.indices {
                if isOver { return }
                let point = Array(rows[lane * size..<(lane + 1) * size])
                let output = try network.answer(point)
                points += 1
                guard output.count == property.outputCount else { continue }
                let excess = Float(property.cases[owners[lane]].violation(input: point, output: output))
                if property.isMet(input: point, output: output) {
                    witness = SpecificationAttack.Witness(input: point, output: output)
                }
                elite.append((excess, point, owners[lane]))
            }
            elite.sort { $0.excess < $1.excess }
            elite.removeLast(max(0, elite.count - 48))
            doneRounds = round + 1
        }
    }
}
