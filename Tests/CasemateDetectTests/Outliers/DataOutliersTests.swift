import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The check: who is put forward, and who is not.
@Suite struct DataOutliersTests {
    /// A CSV file of rows.
    private func text(_ rows: FeatureMatrix) -> String {
        let header = rows.features.map(\.name).joined(separator: ",")
        let lines = (0..<rows.count).map { row in
            rows.features.indices.map { column in
                let text = rows.text(row: row, feature: column)
                return text == "missing" ? "" : text
            }.joined(separator: ",")
        }
        return ([header] + lines).joined(separator: "\n") + "\n"
    }

    private func run(
        _ rows: FeatureMatrix, reference: FeatureMatrix? = nil, steps: Int = 300, deadline: Bool = false
    ) throws -> DataCheckResult {
        try Repository.withTemporaryFolder { folder in
            let engine = try DataEngine(Repository.engines)
            try text(rows).write(toFile: folder + "/train.csv", atomically: true, encoding: .utf8)
            var opening = DataOpening(train: try engine.open(folder + "/train.csv", name: "train"))
            if let reference {
                try text(reference).write(toFile: folder + "/reference.csv", atomically: true, encoding: .utf8)
                opening.reference = try engine.open(folder + "/reference.csv", name: "reference")
            }
            opening.runtime = try OnnxRuntime(Repository.engines)
            let subject = try opening.subject(name: "train.csv")
            var check = DataOutliers()
            check.settings.steps = steps
            if let reason = check.reasonNotToRun(on: subject) {
                return DataCheckResult(outcome: check.outcome(status: .notTested, reason: reason))
            }
            return try check.run(
                on: subject, context: RunContext(seed: 1, threads: 2, deadline: deadline ? ContinuousClock.now : nil))
        }
    }

    private func mixed(_ usual: FeatureMatrix, odd: Int) -> FeatureMatrix {
        let shuffled = usual.shuffledColumns(seed: 5)
        var rows = usual
        rows.values.replaceSubrange(
            0..<odd * usual.features.count, with: shuffled.values.prefix(odd * usual.features.count))
        return rows
    }

    @Test func cleanRowsGiveNoSuspects() throws {
        for reference in [nil, OutlierRows.make(2_000, seed: 12)] {
            let result = try run(OutlierRows.make(2_000, seed: 11), reference: reference)
            #expect(result.suspects.isEmpty && result.outcome.findings.isEmpty)
            #expect(result.outcome.status == .tested)
            let beyond = try #require(result.outcome.metrics.first { $0.name == "data_outliers.beyond" })
            // why more without a reference: the threshold is extrapolated then.
            #expect(beyond.value ?? 1 <= (reference == nil ? 0.03 : 0.015) && beyond.n == 2_000, "\(beyond)")
        }
    }

    @Test func shuffledRowsAreFoundWithAReference() throws {
        let result = try run(
            mixed(OutlierRows.make(2_000, seed: 13), odd: 100), reference: OutlierRows.make(3_500, seed: 14))
        let right = result.suspects.filter { $0.row < 100 }.count
        #expect(right >= 40, "\(right)")
        #expect(Double(right) >= 0.6 * Double(result.suspects.count), "\(right) of \(result.suspects.count)")
        #expect(result.suspects.allSatisfy { (0...0.7).contains($0.strength) && $0.reason.contains("1 in") })
        #expect(result.outcome.findings.map(\.severity) == [.medium])
        #expect(result.outcome.redacted().tables.first?.rows.first?.allSatisfy { $0 == "▒▒▒" } == true)
    }

    @Test func grossRowsAreFoundWithoutOne() throws {
        var rows = OutlierRows.make(2_000, seed: 15)
        for row in 0..<10 { rows.values[(row * 100) * 7 + 1] = 9e8 + Float(row) * 1e7 }
        let result = try run(rows)
        let found = Set(result.suspects.filter { $0.row.isMultiple(of: 100) && $0.row < 1_000 }.map(\.row))
        #expect(found.count >= 9 && result.suspects.count <= 30, "\(found.count) of \(result.suspects.count)")
        #expect(result.suspects.allSatisfy { $0.strength <= 0.5 })
        #expect(result.outcome.findings.allSatisfy { $0.severity == .low })
        let first = try #require(result.suspects.first { $0.row == 100 })
        #expect(first.reason.contains("loan"), "\(first.reason)")
    }

    @Test func whatCannotBeScoredIsSaid() throws {
        #expect(try run(OutlierRows.make(5, seed: 1)).outcome.status == .notTested)
        let flat = FeatureMatrix(features: [Feature("a"), Feature("b")], values: [Float](repeating: 1, count: 400))
        let result = try run(flat)
        #expect(result.outcome.status == .notTested && result.outcome.reason?.contains("varies") == true)
        let late = try run(OutlierRows.make(300, seed: 1), steps: 2_000, deadline: true)
        #expect(late.outcome.status == .partial)
    }
}
