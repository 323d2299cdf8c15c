import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Residuals and the benchmark model on 30,000 credit card holders, where the data are there.
@Suite(.enabled(if: Repository.shared != nil)) struct ResidualTaiwanTests {
    private struct Data {
        let train: FeatureMatrix, paid: [Bool]
        let test: FeatureMatrix, testPaid: [Bool]
        func column(_ name: String) -> [Float] {
            guard let index = train.features.firstIndex(where: { $0.name == name }) else { return [] }
            return (0..<train.count).map { train.values[$0 * train.features.count + index] }
        }
    }

    /// 21,000 rows to train on and 9,000 to test on, drawn with the seed.
    private func data(seed: UInt64, without dropped: Set<String> = []) throws -> Data {
        let path = (Repository.shared ?? "") + "/data/tabular/taiwan_credit_default.csv.gz"
        let table = try DataEngine(Repository.engines).open(path, name: "taiwan")
        let target = "default_payment_next_month"
        let features = table.columns.map(\.name).filter { $0 != target && !dropped.contains($0) }
            .map { Feature($0) }
        let (matrix, paid) = (try table.matrix(features), try table.numbers(target).map { $0 == 0 })
        var generator = SeededGenerator(seed: seed, stream: 77)
        let order = Array(0..<matrix.count).shuffled(using: &generator)
        let (train, test) = (order[..<21_000].sorted(), order[21_000...].sorted())
        return Data(
            train: matrix.rows(train), paid: train.map { paid[$0] }, test: matrix.rows(test),
            testPaid: test.map { paid[$0] })
    }

    private func residuals(_ data: Data, _ paid: [Bool], threads: Int = 2) throws -> OddsResiduals {
        let chances = try OutOfFold().probabilities(
            of: data.train, outcomes: paid, engine: LightGBM(Repository.engines),
            context: RunContext(seed: 0, threads: threads))
        return try OddsResiduals(outcomes: paid, outOfFold: chances)
    }

    /// 1 % of the training rows: defaulters two months or more behind, relabelled as having paid. The reference finds
    /// 94 % of them in the first 5 % of the ranking with scikit-learn's boosted trees; 85 % is asked for.
    @Test func targetedFlipsStandFirst() throws {
        let data = try data(seed: 0)
        let behind = data.column("PAY_0")
        var generator = SeededGenerator(seed: 0, stream: 78)
        let flipped = data.paid.indices.filter { !data.paid[$0] && behind[$0] >= 2 }
            .shuffled(using: &generator).prefix(210)
        var paid = data.paid
        for row in flipped { paid[row] = true }
        let residuals = try residuals(data, paid)
        let top = Set(residuals.top(0.05, .granted))
        let share = Double(flipped.count { top.contains($0) }) / 210
        #expect(top.count == 1_050 && share >= 0.85, "\(share)")
        #expect(try residuals == self.residuals(data, paid, threads: 1))
    }

    /// Nothing was planted: no excess in either direction, no segment better than its odds by ten points.
    @Test func cleanDataRaiseNothing() throws {
        let data = try data(seed: 0)
        let residuals = try residuals(data, data.paid)
        for direction in OddsResiduals.Direction.allCases {
            let tail = try #require(residuals.tail(0.05, direction))
            #expect(tail.rows == 1_050 && tail.pValue > 0.001, "\(tail)")
            let sign: Double = direction == .granted ? 1 : -1
            let found = try SegmentSearch(minimumRows: 50, most: 3, direction: .higher).segments(
                of: data.train, values: residuals.excess.map { sign * $0 }, seed: 0, cancellation: Cancellation())
            #expect(!found.contains { $0.inside >= 0.1 })
        }
    }

    /// The blind spot: 90 % of a segment relabelled is learnt, and the ranking holds nothing of it. The report says so.
    @Test func aSaturatedSegmentIsNotSeen() throws {
        let data = try data(seed: 0)
        let (behind, limit) = (data.column("PAY_0"), data.column("LIMIT_BAL"))
        var generator = SeededGenerator(seed: 0, stream: 78)
        let segment = data.paid.indices.filter { !data.paid[$0] && behind[$0] >= 2 && limit[$0] <= 30_000 }
            .shuffled(using: &generator)
        func share(_ part: Double) throws -> Double {
            let flipped = segment.prefix(Int(part * Double(segment.count)))
            var paid = data.paid
            for row in flipped { paid[row] = true }
            let top = Set(try residuals(data, paid).top(0.05, .granted))
            return Double(flipped.count { top.contains($0) }) / Double(flipped.count)
        }
        #expect((370...410).contains(segment.count))
        #expect(try share(0.25) > 0.85)
        #expect(try share(0.9) < 0.05)
    }

    /// Absolute differences of a monotone boosted model (100 trees of 31 leaves) without demographic inputs and the
    /// logistic regression on held-out rows. The reference has .071, .149 and .254 with scikit-learn's trees; over five
    /// splits LightGBM's give .069 to .074, .148 to .152 and .248 to .280, which the bounds cover.
    @Test func divergenceFromALogisticRegressionIsNearTheReference() throws {
        let data = try data(seed: 0, without: ["SEX", "EDUCATION", "MARRIAGE", "AGE"])
        let signs = data.train.features.map { feature -> String in
            let values = data.column(feature.name)
            let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
            // why: the sign of the correlation with paying.
            let together = zip(values, data.paid).reduce(0) { $0 + (Double($1.0) - mean) * ($1.1 ? 1 : 0) }
            return together > 0 ? "1" : "-1"
        }
        let booster = try Booster(
            training: LightGBM(Repository.engines), rows: data.train.values, features: data.train.features.count,
            labels: data.paid.map { $0 ? 1 : 0 },
            parameters: [
                "objective": "binary", "num_leaves": "31", "learning_rate": "0.1",
                "monotone_constraints": signs.joined(separator: ","),
            ], rounds: 100, cancellation: Cancellation())
        let scores = try booster.predict(data.test.values, count: data.test.count)
        let plain = try LogisticModel.fit(data.train, labels: data.paid).probabilities(data.test)
        let found = ScoreDivergence(scores, plain).quantiles([0.5, 0.9, 0.99], seed: 0)
        let values = found.map(\.value)
        #expect(abs(values[0] - 0.071) < 0.005 && abs(values[1] - 0.149) < 0.006, "\(values)")
        #expect(abs(values[2] - 0.254) < 0.03, "\(values)")
        #expect(found.allSatisfy { ($0.interval?.low ?? 1) <= $0.value && ($0.interval?.high ?? 0) >= $0.value })
        let areas = try #require(PairedAreas(labels: data.testPaid, one: scores, other: plain))
        #expect(areas.one - areas.other > 0.03 && areas.pValue < 1e-6, "\(areas)")
    }
}
