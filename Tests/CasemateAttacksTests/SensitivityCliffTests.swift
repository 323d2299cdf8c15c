import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation
import Testing

/// Cliffs, interactions, directions and impossible rows on functions made for the purpose.
@Suite struct SensitivityCliffTests {
    /// A smooth model: a logistic of random linear, wavy and product terms.
    private func smooth(_ width: Int, seed: UInt64) -> @Sendable (ArraySlice<Float>) -> Double {
        var generator = SeededGenerator(seed: seed, stream: 3)
        let linear = (0..<width).map { _ in 4 * generator.uniformDouble() - 2 }
        let waves = (0..<width).map { _ in 2 + 4 * generator.uniformDouble() }
        let pairs = (0..<width).map { _ in 2 * generator.uniformDouble() - 1 }
        return { row in
            var sum = 0.0
            for index in 0..<width {
                let x = Double(row[row.startIndex + index])
                sum +=
                    linear[index] * x + 0.4 * sin(waves[index] * x)
                    + pairs[index] * x * Double(row[row.startIndex + (index + 1) % width])
            }
            return ClosedForm.sigmoid(sum)
        }
    }
    /// Skewed rows: half of the features are squared exponentials, so that a few values lie far out.
    private func table(_ seed: UInt64) -> (rows: FeatureMatrix, reference: FeatureMatrix, space: FeatureSpace) {
        let features = (0..<6).map { Feature("x\($0)") }
        var generator = SeededGenerator(seed: seed, stream: 11)
        func matrix(_ count: Int) -> FeatureMatrix {
            FeatureMatrix(
                features: features,
                values: (0..<count * 6).map { position in
                    let u = generator.uniform()
                    return position % 2 == 0 ? 2 * u - 1 : -log(1 - u)
                })
        }
        let (rows, reference) = (matrix(100), matrix(600))
        let ranges = FeatureRange.ranges(of: reference)
        let rules = ranges.map { range in
            let (low, high) = (range?.low ?? 0, range?.high ?? 1)
            return FeatureSpace.Rule(low: low, high: high, scale: high - low)
        }
        return (rows, reference, FeatureSpace(features: features, rules: rules))
    }
    private func cliffs(_ seed: UInt64, _ score: @escaping @Sendable (ArraySlice<Float>) -> Double) throws -> [Cliff] {
        let (rows, reference, space) = table(seed)
        var analysis = SensitivityAnalysis()
        (analysis.paired, analysis.replicates) = (0, 2)
        let result = try analysis.run(
            SensitivityProblem(rows: rows, space: space, reference: reference), function: ClosedForm(6, score))
        return result.cliffs.filter { $0.share.low > 0.05 }
    }

