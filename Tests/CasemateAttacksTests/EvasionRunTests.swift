import CasemateAttacks
import CasemateCore
import CasemateData
import Testing

/// What the harness guarantees for every attack that ships.
@Suite struct EvasionRunTests {
    static let norms: [FeatureSpace.Norm] = [.l2, .linf]
    private let quick = HopSkipJump(iterations: 4)

    @Test(arguments: norms)
    func everyRowObeysTheSpaceAndSurvivesTheOracle(norm: FeatureSpace.Norm) throws {
        var found = 0
        for seed in 0..<6 as Range<UInt64> {
            let table = try MixedTable(count: 40, seed: seed)
            let problem = try EvasionProblem(
                originals: table.rows, space: table.space, labels: table.labels,
                startingPoints: seed % 2 == 0 ? table.rows : nil)
            let copy = table.rows
            let result = try EvasionRun(attack: quick, norm: norm).run(problem, oracle: table.oracle)
            #expect(areSameBits(copy.values, table.rows.values))
            for (index, sample) in result.samples.enumerated() where sample.outcome == .found {
                let row = try #require(sample.row)
                let before = Array(table.rows[row: index])
                #expect(table.space.violations(of: row, from: before).isEmpty, "seed \(seed), row \(index)")
                #expect(try table.oracle.decide(row, count: 1)[0] == sample.label)
                #expect(sample.label != table.labels[index])
                #expect(table.space.distance(norm, from: before, to: row) == sample.distance)
                #expect(sample.distance > 0)
            }
            #expect(result.discarded == 0)
            found += result.count(.found)
        }
        #expect(found > 100, "only \(found) of 240 found")
    }

    @Test(arguments: norms)
    func resultsDoNotDependOnTheBatch(norm: FeatureSpace.Norm) throws {
        let table = try MixedTable(count: 24, seed: 3)
        let problem = try EvasionProblem(originals: table.rows, space: table.space, labels: table.labels)
        let context = RunContext(seed: 11)
        func run(_ problem: EvasionProblem, batch: Int = 4_096) throws -> EvasionResult {
            try EvasionRun(attack: quick, norm: norm, limits: .init(batch: batch)).run(
                problem, oracle: table.oracle, context: context)
        }
        let all = try run(problem)
        #expect(areSame(try run(problem).samples, all.samples))
        #expect(areSame(try run(problem, batch: 1).samples, all.samples))
        #expect(areSame(try run(problem, batch: 97).samples, all.samples))
        for index in 0..<table.rows.count {
            let one = try EvasionProblem(
                originals: table.rows.rows([index]), space: table.space, labels: [table.labels[index]],
                identifiers: [index])
            #expect(areSame(try run(one).samples, [all.samples[index]]), "row \(index)")
        }
        let other = try EvasionRun(attack: quick, norm: norm).run(
            problem, oracle: table.oracle, context: RunContext(seed: 12))
        #expect(!areSame(other.samples, all.samples))
    }

    @Test(arguments: norms, [1, 50, 700, Int.max])
    func countsWhatTheOracleSawAndKeepsTheBudget(norm: FeatureSpace.Norm, budget: Int) throws {
        let table = try MixedTable(count: 20, seed: 5)
        let before = table.oracle.asked
        let problem = try EvasionProblem(
            originals: table.rows, space: table.space, labels: table.labels, startingPoints: table.rows)
        let limits = EvasionRun.Limits(maxQueriesPerSample: budget, batch: 128)
        let result = try EvasionRun(attack: quick, norm: norm, limits: limits).run(problem, oracle: table.oracle)
        #expect(table.oracle.asked - before == result.queries)
        #expect(result.samples.allSatisfy { $0.queries >= 1 && $0.queries <= budget })
        #expect(table.oracle.largestCall <= 128)
    }

    @Test func samplesThatNeedNoChangeCostOneQuery() throws {
        let table = try MixedTable(count: 10, seed: 1)
        let problem = try EvasionProblem(
            originals: table.rows, space: table.space, labels: table.labels.map { 1 - $0 })
        let result = try EvasionRun(attack: quick).run(problem, oracle: table.oracle)
        #expect(result.samples.allSatisfy { $0.outcome == .alreadyReached && $0.distance == 0 && $0.queries == 1 })
        #expect(try RobustnessCurve(result, epsilons: [0]).points[0].robust == 0)
    }

