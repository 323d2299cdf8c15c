import CasemateCore
import CasemateData

/// Points of many samples that a decision-based attack moves in lockstep; a sample may have several.
final class Lanes {
    /// The sample of each lane.
    private(set) var samples: [Int]
    /// The points, a row a lane.
    let points: Scratch<Float>
    let dimension: Int
    var count: Int { samples.count }

    init(samples: [Int], dimension: Int) {
        (self.samples, self.dimension) = (samples, dimension)
        points = Scratch(samples.count * dimension, filledWith: 0)
    }
    @inline(__always)
    subscript(lane: Int) -> UnsafeMutableBufferPointer<Float> { points.row(lane, dimension) }
}

extension EvasionSession {
    /// Points of the goal's class for the open samples, one lane each: from the nearest known rows where there are any,
    /// from uniform noise for the rest. Samples without a start leave `open`.
    func findStarts(trials: Int, neighbours: Int) throws -> Lanes {
        let starts = Lanes(samples: Array(0..<count), dimension: dimension)
        var missing = Set(open)
        if let known = problem.startingPoints, known.count > 0 {
            missing.subtract(try startFromKnown(known, starts, neighbours))
        }
        missing.subtract(try startFromNoise(missing.sorted(), starts, trials))
        open.removeAll(where: missing.contains)
        return starts
    }

    /// Draws up to `trials` points in rounds of 1, 1, 2, 4, 8, … and takes the nearest of the first round that has one.
    private func startFromNoise(_ samples: [Int], _ starts: Lanes, _ trials: Int) throws -> Set<Int> {
        var waiting = samples
        var found: Set<Int> = []
        var (done, round) = (0, 1)
        while done < trials, !waiting.isEmpty {
            round = min(done == 0 ? 1 : done, trials - done)
            var nearest: [Int: Float] = [:]
            try ask(waiting.map { Request(lane: $0, sample: $0, count: round) }) { sample, index, point in
                self.drawNoise(sample, trial: done + index, of: trials, into: point)
            } take: { sample, _, isReached, point in
                guard isReached else { return }
                let size = self.size(point)
                if size < nearest[sample] ?? .infinity {
                    nearest[sample] = size
                    _ = starts[sample].update(from: point)
                }
            }
            found.formUnion(nearest.keys)
            waiting.removeAll { nearest[$0] != nil }
            done += round
        }
        return found
    }

    /// A point that is uniform within the limits of the sample; in the last quarter of the trials a corner of them, the
    /// lowest and the highest first. Where a side has no bound, the trial's number decides how far it reaches: 1, 2, 4,
    /// 8, 16 scales, and again.
    private func drawNoise(
        _ sample: Int, trial: Int, of trials: Int, into point: UnsafeMutableBufferPointer<Float>
    ) {
        let reach = Float(1 << (trial % 5))
        let start = sample * dimension
        let corner = trial - (3 * trials + 3) / 4
        for coordinate in encoding.numeric.indices {
            let (bottom, top) = (low[start + coordinate], high[start + coordinate])
            let (from, to) = (bottom.isFinite ? bottom : -reach, top.isFinite ? top : reach)
            let share = generators[sample].uniform()
            let end: Float = corner < 2 ? Float(corner) : share.rounded()
            point[coordinate] = from + (to - from) * (corner < 0 ? share : end)
        }
        for (position, unit) in encoding.discrete.enumerated() {
            let held = room[sample].held[position]
            let options = (0..<unit.levels).filter { $0 == held || high[start + unit.offset + $0] > 0 }
            let draw = Int(generators[sample].uniform() * Float(options.count))
            place(options.isEmpty ? nil : options[min(draw, options.count - 1)], of: unit, held: held, into: point)
        }
    }

    /// Takes the `neighbours` nearest known rows of the goal's class, as far as the space lets a row become them,
    /// searches from each along the line to the original and starts from the nearest end.
    private func startFromKnown(_ known: FeatureMatrix, _ starts: Lanes, _ neighbours: Int) throws -> Set<Int> {
        let labels = try decideKnown(known)
        let width = problem.space.features.count
        let rows = Scratch<Float>(known.values.count, filledWith: 0)
        _ = rows.values.update(from: known.values)
        func row(_ index: Int) -> UnsafeBufferPointer<Float> { UnsafeBufferPointer(rows.row(index, width)) }
        var chosen: [(sample: Int, row: Int)] = []
        for sample in open {
            chosen += nearestKnown(sample, labels, neighbours, row).map { (sample, $0) }
        }
        let lanes = Lanes(samples: chosen.map(\.sample), dimension: dimension)
        var isGood = [Bool](repeating: false, count: lanes.count)
        try ask(chosen.enumerated().map { Request(lane: $0.offset, sample: $0.element.sample, count: 1) }) {
            self.encode(row(chosen[$0].row), for: chosen[$0].sample, into: $2)
        } take: { lane, _, isReached, point in
            isGood[lane] = isReached
            _ = lanes[lane].update(from: point)
        }
        let good = isGood.indices.filter { isGood[$0] }
        try approach(lanes, among: good, threshold: { _ in 0.001 }, isBox: false)
        var nearest: [Int: Float] = [:]
        for lane in good {
            let size = size(UnsafeBufferPointer(lanes[lane]))
            guard size < nearest[lanes.samples[lane]] ?? .infinity else { continue }
            nearest[lanes.samples[lane]] = size
            _ = starts[lanes.samples[lane]].update(from: lanes[lane])
        }
        return Set(nearest.keys)
    }

    /// Labels of at most 2,000 known rows, evenly taken; the rest are not used.
    private func decideKnown(_ known: FeatureMatrix) throws -> [(index: Int, label: Int32)] {
        let step = max(1, (known.count + 1_999) / 2_000)
        let indices = Array(stride(from: 0, to: known.count, by: step))
        var labels: [(index: Int, label: Int32)] = []
        for start in stride(from: 0, to: indices.count, by: limits.batch) {
            let part = indices[start..<min(start + limits.batch, indices.count)]
            let answers = try oracle.decide(known.rows(part).values, count: part.count)
            sharedQueries += part.count
            labels += zip(part, answers).map { ($0, $1) }
        }
        return labels
    }

    private func nearestKnown(
        _ sample: Int, _ labels: [(index: Int, label: Int32)], _ neighbours: Int,
        _ row: (Int) -> UnsafeBufferPointer<Float>
    ) -> [Int] {
        let point = points.row(0, dimension)
        var best: [(size: Float, index: Int)] = []
        for (index, label) in labels where problem.goals[sample].isReached(by: label) {
            encode(row(index), for: sample, into: point)
            for coordinate in 0..<dimension {
                let position = sample * dimension + coordinate
                point[coordinate] = min(max(point[coordinate], low[position]), high[position])
            }
            let size = size(UnsafeBufferPointer(point))
            if best.count == neighbours, let last = best.last, (size, index) >= (last.size, last.index) { continue }
            let position = best.firstIndex { (size, index) < ($0.size, $0.index) } ?? best.count
            best.insert((size, index), at: position)
            if best.count > neighbours { best.removeLast() }
        }
        return best.map(\.index)
    }
}