    /// A jump of 0.25 to 0.5 at a random place of a random feature is found, to neighbouring values, in at least 95 of
    /// 100 models. A second kind adds it to the logit, so that sure rows hardly move: models on which it moves less than
    /// a quarter of the rows by 0.2 are no cliffs and do not count.
    @Test(arguments: [false, true]) func aPlantedJumpIsFound(inLogit: Bool) throws {
        var (hits, planted) = (0, 0)
        for seed in 0..<100 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed, stream: 21)
            let (feature, reference) = (Int(generator.next() % 6), table(seed).reference)
            let column = stride(from: feature, to: reference.values.count, by: 6).map { reference.values[$0] }.sorted()
            let place = column[12 + Int(generator.next() % 576)].nextUp
            let size = 0.25 + 0.25 * generator.uniformDouble()
            let plain = smooth(6, seed: seed)
            let model = { @Sendable (row: ArraySlice<Float>) -> Double in
                let isBeyond = row[row.startIndex + feature] >= place
                let score = plain(row)
                if inLogit { return ClosedForm.sigmoid(log(score / (1 - score)) + (isBeyond ? 14 * size : 0)) }
                return score * (1 - size) + (isBeyond ? size : 0)
            }
            guard jumps(table(seed).rows, feature, place, model) >= 25 else { continue }
            planted += 1
            let found = try cliffs(seed, model)
            let isFound = found.contains { cliff in
                cliff.response == feature && cliff.low < place && place <= cliff.high
                    && cliff.high - cliff.low <= 1e-6 * max(1, abs(place))
            }
            if isFound { hits += 1 }
            #expect(found.allSatisfy { $0.response == feature }, "seed \(seed): another feature")
        }
        #expect(planted >= (inLogit ? 80 : 100) && Double(hits) >= 0.95 * Double(planted), "\(hits) of \(planted)")
    }
    private func jumps(
        _ rows: FeatureMatrix, _ feature: Int, _ place: Float, _ model: (ArraySlice<Float>) -> Double
    ) -> Int {
        (0..<rows.count).count { index in
            var (low, high) = (Array(rows[row: index]), Array(rows[row: index]))
            (low[feature], high[feature]) = (place.nextDown, place)
            return abs(model(high[...]) - model(low[...])) >= 0.2
        }
    }

    /// Smooth models raise no cliff in at least 95 of 100.
    @Test func smoothModelsHaveNone() throws {
        var alarms = 0
        for seed in 0..<100 as Range<UInt64> {
            if !(try cliffs(1_000 + seed, smooth(6, seed: 1_000 + seed)).isEmpty) { alarms += 1 }
        }
        #expect(alarms <= 5, "\(alarms) of 100")
    }

    /// A slope that is steep and no step is one all the same: 0.9 within half a thousandth of the range.
    @Test func aSteepSlopeIsACliff() throws {
        let found = try cliffs(5) { row in 0.05 + 0.9 * ClosedForm.sigmoid((Double(row[row.startIndex]) - 0.123) / 1e-4)
        }
        let cliff = try #require(found.first)
        #expect(cliff.response == 0 && cliff.low < 0.123 && cliff.high > 0.123 && cliff.high - cliff.low <= 0.002)
        #expect(cliff.jumped == 100 && cliff.medianPart > 0.2)
    }

    /// A whole number of ten values moves in tenths of its range: no cliff, whatever the jump.
    @Test func wholeNumbersOfFewValuesHaveNone() throws {
        let features = [Feature("n")]
        let space = FeatureSpace(
            features: features, rules: [.init(domain: .integer, low: 0, high: 10, scale: 10)])
        let rows = FeatureMatrix(features: features, values: (0..<55).map { Float($0 % 11) })
        let result = try SensitivityAnalysis().run(
            SensitivityProblem(rows: rows, space: space, reference: rows),
            function: ClosedForm(1) { row in row[row.startIndex] > 4 ? 0.9 : 0.1 })
        #expect(result.cliffs.isEmpty && abs(result.swings[0].value - 0.8) < 1e-6)
        #expect(result.responses[0].columns.count == 11)
    }
}

@Suite struct SensitivityPairTests {
    /// A sum has no interaction; a centred product is nothing else.
    @Test func interactionIsNoneForSumsAndAllForProducts() throws {
        let table = SweepTable(3, rows: 80, seed: 12)
        func share(_ score: @escaping @Sendable (Double, Double) -> Double) throws -> PairResponse {
            let function = ClosedForm(3, threshold: 10) { row in
                score(Double(row[row.startIndex]), Double(row[row.startIndex + 1])) + 0.1
                    * Double(row[row.startIndex + 2])
            }
            let result = try SensitivityAnalysis().run(table.problem(), function: function)
            return try #require(result.pairs.first { $0.first == 0 && $0.second == 1 })
        }
        let sum = try share { sin(2 * $0) + $1 * $1 }
        #expect(try #require(sum.interaction) < 1e-9)
        let product = try share { $0 * $1 }
        // why: the positions are quantiles of 400 draws, whose weighted mean is only near 0.
        #expect(try #require(product.interaction) > 0.97)
        // The strength is the standard deviation of x·y over the grid: near 1/3 for uniform numbers.
        #expect(abs(product.strength - 1.0 / 3) < 0.06)
        let mixed = try share { $0 + $1 + $0 * $1 }
        let interaction = try #require(mixed.interaction)
        let interval = try #require(mixed.interval)
        // Variances of x, y and x·y are 1/3, 1/3, 1/9: the share is 1/7.
        #expect(abs(interaction - 1.0 / 7) < 0.04 && interval.low <= interaction && interaction <= interval.high)
    }

