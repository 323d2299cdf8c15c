import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation
import Testing

/// What every attack that ships keeps, whatever it does: the space, the budget, its word about what it saw.
@Suite struct EvasionAttackTests {
    /// A model over the mixed table that has scores.
    private func mixed(_ seed: UInt64, count: Int = 12) throws -> (table: MixedTable, oracle: ScoredOracle) {
        let table = try MixedTable(count: count, seed: seed)
        let slope: [Float] = [0.1, 1 / 40, 1 / 180, 0.1, 0, 0.3, -0.2]
        let oracle = ScoredOracle(7) { row in
            let row = Array(row)
            let amount = row[0].isNaN ? 4 : row[0]
            return amount / 10 + row[1] / 40 + row[2] / 180 + (row[3] == 2 ? 0.4 : 0) + 0.3 * row[5] - 0.2 * row[6]
                - 1.4
        } slope: { _ in
            slope
        }
        return (table, oracle)
    }

    private func problem(_ mixed: (table: MixedTable, oracle: ScoredOracle), isKnown: Bool = true) throws
        -> EvasionProblem
    {
        let rows = mixed.table.rows
        return try EvasionProblem(
            originals: rows, space: mixed.table.space,
            labels: (0..<rows.count).map { mixed.oracle.label(rows[row: $0]) }, startingPoints: isKnown ? rows : nil)
    }

    @Test func everyAttackIsTestedHere() {
        #expect(evasionAttacks.map { $0.identifier } == SmallAttacks.names)
        #expect(Set(SmallAttacks.names).count == SmallAttacks.names.count)
    }

