import CasemateAttacks
import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Settings and data that make no sense, each with one clear error; and the pages that an attack needs.
@Suite struct EvasionInputTests {
    private let rows = normalMatrix(6, 2, seed: 1)
    private let oracle = LinearOracle(weights: [1, 1], bias: 0)
    private func code(_ body: () throws -> Void) -> CasemateError.Code? {
        do { try body() } catch { return (error as? CasemateError)?.code }
        return nil
    }
    private func problem(_ rules: [FeatureSpace.Rule], values: [Float]? = nil) throws -> EvasionProblem {
        let matrix = values.map { FeatureMatrix(features: rows.features, values: $0) } ?? rows
        return try EvasionProblem(
            originals: matrix, space: FeatureSpace(features: rows.features, rules: rules),
            labels: try oracle.decide(matrix.values, count: matrix.count))
    }

    @Test(arguments: [
        HopSkipJump(iterations: -1), HopSkipJump(iterations: 1, initialEvaluations: 0),
        HopSkipJump(iterations: 1, initialEvaluations: 10, maxEvaluations: 5),
        HopSkipJump(iterations: 1, initTrials: 0), HopSkipJump(iterations: 1, tolerance: 0),
        HopSkipJump(iterations: 1, tolerance: .nan), HopSkipJump(iterations: 1, probeSize: 2),
        HopSkipJump(iterations: 1, neighbours: 0),
    ])
    func settingsThatMakeNoSenseAreRefused(attack: HopSkipJump) throws {
        let problem = try problem([.init(), .init()])
        #expect(code { _ = try EvasionRun(attack: attack).run(problem, oracle: oracle) } == .invalidSetting)
    }

    @Test func limitsAndNormsThatMakeNoSenseAreRefused() throws {
        let problem = try problem([.init(), .init()])
        for run in [
            EvasionRun(limits: .init(maxQueriesPerSample: 0)), EvasionRun(limits: .init(batch: 0)),
            EvasionRun(limits: .init(batch: 1 << 20)), EvasionRun(norm: .l1), EvasionRun(norm: .l0),
            EvasionRun(polish: EvasionPolish(maxQueries: 0)),
        ] { #expect(code { _ = try run.run(problem, oracle: oracle) } == .invalidSetting) }
        #expect(code { _ = try RobustnessCurve(distances: [1], epsilons: [-1]) } == .invalidSetting)
        #expect(code { _ = try RobustnessCurve(distances: [1], epsilons: [.nan]) } == .invalidSetting)
    }

    @Test func aSpaceInWhichNothingMovesNamesItsFeatures() throws {
        #expect {
            try problem([.init(isImmutable: true), .init(isImmutable: true)])
        } throws: {
            ($0 as? CasemateError)?.code == .invalidSetting && "\($0)".contains("'x0', 'x1'")
        }
    }

    @Test func boundsThatExcludeTheDataAreNamed() throws {
        #expect {
            try problem([.init(), .init(low: 100, high: 200)])
        } throws: {
            ($0 as? CasemateError)?.code == .invalidSetting && "\($0)".contains("'x1'")
        }
    }

    @Test func shapesAndValuesThatDoNotFitAreRefused() throws {
        #expect(code { _ = try problem([.init(), .init()], values: [1, .infinity]) } == .unusableData)
        let space = FeatureSpace.unconstrained(features: rows.features)
        #expect(code { _ = try EvasionProblem(originals: rows, space: space, labels: [1]) } == .mismatch)
        let other = FeatureSpace.unconstrained(features: [Feature("y"), Feature("x1")])
        #expect(
            code { _ = try EvasionProblem(originals: rows, space: other, labels: [0, 0, 0, 0, 0, 0]) } == .mismatch)
        let wide = LinearOracle(weights: [1, 1, 1], bias: 0)
        let fine = try problem([.init(), .init()])
        #expect(code { _ = try EvasionRun().run(fine, oracle: wide) } == .mismatch)
    }

    @Test func missingValuesStayMissing() throws {
        let values: [Float] = [.nan, .nan, .nan, 1, 1, .nan, 0.5, 0.5]
        let oracle = FunctionOracle(2) { row, _ in row.reduce(0) { $0 + ($1.isNaN ? 0 : $1) } > 0.75 ? 1 : 0 }
        let matrix = FeatureMatrix(features: rows.features, values: values)
        let problem = try EvasionProblem(
            originals: matrix, space: .unconstrained(features: rows.features, low: -5, high: 5),
            labels: try oracle.decide(values, count: 4))
        let result = try EvasionRun(attack: HopSkipJump(iterations: 3)).run(problem, oracle: oracle)
        #expect(result.samples.map(\.outcome) == [.notFound, .found, .found, .found])
        #expect(result.samples[0].queries == 1)
        #expect(result.samples[1].row?[0].isNaN == true && result.samples[2].row?[1].isNaN == true)
    }

    @Test func nothingToAttackIsNoError() throws {
        let empty = FeatureMatrix(features: rows.features, values: [])
        let problem = try EvasionProblem(
            originals: empty, space: .unconstrained(features: rows.features), labels: [Int32]())
        #expect(try EvasionRun().run(problem, oracle: oracle).samples.isEmpty)
    }

    @Test func everyAttackHasItsPage() throws {
        let page = try String(contentsOfFile: Repository.path("docs/probes/evasion.md"), encoding: .utf8)
        for attack in evasionAttacks {
            #expect(page.contains("`\(attack.identifier)`"), "docs/probes/evasion.md does not describe it")
        }
    }

    @Test func theCurveCountsSamplesBeyondEachDistance() throws {
        let curve = try RobustnessCurve(distances: [0, 0.1, 0.1, 0.5, .infinity], epsilons: [0, 0.05, 0.1, 0.5, 9])
        #expect(curve.points.map(\.robust) == [4, 4, 2, 1, 1])
        #expect(curve.points[0].accuracy == 0.8)
        let interval = try #require(curve.points[0].interval)
        #expect(interval.low < 0.8 && interval.high > 0.8)
        #expect(try RobustnessCurve(distances: [], epsilons: [1]).points[0].accuracy == nil)
    }
}
