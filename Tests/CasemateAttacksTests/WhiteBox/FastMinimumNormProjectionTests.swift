import CasemateAttacks
import CasemateCore
import Testing

@Suite struct FastMinimumNormProjectionTests {
    private func project(_ values: [Float], _ norm: PerturbationSet.Norm, _ radius: Double) -> [Float] {
        var (projection, result) = (FastMinimumNormProjection(norm, count: values.count), values)
        result.withUnsafeMutableBufferPointer { buffer in
            guard let change = buffer.baseAddress else { return }
            projection.project(change, radius: radius, count: values.count)
        }
        return result
    }
    /// The nearest point of an L1 ball by bisection of the threshold.
    private func nearestOfSumBall(_ values: [Float], _ radius: Double) -> [Double] {
        func shrunk(_ threshold: Double) -> [Double] {
            values.map { max(0, abs(Double($0)) - threshold) * ($0 < 0 ? -1 : 1) }
        }
        var (low, high) = (0.0, values.reduce(0) { max($0, abs(Double($1))) })
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if shrunk(middle).reduce(0, { $0 + abs($1) }) > radius { low = middle } else { high = middle }
        }
        return shrunk(high)
    }

    @Test func isTheNearestPointOfTheBall() {
        var generator = SeededGenerator(seed: 2)
        for number in 0..<2000 {
            let size = Int.random(in: 1...40, using: &generator)
            let values = (0..<size).map { _ -> Float in
                generator.uniform() < 0.3 ? 0.5 : 4 * (generator.uniform() - 0.5)
            }
            let zero = [Float](repeating: 0, count: size)
            for norm in PerturbationSet.Norm.allCases {
                let length = PerturbationSet.distance(norm, values, zero)
                let radius = norm == .l0 ? (length / 2).rounded(.up) : length * generator.uniformDouble()
                let found = project(values, norm, radius)
                #expect(PerturbationSet.distance(norm, found, zero) <= radius * (1 + 1e-5), "case \(number) \(norm)")
                #expect(project(values, norm, length) == values)
                let far = PerturbationSet.distance(.l2, found, values)
                let nearest: [Float]
                switch norm {
                case .l0:
                    // why: of equal values any may stay, so only what is left out is compared
                    let left = values.map(abs).sorted().prefix(size - Int(radius))
                    nearest = []
                    let least = left.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
                    #expect(abs(far - least) <= 1e-5, "case \(number)")
                case .l1: nearest = nearestOfSumBall(values, radius).map { Float($0) }
                case .l2: nearest = values.map { Float(Double($0) * radius / length) }
                case .linf: nearest = values.map { Float(min(max(Double($0), -radius), radius)) }
                }
                for (value, expected) in zip(found, nearest) {
                    #expect(abs(value - expected) <= 2e-6, "case \(number) \(norm)")
                }
            }
        }
    }

    /// What is taken first has the largest keys, and fills the amount exactly.
    @Test func selectionTakesTheLargestFirst() {
        var generator = SeededGenerator(seed: 5)
        for number in 0..<1000 {
            let size = Int.random(in: 1...50, using: &generator)
            let keys = (0..<size).map { _ in Float(Int.random(in: 0...9, using: &generator)) }
            let capacities = (0..<size).map { _ in Double(Int.random(in: 0...3, using: &generator)) }
            let amount = capacities.reduce(0, +) * 1.2 * generator.uniformDouble()
            var selection = MinimumNormSelection(capacity: size)
            let found = keys.withUnsafeBufferPointer { keys in
                capacities.withUnsafeBufferPointer { capacities -> MinimumNormSelection.Result? in
                    guard let keys = keys.baseAddress, let room = capacities.baseAddress else { return nil }
                    return selection.take(amount, keys: keys, capacities: room, count: size)
                }
            }
            guard let found else { continue }
            let order = selection.order.map { Int($0) }
            #expect(order.sorted() == Array(0..<size), "case \(number)")
            let taken = order.prefix(found.whole).reduce(0) { $0 + capacities[$1] } + found.rest
            #expect(abs(taken - min(amount, capacities.reduce(0, +))) < 1e-9, "case \(number)")
            let smallest = order.prefix(found.whole).map { keys[$0] }.min() ?? .infinity
            let largest = order.dropFirst(found.whole).map { keys[$0] }.max() ?? -.infinity
            #expect(smallest >= largest, "case \(number)")
        }
    }
}
