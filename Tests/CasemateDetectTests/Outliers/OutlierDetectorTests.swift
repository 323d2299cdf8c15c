import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The combined detector: what it tells apart, how often it is wrong, what it does with odd data.
@Suite struct OutlierDetectorTests {
    private let runtime: OnnxRuntime

    init() throws { runtime = try OnnxRuntime(Repository.engines) }

    private func small(steps: Int = 300) -> OutlierSettings {
        var settings = OutlierSettings()
        settings.steps = steps
        return settings
    }

    @Test func tellsShuffledRowsAndKeepsTheSetRate() throws {
        let rows = OutlierRows.make(4_000, seed: 1)
        let context = RunContext(seed: 1, threads: 2)
        let detector = try OutlierDetector(
            fitting: rows, settings: small(steps: 1_000), runtime: runtime, context: context)
        let fresh = OutlierRows.make(4_000, seed: 2)
        let usual = try detector.scores(fresh, context: context)
        let odd = try detector.scores(fresh.shuffledColumns(seed: 3), context: context)
        let area = OutlierRows.area(usual.prefix(500).map(\.score), odd.prefix(500).map(\.score))
        #expect(area > 0.95, "\(area)")
        #expect(abs(area - detector.area) < 0.03)
        let alarms = Double(usual.filter { $0.tailProbability <= 0.01 }.count) / 4_000
        #expect(alarms <= 0.015, "\(alarms)")
        #expect(detector.falseAlarms <= 0.02)
        let found = Double(odd.filter { $0.tailProbability <= 0.01 }.count) / 4_000
        #expect(found > 0.4, "\(found)")
        #expect(abs(detector.weights.reduce(0, +) - 1) < 1e-9 && detector.detectors.count == 5)
    }

    @Test func namesTheColumns() throws {
        let rows = OutlierRows.make(3_500, seed: 4)
        let detector = try OutlierDetector(
            fitting: rows, settings: small(steps: 800), runtime: runtime, context: RunContext(seed: 4, threads: 2))
        var odd = OutlierRows.make(100, seed: 5)
        for row in 0..<100 { odd.values[row * 7 + 2] = 20 }
        let scores = try detector.scores(odd)
        #expect(scores.filter { $0.columns.first?.feature == 2 }.count >= 95)
        var strange = Array(OutlierRows.make(1, seed: 6).values)
        strange[6] = 2
        let score = try detector.score(row: strange)
        // A constant of 3,500 rows that takes another value is odd, and named.
        #expect(score.tailProbability <= 0.01 && score.columns.contains { $0.feature == 6 })
        let usual = try detector.scores(OutlierRows.make(200, seed: 7))
        #expect(usual.filter { $0.columns.isEmpty }.count >= 190)
    }

    @Test func isTheSameAtEveryNumberOfThreads() throws {
        let rows = OutlierRows.make(600, seed: 8)
        let all = try [1, 3].map { threads in
            let context = RunContext(seed: 2, threads: threads)
            let detector = try OutlierDetector(
                fitting: rows, settings: small(steps: 60), runtime: runtime, context: context)
            return (detector.bytes, try detector.scores(rows, context: context))
        }
        #expect(all[0].0 == all[1].0)
        #expect(all[0].1 == all[1].1)
        let single = try OutlierDetector(bytes: all[0].0).score(row: Array(rows[row: 5]))
        #expect(single == all[0].1[5])
    }

    @Test func grossCellsAmongTheRowsDoNotHideThemselves() throws {
        var rows = OutlierRows.make(1_000, seed: 9)
        for row in 0..<8 { rows.values[row * 7] = 4e9 + Float(row) * 1e9 }
        let detector = try OutlierDetector(
            fitting: rows, settings: small(), runtime: runtime, context: RunContext(seed: 1, threads: 2))
        let scores = try detector.scores(rows)
        let found = scores.prefix(8).filter { $0.tailProbability <= 0.01 && $0.columns.first?.feature == 0 }
        #expect(found.count >= 6, "\(found.count) of 8")
    }

    @Test func oddShapesOfData() throws {
        let context = RunContext(seed: 1, threads: 2)
        func fit(_ matrix: FeatureMatrix) throws -> OutlierDetector {
            try OutlierDetector(fitting: matrix, settings: small(steps: 40), runtime: runtime, context: context)
        }
        func refusal(_ matrix: FeatureMatrix) -> String? {
            do { _ = try fit(matrix) } catch { return (error as? CasemateError)?.code.rawValue }
            return nil
        }
        #expect(refusal(OutlierRows.make(5, seed: 1)) == "unusable-data")
        let constant = FeatureMatrix(features: [Feature("a"), Feature("b")], values: [Float](repeating: 2, count: 200))
        #expect(refusal(constant) == "unusable-data")
        let missing = FeatureMatrix(features: [Feature("a")], values: [Float](repeating: .nan, count: 100))
        #expect(refusal(missing) == "unusable-data")
        var generator = SeededGenerator(seed: 3, stream: 1)
        let column = FeatureMatrix(features: [Feature("a")], values: (0..<500).map { _ in generator.uniform() })
        let one = try fit(column)
        #expect(try one.score(row: [50]).tailProbability < 0.01)
        #expect(try one.score(row: [0.5]).tailProbability > 0.1)
        #expect(try one.score(row: [.greatestFiniteMagnitude]).tailProbability < 0.01)
        #expect(try one.score(row: [.nan]).tailProbability < 0.01)
        #expect(throws: CasemateError.self) { try one.score(row: [1, 2]) }
        #expect(throws: CasemateError.self) { try one.scores(OutlierRows.make(3, seed: 1)) }
    }

    /// Wider rows than distances take: columns are left out, the time stays bounded, and the detector says so.
    @Test func manyColumnsEnd() throws {
        var generator = SeededGenerator(seed: 5, stream: 1)
        let width = 2_000
        let features = (0..<width).map { Feature("c\($0)") }
        let wide = FeatureMatrix(features: features, values: (0..<60 * width).map { _ in generator.uniform() })
        var settings = small(steps: 20)
        settings.width = 64
        let detector = try OutlierDetector(
            fitting: wide, settings: settings, runtime: runtime, context: RunContext(seed: 1, threads: 2))
        #expect(detector.leavesColumnsOut)
        #expect(try detector.scores(wide).count == 60)
    }

    @Test func settingsAreChecked() {
        for change: (inout OutlierSettings) -> Void in [{ $0.rate = 0 }, { $0.trees = 0 }, { $0.width = 1 << 30 }] {
            var settings = OutlierSettings()
            change(&settings)
            #expect(throws: CasemateError.self) {
                try OutlierDetector(fitting: OutlierRows.make(50, seed: 1), settings: settings, runtime: nil)
            }
        }
    }
}
