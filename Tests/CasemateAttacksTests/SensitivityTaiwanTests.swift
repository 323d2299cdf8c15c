import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// A boosted model behind a score function; decides 1 from `threshold` on.
struct BoostedScore: ScoreFunction {
    let booster: Booster
    let threshold: Float
    var featureCount: Int { booster.features }
    var scoreCount: Int { 1 }
    func answer(_ rows: [Float], count: Int) throws -> ScoredRows {
        let scores = try booster.predict(rows, count: count).map(Float.init)
        return ScoredRows(scores: scores, labels: scores.map { $0 >= threshold ? 1 : 0 })
    }
}

/// Gradient-boosted trees on 30,000 credit card holders, where the data are there.
@Suite(.enabled(if: Repository.shared != nil)) struct SensitivityTaiwanTests {
    private static let target = "default_payment_next_month"
    private static let dropped: Set<String> = ["SEX", "EDUCATION", "MARRIAGE", "AGE"]

    /// Inputs without demography; whether each defaulted.
    private func data() throws -> (matrix: FeatureMatrix, labels: [Float]) {
        let path = (Repository.shared ?? "") + "/data/tabular/taiwan_credit_default.csv.gz"
        let table = try DataEngine(Repository.engines).open(path, name: "taiwan")
        let features = table.columns.map(\.name).filter { $0 != Self.target && !Self.dropped.contains($0) }
            .map { Feature($0) }
        return (try table.matrix(features), try table.numbers(Self.target).map { Float($0) })
    }

    /// A model on rows whose number modulo 10 is not 3, 4 or 5; what it was trained on and 200 others.
    private func result(
        monotone: Bool, parameters: [String: String] = [:], rounds: Int = 100
    ) throws -> SensitivityResult {
        let (matrix, labels) = try data()
        let train = (0..<matrix.count).filter { !(3...5).contains($0 % 10) }
        let test = (0..<matrix.count).filter { (3...5).contains($0 % 10) }
        var generator = SeededGenerator(seed: 1)
        let rows = Array(test.shuffled(using: &generator).prefix(200))
        var settings = ["objective": "binary", "num_leaves": "31", "learning_rate": "0.1", "num_threads": "2"]
        if monotone {
            let signs = matrix.features.map { $0.name.hasPrefix("PAY_") && !$0.name.hasPrefix("PAY_AMT") ? "1" : "0" }
            settings["monotone_constraints"] = signs.joined(separator: ",")
        }
        let reference = matrix.rows(train)
        let booster = try Booster(
            training: LightGBM(Repository.engines), rows: reference.values, features: matrix.features.count,
            labels: train.map { labels[$0] }, parameters: settings.merging(parameters) { $1 }, rounds: rounds,
            cancellation: Cancellation())
        let rules = FeatureRange.ranges(of: reference).map { range in
            let (low, high) = (range?.low ?? 0, range?.high ?? 1)
            return FeatureSpace.Rule(
                domain: range?.isWhole == true ? .integer : .continuous, low: low, high: high, scale: max(1, high - low)
            )
        }
        let names = matrix.features.map(\.name)
        let directions = ["PAY_0", "PAY_2"].compactMap { name in names.firstIndex(of: name) }
        let problem = try SensitivityProblem(
            rows: matrix.rows(rows), space: FeatureSpace(features: matrix.features, rules: rules), reference: reference)
        var analysis = SensitivityAnalysis()
        (analysis.paired, analysis.replicates) = (0, 100)
        return try analysis.run(
            problem, function: BoostedScore(booster: booster, threshold: 0.28),
            monotone: Dictionary(uniqueKeysWithValues: directions.map { ($0, .increasing) }))
    }

    /// Published for a histogram GBM on another split: 16.2 % of the unit steps of PAY_0 go down without constraints,
    /// none with them. An ordinary GBM has no cliff.
    @Test func payStatusIsMonotoneOnlyUnderConstraints() throws {
        let free = try result(monotone: false)
        let status = try #require(free.monotone.first)
        #expect(free.responses[status.response].unit.name == "PAY_0" && status.steps == 2_000)
        let share = Double(status.brokenSteps) / Double(status.steps)
        #expect(share > 0.08 && share < 0.26, "\(share)")
        #expect(free.ranking.first == status.response, "PAY_0 gives most of the signal")
        #expect(free.cliffs.allSatisfy { $0.share.low <= 0.05 }, "\(free.cliffs)")
        let bound = try result(monotone: true)
        #expect(bound.monotone.count == 2)
        #expect(bound.monotone.allSatisfy { $0.brokenSteps == 0 && $0.brokenRows == 0 && $0.worst == nil })
    }
}
