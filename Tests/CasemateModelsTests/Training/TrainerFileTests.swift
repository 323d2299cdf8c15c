import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Files of other forms: fixed batches, constants beside the model, tails behind the logits, and fresh networks.
struct TrainerFileTests {
    static let runtime = TrainingStepTests.runtime

    private static func file(_ change: (inout OnnxModelProto) -> Void) throws -> OnnxFile {
        var model = try NetworkBuilder(seed: 2).mlp(inputs: 6, hidden: [10], outputs: 4).proto
        change(&model)
        return try OnnxFile(bytes: try model.fileBytes(), path: "changed.onnx")
    }

    private static func trained(_ file: OnnxFile, _ settings: TrainingSettings = .init(epochs: 2)) throws -> Trainer {
        let trainer = try Trainer(file, runtime: runtime.get(), settings: settings, context: .init(seed: 1, threads: 2))
        _ = try trainer.train(TrainerGradientTests.samples(70))
        return trainer
    }

    @Test func aFixedBatchLearnsTheSame() throws {
        let free = try Self.trained(Self.file { _ in })
        let fixed = try Self.trained(
            Self.file { model in
                model.graph.input[0].type.tensorType.shape.dim[0].dimValue = 4
                model.graph.output[0].type.tensorType.shape.dim[0].dimValue = 4
            })
        for name in free.network.parameters.map(\.name) {
            let (a, b) = (free.network.values(of: name) ?? [], fixed.network.values(of: name) ?? [1])
            #expect(TrainerGradientTests.differ(a, b) < 1e-5, "\(name)")
        }
    }

    @Test func aSoftmaxAtTheEndIsCutOffWhileTraining() throws {
        let plain = try Self.trained(Self.file { _ in })
        let tailed = try Self.trained(
            Self.file { model in
                model.graph.node[model.graph.node.count - 1].output = ["logits"]
                model.graph.node.append(OnnxNodeProto("Softmax", ["logits"], ["output"], [.int("axis", 1)]))
            })
        #expect(
            TrainerGradientTests.differ(
                plain.network.values(of: "layer_1.weight") ?? [], tailed.network.values(of: "layer_1.weight") ?? [1])
                == 0)
        let written = try OnnxFile(bytes: tailed.network.model().bytes, path: "written.onnx")
        #expect(written.proto.graph.node.last?.opType == "Softmax")
    }

    @Test func constantsBesideTheModelAreTakenInside() throws {
        let inside = try Self.trained(Self.file { _ in })
        try Repository.withTemporaryFolder { folder in
            var (model, data) = (try Self.file { _ in }.proto, Data())
            for index in model.graph.initializer.indices {
                var tensor = model.graph.initializer[index]
                let entries = [
                    "location": "weights.bin", "offset": "\(data.count)", "length": "\(tensor.rawData.count)",
                ]
                data += tensor.rawData
                tensor.clearRawData()
                tensor.dataLocation = .external
                tensor.externalData = entries.sorted { $0.key < $1.key }.map { key, value in
                    var entry = OnnxStringStringEntryProto()
                    (entry.key, entry.value) = (key, value)
                    return entry
                }
                model.graph.initializer[index] = tensor
            }
            try data.write(to: URL(fileURLWithPath: folder + "/weights.bin"))
            try model.fileBytes().write(to: URL(fileURLWithPath: folder + "/model.onnx"))
            let outside = try Self.trained(OnnxFile(path: folder + "/model.onnx"))
            #expect(try outside.network.model().bytes == inside.network.model().bytes)
            // One parameter alone is trained, the others come along.
            let part = try Self.trained(
                OnnxFile(path: folder + "/model.onnx"), .init(epochs: 1, parameters: ["layer_1.bias"]))
            let path = folder + "/sub/trained.onnx"
            try part.network.model().write(to: path)
            #expect(try OnnxFile(path: path).externalFiles.isEmpty)
            _ = try OnnxModel(path: path, runtime: Self.runtime.get())
        }
    }

    @Test func freshNetworksHaveTheShapesAskedFor() throws {
        let builder = NetworkBuilder(activation: .elu, seed: 7)
        let cnn = try builder.cnn(
            shape: [3, 12, 10], convolutions: [.init(channels: 4, kernel: 5, stride: 2), .init(channels: 6, pool: 2)],
            hidden: [9], outputs: 2)
        let network = try TrainableNetwork(cnn, runtime: Self.runtime.get(), settings: .init(), context: .init())
        #expect(network.sampleShape == [3, 12, 10] && network.outputSize == 2 && network.rowSize == 360)
        #expect(
            network.parameters.map(\.shape) == [[4, 3, 5, 5], [4], [6, 4, 3, 3], [6], [9, 36], [9], [2, 9], [2]])
        #expect(try builder.autoencoder(inputs: 20, hidden: [8, 3]).parameterCount == 168 + 27 + 32 + 180)
        #expect(try builder.mlp(inputs: 3, hidden: [], outputs: 2).nodeCount == 1)
        let bytes = try (0..<2).map { _ in try builder.mlp(inputs: 3, hidden: [4], outputs: 2).proto.fileBytes() }
        #expect(bytes[0] == bytes[1])
        #expect(throws: CasemateError.self) { try builder.mlp(inputs: 0, hidden: [], outputs: 2) }
        #expect(throws: CasemateError.self) { try builder.autoencoder(inputs: 4, hidden: []) }
        #expect(throws: CasemateError.self) {
            try builder.cnn(shape: [1, 2, 2], convolutions: [.init(channels: 2, pool: 4)], outputs: 2)
        }
        #expect(throws: CasemateError.self) { try builder.cnn(shape: [4, 4], convolutions: [], outputs: 2) }
    }
}
