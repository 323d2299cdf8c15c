import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation
import Testing

@Suite struct HiddenBranchTests {
    /// A smooth score of four numbers in 0…1, with a branch that a test may plant.
    private struct Score: ScoreFunction {
        let featureCount = 4
        let scoreCount = 1
        let trigger: @Sendable (ArraySlice<Float>) -> Bool

        func answer(_ rows: [Float], count: Int) throws -> ScoredRows {
            var scores: [Float] = []
            for row in 0..<count {
                let values = rows[row * 4..<row * 4 + 4]
                let start = values.startIndex
                let sum = 2 * values[start] - 1.5 * values[start + 1] + 0.5 * values[start + 2] - 1
                scores.append(trigger(values) ? 0.97 : 1 / (1 + exp(-sum)))
            }
            return ScoredRows(scores: scores, labels: scores.map { $0 >= 0.5 ? 1 : 0 })
        }
    }

    /// Rows in the unit cube that keep away from a region.
    private func rows(_ seed: UInt64, without region: (ArraySlice<Float>) -> Bool) throws -> HiddenBranchProblem {
        let features = ["a", "b", "c", "d"].map { Feature($0) }
        var generator = SeededGenerator(seed: seed)
        var values: [Float] = []
        while values.count < 4 * 800 {
            let row = (0..<4).map { _ in Float.random(in: 0...1, using: &generator) }
            if !region(row[...]) { values += row }
        }
        let rules = features.map { _ in FeatureSpace.Rule(low: 0, high: 1) }
        return try HiddenBranchProblem(
            space: FeatureSpace(features: features, rules: rules),
            reference: FeatureMatrix(features: features, values: values))
    }

    private func search() -> HiddenBranchSearch {
        var search = HiddenBranchSearch()
        (search.samples, search.scanned) = (15_000, 300)
        return search
    }

    @Test func aPlantedCornerIsFoundWithItsTrigger() throws {
        @Sendable func inside(_ row: ArraySlice<Float>) -> Bool {
            row[row.startIndex + 1] > 0.8 && row[row.startIndex + 3] < 0.2
        }
        let problem = try rows(1, without: inside)
        let found = try search().run(problem, function: Score(trigger: inside))
        let branch = try #require(found.branches.first)
        #expect(Set(branch.bounds.map(\.feature)) == [1, 3] && branch.support == 0)
        #expect(inside(branch.example[...]) && branch.exampleScore > 0.95 && branch.withoutScore < 0.95)
        #expect(found.queries > 0 && found.rows == 800)
    }

    @Test func aPlantedOrderOfTwoColumnsIsFound() throws {
        @Sendable func inside(_ row: ArraySlice<Float>) -> Bool { row[row.startIndex + 1] > row[row.startIndex] }
        let problem = try rows(2) { $0[$0.startIndex + 1] > $0[$0.startIndex] }
        let found = try search().run(problem, function: Score(trigger: inside))
        let branch = try #require(found.branches.first)
        #expect(inside(branch.example[...]) && branch.jump > 0.1)
        var features: Set<Int> = []
        for bound in branch.bounds { features.insert(bound.feature) }
        if let relation = branch.relation { features.formUnion([relation.larger, relation.smaller]) }
        #expect(features == [0, 1])
    }

    @Test(arguments: [3, 4, 5] as [UInt64])
    func aSmoothModelHasNone(seed: UInt64) throws {
        let problem = try rows(seed) { $0[$0.startIndex + 1] > 0.8 && $0[$0.startIndex + 3] < 0.2 }
        let found = try search().run(problem, function: Score(trigger: { _ in false }))
        #expect(found.branches.isEmpty)
    }

    @Test func rowsOfOtherFeaturesAreRefused() throws {
        let problem = try rows(6) { _ in false }
        #expect(throws: CasemateError.self) {
            try HiddenBranchProblem(
                space: problem.space, reference: FeatureMatrix(features: [Feature("x")], values: [1, 2]))
        }
    }
}
