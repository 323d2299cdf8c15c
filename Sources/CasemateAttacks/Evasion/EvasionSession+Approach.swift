import CasemateData

extension EvasionSession {
    /// Size of a point, its distance from the original as long as nothing is rounded.
    func size(_ point: UnsafeBufferPointer<Float>) -> Float {
        var measured = Measured()
        for value in point { measured.add(abs(value)) }
        return measured.distance(norm)
    }

    /// Binary search of many lanes at once from points of the goal's class toward the originals; each lane ends at the
    /// last point that was asked and reached the goal.
    ///
    /// Source: Chen, Jordan and Wainwright 2020, Algorithm 1 (Bin-Search). `isBox` moves by clipping every coordinate to
    /// a smaller range (L∞) instead of along the line; `threshold` is the width to stop at, given the initial width.
    func approach(_ lanes: Lanes, among chosen: [Int], threshold: (Float) -> Float, isBox: Bool) throws {
        var near = [Float](repeating: 0, count: lanes.count)
        var far = [Float](repeating: 1, count: lanes.count)
        if isBox { for lane in chosen { far[lane] = lanes[lane].reduce(0) { max($0, abs($1)) } } }
        let width = far.map(threshold)
        func write(_ share: Float, _ lane: Int, into point: UnsafeMutableBufferPointer<Float>) {
            let from = lanes[lane]
            for index in from.indices {
                point[index] = isBox ? min(max(from[index], -share), share) : from[index] * share
            }
        }
        // why: floats may be too coarse to get below the threshold, so the rounds are bounded as well.
        for _ in 0..<40 {
            let active = chosen.filter { far[$0] - near[$0] > width[$0] && remaining(lanes.samples[$0]) > 0 }
            if active.isEmpty { break }
            try ask(active.map { Request(lane: $0, sample: lanes.samples[$0], count: 1) }) { lane, _, point in
                write((near[lane] + far[lane]) / 2, lane, into: point)
            } take: { lane, _, isReached, _ in
                let middle = (near[lane] + far[lane]) / 2
                if isReached { far[lane] = middle } else { near[lane] = middle }
            }
        }
        for lane in chosen { write(far[lane], lane, into: lanes[lane]) }
    }
}
