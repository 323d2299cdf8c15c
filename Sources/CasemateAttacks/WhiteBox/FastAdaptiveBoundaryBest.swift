/// The closest misclassified point of each lane in one start of FAB, and the search between it and the original.
final class FastAdaptiveBoundaryBest {
    private let lanes: MinimumNormLanes
    private var distances: [Double], margins: [Float]
    private let rows: Scratch<Float>

    init(_ lanes: MinimumNormLanes) {
        self.lanes = lanes
        distances = [Double](repeating: .infinity, count: lanes.samples.count)
        margins = [Float](repeating: 0, count: lanes.samples.count)
        rows = Scratch(lanes.samples.count * lanes.size, filledWith: 0)
    }

    /// Keeps the point of a lane when it is closer than what was kept.
    func note(_ lane: Int, margin: Float, _ norm: PerturbationSet.Norm) {
        let (point, original, size) = (lanes.point(lane), lanes.original(lane), lanes.size)
        let distance = PerturbationSet.distance(norm, point, original, count: size)
        guard distance < distances[lane] else { return }
        (distances[lane], margins[lane]) = (distance, margin)
        let row = rows.row(lane, size)
        for index in 0..<size { row[index] = point[index] }
    }

    /// Regula falsi on the margin along the segment from the closest point back to the original: with the margins
    /// positive at one end and negative at the other, asks where the straight line between them is 0.
    ///
    /// Source: Croce and Hein, ICML 2020 (arXiv 1907.02044), section 2.5, "final search".
    func searchFinally(steps: Int) throws {
        let found = lanes.samples.indices.filter { distances[$0].isFinite }
        // why: the segment as shares of the closest point's perturbation, wrong at `outer`, right at `inner`
        var outer = [Float](repeating: 1, count: lanes.samples.count)
        var inner = [Float](repeating: 0, count: lanes.samples.count)
        var outerMargin = margins
        var innerMargin = lanes.samples.indices.map { lanes.cleanMargin($0) }
        for _ in 0..<steps {
            let live = found.filter { outerMargin[$0] > 0 && innerMargin[$0] < 0 && outer[$0] > inner[$0] }
            if live.isEmpty { return }
            var shares = outer
            for lane in live {
                let step = outerMargin[lane] / (outerMargin[lane] - innerMargin[lane])
                shares[lane] = outer[lane] - step * (outer[lane] - inner[lane])
                place(lane, shares[lane])
            }
            let logits = try lanes.forward(live)
            for (row, lane) in live.enumerated() {
                let margin = lanes.margin(logits, row: row, lane: lane)
                if lanes.isReached(logits, row: row, lane: lane) {
                    (outer[lane], outerMargin[lane]) = (shares[lane], margin)
                } else {
                    (inner[lane], innerMargin[lane]) = (shares[lane], margin)
                }
            }
        }
    }

    private func place(_ lane: Int, _ share: Float) {
        let (point, original, row) = (lanes.point(lane), lanes.original(lane), rows.row(lane, lanes.size))
        for index in 0..<lanes.size { point[index] = original[index] + share * (row[index] - original[index]) }
    }
}
