import CasemateAttacks
import CasemateCore
import Testing

@Suite struct SquareAttackTests {
    /// A radius clearly over the exact distance is enough, for every shape; below it nothing is found.
    @Test(arguments: [PerturbationSet.Norm.linf, .l2, .l1], [[12], [3, 4], [3, 2, 2], [2, 2, 3]])
    func breaksLinearModelsWellBeyondTheExactDistance(norm: PerturbationSet.Norm, shape: [Int]) throws {
        var tried = 0
        for seed in 0..<5 as Range<UInt64> {
            let model = SmallNetwork(size: 12, hidden: 0, classes: 3, seed: seed)
            let samples = try LabelledSamples(model, count: 4, seed: seed, low: 0.3, high: 0.7)
            for index in 0..<samples.count {
                let exact = ExactDistance.linear(
                    model, samples.row(index), label: Int(samples.labels[index]), norm, low: 0, high: 1)
                // why: L2 and L1 keep what each channel got at the start, and L1's bumps are wider than the optimum
                let enough = norm == .linf ? 1.25 : norm == .l2 ? 2.5 : 4
                for (factor, outcome) in [(0.999, RobustnessResult.Outcome.notBroken), (enough, .broken)] {
                    guard exact * factor < (norm == .linf ? 1 : norm == .l2 ? 3.4 : 12) else { continue }
                    let problem = try RobustnessProblem(
                        rows: samples.row(index), shape: shape, labels: [samples.labels[index]],
                        set: PerturbationSet(norm: norm, epsilon: exact * factor, low: 0, high: 1))
                    let queries = outcome == .broken ? 2000 : 200
                    let result = try RobustnessRun(attack: SquareAttack(queries: queries)).run(problem, model)
                    #expect(result.samples[0].outcome == outcome, "seed \(seed) sample \(index) factor \(factor)")
                    #expect(result.backwardPasses == 0)
                    tried += 1
                }
            }
        }
        #expect(tried >= 30)
    }

