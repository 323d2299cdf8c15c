import CasemateCore

/// Steps along a gradient, and random points of a ball, in each norm. Rows are `count` values.
enum Steepest {
    /// Adds to `point` the step of length `step` that raises a linear function with this gradient fastest: its signs
    /// (`linf`), its direction (`l2`), the signs of its largest `share` of values among those that the box lets move
    /// (`l1`). Values that are not numbers count as 0.
    static func step(
        _ set: PerturbationSet, _ point: UnsafeMutablePointer<Float>, along gradient: UnsafePointer<Float>,
        count: Int, step: Float, share: Double = 0.01
    ) {
        switch set.norm {
        case .linf: addSigns(point, gradient, count, step)
        case .l2:
            let length = MinimumNormVectors.norm(.l2, gradient, count: count)
            guard length > 0, length.isFinite else { return }
            let scale = Double(step) / length
            for index in 0..<count { point[index] += Float(scale * Double(gradient[index])) }
        case .l1, .l0: addLargest(point, gradient, count, step, share, set)
        }
    }

    /// Sum of the absolute values of a row.
    static func absoluteSum(_ row: UnsafePointer<Float>, _ count: Int) -> Double {
        var a = 0.0, b = 0.0
        var index = 0
        while index + 2 <= count {
            a += Double(abs(row[index]))
            b += Double(abs(row[index + 1]))
            index += 2
        }
        return index < count ? a + b + Double(abs(row[index])) : a + b
    }

    private static func addSigns(
        _ point: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, _ count: Int, _ step: Float
    ) {
        for index in 0..<count {
            let value = gradient[index]
            let up: Float = value > 0 ? step : 0
            let down: Float = value < 0 ? step : 0
            point[index] += up - down
        }
    }

    /// Spreads the step evenly over the largest values of the gradient.
    /// Source: Tramèr and Boneh, "Adversarial training and robustness for multiple perturbations", NeurIPS 2019.
    private static func addLargest(
        _ point: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, _ count: Int, _ step: Float,
        _ share: Double, _ set: PerturbationSet
    ) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { sizes in
            for index in 0..<count {
                let (value, here) = (gradient[index], point[index])
                let canMove = value > 0 ? here < set.high : here > set.low
                sizes[index] = value == value && canMove ? abs(value) : 0
            }
            guard let base = sizes.baseAddress else { return }
            let rank = min(count, max(1, Int(share * Double(count)))) - 1
            let threshold = max(largest(base, count, rank: rank), .leastNonzeroMagnitude)
            var moved = 0
            for index in 0..<count { moved &+= sizes[index] >= threshold ? 1 : 0 }
            guard moved > 0 else { return }
            let part = step / Float(moved)
            for index in 0..<count where sizes[index] >= threshold {
                point[index] += gradient[index] > 0 ? part : -part
            }
        }
    }

    /// The absolute value with this rank, 0 for the largest; values that are not numbers count as 0.
    static func largest(_ row: UnsafePointer<Float>, _ count: Int, rank: Int) -> Float {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { values in
            for index in 0..<count { values[index] = row[index] == row[index] ? abs(row[index]) : 0 }
            var (low, high) = (0, count - 1)
            while low < high {
                let pivot = values[(low + high) / 2]
                var (left, right) = (low, high)
                while left <= right {
                    while values[left] > pivot { left += 1 }
                    while values[right] < pivot { right -= 1 }
                    if left <= right {
                        values.swapAt(left, right)
                        left += 1
                        right -= 1
                    }
                }
                if rank <= right { high = right } else if rank >= left { low = left } else { break }
            }
            return values[rank]
        }
    }

    /// Writes a random point around `original`: uniform in the cube (`linf`) or the ball (`l2`, `l1`) of a radius.
    static func start(
        _ norm: PerturbationSet.Norm, _ point: UnsafeMutableBufferPointer<Float>, around original: UnsafePointer<Float>,
        radius: Double, sampler: NormalSampler, using generator: inout SeededGenerator
    ) {
        let count = point.count
        let size = Float(radius)
        if norm == .linf {
            generator.fillUniform(point, from: -size, to: size)
            for index in 0..<count { point[index] += original[index] }
            return
        }
        var length = 0.0
        if norm == .l2 {
            sampler.fill(point, using: &generator)
            for index in 0..<count { length += Double(point[index]) * Double(point[index]) }
            length = length.squareRoot()
        } else {
            // why: signed exponential numbers, divided by their sum, are uniform on the l1 sphere.
            for index in 0..<count {
                let size = -(1 - generator.uniformDouble()).logarithm
                point[index] = Float(generator.next() & 1 == 0 ? size : -size)
                length += size
            }
        }
        guard length > 0 else { return point.baseAddress?.update(from: original, count: count) ?? () }
        let depth = (generator.uniformDouble().logarithm / Double(count)).exponential
        let scale = Float(radius * depth / length)
        for index in 0..<count { point[index] = original[index] + scale * point[index] }
    }
}