    @Test(arguments: SmallAttacks.names)
    func rowsObeyTheSpaceAndSurviveTheOracle(name: String) throws {
        let norms = type(of: try SmallAttacks.named(name)).norms
        var found = 0
        for (seed, norm) in norms.enumerated() {
            let mixed = try mixed(UInt64(seed))
            let copy = mixed.table.rows
            let result = try SmallAttacks.run(name, norm: norm).run(
                problem(mixed), oracle: mixed.oracle, gradients: mixed.oracle)
            #expect(areSameBits(copy.values, mixed.table.rows.values))
            #expect(result.discarded == 0)
            #expect(result.access == type(of: try SmallAttacks.named(name)).richestAccess)
            for (index, sample) in result.samples.enumerated() where sample.outcome == .found {
                let (row, before) = (try #require(sample.row), Array(mixed.table.rows[row: index]))
                #expect(mixed.table.space.violations(of: row, from: before).isEmpty, "\(norm), row \(index)")
                #expect(mixed.oracle.label(row) == sample.label)
                #expect(sample.label != mixed.oracle.label(before))
                #expect(mixed.table.space.distance(norm, from: before, to: row) == sample.distance)
                #expect(sample.changed == mixed.table.space.changes(from: before, to: row).count)
                #expect(sample.cost > 0 && sample.cost.isFinite)
                found += 1
            }
        }
        #expect(found >= 5 * norms.count, "only \(found) of \(12 * norms.count)")
    }

    @Test(arguments: SmallAttacks.names, [1, 40, 300, Int.max])
    func countsEveryQueryAndKeepsTheBudget(name: String, budget: Int) throws {
        let mixed = try mixed(5)
        let before = mixed.oracle.asked
        let limits = EvasionRun.Limits(maxQueriesPerSample: budget, batch: 64)
        let result = try SmallAttacks.run(name, limits: limits).run(
            problem(mixed), oracle: mixed.oracle, gradients: mixed.oracle)
        #expect(mixed.oracle.asked - before == result.queries)
        #expect(result.samples.allSatisfy { $0.queries >= 1 && $0.queries <= budget })
        // why: what all samples share counts against the limit of each.
        if name == "transfer", budget < .max {
            #expect(result.samples.allSatisfy { $0.queries + budget / 2 <= max(budget, 1) })
        }
    }

    @Test(arguments: SmallAttacks.names)
    func resultsDoNotDependOnTheBatchOrTheNeighbours(name: String) throws {
        let mixed = try mixed(3)
        let context = RunContext(seed: 11)
        func run(_ problem: EvasionProblem, batch: Int = 4_096) throws -> [EvasionResult.Sample] {
            try SmallAttacks.run(name, limits: .init(maxQueriesPerSample: 600, batch: batch)).run(
                problem, oracle: mixed.oracle, gradients: mixed.oracle, context: context
            ).samples
        }
        let all = try run(problem(mixed))
        #expect(areSame(try run(problem(mixed)), all))
        #expect(areSame(try run(problem(mixed), batch: 1), all))
        #expect(areSame(try run(problem(mixed), batch: 37), all))
        for index in [0, 5, 11] {
            let one = try EvasionProblem(
                originals: mixed.table.rows.rows([index]), space: mixed.table.space,
                labels: [mixed.oracle.label(mixed.table.rows[row: index])], identifiers: [index],
                startingPoints: mixed.table.rows)
            #expect(areSame(try run(one), [all[index]]), "row \(index)")
        }
    }

    /// Scores are asked for only where they may be seen.
    @Test(arguments: SmallAttacks.names)
    func labelsAreAllThatIsSeenWithoutAccess(name: String) throws {
        let mixed = try mixed(2)
        let attack = try SmallAttacks.named(name)
        let needed = type(of: attack).access
        let labels = EvasionRun(attack: attack, norm: type(of: attack).norms[0], access: .labels)
        if needed > .labels {
            #expect(throws: CasemateError.self) {
                try labels.run(problem(mixed), oracle: mixed.oracle, gradients: mixed.oracle)
            }
        } else {
            #expect(try labels.run(problem(mixed), oracle: mixed.oracle).count(.found) > 0)
        }
        #expect(mixed.oracle.scored == 0)
        guard needed == .scores else { return }
        #expect(throws: CasemateError.self) {
            try SmallAttacks.run(name).run(problem(mixed), oracle: mixed.table.oracle)
        }
    }

    @Test(arguments: SmallAttacks.names)
    func normsThatAreNotServedAreRefused(name: String) throws {
        let mixed = try mixed(1)
        let served = type(of: try SmallAttacks.named(name)).norms
        for norm in FeatureSpace.Norm.allCases where !served.contains(norm) {
            #expect(throws: CasemateError.self) {
                try SmallAttacks.run(name, norm: norm).run(
                    problem(mixed), oracle: mixed.oracle, gradients: mixed.oracle)
            }
        }
    }

    @Test(arguments: SmallAttacks.names)
    func aGoalOutOfReachEndsTheSearch(name: String) throws {
        let rows = normalMatrix(4, 3, seed: 2)
        let oracle = ScoredOracle(3) {
            $0.reduce(-1e6, +)
        } slope: { _ in
            [1, 1, 1]
        }
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -4, high: 4),
            labels: [0, 0, 0, 0])
        let result = try SmallAttacks.run(name).run(problem, oracle: oracle, gradients: oracle)
        #expect(result.count(.notFound) == 4)
        #expect(result.samples.allSatisfy { $0.row == nil && $0.queries < 12_000 })
    }

    @Test(arguments: SmallAttacks.names)
    func aDeadlineEndsTheSearch(name: String) throws {
        let mixed = try mixed(4)
        let result = try SmallAttacks.run(name, limits: .init(deadline: .now)).run(
            problem(mixed), oracle: mixed.oracle, gradients: mixed.oracle)
        #expect(result.isPartial && result.queries == 0)
    }

    static let badSettings: [any EvasionAttack] = [
        BoundaryAttack(iterations: -1), BoundaryAttack(iterations: 1, proposals: 0),
        BoundaryAttack(iterations: 1, firstStep: 1), BoundaryAttack(iterations: 1, adaptation: 0),
        SquareSearch(maxQueries: 0), SquareSearch(maxQueries: 9, rounds: 0),
        SquareSearch(maxQueries: 9, initialShare: 2),
        SimpleBlackBox(step: 0), SimpleBlackBox(step: .nan), SimpleBlackBox(step: 1, rounds: 0),
        NaturalEvolution(iterations: 0), NaturalEvolution(iterations: 1, probes: 3),
        NaturalEvolution(iterations: 1, width: -1), ZerothOrder(iterations: 1, coordinates: 0),
        ZerothOrder(iterations: 1, width: .infinity), ZerothOrder(iterations: 1, maxQueries: 0),
        GreedySearch(values: 0),
        GreedySearch(values: 1, maxMoves: 0), BeamSearch(width: 0), BeamSearch(width: 1, depth: 0),
        TransferAttack(lessons: 1), TransferAttack(lessons: 99, overshoots: []), ConstrainedDescent(iterations: 0),
        ConstrainedDescent(iterations: 1, starts: 0),
    ]
    @Test(arguments: badSettings.indices)
    func settingsThatMakeNoSenseAreRefused(index: Int) throws {
        let mixed = try mixed(1, count: 6)
        let attack = Self.badSettings[index]
        let run = EvasionRun(
            attack: attack, norm: type(of: attack).norms[0], access: type(of: attack).richestAccess)
        let error = #expect(throws: CasemateError.self) {
            try run.run(problem(mixed), oracle: mixed.oracle, gradients: mixed.oracle)
        }
        #expect(error?.code == .invalidSetting)
        #expect(error?.place.hasPrefix(type(of: attack).identifier) == true)
    }
}
