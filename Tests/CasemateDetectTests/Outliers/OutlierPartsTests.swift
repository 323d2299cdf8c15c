import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The four detectors by themselves, against scikit-learn where it has the same definition.
@Suite struct OutlierPartsTests {
    private let figures: Figures
    private let rows: [Double]
    private let matrix: FeatureMatrix

    init() throws {
        figures = try Figures("figures/outliers.json")
        rows = figures["rows"].list.flatMap(\.doubles)
        matrix = FeatureMatrix(features: (0..<4).map { Feature("x\($0)") }, values: rows.map { Float($0) })
    }

    @Test func averagePathsAreThoseOfThePaper() {
        for entry in figures["forest"]["averagePath"].list {
            #expect(agree(IsolationForest.averagePath(entry["n"].int ?? 0), entry["c"].double), "\(entry)")
        }
    }

    /// Both forests are random: with 2,000 trees scores of ordinary rows differ by about 0.003, of single rows at the
    /// edge by up to 0.02.
    @Test func forestScoresAreThoseOfScikitLearn() throws {
        let size = try #require(figures["forest"]["samples"].int)
        let forest = try IsolationForest(
            matrix, trees: 2_000, sampleSize: size, context: RunContext(seed: 3, threads: 2))
        let expected = figures["forest"]["scores"].doubles
        let gaps = zip(forest.scores(matrix), expected).map { abs($0 - $1) }
        #expect(gaps.count == 120)
        #expect(gaps.max() ?? 1 < 0.03)
        #expect(gaps.reduce(0, +) / 120 < 0.006)
    }

    @Test func forestIsTheSameAtEveryNumberOfThreads() throws {
        let rows = OutlierRows.make(400, seed: 1)
        let one = try IsolationForest(rows, trees: 20, context: RunContext(seed: 5, threads: 1))
        let four = try IsolationForest(rows, trees: 20, context: RunContext(seed: 5, threads: 4))
        let other = try IsolationForest(rows, trees: 20, context: RunContext(seed: 6, threads: 1))
        #expect(one == four)
        #expect(one != other)
    }

    @Test func forestTakesCategoriesAndMissingValues() throws {
        var rows = OutlierRows.make(400, seed: 2)
        let width = rows.features.count
        // A level that one row has, and one row without any of the values that all others have.
        rows.values[10 * width + 4] = 2
        for row in 0..<400 where row != 10 { rows.values[row * width + 4] = min(1, rows.values[row * width + 4]) }
        for column in [0, 1, 2, 3] { rows.values[20 * width + column] = .nan }
        let scores = try IsolationForest(rows, trees: 300, context: RunContext(seed: 1)).scores(rows)
        let median = scores.sorted()[200]
        #expect(scores.allSatisfy { $0 > 0 && $0 < 1 })
        #expect(scores[20] > scores.sorted()[380])
        #expect(scores[10] > median)
        let alike = FeatureMatrix(features: [Feature("x")], values: [Float](repeating: 3, count: 50))
        #expect(Set(try IsolationForest(alike, trees: 5, context: RunContext()).scores(alike)).count == 1)
    }

    @Test func scatterIsThatOfScikitLearn() throws {
        for entry in figures["covariance"].list {
            let shape = try RobustMahalanobis(
                matrix.values, width: 4, settings: .init(support: entry["support"].double, ridge: 0),
                context: RunContext(seed: 1))
            for (ours, theirs) in zip(shape.location, entry["location"].doubles) {
                #expect(agree(ours, theirs, tolerance: 1e-5))
            }
            for (ours, theirs) in zip(shape.precision, entry["precision"].list.flatMap(\.doubles)) {
                #expect(agree(ours, theirs, tolerance: 1e-4), "\(ours) \(theirs)")
            }
            let distances = entry["distances"].doubles
            #expect(distances.count == 120)
            for (ours, theirs) in zip(shape.squaredDistances(matrix.values), distances) {
                #expect(agree(ours, theirs, tolerance: 1e-4))
            }
        }
    }

