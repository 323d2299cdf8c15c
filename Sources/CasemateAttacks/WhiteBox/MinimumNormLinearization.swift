import CasemateModels

/// The linear boundary between a sample's class and another one near a point: where `⟨normal, z - point⟩ = -value`.
struct MinimumNormLinearization {
    /// `z_t - z_y` at the point of each lane; negative on the side of the label.
    var values: [Float]
    /// Its gradient, `[lanes, size]`.
    var normals: [Float]
    /// Logits, `[lanes, classes]`.
    var logits: [Float]
}

extension MinimumNormLanes {
    /// Linearises the differences between some classes and the label and keeps for each lane the class whose linear
    /// boundary is nearest in a norm: one forward and one backward pass a class.
    /// - Parameters:
    ///   - lanes: Lanes, at least one.
    ///   - classes: The classes of each lane, in the order of `samples`; each has the same number, at least one.
    ///   - first: An evaluation of the first class that was already made.
    func linearize(
        _ lanes: [Int], classes: [[Int32]], norm: PerturbationSet.Norm, first: LossEvaluation? = nil
    ) throws -> MinimumNormLinearization {
        let number = lanes.map { classes[$0].count }.min() ?? 0
        var answer = try first ?? evaluate(.logitDifference, lanes, targets: lanes.map { classes[$0][0] })
        var found = MinimumNormLinearization(
            values: answer.losses, normals: answer.gradients, logits: answer.logits)
        guard number > 1 else { return found }
        var nearest = distances(answer, norm)
        for rank in 1..<number {
            answer = try evaluate(.logitDifference, lanes, targets: lanes.map { classes[$0][rank] })
            let distances = distances(answer, norm)
            for row in lanes.indices where distances[row] < nearest[row] {
                (nearest[row], found.values[row]) = (distances[row], answer.losses[row])
                for index in row * size..<(row + 1) * size { found.normals[index] = answer.gradients[index] }
            }
        }
        return found
    }

    /// `|z_t - z_y| / ‖∇(z_t - z_y)‖` in the dual norm; infinite where there is no gradient.
    private func distances(_ answer: LossEvaluation, _ norm: PerturbationSet.Norm) -> [Double] {
        answer.gradients.withUnsafeBufferPointer { gradients in
            answer.losses.indices.map { row in
                guard let base = gradients.baseAddress else { return .infinity }
                let slope = MinimumNormVectors.dualNorm(norm, base + row * size, count: size)
                return slope > 0 && slope.isFinite ? abs(Double(answer.losses[row])) / slope : .infinity
            }
        }
    }

    /// The classes other than the label, by clean logits with the largest first, at most `limit`; with a targeted goal
    /// only the target.
    func rivals(limit: Int) -> [[Int32]] {
        samples.map { sample in
            if let targets = problem.targets { return [targets[sample]] }
            let label = Int(problem.labels[sample])
            let others = (0..<classCount).filter { $0 != label }
            let ranked = others.sorted { (cleanLogit(sample, $0), -$0) > (cleanLogit(sample, $1), -$1) }
            return ranked.prefix(limit).map { Int32(truncatingIfNeeded: $0) }
        }
    }
}