    /// Only both together flip; the joint change is nearly the smallest.
    @Test func jointMovesFlipWhatSingleOnesCannot() throws {
        let table = SweepTable(2, rows: 60, seed: 13)
        let function = ClosedForm(2) { row in
            ClosedForm.sigmoid(40 * (min(Double(row[row.startIndex]), Double(row[row.startIndex + 1])) - 0.6))
        }
        let result = try SensitivityAnalysis().run(table.problem(), function: function)
        let single = Set(result.flips.map(\.sample))
        var ratios: [Double] = []
        for sample in 0..<60 where result.labels[sample] == 0 {
            let (x, y) = (Double(table.rows.values[sample * 2]), Double(table.rows.values[sample * 2 + 1]))
            let isSingle = max(x, y) >= 0.6
            #expect(single.contains(sample) == isSingle)
            guard !isSingle else { continue }
            let joint = try #require(result.jointFlips.first { $0.sample == sample })
            let exact = ((0.6 - x) * (0.6 - x) + (0.6 - y) * (0.6 - y)).squareRoot() / 2
            #expect(joint.distance >= exact - 1e-6 && function.label(joint.row) == 1)
            ratios.append(joint.distance / exact)
        }
        #expect(ratios.count > 10 && ratios.allSatisfy { $0 < 1.0001 })
    }
}

@Suite struct SensitivityDirectionTests {
    /// Unit steps against the direction are counted one by one.
    @Test func brokenUnitStepsAreCounted() throws {
        let features = [Feature("n"), Feature("x")]
        let space = FeatureSpace(
            features: features, rules: [.init(domain: .integer, low: 0, high: 10, scale: 10), .init(low: 0, high: 1)])
        var generator = SeededGenerator(seed: 1)
        let rows = FeatureMatrix(
            features: features, values: (0..<50).flatMap { [Float($0 % 11), generator.uniform()] })
        // Up to 6, down to 8 where x > 0.5, up again.
        let function = ClosedForm(2) { row in
            let (n, x) = (Double(row[row.startIndex]), row[row.startIndex + 1])
            return n / 20 - (x > 0.5 ? 0.12 * max(0, min(n, 8) - 6) : 0)
        }
        let problem = try SensitivityProblem(rows: rows, space: space, reference: rows)
        let result = try SensitivityAnalysis().run(
            problem, function: function, monotone: [0: .increasing, 1: .decreasing])
        let high = (0..<50).count { rows.values[$0 * 2 + 1] > 0.5 }
        let first = try #require(result.monotone.first)
        #expect(first.steps == 500 && first.brokenSteps == 2 * high)
        #expect(first.rows == 50 && first.brokenRows == high)
        let interval = try #require(first.interval)
        let share = Double(2 * high) / 500
        #expect(interval.low < share && share < interval.high)
        let worst = try #require(first.worst)
        #expect((worst.low == 6 || worst.low == 7) && abs(Double(worst.before - worst.after) - 0.07) < 1e-6)
        let second = try #require(result.monotone.last)
        #expect(second.brokenSteps == 0 && second.worst == nil && (second.interval?.high ?? 1) < 0.1)
    }
}

