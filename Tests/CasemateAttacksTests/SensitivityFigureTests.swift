import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Against scikit-learn's partial dependence and against all thresholds of the trees, on the mortgage example.
@Suite struct SensitivityFigureTests {
    /// The example's model: the score of class 1, decided from 0.5 on.
    private struct Mortgage: ScoreFunction {
        let model: TableModel
        var featureCount: Int { model.features.count }
        var scoreCount: Int { 1 }
        func answer(_ rows: [Float], count: Int) throws -> ScoredRows {
            let predictions = try model.predict(rows, count: count, cancellation: Cancellation())
            let scores = (0..<count).map { predictions.scores[$0 * 2 + 1] }
            return ScoredRows(scores: scores, labels: scores.map { $0 >= 0.5 ? 1 : 0 })
        }
    }
    private let figures: Figures
    private let function: Mortgage
    private let train: FeatureMatrix, test: FeatureMatrix
    private let space: FeatureSpace

    init() throws {
        figures = try Figures("figures/sensitivity.json")
        let folder = Repository.path("Examples/mortgage")
        let expected = try Figures(json: Data(contentsOf: URL(fileURLWithPath: folder + "/expected.json")))
        let names = expected["models"]["gbm.onnx"]["inputs"].texts
        let engine = try DataEngine(Repository.engines)
        let tables = try ["train", "test"].map { try engine.open("\(folder)/\($0).csv", name: $0) }
        let model = try OnnxModel(path: folder + "/gbm.onnx", runtime: OnnxRuntime(Repository.engines))
        let table = try TableModel(
            model: model, columns: tables[0].columns, declared: names, excluded: [], levels: { _ in [] })
        function = Mortgage(model: table)
        (train, test) = (try tables[0].matrix(table.features), try tables[1].matrix(table.features))
        let rules = FeatureRange.ranges(of: train).map { range -> FeatureSpace.Rule in
            let (low, high) = (range?.low ?? 0, range?.high ?? 0)
            return FeatureSpace.Rule(
                domain: range?.isWhole == true ? .integer : .continuous, low: low, high: high,
                scale: high > low ? high - low : 1)
        }
        space = FeatureSpace(features: table.features, rules: rules)
    }

    @Test func partialDependenceIsThatOfScikitLearn() throws {
        var analysis = SensitivityAnalysis()
        (analysis.paired, analysis.replicates, analysis.rounds) = (0, 2, 0)
        let problem = try SensitivityProblem(rows: test, space: space, reference: train)
        let result = try analysis.run(problem, function: function)
        let sweeps = figures["sweeps"].members
        #expect(sweeps.count == 6)
        for (name, sweep) in sweeps {
            let response = try #require(result.responses.first { $0.unit.name == name })
            let columns = try sweep["positions"].doubles.map { position in
                try #require(response.columns.firstIndex { $0.position == Float(position) }, "\(name) \(position)")
            }
            for (column, mean) in zip(columns, sweep["mean"].doubles) {
                #expect(abs(response.partialDependence[column] - mean) < 1e-6, "\(name)")
            }
            for (row, spread) in sweep["spread"].doubles.enumerated() {
                let scores = columns.map { response.columns[$0].scores[row] }
                let own = Double((scores.max() ?? 0) - (scores.min() ?? 0))
                #expect(abs(own - spread) < 1e-6, "\(name), row \(row)")
            }
        }
    }

    /// With the default settings the smallest change of one number is the exact one for all but a few rows, and never
    /// below it.
    @Test func smallestChangesAreThoseOfTheThresholds() throws {
        let rows = figures["flips"]["rows"].ints
        var analysis = SensitivityAnalysis()
        (analysis.paired, analysis.replicates) = (0, 2)
        let problem = try SensitivityProblem(rows: test.rows(rows), space: space, reference: train)
        let result = try analysis.run(problem, function: function)
        #expect(result.labels.allSatisfy { $0 == 0 } && result.labels.count == 47)
        var (exact, total, missed) = (0, 0, 0)
        for (name, list) in figures["flips"]["smallest"].members {
            let index = try #require(result.responses.firstIndex { $0.unit.name == name })
            let tolerance = result.responses[index].width * 2e-7 + 1e-6
            for (sample, entry) in list.list.enumerated() {
                let found = result.flips.first { $0.sample == sample && $0.response == index }
                guard let smallest = entry.double else {
                    #expect(found == nil, "\(name), row \(rows[sample])")
                    continue
                }
                total += 1
                guard let found else {
                    missed += 1
                    continue
                }
                let size = abs(Double(found.after) - Double(found.before))
                #expect(size >= smallest - 1e-6)
                if size <= smallest + tolerance { exact += 1 }
            }
        }
        #expect(total > 20 && missed == 0 && exact >= total * 95 / 100, "\(exact) of \(total) exact, \(missed) missed")
    }
}
