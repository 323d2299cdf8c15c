import CasemateAttacks
import CasemateCore
import Testing

@Suite struct FastAdaptiveBoundaryProjectionTests {
    private struct Case {
        var point: [Float], normal: [Float], excess: Double, set: PerturbationSet
        var size: Int { point.count }
    }

    /// Points inside and on the border of boxes (or without a box), normals with zeros, equal and tiny values.
    private func randomCase(_ norm: PerturbationSet.Norm, _ generator: inout SeededGenerator) throws -> Case {
        let size = Int.random(in: 1...24, using: &generator)
        let isBoxed = generator.uniform() < 0.8
        let (low, high): (Float, Float) = generator.uniform() < 0.5 ? (0, 1) : (-3, 5)
        let point = (0..<size).map { _ in
            let place = generator.uniform()
            return place < 0.1 ? low : place > 0.9 ? high : low + (high - low) * generator.uniform()
        }
        let magnitude = [1, 1e-12, 1e12, 1e-30][Int.random(in: 0..<4, using: &generator)] as Float
        let normal = (0..<size).map { _ -> Float in
            switch generator.uniform() {
            case ..<0.15: 0
            case ..<0.3: magnitude
            case ..<0.4: -1e-6 * magnitude
            default: magnitude * (2 * generator.uniform() - 1)
            }
        }
        let reach = normal.reduce(0) { $0 + Double(abs($1)) } * Double(high - low)
        return Case(
            point: point, normal: normal, excess: reach * (generator.uniformDouble() - 0.5),
            set: try PerturbationSet(
                norm: norm, epsilon: nil, low: isBoxed ? low : -.infinity, high: isBoxed ? high : .infinity))
    }

    private func step(_ one: Case) -> (values: [Float], length: Double) {
        var projection = FastAdaptiveBoundaryProjection(one.set.norm, count: one.size)
        var values = [Float](repeating: .nan, count: one.size)
        let length = one.point.withUnsafeBufferPointer { point in
            one.normal.withUnsafeBufferPointer { normal in
                values.withUnsafeMutableBufferPointer { values -> Double in
                    guard let from = point.baseAddress, let along = normal.baseAddress, let to = values.baseAddress
                    else { return .nan }
                    return projection.step(
                        from: from, normal: along, excess: one.excess, box: MinimumNormBox(one.set), into: to)
                }
            }
        }
        return (values, length)
    }

    /// Feasible within rounding and as short as an independent solver says, so optimal; at the corner otherwise.
    @Test(arguments: [PerturbationSet.Norm.linf, .l2, .l1])
    func isExact(norm: PerturbationSet.Norm) throws {
        var generator = SeededGenerator(seed: 7)
        var (reached, corners) = (0, 0)
        for number in 0..<4000 {
            let one = try randomCase(norm, &generator)
            let (values, length) = step(one)
            let scale = one.normal.reduce(0) { max($0, Double(abs($1))) }
            guard scale > 0 else {
                #expect(values.allSatisfy { $0 == 0 }, "case \(number)")
                continue
            }
            let sign = one.excess > 0 ? -1.0 : 1.0
            let exact = ExactDistance.toHyperplane(
                norm, from: one.point.map(Double.init), normal: one.normal.map { sign * Double($0) / scale },
                gain: abs(one.excess) / scale, low: Double(one.set.low), high: Double(one.set.high))
            var gained = 0.0
            for index in values.indices {
                let moved = one.point[index] + values[index]
                #expect(moved >= one.set.low - 1e-6 && moved <= one.set.high + 1e-6, "case \(number)")
                gained -= Double(one.normal[index]) / scale * Double(values[index])
            }
            if exact.isFinite {
                reached += 1
                let wanted = one.excess / scale
                #expect(abs(gained - wanted) <= 2e-6 * abs(wanted) + 1e-6, "case \(number)")
                #expect(abs(length - exact) <= 1e-5 * exact + 1e-6, "case \(number): \(length) for \(exact)")
            } else {
                corners += 1
                for index in values.indices {
                    let isUp = Double(one.normal[index]) * sign > 0
                    let corner = one.normal[index] == 0 ? one.point[index] : isUp ? one.set.high : one.set.low
                    #expect(abs(one.point[index] + values[index] - corner) < 1e-5, "case \(number)")
                }
            }
        }
        #expect(reached > 1000 && corners > 100)
    }

    /// Moving any pair of values along the hyperplane makes no step shorter: brute force, without the dual problem.
    @Test(arguments: [PerturbationSet.Norm.linf, .l2, .l1])
    func isAMinimum(norm: PerturbationSet.Norm) throws {
        var generator = SeededGenerator(seed: 8)
        for number in 0..<300 {
            let one = try randomCase(norm, &generator)
            let (values, length) = step(one)
            let moves = values.indices.filter { one.normal[$0] != 0 }
            for first in moves {
                for second in moves where second != first {
                    for size in [-0.01, 0.01] as [Double] {
                        var other = values
                        // why: relative to the weights, so that tiny ones do not ask for huge changes
                        let ratio = Double(one.normal[first]) / Double(one.normal[second])
                        // why: what balances a change in a value that counts for little is below a float's spacing
                        guard abs(ratio) < 1e3, abs(ratio) > 1e-3 else { continue }
                        other[first] += Float(size / max(1, abs(ratio)))
                        other[second] -= Float(size / max(1, abs(ratio)) * ratio)
                        let inBox = zip(one.point, other).allSatisfy {
                            $0 + $1 >= one.set.low && $0 + $1 <= one.set.high
                        }
                        guard inBox else { continue }
                        let changed = PerturbationSet.distance(
                            norm, other, [Float](repeating: 0, count: other.count))
                        #expect(changed >= length * (1 - 1e-5) - 1e-6, "case \(number)")
                    }
                }
            }
        }
    }

    @Test func givesNoStepWithoutAUsableNormal() throws {
        let set = try PerturbationSet(norm: .l2, epsilon: nil, low: 0, high: 1)
        for normal in [[0, 0], [.nan, 1], [.infinity, 1]] as [[Float]] {
            let found = step(Case(point: [0.5, 0.5], normal: normal, excess: 1, set: set))
            #expect(found.values == [0, 0] && found.length == 0)
        }
        #expect(step(Case(point: [0.5, 0.5], normal: [1, 1], excess: .nan, set: set)).values == [0, 0])
    }
}
