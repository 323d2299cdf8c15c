import CasemateAttacks
import CasemateCore
import CasemateData
import Testing

@Suite("Imitation of accepted identities")
struct ImpersonationTests {
    /// Mixed features with costs, a group, and what nobody can change.
    struct Toy {
        var generator: SeededGenerator
        let space: FeatureSpace
        init(seed: UInt64, relations: Bool) throws {
            generator = SeededGenerator(seed: seed)
            let features = [
                Feature("a"), Feature("n"), Feature("fixed"), Feature("c", .categorical(levels: ["x", "y", "z"])),
                Feature("g0"), Feature("g1"), Feature("g2"), Feature("up"), Feature("d"), Feature("o"),
            ]
            let member = FeatureSpace.Rule(domain: .integer, low: 0, high: 1)
            let rules: [FeatureSpace.Rule] = [
                .init(low: -2, high: 2, cost: .init(increase: 2, decrease: 1, fixed: 0.25)),
                .init(domain: .integer, low: -3, high: 3, scale: 2), .init(isImmutable: true),
                .init(
                    domain: .categorical(levels: 3, moves: [[1, 2], [2], []]),
                    cost: .init(increase: 3, moves: [0: [1: 0.5]])),
                member, member, member, .init(low: -2, high: 2, direction: .increase), .init(),
                .init(domain: .ordinal([-1, 0, 2])),
            ]
            space = FeatureSpace(
                features: features, rules: rules, oneHotGroups: [[4, 5, 6]],
                derived: relations ? [try .init(8, "row.a + row.n", features: features)] : [],
                relations: relations ? [try .init("row.n <= row.up + 1.5", features: features)] : [])
        }
        mutating func row() -> [Float] {
            let hot = Int(generator.next() % 3)
            var row: [Float] = [
                Float(Int(generator.next() % 9)) / 2 - 2, Float(Int(generator.next() % 7)) - 3, generator.uniform(),
                Float(generator.next() % 3), 0, 0, 0, generator.uniform() * 4 - 2, 0,
                [-1, 0, 2][Int(generator.next() % 3)],
            ]
            row[4 + hot] = 1
            row[8] = row[0] + row[1]
            if generator.next() % 12 == 0 { row[0] = .nan }
            return row
        }
    }

    /// A crooked rule that needs several attributes at once.
    private static func answer(_ row: ArraySlice<Float>) -> Int32 {
        let row = Array(row)
        let a = row[0].isNaN ? -1 : row[0]
        let sum = a + 0.5 * row[1] + (row[3] == 2 ? 1 : 0) + (row[5] == 1 ? 1.5 : 0) + 0.4 * row[8] + 0.3 * row[9]
        return sum + (row[7] > 0.5 ? 1 : 0) * (row[4] == 1 ? -1 : 1) >= 2.5 ? 1 : 0
    }

    private static func problem(_ toy: inout Toy, rows: Int = 12, identities: Int = 9) throws -> ImpersonationProblem {
        var (rejected, accepted): ([Float], [Float]) = ([], [])
        while rejected.count < rows * 10 || accepted.count < identities * 10 {
            let row = toy.row()
            if answer(row[...]) == 1 { accepted += row } else { rejected += row }
        }
        let features = toy.space.features
        return try ImpersonationProblem(
            rows: FeatureMatrix(features: features, values: Array(rejected.prefix(rows * 10))),
            identities: FeatureMatrix(features: features, values: Array(accepted.prefix(identities * 10))),
            space: toy.space, wanted: 1)
    }

    /// Every subset of every identity's attributes, tried one after the other.
    private func bruteForce(
        _ problem: ImpersonationProblem, _ row: Int
    ) -> (cost: Double, size: Int, identity: Int)? {
        let space = problem.space
        let original = Array(problem.rows[row: row])
        var best: (cost: Double, size: Int, identity: Int)?
        for identity in 0..<problem.identities.count {
            let source = Array(problem.identities[row: identity])
            var units: [[Int]] = []
            for unit in [[0], [1], [2], [3], [4, 5, 6], [7], [8], [9]] {
                if space.derived.contains(where: { $0.feature == unit[0] }) { continue }
                var changed = original
                for feature in unit { changed[feature] = source[feature] }
                let bare = FeatureSpace(features: space.features, rules: space.rules, oneHotGroups: space.oneHotGroups)
                let isSame = unit.allSatisfy { changed[$0] == original[$0] }
                if !isSame, bare.violations(of: changed, from: original).isEmpty { units.append(unit) }
            }
            var own: (cost: Double, size: Int, identity: Int)?
            for mask in 1..<max(1 << units.count, 2) where !units.isEmpty {
                var changed = original
                for (index, unit) in units.enumerated() where mask >> index & 1 == 1 {
                    for feature in unit { changed[feature] = source[feature] }
                }
                if !space.derived.isEmpty {
                    changed[8] = isTouched(changed, original) ? changed[0] + changed[1] : original[8]
                }
                guard Self.answer(changed[...]) == 1, space.violations(of: changed, from: original).isEmpty else {
                    continue
                }
                let found = (space.cost(from: original, to: changed), mask.nonzeroBitCount, identity)
                if own.map({ (found.1, found.0) < ($0.size, $0.cost) }) != false { own = found }
            }
            if let own, best.map({ (own.cost, own.size) < ($0.cost, $0.size) }) != false { best = own }
        }
        return best
    }
    private func isTouched(_ row: [Float], _ original: [Float]) -> Bool {
        [0, 1].contains { row[$0] != original[$0] && !(row[$0].isNaN && original[$0].isNaN) }
    }