@Suite struct SensitivityImpossibleTests {
    /// Rows in which the first number never exceeds the second; the model likes it when it does.
    private func problem() throws -> SensitivityProblem {
        let features = [Feature("used"), Feature("limit"), Feature("other")]
        var generator = SeededGenerator(seed: 3)
        func matrix(_ count: Int) -> FeatureMatrix {
            FeatureMatrix(
                features: features,
                values: (0..<count).flatMap { _ -> [Float] in
                    let limit = generator.uniform()
                    return [limit * generator.uniform(), limit, generator.uniform()]
                })
        }
        let (rows, reference) = (matrix(60), matrix(800))
        let space = FeatureSpace(features: features, rules: features.map { _ in .init(low: 0, high: 1) })
        return try SensitivityProblem(rows: rows, space: space, reference: reference)
    }
    private let likes = ClosedForm(3, threshold: 0.7) { row in
        let (used, limit) = (Double(row[row.startIndex]), Double(row[row.startIndex + 1]))
        return ClosedForm.sigmoid(4 * (used - limit) + 0.5 * Double(row[row.startIndex + 2]))
    }

    @Test func rowsThatBreakARuleAreFoundAndScoreBest() throws {
        let problem = try problem()
        let real = (0..<60).map { likes.value(problem.rows[row: $0]) }
        let goal = ImpossibleGoal(isHighGood: true, label: 1, real: real)
        let rule = ImpossibleRule(name: "used <= limit", features: [0, 1]) { $0[$0.startIndex] > $0[$0.startIndex + 1] }
        let never = ImpossibleRule(name: "limit >= 0", features: [1]) { $0[$0.startIndex + 1] < 0 }
        let result = try SensitivityAnalysis().run(problem, function: likes, rules: [rule, never], goals: [goal])
        let found = try #require(result.impossible.first { $0.kind == .rule("used <= limit") })
        #expect(found.starts == 20 && found.made == 20 && found.reached == 20)
        let best = try #require(found.best)
        #expect(rule.isBroken(best.row[...]) && best.label == 1 && Double(best.score) > (goal.bestReal ?? 1) + 0.2)
        #expect(abs(Double(best.score) - likes.value(best.row)) < 1e-6)
        let unbroken = try #require(result.impossible.first { $0.kind == .rule("limit >= 0") })
        #expect(unbroken.made == 0 && unbroken.best == nil && unbroken.reached == 0)
        let unseen = try #require(result.impossible.first { $0.kind == .neverSeen })
        let example = try #require(unseen.best)
        #expect(Set(example.pair) == ["used", "limit"] && example.expected >= 10)
        #expect(Double(example.score) > (goal.bestReal ?? 1))
    }

    /// Low scores are the good ones; independent columns have no pair that was never seen.
    @Test func theGoodSideIsTurned() throws {
        let table = SweepTable(3, rows: 40, seed: 5)
        let function = ClosedForm(3) { row in ClosedForm.sigmoid(Double(row[row.startIndex])) }
        let goal = ImpossibleGoal(isHighGood: false, label: 0, real: [0.3, 0.5])
        let rule = ImpossibleRule(name: "x0 <= x1", features: [0, 1]) { $0[$0.startIndex] > $0[$0.startIndex + 1] }
        let result = try SensitivityAnalysis().run(table.problem(), function: function, rules: [rule], goals: [goal])
        #expect(result.impossible.allSatisfy { $0.kind != .neverSeen })
        let best = try #require(result.impossible.first?.best)
        #expect(best.label == 0 && best.score < 0.35 && goal.bestReal == 0.3)
    }

    @Test func brokenGroupsAreTried() throws {
        let table = try MixedTable(count: 60, seed: 1)
        let function = ClosedForm(7) { row in ClosedForm.sigmoid(row.suffix(3).reduce(-2) { $0 + Double($1) }) }
        let problem = try SensitivityProblem(rows: table.rows, space: table.space, reference: table.rows)
        let goal = ImpossibleGoal(isHighGood: true, label: 1, real: [0.6])
        let result = try SensitivityAnalysis().run(problem, function: function, goals: [goal])
        let found = try #require(result.impossible.first { $0.kind == .brokenGroup("zone0/zone1/zone2") })
        #expect(found.best?.row.suffix(3).reduce(0, +) == 3 && found.reached == found.made)
    }
}
