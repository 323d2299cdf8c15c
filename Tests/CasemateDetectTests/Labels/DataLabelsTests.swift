import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The check `data_labels` on data whose wrong labels are known, and on clean data.
@Suite struct DataLabelsTests {
    /// Three numbers and a category of which the first two decide the class, with a band in which classes overlap.
    private func planted(
        _ noise: Double, rows: Int = 600, classes: Int = 2, seed: UInt64 = 3
    ) throws -> (subject: DataSubject, flipped: Set<Int>) {
        var generator = SeededGenerator(seed: seed)
        var (values, labels, flipped): ([Float], [Int32], Set<Int>) = ([], [], [])
        for row in 0..<rows {
            let place = (0..<3).map { _ in generator.uniform() }
            values += place + [Float(Int.random(in: 0..<3, using: &generator))]
            var label = min(classes - 1, Int((place[0] + place[1]) / 2 * Float(classes)))
            if generator.uniformDouble() < noise {
                label = (label + 1) % classes
                flipped.insert(row)
            }
            labels.append(Int32(label))
        }
        let features = ["a", "b", "c"].map { Feature($0) } + [Feature("d", .categorical(levels: ["x", "y", "z"]))]
        let matrix = FeatureMatrix(features: features, values: values)
        return (try subject(matrix, labels, classes: classes), flipped)
    }

    /// A subject over a file, because checks of tables read one.
    private func subject(_ matrix: FeatureMatrix, _ labels: [Int32], classes: Int) throws -> DataSubject {
        try Repository.withTemporaryFolder { folder in
            let names = (0..<classes).map { "class \($0)" }
            let head = (matrix.features.map(\.name) + ["label"]).joined(separator: ",")
            let lines = labels.indices.map { row in
                (matrix.features.indices.map { matrix.text(row: row, feature: $0) } + [names[Int(labels[row])]])
                    .joined(separator: ",")
            }
            let path = folder + "/train.csv"
            try ([head] + lines).joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            var opening = DataOpening(train: try DataEngine(Repository.engines).open(path, name: "train"))
            opening.boosting = try LightGBM(Repository.engines)
            opening.roles.favourable = "class 0"
            return try opening.subject(name: "train.csv")
        }
    }

    private func result(_ subject: DataSubject, threads: Int = 2) throws -> DataCheckResult {
        #expect(DataLabelsCheck().reasonNotToRun(on: subject) == nil)
        return try DataLabelsCheck().run(on: subject, context: RunContext(seed: 1, threads: threads))
    }

    private func value(_ name: String, _ result: DataCheckResult) -> Double {
        result.outcome.metrics.first { $0.name == name && $0.group == nil }?.value ?? .nan
    }

    @Test(arguments: [2, 3]) func wrongLabelsAreListedAndCounted(classes: Int) throws {
        let (subject, flipped) = try planted(0.1, classes: classes)
        let found = try result(subject)
        let hits = found.suspects.count { flipped.contains($0.row) }
        #expect(Double(hits) >= 0.75 * Double(flipped.count), "\(hits) of \(flipped.count)")
        #expect(Double(hits) >= 0.7 * Double(found.suspects.count), "\(hits) of \(found.suspects.count)")
        #expect(abs(value("data_labels.noise", found) - Double(flipped.count) / 600) < 0.03)
        #expect(Set(found.suspects.map(\.row)).count == found.suspects.count)
        #expect(found.outcome.metrics.contains { $0.group == "direction=integrity" && $0.value ?? 0 > 5 })
        #expect(
            classes > 2 || found.outcome.metrics.contains { $0.group == "direction=availability" && $0.value ?? 0 > 5 })
    }

    @Test func cleanLabelsRaiseNothing() throws {
        let found = try result(try planted(0).subject)
        #expect(found.outcome.findings.isEmpty && found.suspects.count <= 30)
        #expect(value("data_labels.noise", found) < 0.02)
    }

    @Test func threadsChangeNothing() throws {
        let subject = try planted(0.1, rows: 300).subject
        let (one, two) = (try result(subject, threads: 1), try result(subject, threads: 3))
        #expect(one.suspects == two.suspects && one.outcome.metrics == two.outcome.metrics)
    }

    @Test func tooLittleDataAreRefusedWithAReason() throws {
        let few = try planted(0, rows: 40).subject
        #expect(DataLabelsCheck().reasonNotToRun(on: few)?.contains("60") == true)
    }
}
