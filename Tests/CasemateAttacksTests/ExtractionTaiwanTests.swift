import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// LightGBM with default settings on the Taiwan credit data, copied.
@Suite(.enabled(if: Repository.shared != nil, "CASEMATE_SHARED names no folder")) struct ExtractionTaiwanTests {
    @Test func agreementIsThatOfTheReference() throws {
        let (matrix, labels) = try ExtractionSupport.shared(
            "taiwan_credit_default.csv.gz", target: "default_payment_next_month")
        var generator = SeededGenerator(seed: 1)
        let order = Array((0..<matrix.count).shuffled(using: &generator))
        let (train, pool, test) = (order[..<15_000], order[15_000..<22_000], order[22_000...])
        let engine = try LightGBM(Repository.engines)
        let target = try Booster(
            training: engine, rows: matrix.rows(train).values, features: 23, labels: train.map { Float(labels[$0]) },
            parameters: ["objective": "binary"], rounds: 100, cancellation: Cancellation())
        let space = FeatureSpace(
            features: matrix.features,
            rules: matrix.features.map { _ in FeatureSpace.Rule(domain: .integer) })
        let problem = try ExtractionProblem(
            space: space, pool: matrix.rows(pool), evaluation: matrix.rows(test), most: (100_000, 8_000), seed: 0)
        var extraction = ModelExtraction()
        extraction.students = ["boosting"]
        let result = try extraction.run(
            problem, oracle: BoosterOracle(booster: target), boosting: engine, context: RunContext(threads: 2))
        for (access, distribution, queries, agreement) in reference {
            let copy = try #require(result.strongest(access, distribution, queries: queries)?.natural.decisions)
            let share = try #require(copy.share)
            #expect(share > agreement - 0.015, "\(access.name) \(distribution) \(queries): \(share)")
            #expect((0.86...0.90).contains(copy.majority) && copy.count == 7_965)
        }
        let thousand = try #require(result.strongest(.scores, .natural, queries: 1_000))
        #expect((thousand.natural.decisions?.share ?? 0) >= 0.97)
        #expect((thousand.natural.decisions?.kappa ?? 0) >= 0.86 && (thousand.natural.scores?.r2 ?? 0) > 0.9)
        // Rounding to two decimals changes nothing; what is bought on real rows is worth little on uniform ones.
        let rounded = try #require(result.strongest(.rounded(decimals: 2), .natural, queries: 1_000))
        #expect((rounded.natural.decisions?.share ?? 0) >= 0.97)
        #expect((thousand.uniform.decisions?.kappa ?? 1) < 0.5)
    }

    /// Agreement that scikit-learn's histogram boosting reached with itself.
    private let reference: [(ExtractionAccess, QueryDistribution, Int, Double)] = [
        (.scores, .natural, 100, 0.925), (.scores, .natural, 500, 0.978), (.scores, .natural, 1_000, 0.981),
        (.scores, .natural, 5_000, 0.984), (.labels, .natural, 100, 0.907), (.labels, .natural, 500, 0.976),
        (.labels, .natural, 1_000, 0.976), (.labels, .natural, 5_000, 0.981), (.scores, .shuffled, 100, 0.882),
        (.scores, .shuffled, 500, 0.954), (.scores, .shuffled, 1_000, 0.968), (.scores, .shuffled, 5_000, 0.974),
        (.scores, .uniform, 100, 0.881), (.scores, .uniform, 500, 0.938), (.scores, .uniform, 1_000, 0.936),
        (.scores, .uniform, 5_000, 0.970),
    ]
}
