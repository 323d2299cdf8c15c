import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Models as a server runs them, against the same models as audits run them, which are checked against their libraries.
@Suite struct ServedModelTests {
    static let entries = OnnxFixtures.good.filter { $0.file != "sk_text_lowercase.onnx" }

    static func open(_ path: String, classes: [String]? = nil) throws -> ServedFile {
        try ServedFile(path: path, format: nil, classes: classes) { try OnnxFixtures.runtime.get() }
    }

    @Test(arguments: entries)
    func answersAsTheModelDoes(entry: OnnxFixtures.Entry) throws {
        let served = try Self.open(entry.path)
        let facts = served.model.facts
        let model = try OnnxModel(path: entry.path, runtime: OnnxFixtures.runtime.get())
        #expect(facts.platform == "onnxruntime_onnx" && facts.notes.isEmpty)
        #expect(facts.task == model.signature.task && facts.classes == model.signature.classes)
        #expect(facts.fixedBatch == model.signature.fixedBatch)
        let rows = min(entry.rows, facts.fixedBatch ?? entry.rows)
        let inputs = entry.inputs.map { $0.rows(Array(0..<rows)) }
        let answer = try served.model.run(inputs, rows: rows, cancellation: nil)
        #expect(answer.predictions == (try model.predict(inputs, cancellation: Cancellation())))
        // What is announced is what comes: names, types, axes.
        #expect(answer.outputs.map(\.name) == facts.outputs.map(\.name))
        for (output, port) in zip(answer.outputs, facts.outputs) {
            #expect(output.tensor.shape.count == port.shape.count, "\(output.name)")
            #expect(output.tensor.shape.first == rows && port.shape.first == .some(nil))
            #expect(zip(output.tensor.shape, port.shape).dropFirst().allSatisfy { $1 == nil || $0 == $1 })
        }
        if let name = facts.label { #expect(facts.outputs.contains { $0.name == name }) }
        if let name = facts.scores { #expect(facts.outputs.contains { $0.name == name }) }
        #expect(facts.scores != nil || facts.label != nil || facts.outputs.count > 1)
    }

    @Test(arguments: entries)
    func rowsOfSeveralCallsMayShareARun(entry: OnnxFixtures.Entry) throws {
        let served = try Self.open(entry.path)
        guard served.model.facts.fixedBatch == nil else {
            #expect(!served.model.facts.isJoinable)
            return
        }
        #expect(served.model.facts.isJoinable)
        let together = try served.model.run(entry.inputs, rows: entry.rows, cancellation: nil)
        for row in 0..<min(4, entry.rows) {
            let alone = try served.model.run(entry.inputs.map { $0.rows([row]) }, rows: 1, cancellation: Cancellation())
            let part = together.rows(row..<row + 1)
            #expect(part.predictions?.labels == alone.predictions?.labels)
            let wanted = (alone.predictions?.scores ?? []).map { Double($0) }
            // float16 rounds sums at another place than float32; the others differ by the order of a sum.
            let tolerance = entry.file == "torch_float16.onnx" ? 4e-3 : 1e-5
            #expect(distance(part.predictions?.scores ?? [], wanted, relative: true) <= tolerance)
        }
    }

    @Test func zipMapGivesTheTensorBehindIt() throws {
        let facts = try Self.open(OnnxFixtures.entry("sk_logistic_multiclass_zipmap").path).model.facts
        #expect(facts.outputs.map(\.name) == ["output_label", "output_probability"])
        #expect(facts.outputs.map(\.type) == [.string, .float])
        #expect(facts.outputs[1].shape == [nil, facts.classes.count])
        #expect(facts.label == "output_label" && facts.scores == "output_probability")
    }

    @Test func hashIsThatOfTheFile() throws {
        let path = try OnnxFixtures.entry("sk_tree").path
        #expect(try Self.open(path).sha256 == FileDigest(of: path).sha256)
        // With weights in files of their own, changing one changes the hash.
        try Repository.withTemporaryFolder { folder in
            let manager = FileManager.default
            for name in ["external_data_inside.onnx", "external_data_inside.bin"] {
                try manager.copyItem(
                    atPath: Repository.path("Tests/Fixtures/models/\(name)"), toPath: "\(folder)/\(name)")
            }
            let model = "\(folder)/external_data_inside.onnx"
            let before = try Self.open(model).sha256
            #expect(before != (try FileDigest(of: model).sha256))
            var weights = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/external_data_inside.bin"))
            weights[0] ^= 1
            try weights.write(to: URL(fileURLWithPath: "\(folder)/external_data_inside.bin"))
            #expect(try Self.open(model).sha256 != before)
        }
    }

    @Test(arguments: OnnxFixtures.bad.filter { $0.file != "nan-sometimes.onnx" })
    func badFilesAreRefused(bad: OnnxFixtures.Bad) throws {
        // Graphs that only mix rows, or whose answers have no known form, are served with less or refused when they run.
        let runs: Set<String> = ["row-count", "unknown-output", "shape"]
        let error = failure {
            let served = try Self.open(bad.path)
            guard runs.contains(bad.reason) else { return }
            #expect(!served.model.facts.isJoinable || !served.model.facts.notes.isEmpty)
            throw CasemateError(.unsupported, at: "", "served with less", help: "")
        }
        #expect(error != nil, "\(bad.file): \(bad.reason)")
    }

    @Test func aNumberThatIsNoneIsAnError() throws {
        let served = try Self.open(OnnxFixtures.entry("torch_regression").path)
        let input = served.model.facts.inputs[0]
        let width = input.shape.dropFirst().compactMap { $0 }.reduce(1, *)
        let wild = Tensor(shape: [1, width], .float([Float](repeating: .nan, count: width)))
        let error = failure {
            _ = try served.model.run([NamedTensor(input.name, wild)], rows: 1, cancellation: nil)
        }
        #expect(error?.code == .unusableData)
    }

    @Test func wrongTensorsAreErrors() throws {
        let served = try Self.open(OnnxFixtures.entry("sk_tree").path)
        let name = served.model.facts.inputs[0].name
        let right = Tensor(shape: [1, 4], .float([1, 2, 3, 4]))
        for inputs in [
            [NamedTensor("other", right)], [], [NamedTensor(name, Tensor(shape: [1, 1], .string(["a"])))],
        ] {
            #expect(failure { _ = try served.model.run(inputs, rows: 1, cancellation: nil) }?.code == .mismatch)
        }
    }

    @Test func featuresTakeNamesThatFit() throws {
        let facts = try Self.open(OnnxFixtures.entry("sk_tree").path).model.facts
        let width = try #require(facts.rowSize)
        let plain = try facts.features(named: nil, at: "m")
        #expect(plain.map(\.name) == (0..<width).map { "f\($0)" })
        let names = (0..<width).map { "column \($0)" }
        #expect(try facts.features(named: names, at: "m").map(\.name) == names)
        #expect(failure { _ = try facts.features(named: ["one"], at: "m") }?.code == .invalidSetting)
        let columns = try Self.open(OnnxFixtures.entry("sk_columns_logistic").path).model.facts
        #expect(columns.layout == .columns)
        let found = try columns.features(named: nil, at: "m")
        #expect(found.map(\.name) == columns.inputs.map(\.name))
        #expect(found.contains { $0.levels?.isEmpty == false })
    }
}

/// Tree files as a server runs them, against the answers of their libraries.
@Suite struct ServedTreeTests {
    @Test(arguments: ["xgboost", "lightgbm"])
    func answersLikeTheLibrary(family: String) throws {
        var seen = 0
        for entry in try TreeFigures(family).entries {
            guard let served = try? ServedModelTests.open(entry.path) else { continue }
            let facts = served.model.facts
            #expect(facts.platform == "casemate_trees" && facts.isJoinable)
            let rows = NamedTensor("rows", Tensor(shape: [entry.count, entry.width], .float(entry.rows)))
            let answer = try served.model.run([rows], rows: entry.count, cancellation: nil)
            let model = try TreeFileModel(path: entry.path)
            let wanted = try model.predict(rows: entry.rows, count: entry.count, cancellation: Cancellation())
            #expect(answer.predictions == wanted, "\(entry.file)")
            #expect(answer.outputs.map(\.name) == facts.outputs.map(\.name))
            #expect(answer.outputs.last?.tensor.storage == .float(wanted.scores))
            // Bitwise: trees add up in one order for every number of rows.
            for row in 0..<min(5, entry.count) {
                let one = try served.model.run(
                    [NamedTensor("rows", rows.tensor.rows(row..<row + 1))], rows: 1, cancellation: nil)
                #expect(one.outputs == answer.rows(row..<row + 1).outputs)
                #expect(one.predictions == answer.rows(row..<row + 1).predictions)
            }
            seen += 1
        }
        #expect(seen > 10)
    }

    @Test func classesAreNumbersOrNames() throws {
        let path = Repository.path("Tests/Fixtures/trees/xgboost-multi-softprob.json")
        let plain = try ServedModelTests.open(path).model.facts
        #expect(plain.outputs.map(\.type) == [.int64, .float] && plain.scores == "probabilities")
        let names = plain.classes.map { "class \($0)" }
        let served = try ServedModelTests.open(path, classes: names)
        #expect(served.model.facts.outputs[0].type == .string)
        let width = served.model.facts.rowSize ?? 0
        let row = Tensor(shape: [1, width], .float([Float](repeating: .nan, count: width)))
        let answer = try served.model.run([NamedTensor("rows", row)], rows: 1, cancellation: nil)
        guard case .string(let labels) = answer.outputs[0].tensor.storage else {
            Issue.record("no names")
            return
        }
        #expect(labels.count == 1 && names.contains(labels[0]))
    }
}