    @Test func anUnreachableGoalEndsWithinTheBudget() throws {
        let rows = normalMatrix(8, 3, seed: 2)
        let oracle = FunctionOracle(3) { _, _ in 0 }
        for space in [
            FeatureSpace.unconstrained(features: rows.features),
            .unconstrained(features: rows.features, low: -4, high: 4),
        ] {
            let problem = try EvasionProblem(
                originals: rows, space: space, labels: [Int32](repeating: 0, count: 8))
            let result = try EvasionRun().run(problem, oracle: oracle)
            #expect(result.count(.notFound) == 8)
            #expect(result.samples.allSatisfy { $0.queries <= 101 && $0.distance == .infinity && $0.row == nil })
        }
    }

    /// The planted fault: an oracle that answers the re-check differently from the search.
    @Test func rowsThatDoNotSurviveAreDiscarded() throws {
        let rows = normalMatrix(6, 3, seed: 2)
        let honest = LinearOracle(weights: [1, 2, -1], bias: 0)
        let labels = try honest.decide(rows.values, count: 6)
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -5, high: 5), labels: labels)
        let counting = FunctionOracle(3) { row, _ in honest.score(row) >= 0 ? 1 : 0 }
        let calls = try EvasionRun(attack: quick, limits: .init(batch: 1)).run(problem, oracle: counting).queries
        let lying = FunctionOracle(3) { row, call in
            let label: Int32 = honest.score(row) >= 0 ? 1 : 0
            return call > calls - 6 ? 1 - label : label
        }
        let result = try EvasionRun(attack: quick, limits: .init(batch: 1)).run(problem, oracle: lying)
        #expect(result.discarded == 6)
        #expect(result.samples.allSatisfy { !$0.success && $0.distance == .infinity && $0.row == nil })
    }

    @Test(arguments: [(batch: 4_096, call: 60), (batch: 16, call: 203)])
    func aDeadlineKeepsWhatWasFound(batch: Int, last: Int) throws {
        let rows = normalMatrix(10, 4, seed: 2)
        let token = Cancellation()
        let oracle = FunctionOracle(4) { row, call in
            if call == last { token.cancel(.outOfTime) }
            return row.reduce(0, +) >= 0 ? 1 : 0
        }
        let labels = (0..<10).map { rows[row: $0].reduce(0, +) >= 0 ? Int32(1) : 0 }
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -5, high: 5), labels: labels)
        let run = EvasionRun(limits: .init(batch: batch))
        let result = try run.run(problem, oracle: oracle, context: RunContext(cancellation: token))
        #expect(result.isPartial)
        #expect(result.count(.found) == 10)
        #expect(result.queries == oracle.asked)
        let late = EvasionRun.Limits(deadline: .now)
        let nothing = try EvasionRun(limits: late).run(problem, oracle: oracle)
        #expect(nothing.isPartial && nothing.count(.unfinished) == 10 && nothing.queries == 0)
        #expect(try RobustnessCurve(nothing, epsilons: [1]).undecided == 10)
    }

    @Test func anInterruptionIsThrown() throws {
        let rows = normalMatrix(10, 4, seed: 2)
        let token = Cancellation()
        let oracle = FunctionOracle(4) { _, call in
            if call == 5 { token.cancel(.interrupted) }
            return 0
        }
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -5, high: 5),
            labels: [Int32](repeating: 0, count: 10))
        #expect(throws: Cancelled(reason: .interrupted)) {
            try EvasionRun().run(problem, oracle: oracle, context: RunContext(cancellation: token))
        }
    }
}

func areSameBits(_ one: [Float], _ other: [Float]) -> Bool {
    one.map(\.bitPattern) == other.map(\.bitPattern)
}

/// Equality in which a missing value equals a missing value.
func areSame(_ one: [EvasionResult.Sample], _ other: [EvasionResult.Sample]) -> Bool {
    one.count == other.count
        && zip(one, other).allSatisfy { one, other in
            one.identifier == other.identifier && one.outcome == other.outcome && one.distance == other.distance
                && one.queries == other.queries && one.changed == other.changed && one.label == other.label
                && areSameBits(one.row ?? [], other.row ?? [])
        }
}
