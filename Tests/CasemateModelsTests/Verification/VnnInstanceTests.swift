import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The instances of the VNN competitions: every property is read, every published witness holds.
@Suite(.enabled(if: Repository.shared != nil))
struct VnnInstanceTests {
    /// One row of the index.
    struct Instance: Sendable, CustomTestStringConvertible {
        let id: String, onnx: String, property: String, expected: String, counterexample: String
        let inputs: Int, outputs: Int, boxes: Int
        var testDescription: String { id }
    }

    private static let folder = (Repository.shared ?? "") + "/data/vnn/"
    private static let runtime = Result { try OnnxRuntime(Repository.engines) }
    static let instances: [Instance] = {
        guard let text = try? String(contentsOfFile: folder + "index.csv", encoding: .utf8) else { return [] }
        let lines = text.split(whereSeparator: \.isNewline).map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        guard let header = lines.first else { return [] }
        return lines.dropFirst().map { line in
            let row = Dictionary(zip(header, line)) { first, _ in first }
            return Instance(
                id: row["id"] ?? "", onnx: row["onnx"] ?? "", property: row["vnnlib"] ?? "",
                expected: row["expected"] ?? "", counterexample: row["counterexample"] ?? "",
                inputs: Int(row["n_in"] ?? "") ?? 0, outputs: Int(row["n_out"] ?? "") ?? 0,
                boxes: Int(row["n_input_boxes"] ?? "") ?? 0)
        }
    }()

    @Test func allAreThere() {
        #expect(Self.instances.count == 37 && Self.instances.count { $0.expected == "sat" } == 15)
    }

    @Test(arguments: instances)
    func propertiesAreReadAndWitnessesHold(instance: Instance) throws {
        let property = try VnnProperty(path: Self.folder + instance.property)
        #expect(property.inputCount == instance.inputs && property.outputCount == instance.outputs)
        #expect(property.boxes.count == instance.boxes)
        #expect(property.cases.allSatisfy { $0.isOutputOnly && !$0.inequalities.isEmpty })
        let network = try VnnNetwork(path: Self.folder + instance.onnx, runtime: Self.runtime.get())
        #expect(network.inputCount == property.inputCount)
        // The middle of a box is answered, and is no witness of an unsat property.
        for item in property.cases {
            let middle = zip(item.low, item.high).map { Float(($0 + $1) / 2) }
            let output = try network.answer(middle)
            #expect(output.count == property.outputCount)
            if instance.expected == "unsat" { #expect(!property.isMet(input: middle, output: output)) }
        }
        guard !instance.counterexample.isEmpty else { return }
        let witness = try Self.witness(Self.folder + instance.counterexample, inputs: instance.inputs)
        // why: some are decimal numbers inside the box whose nearest float32 lies a step outside: with no tolerance they
        // count only after that step back.
        let isMet = try property.cases.contains { item in
            guard let box = item.floatBox else { return false }
            let inside = witness.indices.map { min(max(witness[$0], box.low[$0]), box.high[$0]) }
            guard zip(inside, witness).allSatisfy({ abs($0 - $1) <= $1.ulp }) else { return false }
            let output = try network.answer(inside)
            #expect(item.isMet(input: inside, output: output) == (item.violation(input: inside, output: output) <= 0))
            return property.isMet(input: inside, output: output)
        }
        #expect(isMet)
    }

    /// Fixed inputs that are no float32, as in the properties with few perturbed inputs, leave nothing to try.
    @Test func boxesWithoutFloat32AreKnown() throws {
        let empty = try Self.instances.filter { instance in
            try VnnProperty(path: Self.folder + instance.property).cases.contains { $0.floatBox == nil }
        }
        #expect(empty.map(\.id) == ["collins_rul_cnn-10", "collins_rul_cnn-11"])
        #expect(empty.allSatisfy { $0.expected == "unsat" })
    }

    /// The inputs of a published counterexample, as float32.
    private static func witness(_ path: String, inputs: Int) throws -> [Float] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        var values = [Float](repeating: .nan, count: inputs)
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split { "() ".contains($0) }
            guard words.count == 2, words[0].hasPrefix("X_"), let index = Int(words[0].dropFirst(2)) else { continue }
            values[index] = try #require(Float(words[1]))
        }
        try #require(!values.contains { $0.isNaN })
        return values
    }

    @Test func modelsInGzipAreReadAsFiles() throws {
        let path = Self.folder + "acasxu/ACASXU_run2a_1_3_batch_2000.onnx.gz"
        let file = try OnnxFile(path: path)
        #expect(file.nodeCount > 10 && file.bytes > 10_000)
        var limits = OnnxLimits()
        limits.fileBytes = file.bytes - 1
        let error = #expect(throws: CasemateError.self) { try OnnxFile(path: path, limits: limits) }
        #expect(error?.code == .limitExceeded)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        try Repository.withTemporaryFolder { folder in
            let cut = folder + "/cut.onnx.gz"
            try Data(bytes.prefix(bytes.count / 2)).write(to: URL(fileURLWithPath: cut))
            #expect(#expect(throws: CasemateError.self) { try OnnxFile(path: cut) }?.code == .malformed)
        }
    }
}
