import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Distances to a linear boundary are known in closed form; no attack may end below them.
@Suite struct HopSkipJumpTests {
    @Test(arguments: [2, 5, 30], [FeatureSpace.Norm.l2, .linf])
    func reachesTheExactDistanceOfALinearModel(width: Int, norm: FeatureSpace.Norm) throws {
        let rows = normalMatrix(20, width, seed: UInt64(width))
        let oracle = LinearOracle(
            weights: normalMatrix(1, width, seed: 99).values.map(Double.init), bias: 0.3)
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -20, high: 20),
            labels: try oracle.decide(rows.values, count: rows.count))
        let result = try EvasionRun(norm: norm, polish: nil).run(problem, oracle: oracle)
        let size =
            norm == .l2
            ? oracle.weights.reduce(0) { $0 + $1 * $1 }.squareRoot() : oracle.weights.reduce(0) { $0 + abs($1) }
        let ratios = result.samples.enumerated().map { index, sample in
            sample.distance / (abs(oracle.score(rows[row: index])) / size)
        }
        #expect(result.count(.found) == 20)
        #expect(ratios.allSatisfy { $0 > 1 - 1e-5 })
        #expect(median(ratios) < 1.02, "median ratio \(median(ratios))")
        #expect(ratios.allSatisfy { $0 < 1.1 })
    }

    struct Figures: Decodable {
        struct Point: Decodable {
            let x: [Float], label: Int32
            let l2Box: Double?, linfBox: Double?, l2Scaled: Double, linfScaled: Double
        }
        struct Model: Decodable {
            let weights: [Double], bias: Double, scale: [Float], points: [Point]
        }
        let models: [Model]
    }

    /// Distances inside a box and with scales, computed by other means in `Tests/Reference/make_figures.py`.
    @Test(arguments: [FeatureSpace.Norm.l2, .linf], [false, true])
    func agreesWithTheReferenceInABoxAndWithScales(norm: FeatureSpace.Norm, isScaled: Bool) throws {
        let figures = try JSONDecoder().decode(Figures.self, from: Repository.fixture("figures/hopskipjump.json"))
        for model in figures.models {
            let features = model.weights.indices.map { Feature("x\($0)") }
            let rules = model.scale.map { scale in
                isScaled ? FeatureSpace.Rule(low: -50, high: 50, scale: scale) : FeatureSpace.Rule(low: 0, high: 1)
            }
            let oracle = LinearOracle(weights: model.weights, bias: model.bias)
            let problem = try EvasionProblem(
                originals: FeatureMatrix(features: features, values: model.points.flatMap(\.x)),
                space: FeatureSpace(features: features, rules: rules), labels: model.points.map(\.label))
            let result = try EvasionRun(norm: norm).run(problem, oracle: oracle)
            var ratios: [Double] = []
            for (point, sample) in zip(model.points, result.samples) {
                let exact =
                    isScaled
                    ? (norm == .l2 ? point.l2Scaled : point.linfScaled) : (norm == .l2 ? point.l2Box : point.linfBox)
                guard let exact else {
                    #expect(sample.outcome == .notFound)
                    continue
                }
                #expect(sample.outcome == .found)
                ratios.append(sample.distance / exact)
            }
            #expect(ratios.allSatisfy { $0 > 1 - 1e-5 }, "below the exact distance: \(ratios)")
            #expect(median(ratios) < 1.05, "median ratio \(median(ratios))")
        }
    }

    /// The best point of the path is kept: a longer walk of the same seed is never worse.
    @Test func moreStepsAreNeverWorse() throws {
        let rows = normalMatrix(15, 10, seed: 4)
        let oracle = FunctionOracle(10) { row, _ in
            row.enumerated().reduce(Float(0)) { $0 + sin(3 * $1.element) * Float($1.offset % 3 + 1) } > 0 ? 1 : 0
        }
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -4, high: 4),
            labels: try oracle.decide(rows.values, count: rows.count))
        var last = [Double](repeating: .infinity, count: rows.count)
        for iterations in [0, 1, 5, 20] {
            let run = EvasionRun(attack: HopSkipJump(iterations: iterations), polish: nil)
            let now = try run.run(problem, oracle: oracle).samples.map(\.distance)
            // why: the final binary search of a shorter walk is a query that the longer one does not make.
            #expect(zip(now, last).allSatisfy { $0 <= $1 * 1.01 }, "\(iterations) steps")
            last = now
        }
    }

    /// The order of the features is of no consequence: other noise, the same distances.
    @Test(arguments: [FeatureSpace.Norm.l2, .linf])
    func theOrderOfFeaturesDoesNotMatter(norm: FeatureSpace.Norm) throws {
        let rows = normalMatrix(30, 8, seed: 3)
        let bent: @Sendable ([Float]) -> Int32 = { row in
            var sum: Float = 0
            for (index, value) in row.enumerated() { sum += Float(index - 3) * value + 0.2 * value * value }
            return sum > 1 ? 1 : 0
        }
        let order = [5, 2, 7, 0, 1, 6, 3, 4]
        let shuffled = FeatureMatrix(
            features: order.map { rows.features[$0] },
            values: (0..<rows.count).flatMap { row in order.map { rows.values[row * 8 + $0] } })
        let straight = FunctionOracle(8) { row, _ in bent(Array(row)) }
        let turned = FunctionOracle(8) { row, _ in
            var back = [Float](repeating: 0, count: 8)
            for (position, value) in row.enumerated() { back[order[position]] = value }
            return bent(back)
        }
        func distances(_ rows: FeatureMatrix, _ oracle: FunctionOracle) throws -> [Double] {
            let problem = try EvasionProblem(
                originals: rows, space: .unconstrained(features: rows.features, low: -6, high: 6),
                labels: try oracle.decide(rows.values, count: rows.count))
            return try EvasionRun(norm: norm, polish: nil).run(problem, oracle: oracle).samples.map(\.distance)
        }
        let ratios = zip(try distances(rows, straight), try distances(shuffled, turned)).map { $0 / $1 }
        #expect(abs(median(ratios) - 1) < 0.01, "median ratio \(median(ratios))")
    }

    @Test func reachesAGivenTarget() throws {
        let rows = normalMatrix(20, 4, seed: 8)
        let oracle = FunctionOracle(4) { row, _ in Int32(row.enumerated().max { $0.element < $1.element }?.offset ?? 0)
        }
        let problem = try EvasionProblem(
            originals: rows, space: .unconstrained(features: rows.features, low: -5, high: 5),
            goals: rows.values.indices.prefix(20).map { .targeted(label: Int32($0 % 4)) })
        let result = try EvasionRun(attack: HopSkipJump(iterations: 10)).run(problem, oracle: oracle)
        #expect(result.count(.found) + result.count(.alreadyReached) == 20)
        for (index, sample) in result.samples.enumerated() where sample.outcome == .found {
            #expect(sample.label == Int32(index % 4))
        }
    }

    /// Class 1 is a corner that noise does not hit; a known row in it makes a start.
    @Test func startsFromKnownRowsWhereNoiseFails() throws {
        let rows = normalMatrix(5, 12, seed: 5)
        let oracle = FunctionOracle(12) { row, _ in row.allSatisfy { $0 > 2.5 && $0 < 3.5 } ? 1 : 0 }
        let space = FeatureSpace.unconstrained(features: rows.features, low: -5, high: 5)
        let known = FeatureMatrix(
            features: rows.features,
            values: rows.values + [Float](repeating: 3, count: 12) + [Float](repeating: 2.75, count: 12))
        let labels = [Int32](repeating: 0, count: 5)
        let run = EvasionRun(attack: HopSkipJump(iterations: 2))
        let without = try run.run(
            EvasionProblem(originals: rows, space: space, labels: labels), oracle: oracle)
        #expect(without.count(.notFound) == 5)
        let with = try run.run(
            EvasionProblem(originals: rows, space: space, labels: labels, startingPoints: known), oracle: oracle)
        #expect(with.count(.found) == 5)
        #expect(with.sharedQueries == 7)
    }
}