    @Test func quantilesOfChiSquaredAreThoseOfSciPy() {
        for entry in figures["chiSquared"].list {
            let ours = MinimumCovariance.chiSquaredQuantile(
                entry["p"].double ?? 0, degrees: entry["degrees"].int ?? 1)
            #expect(agree(ours, entry["x"].double, tolerance: 1e-5))
        }
    }

    /// A sum of two columns, a constant and a copy have no scatter of their own: an error without a ridge, none with.
    @Test func collinearColumnsNeedARidge() throws {
        var values: [Float] = []
        for row in 0..<120 {
            let x = (0..<4).map { Float(rows[row * 4 + $0]) }
            values += x + [x[0] + x[1], 5, x[2]]
        }
        #expect(throws: CasemateError.self) {
            try RobustMahalanobis(values, width: 7, settings: .init(ridge: 0), context: RunContext())
        }
        let shape = try RobustMahalanobis(values, width: 7, settings: .init(ridge: 0.01), context: RunContext())
        let distances = shape.squaredDistances(values)
        #expect(distances.allSatisfy { $0.isFinite && $0 >= 0 })
        #expect(OutlierRows.area(Array(distances.prefix(90)), Array(distances.suffix(30))) > 0.95)
    }

    @Test func neighbourDistancesAreThoseOfScikitLearn() throws {
        let known = try #require(figures["neighbours"]["known"].int)
        let near = try NeighbourDistance(
            Array(matrix.values.prefix(known * 4)), width: 4, neighbours: 5, seed: 0, cancellation: Cancellation())
        let means = figures["neighbours"]["means"].doubles
        #expect(means.count == 120 - known)
        for (row, mean) in means.enumerated() {
            let point = Array(matrix[row: known + row]) + [Float](repeating: 0, count: 4)
            let found = try near.nearest(to: point)
            let ours = found.reduce(0) { $0 + Double($1.distance).squareRoot() } / 5
            #expect(found.count == 5 && agree(ours, mean, tolerance: 1e-5))
        }
    }

    /// At least 97 of 100 neighbours that are found by looking at all are found in the index.
    @Test func indexFindsNearlyAllNeighbours() throws {
        let normal = NormalSampler()
        var generator = SeededGenerator(seed: 4, stream: 4)
        let points = (0..<6_000 * 16).map { _ in Float(normal.next(using: &generator)) }
        func near(_ isExact: Bool) throws -> NeighbourDistance {
            try NeighbourDistance(
                points, width: 16, neighbours: 10, isExact: isExact, seed: 1, cancellation: Cancellation())
        }
        let (exact, index) = (try near(true), try near(false))
        var found = 0
        for _ in 0..<200 {
            let point = (0..<16).map { _ in Float(normal.next(using: &generator)) }
            let truth = Set(try exact.nearest(to: point).map(\.row))
            found += try index.nearest(to: point).filter { truth.contains($0.row) }.count
        }
        #expect(found >= 1_940, "\(found) of 2000")
    }

    /// What is evaluated here is what ONNX Runtime says of the same file.
    @Test func networkAnswersAsTheEngineDoes() throws {
        let runtime = try OnnxRuntime(Repository.engines)
        let network = try ReconstructionError(
            matrix.values, width: 4, owners: [0, 1, 2, 3], settings: .init(steps: 100), runtime: runtime,
            context: RunContext(seed: 2))
        try Repository.withTemporaryFolder { folder in
            try network.file.write(to: URL(fileURLWithPath: folder + "/network.onnx"))
            // why raw scores: a last layer of four numbers looks like the logits of a classifier.
            let model = try OnnxModel(
                path: folder + "/network.onnx", runtime: runtime, overrides: ModelOverrides(includesRawScores: true))
            let found = try model.predict(rows: matrix.values, count: 120, cancellation: Cancellation())
            guard case .float(let answers)? = found.outputs.first?.tensor.storage, answers.count == 480 else {
                Issue.record("no raw scores")
                return
            }
            for row in 0..<120 {
                for (ours, theirs) in zip(network.output(for: Array(matrix[row: row])), answers[(row * 4)...]) {
                    #expect(agree(Double(ours), Double(theirs), tolerance: 1e-5))
                }
            }
        }
    }
}