    @Test func findsWhatBruteForceFinds() throws {
        var (found, none) = (0, 0)
        for seed in 0..<40 as Range<UInt64> {
            var toy = try Toy(seed: seed, relations: seed % 2 == 1)
            let problem = try Self.problem(&toy)
            var search = ImpersonationSearch()
            (search.studied, search.identities, search.maxAttributes, search.donors) = (32, 32, 8, 2)
            search.queries = 100_000
            let result = try search.run(
                problem, oracle: FunctionOracle(10) { row, _ in Self.answer(row) }, context: RunContext())
            #expect(result.discarded == 0 && !result.isPartial)
            for (row, sample) in result.samples.enumerated() {
                let expected = bruteForce(problem, row)
                #expect((sample.best == nil) == (expected == nil), "seed \(seed), row \(row)")
                guard let best = sample.best, let expected else {
                    none += 1
                    continue
                }
                found += 1
                #expect(abs(best.cost - expected.cost) < 1e-9, "seed \(seed), row \(row)")
                #expect(best.attributes.count == expected.size, "seed \(seed), row \(row)")
                #expect(best.method == .exhaustive)
            }
        }
        #expect(found > 200 && none > 10, "\(found), \(none)")
    }

    @Test func everythingReportedHoldsWithFewQueries() throws {
        for seed in 0..<30 as Range<UInt64> {
            var toy = try Toy(seed: 100 + seed, relations: seed % 2 == 1)
            let problem = try Self.problem(&toy, rows: 20, identities: 30)
            var search = ImpersonationSearch()
            (search.studied, search.identities, search.maxAttributes) = (2, 6, 2)
            (search.queries, search.donors, search.batch) = (40, 3, 7)
            let oracle = FunctionOracle(10) { row, _ in Self.answer(row) }
            let result = try search.run(problem, oracle: oracle, context: RunContext())
            #expect(result.queries == oracle.asked && oracle.largestCall <= 7)
            #expect(result.samples.allSatisfy { $0.queries <= 40 + 40 + 3 && !$0.isUnfinished })
            for imitation in result.samples.compactMap(\.best) + result.donors.flatMap(\.imitations) {
                let original = Array(problem.rows[row: imitation.row])
                #expect(Self.answer(imitation.values[...]) == 1)
                #expect(problem.space.violations(of: imitation.values, from: original).isEmpty)
                let source = Array(problem.identities[row: imitation.identity])
                let copied = Set(imitation.attributes.joined())
                for feature in 0..<10 where feature != 8 || problem.space.derived.isEmpty {
                    #expect(
                        imitation.values[feature] == (copied.contains(feature) ? source : original)[feature]
                            || original[feature].isNaN && !copied.contains(feature))
                }
            }
            for (one, other) in zip(result.donors, result.donors.dropFirst()) {
                #expect(one.imitations.count >= other.imitations.count)
            }
            // The same seed, the same result.
            let again = try search.run(
                problem, oracle: FunctionOracle(10) { row, _ in Self.answer(row) }, context: RunContext())
            #expect(again == result || again.samples.map(\.queries) == result.samples.map(\.queries))
        }
    }

    /// Where sets are too many to list, dropping attributes leaves a set from which no single one can go.
    @Test func manyAttributesAreDroppedOneByOne() throws {
        let features = (0..<30).map { Feature("x\($0)") }
        let space = FeatureSpace(features: features, rules: features.map { _ in .init(low: 0, high: 1) })
        let rows = FeatureMatrix(features: features, values: [Float](repeating: 0, count: 60))
        let identities = FeatureMatrix(features: features, values: [Float](repeating: 1, count: 30))
        // Seven of the thirty are needed, all at once.
        let oracle = FunctionOracle(30) { row, _ in
            (0..<7).allSatisfy { row[row.startIndex + 4 * $0] == 1 } ? 1 : 0
        }
        var search = ImpersonationSearch()
        search.queries = 6_000
        let result = try search.run(
            try ImpersonationProblem(rows: rows, identities: identities, space: space, wanted: 1), oracle: oracle,
            context: RunContext())
        for sample in result.samples {
            #expect(sample.best?.method == .greedy)
            #expect(sample.best?.attributes == (0..<7).map { [4 * $0] })
            #expect(sample.best?.cost == 7)
        }
        #expect(result.donors.map(\.identity) == [0] && result.donors[0].imitations.count == 2)
    }

    @Test func timeAndInterruption() throws {
        var toy = try Toy(seed: 3, relations: false)
        let problem = try Self.problem(&toy)
        let stopped = Cancellation()
        stopped.cancel(.outOfTime)
        var context = RunContext(cancellation: stopped)
        let partial = try ImpersonationSearch().run(
            problem, oracle: FunctionOracle(10) { row, _ in Self.answer(row) }, context: context)
        #expect(partial.isPartial && partial.samples.allSatisfy { $0.best == nil && $0.isUnfinished })
        let interrupted = Cancellation()
        interrupted.cancel(.interrupted)
        context = RunContext(cancellation: interrupted)
        #expect(throws: Cancelled.self) {
            try ImpersonationSearch().run(
                problem, oracle: FunctionOracle(10) { row, _ in Self.answer(row) }, context: context)
        }
        // An oracle that answers otherwise when asked again: nothing it gave before is reported.
        let fickle = FunctionOracle(10) { row, call in call > 40 ? 0 : Self.answer(row) }
        let result = try ImpersonationSearch().run(problem, oracle: fickle, context: RunContext())
        #expect(result.samples.allSatisfy { $0.best == nil || $0.best?.method != nil })
        #expect(throws: CasemateError.self) {
            var search = ImpersonationSearch()
            search.queries = 0
            _ = try search.run(problem, oracle: fickle, context: RunContext())
        }
    }
}
