import CasemateAttacks
import Testing

/// Small networks of two inputs, where a fine grid over the unit square shows the nearest point with another label.
@Suite struct MinimumNormGridTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let attack: any WhiteBoxAttack, norm: PerturbationSet.Norm
        /// Most that found over the grid's distance may be in the median, and how many of 100 may be over 1.05.
        let median: Double, misses: Int
        var testDescription: String { "\(type(of: attack).identifier) \(norm)" }
    }
    static let cases = [
        Case(attack: FastAdaptiveBoundary(), norm: .linf, median: 1.01, misses: 20),
        Case(attack: FastAdaptiveBoundary(), norm: .l2, median: 1.01, misses: 20),
        Case(attack: FastAdaptiveBoundary(), norm: .l1, median: 1.01, misses: 20),
        Case(attack: TargetedFastAdaptiveBoundary(), norm: .linf, median: 1.01, misses: 20),
        Case(attack: TargetedFastAdaptiveBoundary(), norm: .l2, median: 1.01, misses: 20),
        Case(attack: TargetedFastAdaptiveBoundary(), norm: .l1, median: 1.01, misses: 20),
        Case(attack: DeepFool(), norm: .l2, median: 1.2, misses: 70),
        Case(attack: DeepFool(), norm: .linf, median: 1.2, misses: 70),
        Case(attack: DecoupledDirection(iterations: 100), norm: .l2, median: 1.02, misses: 20),
        Case(attack: FastMinimumNorm(), norm: .linf, median: 1.02, misses: 20),
        Case(attack: FastMinimumNorm(), norm: .l2, median: 1.02, misses: 20),
        Case(attack: FastMinimumNorm(), norm: .l1, median: 1.02, misses: 20),
        Case(attack: CarliniWagner(iterations: 200, learningRate: 0.05), norm: .l2, median: 1.02, misses: 20),
    ]
    private static let steps = 400

    /// Labels of the grid's points.
    private static func grid(_ model: SmallNetwork) -> [Int32] {
        (0...steps).flatMap { y in
            (0...steps).map { x -> Int32 in
                let logits = model.logits([Float(x) / Float(steps), Float(y) / Float(steps)])
                return Int32(logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 })
            }
        }
    }

    /// Distance to the nearest point of the grid with another label.
    private static func nearest(
        _ grid: [Int32], _ row: [Float], _ label: Int32, _ norm: PerturbationSet.Norm
    ) -> Double {
        var best = Double.infinity
        for y in 0...steps {
            let down = abs(Double(y) / Double(steps) - Double(row[1]))
            for x in 0...steps where grid[y * (steps + 1) + x] != label {
                let across = abs(Double(x) / Double(steps) - Double(row[0]))
                switch norm {
                case .linf: best = min(best, max(across, down))
                case .l1: best = min(best, across + down)
                default: best = min(best, (across * across + down * down).squareRoot())
                }
            }
        }
        return best
    }

    @Test(arguments: cases)
    func agreesWithBruteForce(_ one: Case) throws {
        var ratios: [Double] = []
        for seed in 20..<25 as Range<UInt64> {
            let model = SmallNetwork(size: 2, hidden: 8, classes: 3, seed: seed)
            let grid = Self.grid(model)
            let samples = try LabelledSamples(model, count: 20, seed: seed)
            let result = try RobustnessRun(attack: one.attack).run(try samples.problem(one.norm, nil), model)
            for (index, sample) in result.samples.enumerated() {
                let nearest = Self.nearest(grid, samples.row(index), sample.label, one.norm)
                // why: the true distance is below the grid's by at most the way between neighbours
                let slack = 2 / Double(Self.steps)
                guard nearest.isFinite else { continue }
                #expect(sample.distance >= nearest - slack, "seed \(seed) sample \(index)")
                ratios.append(max(1, (sample.distance - slack / 2) / nearest))
            }
        }
        ratios.sort()
        let misses = ratios.count { $0 > 1.05 }
        #expect(ratios.count >= 60 && ratios[ratios.count / 2] <= one.median)
        #expect(misses * 100 <= one.misses * ratios.count, "\(misses) of \(ratios.count)")
    }
}
