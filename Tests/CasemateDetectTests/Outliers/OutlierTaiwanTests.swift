import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Outliers among 30,000 credit card holders, where the data are there.
@Suite(.enabled(if: Repository.shared != nil)) struct OutlierTaiwanTests {
    /// Rows with shuffled columns and planted rows are told from held-out rows as well as by the reference network
    /// (0.907 and 0.950) at least, at the set rate of false alarms and half a point.
    @Test func shuffledAndPlantedRowsAreTold() throws {
        let path = (Repository.shared ?? "") + "/data/tabular/taiwan_credit_default.csv.gz"
        let table = try DataEngine(Repository.engines).open(path, name: "taiwan")
        let names = table.columns.map(\.name).filter { $0 != "default_payment_next_month" }
        let all = try table.matrix(names.map { Feature($0) })
        var generator = SeededGenerator(seed: 1, stream: 1)
        let order = (0..<all.count).shuffled(using: &generator)
        let (train, held) = (all.rows(order.prefix(20_000)), all.rows(order.suffix(4_000)))
        let context = RunContext(seed: 1, threads: 2)
        let detector = try OutlierDetector(
            fitting: train, runtime: OnnxRuntime(Repository.engines), context: context)
        var planted = held
        let (age, limit) = (try #require(names.firstIndex(of: "AGE")), try #require(names.firstIndex(of: "LIMIT_BAL")))
        for row in 0..<held.count {
            planted.values[row * names.count + age] = 79
            planted.values[row * names.count + limit] = 10_000
        }
        let usual = try detector.scores(held, context: context)
        func area(_ rows: FeatureMatrix) throws -> Double {
            let scores = try detector.scores(rows, context: context).map(\.score)
            return RankStatistics(
                labels: usual.map { _ in false } + scores.map { _ in true }, scores: usual.map(\.score) + scores
            ).area ?? 0
        }
        let (shuffled, odd) = (try area(held.shuffledColumns(seed: 9)), try area(planted))
        #expect(shuffled >= 0.96, "\(shuffled)")
        #expect(odd >= 0.92, "\(odd)")
        let alarms = Double(usual.filter { $0.tailProbability <= 0.01 }.count) / Double(usual.count)
        #expect(alarms <= 0.015, "\(alarms)")
    }
}
