import CasemateCore
import CasemateData
import CasemateDetect
import CasemateModels
import TestSupport
import Testing

/// Patches on handwritten digits of 8 × 8 pixels.
@Suite struct PatchTriggerTests {
    private func digits() throws -> SampleSet {
        let path = Repository.path("Examples/digits/train.csv.gz")
        let table = try DataEngine(Repository.engines).open(path, name: "digits")
        let features = table.columns.map(\.name).filter { $0 != "label" }.map { Feature($0) }
        return SampleSet(
            count: table.count, shape: [8, 8], values: try table.matrix(features).values,
            labels: try table.numbers("label").map { Int32($0) }, source: "digits")
    }

    private func subject(_ set: SampleSet) throws -> DataSubject {
        var opening = PictureOpening(samples: set)
        opening.boosting = try LightGBM(Repository.engines)
        opening.runtime = try OnnxRuntime(Repository.engines)
        return try opening.subject(name: "digits")
    }

    @Test func aPatchIsNamedAndCleanPicturesRaiseNothing() throws {
        let clean = try digits()
        let context = RunContext(seed: 1, threads: 2)
        let silent = try DataTriggers().run(on: subject(clean), context: context)
        #expect(silent.outcome.findings.isEmpty && silent.suspects.isEmpty)
        var set = clean
        var generator = SeededGenerator(seed: 9)
        let rows = (0..<set.count).filter { set.labels?[$0] != 4 }.shuffled(using: &generator).prefix(14)
        for row in rows {
            for y in 6..<8 { for x in 6..<8 { set.values[row * 64 + y * 8 + x] = 1 } }
            set.labels?[row] = 4
        }
        let result = try DataTriggers().run(on: subject(set), context: context)
        let found = result.outcome.findings.flatMap(\.evidence).compactMap { evidence -> DataPattern? in
            if case .pattern(let pattern) = evidence { pattern } else { nil }
        }
        #expect(found.map(\.patch) == [DataPattern.Patch(x: 6, y: 6, width: 2, height: 2)])
        #expect(found.map(\.targetLabel) == ["4"])
        #expect(Set(result.suspects.map(\.row)).isSuperset(of: rows) && result.suspects.count <= rows.count + 2)
    }

    @Test func aTableOfPixelsIsReadAsPicturesAndOthersAreNot() throws {
        let set = try digits()
        let features = (0..<64).map { Feature("pixel_\($0 / 8)_\($0 % 8)") }
        let grid = try #require(PictureGrid(FeatureMatrix(features: features, values: set.values)))
        #expect(grid.width == 8 && grid.height == 8 && grid.channels == 1 && grid.index(x: 3, y: 2, channel: 0) == 19)
        var generator = SeededGenerator(seed: 2)
        let noise = (0..<64 * 200).map { _ in generator.uniform() }
        #expect(PictureGrid(FeatureMatrix(features: features, values: noise)) == nil)
        #expect(PictureGrid(FeatureMatrix(features: (0..<64).map { Feature("f\($0 * 2)") }, values: noise)) == nil)
    }

    @Test func openingNamesClassesThatOccur() throws {
        let set = SampleSet(
            count: 4, shape: [4, 4], values: [Float](repeating: 0, count: 64), labels: [2, 0, 2, 0],
            classNames: ["cat", "dog", "owl"])
        let subject = try PictureOpening(samples: set).subject(name: "set")
        #expect(subject.labels?.classes == ["cat", "owl"] && subject.labels?.values == [1, 0, 1, 0])
        #expect(subject.features.first?.name == "pixel_0_0" && subject.count == 4)
    }
}
