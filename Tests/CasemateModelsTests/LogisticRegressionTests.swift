import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Logistic regression against scikit-learn, closed forms and its own optimality conditions.
@Suite struct LogisticRegressionTests {
    private static let figures = Result { try Figures("figures/residuals.json")["logistic"] }

    /// Tolerance: scikit-learn stops at a relative gradient of 1e-12, both are within 1e-7 of the optimum.
    @Test func coefficientsEqualThoseOfScikitLearn() throws {
        let figures = try Self.figures.get()
        let rows = figures["rows"].list.flatMap(\.doubles)
        let labels = figures["labels"].doubles
        #expect(rows.count == 320 && figures["cases"].list.count == 9)
        for example in figures["cases"].list {
            let (name, c) = (try #require(example["name"].text), try #require(example["c"].double))
            let model = try LogisticRegression.fit(
                rows: rows, width: 4, targets: name == "soft" ? figures["soft"].doubles : labels,
                weights: name == "weighted" ? figures["weights"].doubles : nil, l2: 1 / c)
            #expect(model.isConverged, "\(name), C = \(c)")
            let expected = example["coefficients"].doubles + [try #require(example["intercept"].double)]
            for (found, reference) in zip(model.coefficients + [model.intercept], expected) {
                #expect(abs(found - reference) < 1e-5, "\(name), C = \(c): \(found) against \(reference)")
            }
        }
    }

    @Test func withoutColumnsTheInterceptIsTheLogitOfTheShare() throws {
        let model = try LogisticRegression.fit(
            rows: [], width: 0, targets: [1, 0, 0, 0.5], weights: [1, 1, 2, 2], l2: 1)
        #expect(abs(model.intercept - log(2.0 / 4)) < 1e-12)
        #expect(abs(model.probabilities(rows: [], count: 1)[0] - 1.0 / 3) < 1e-12)
    }

    /// Two points at ±1 with opposite labels: by symmetry b = 0 and l2·a = 2/(1 + e^a).
    @Test func closedFormOfTwoPointsOnALine() throws {
        let model = try LogisticRegression.fit(rows: [-1, 1], width: 1, labels: [false, true], l2: 0.5)
        let a = model.coefficients[0]
        #expect(abs(model.intercept) < 1e-12 && abs(0.5 * a - 2 / (1 + exp(a))) < 1e-9)
    }

    /// The gradient, computed here from its definition, vanishes; wide rows take the other solver.
    @Test(arguments: [3, 1_200]) func gradientVanishesAtTheOptimum(width: Int) throws {
        var generator = SeededGenerator(seed: 4)
        let count = 150
        let rows = (0..<count * width).map { _ in generator.uniformDouble() * 2 - 1 }
        let labels = (0..<count).map { rows[$0 * width] + 0.5 * generator.uniformDouble() > 0.2 }
        let model = try LogisticRegression.fit(rows: rows, width: width, labels: labels, l2: 0.7)
        #expect(model.isConverged)
        let chances = model.probabilities(rows)
        var gradient = model.coefficients.map { 0.7 * $0 } + [0]
        for row in 0..<count {
            let slope = chances[row] - (labels[row] ? 1 : 0)
            for column in 0..<width { gradient[column] += slope * rows[row * width + column] }
            gradient[width] += slope
        }
        #expect(gradient.allSatisfy { abs($0) < 1e-4 }, "largest \(gradient.map(abs).max() ?? 0)")
    }

    @Test func separableDataStayFiniteAndColumnsThatRepeatEachOtherDoNoHarm() throws {
        let values = (0..<40).map { Double($0) - 20.5 }
        let rows = values.flatMap { value -> [Double] in [value, value, 1] }
        let model = try LogisticRegression.fit(rows: rows, width: 3, labels: values.map { $0 > 0 }, l2: 1e-3)
        #expect(model.isConverged && model.coefficients.allSatisfy(\.isFinite))
        #expect(abs(model.coefficients[0] - model.coefficients[1]) < 1e-6)
        #expect(model.probabilities(rows).enumerated().allSatisfy { ($1 > 0.5) == (values[$0] > 0) })
        let extreme = model.probabilities([1e300, 1e300, 0, -1e300, -1e300, 0])
        #expect(extreme == [1, 0])
        // why: without a penalty there is no optimum; the search still ends.
        let free = try LogisticRegression.fit(rows: rows, width: 3, labels: values.map { $0 > 0 }, l2: 0)
        #expect(free.coefficients.allSatisfy { $0.isFinite })
    }

    @Test func whatDoesNotFitIsRefused() throws {
        func code(_ rows: [Double], _ targets: [Double], weights: [Double]? = nil, l2: Double = 1)
            -> CasemateError.Code?
        {
            do {
                _ = try LogisticRegression.fit(rows: rows, width: 1, targets: targets, weights: weights, l2: l2)
                return nil
            } catch { return (error as? CasemateError)?.code }
        }
        #expect(code([1, 2], [0, 1]) == nil)
        #expect(code([1, 2, 3], [0, 1]) == .mismatch)
        #expect(code([1, .nan], [0, 1]) == .unusableData)
        #expect(code([1, 2], [0, 1.5]) == .unusableData)
        #expect(code([1, 2], [1, 1]) == .unusableData)
        #expect(code([], []) == .unusableData)
        #expect(code([1, 2], [0, 1], weights: [1, -1]) == .unusableData)
        #expect(code([1, 2], [0, 1], weights: [0, 1]) == .unusableData)
        #expect(code([1, 2], [0, 1], l2: -1) == .invalidSetting)
        let cancellation = Cancellation()
        cancellation.cancel(.interrupted)
        #expect(throws: Cancelled.self) {
            try LogisticRegression.fit(rows: [1, 2], width: 1, labels: [false, true], cancellation: cancellation)
        }
    }
}

/// How tables become dense columns.
@Suite struct LogisticDesignTests {
    private let features = [
        Feature("x"), Feature("same"), Feature("home", .categorical(levels: ["own", "rent", "other"])), Feature("y"),
    ]