    /// Every open sample costs exactly the budget; a broken one what it took.
    @Test func countsQueries() throws {
        let model = SmallNetwork(size: 12, hidden: 0, classes: 3, seed: 2)
        let samples = try LabelledSamples(model, count: 10, seed: 3)
        let watched = WatchedOracle(model)
        let result = try RobustnessRun(attack: SquareAttack(queries: 77)).run(
            try samples.problem(.linf, 0.05), oracle: watched, judge: OracleJudge(model))
        #expect(result.forwardPasses == watched.forwardPasses && watched.backwardPasses == 0)
        for sample in result.samples {
            if sample.outcome == .notBroken { #expect(sample.forwardPasses == 78) }
            if sample.outcome == .broken { #expect(sample.forwardPasses <= 78) }
        }
        #expect(result.count(.broken) > 0 && result.count(.notBroken) > 0)
    }

    @Test func sharesFollowThePublishedSchedule() {
        let attack = SquareAttack(queries: 10_000)
        let published = [
            (0, 1), (10, 1), (11, 2), (50, 2), (51, 4), (200, 4), (201, 8), (500, 8), (501, 16), (1000, 16),
            (1001, 32), (2000, 32), (2001, 64), (4000, 64), (4001, 128), (6000, 128), (6001, 256), (8000, 256),
            (8001, 512), (9999, 512),
        ]
        for (iteration, divisor) in published { #expect(attack.share(at: iteration) == 0.8 / Double(divisor)) }
        let short = SquareAttack(queries: 1000, initialShare: 0.5, isScheduleRescaled: true)
        #expect(short.share(at: 1) == 0.5 && short.share(at: 2) == 0.25 && short.share(at: 999) == 0.5 / 512)
    }

    @Test func gridsReadShapes() {
        func sides(_ shape: [Int]) -> [Int] {
            let grid = SquareAttackGrid(shape: shape)
            return [grid.channels, grid.height, grid.width]
        }
        #expect(sides([3, 32, 30]) == [3, 32, 30] && sides([28, 28]) == [1, 28, 28])
        #expect(sides([32, 30, 3]) == [3, 32, 30] && sides([7]) == [1, 1, 7])
        #expect(sides([2, 4, 5, 6]) == [2, 20, 6] && sides([]) == [1, 1, 1])
        for shape in [[3, 8, 6], [8, 6, 3], [5], [2, 3, 4, 5]] {
            let grid = SquareAttackGrid(shape: shape)
            let offsets = (0..<grid.channels).flatMap { channel in
                (0..<grid.height).flatMap { row in
                    (0..<grid.width).map { grid.offset(channel, row, $0) }
                }
            }
            #expect(offsets.sorted() == Array(0..<shape.reduce(1, *)))
        }
        let flat = SquareAttackGrid(shape: [100])
        #expect(flat.window(share: 0.8, fewest: 1) == (1, 80) && flat.window(share: 0.001, fewest: 1) == (1, 1))
        let image = SquareAttackGrid(shape: [1, 28, 28])
        #expect(image.window(share: 0.8, fewest: 1) == (25, 25) && image.window(share: 0.001, fewest: 3) == (3, 3))
        #expect(SquareAttackGrid(shape: [4, 50]).window(share: 0.5, fewest: 1) == (4, 25))
        #expect(SquareAttackGrid(shape: [50, 4]).window(share: 0.5, fewest: 1) == (25, 4))
    }

    /// Norm 1, halves of opposite sign and equal weight, the peak of each half in its middle.
    @Test(arguments: [PerturbationSet.Norm.l2, .l1])
    func bumpsHaveAHillAndAPit(norm: PerturbationSet.Norm) {
        var generator = SeededGenerator(seed: 3)
        for (rows, columns) in [(7, 7), (1, 9), (9, 1), (5, 5), (3, 8), (1, 1), (2, 2)] {
            for _ in 0..<4 {
                let bump = SquareAttackBump.pattern(rows: rows, columns: columns, norm: norm, using: &generator)
                let zero = [Float](repeating: 0, count: bump.count)
                #expect(abs(PerturbationSet.distance(norm, bump, zero) - 1) < 1e-5)
                guard rows * columns > 1 else { continue }
                let (up, down) = (bump.filter { $0 > 0 }, bump.filter { $0 < 0 })
                #expect(up.count + down.count == rows * columns)
                let weights = [up, down].map { $0.reduce(0) { $0 + $1 * $1 } }
                #expect(abs(weights[0] - weights[1]) < 1e-4)
            }
        }
        // why: by hand for three rows of five: 1 + 1/4 + 1/9 in the middle of a half of one row, and outwards
        let hill = SquareAttackBump.pattern(rows: 1, columns: 10, norm: .l2, using: &generator)
        let middle = hill[2]
        let outwards = [1 / 9.0, 1 / 4.0 + 1 / 9.0, 1 + 1 / 4.0 + 1 / 9.0, 1 / 4.0 + 1 / 9.0, 1 / 9.0]
        for (value, expected) in zip(hill, outwards) {
            #expect(abs(Double(value / middle) - expected / outwards[2]) < 1e-5)
        }
    }

    /// On images, at the border of the ball in every step: L∞ points lie at plus or minus epsilon or the box.
    @Test func usesTheWholeBall() throws {
        let model = SmallNetwork(size: 48, hidden: 0, classes: 2, seed: 5)
        let samples = try LabelledSamples(model, count: 5, seed: 4)
        for norm in [PerturbationSet.Norm.linf, .l2, .l1] {
            let largest = norm == .linf ? 1.0 : norm == .l2 ? 6.9 : 48
            let problem = try RobustnessProblem(
                rows: samples.rows, shape: [3, 4, 4], labels: samples.labels,
                set: PerturbationSet(norm: norm, epsilon: 0.3 * largest, low: 0, high: 1))
            let result = try RobustnessRun(attack: SquareAttack(queries: 300)).run(problem, model)
            for (index, sample) in result.samples.enumerated() {
                guard let found = sample.adversarial else { continue }
                #expect(sample.distance <= 0.3 * largest)
                guard norm == .linf else { continue }
                for (value, original) in zip(found, samples.row(index)) {
                    let isAtBorder = value == 0 || value == 1 || abs(abs(value - original) - 0.3) < 1e-5
                    #expect(isAtBorder)
                }
            }
            #expect(result.count(.broken) >= 4)
        }
    }
}