    @Test func columnsAreStandardisedImputedAndOneHot() {
        let matrix = FeatureMatrix(
            features: features, values: [1, 7, 0, 0, 3, 7, 1, .nan, 1, 7, .nan, 2, 3, 7, 1, 4])
        let design = DesignMatrix(fitting: matrix)
        let names = (0..<design.width).map(design.name)
        #expect(names == ["x", "home=own", "home=rent", "home missing", "y", "y missing"])
        let spread = (8.0 / 3).squareRoot()
        let expected: [Double] = [
            -1, 1, 0, 0, -2 / spread, 0, 1, 0, 1, 0, 0, 1, -1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 2 / spread, 0,
        ]
        for (found, value) in zip(design.dense(matrix), expected) { #expect(abs(found - value) < 1e-12) }
        // A level that was not there, and one that no table has.
        #expect(design.dense([2, 7, 2, 2, 2, 7, -1, 2]) == [Double](repeating: 0, count: 12))
    }

    @Test func rareLevelsShareAColumn() {
        let feature = Feature("town", .categorical(levels: (0..<30).map { "t\($0)" }))
        let values = (0..<30).flatMap { level in [Float](repeating: Float(level), count: level == 7 ? 9 : 1) }
        let design = DesignMatrix(fitting: FeatureMatrix(features: [feature], values: values), mostLevels: 4)
        #expect((0..<design.width).map(design.name) == ["town=t0", "town=t1", "town=t7", "town=(others)"])
        #expect(design.dense([0, 7, 29]) == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
    }

    @Test func aTableWithNothingToLearnGivesTheShare() throws {
        let matrix = FeatureMatrix(features: [Feature("x")], values: [2, 2, .nan, .nan])
        let constant = FeatureMatrix(features: [Feature("x")], values: [2, 2, 2, 2])
        #expect(DesignMatrix(fitting: matrix).columns == [.missing(feature: 0)])
        let model = try LogisticModel.fit(constant, labels: [true, false, false, false])
        #expect(model.probabilities(constant).allSatisfy { abs($0 - 0.25) < 1e-12 })
    }
}
