import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Which parameters are trained, where they start, what is written and what is refused.
struct TrainerChoiceTests {
    static let runtime = TrainingStepTests.runtime

    private static func network(
        _ name: String, _ settings: TrainingSettings = .init(), seed: UInt64 = 0
    ) throws -> TrainableNetwork {
        try TrainableNetwork(
            OnnxFile(path: Repository.path("Tests/Fixtures/networks/\(name).onnx")), runtime: runtime.get(),
            settings: settings, context: .init(seed: seed))
    }

    private static func refusal(_ body: () throws -> Void) -> CasemateError? {
        do { try body() } catch { return error as? CasemateError }
        return nil
    }

    @Test func statisticsOfBatchNormalisationStay() throws {
        let network = try Self.network("resnet")
        let names = network.parameters.map(\.name)
        #expect(!names.isEmpty && !names.contains { $0.contains("running") })
        let initial = try OnnxFile(path: Repository.path("Tests/Fixtures/networks/resnet.onnx"))
        #expect(initial.proto.graph.initializer.contains { $0.name.contains("running_mean") })
        // New weights start with statistics of 0 and 1, and the file says so.
        let fresh = try Self.network("resnet", .init(initialisation: .standard), seed: 1)
        let file = try OnnxFile(bytes: try fresh.model().bytes, path: "fresh.onnx")
        for tensor in file.proto.graph.initializer where tensor.name.contains("running") {
            let start: Double = tensor.name.contains("mean") ? 0 : 1
            #expect(tensor.numbers?.allSatisfy { $0 == start } ?? false, "\(tensor.name)")
        }
        for tensor in file.proto.graph.initializer where tensor.name.hasSuffix("bn.weight") {
            #expect(tensor.numbers?.allSatisfy { $0 == 1 } ?? false, "\(tensor.name)")
        }
    }

    @Test func onlyNamedParametersMove() throws {
        let settings = TrainingSettings(optimiser: .sgd(rate: 0.5), epochs: 1, parameters: ["4.weight", "4.bias"])
        let path = Repository.path("Tests/Fixtures/networks/mlp.onnx")
        let trainer = try Trainer(path: path, runtime: Self.runtime.get(), settings: settings)
        let data = TrainerGradientTests.samples(20, size: 12, classes: 5)
        let file = try OnnxFile(bytes: try trainer.train(data).bytes, path: "trained.onnx")
        let before = try OnnxFile(path: path)
        #expect(file.proto.graph.node == before.proto.graph.node)
        #expect(file.proto.graph.output == before.proto.graph.output)
        for (old, new) in zip(before.proto.graph.initializer, file.proto.graph.initializer) {
            #expect(old.name == new.name && (old.numbers != new.numbers) == old.name.hasPrefix("4."))
        }
    }

    @Test func untrainedFilesComeBackAsTheyWere() throws {
        for name in ["mlp", "cnn-opset9", "resnet", "vit", "norms", "depthwise", "mixture-dynamo", "recurrent"] {
            let before = try OnnxFile(path: Repository.path("Tests/Fixtures/networks/\(name).onnx"))
            let after = try OnnxFile(bytes: try Self.network(name).model().bytes, path: name)
            #expect(
                before.proto.graph.initializer.map(\.numbers) == after.proto.graph.initializer.map(\.numbers), "\(name)"
            )
        }
    }

    @Test(arguments: [ParameterInitialisation.standard, .he, .glorot])
    func newWeightsHaveTheSpreadOfTheirRule(kind: ParameterInitialisation) throws {
        // 400 inputs, 300 outputs: bound and deviation of the weights, bound of the biases.
        let third: Double = 1.0 / 3.0
        let rules: [ParameterInitialisation: [Double]] = [
            .standard: [0.05, 0.05 * third.squareRoot(), 0.05], .he: [1, 0.005.squareRoot(), 0],
            .glorot: [(6.0 / 700).squareRoot(), (2.0 / 700).squareRoot(), 0],
        ]
        let rule = try #require(rules[kind])
        let file = try NetworkBuilder().mlp(inputs: 400, hidden: [300], outputs: 10)
        let network = try TrainableNetwork(
            file, runtime: Self.runtime.get(), settings: .init(initialisation: kind), context: .init(seed: 3))
        let values = try #require(network.values(of: "layer_1.weight"))
        let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
        let found = (squares / Double(values.count)).squareRoot()
        #expect(values.allSatisfy { Double(abs($0)) <= rule[0] * 1.000_001 })
        // 120,000 draws: the deviation is known to 0.3 %.
        #expect(abs(found / rule[1] - 1) < 0.01)
        #expect(try #require(network.values(of: "layer_1.bias")).allSatisfy { Double(abs($0)) <= rule[2] })
    }

    @Test func convolutionsStartByTheirWindow() throws {
        let network = try Self.network("mnist-cnn", .init(initialisation: .standard), seed: 1)
        for parameter in network.parameters where parameter.shape.count == 4 {
            let bound = 1 / Float(parameter.shape.dropFirst().reduce(1, *)).squareRoot()
            let values = try #require(network.values(of: parameter.name))
            let largest = values.reduce(0) { max($0, abs($1)) }
            #expect(largest <= bound && largest > 0.9 * bound)
        }
    }

    @Test func badInputIsRefused() throws {
        func message(_ settings: TrainingSettings, network: String = "mlp") -> String {
            Self.refusal { _ = try Self.network(network, settings) }?.description ?? "none"
        }
        #expect(message(.init(parameters: ["0.wieght"])).contains("did you mean '0.weight'"))
        #expect(message(.init(parameters: [])).contains("no parameters are named"))
        let statistic = try #require(
            try OnnxFile(path: Repository.path("Tests/Fixtures/networks/resnet.onnx")).proto.graph.initializer
                .first { $0.name.contains("running_mean") }?.name)
        #expect(message(.init(parameters: [statistic]), network: "resnet").contains("statistic"))
        #expect(message(.init(output: "nothing")).contains("has no output 'nothing'"))
        #expect(message(.init(epochs: 0)).contains("training.epochs"))
        #expect(message(.init(batchSize: 0)).contains("training.batchSize"))
        #expect(message(.init(optimiser: .sgd(rate: .nan))).contains("training.rate"))
        #expect(message(.init(optimiser: .sgd(isNesterov: true))).contains("needs a momentum"))
        #expect(message(.init(optimiser: .adam(beta1: 1))).contains("training.beta"))
        #expect(message(.init(schedule: .step(every: 0, factor: 0.1))).contains("training.schedule"))
        let network = try Self.network("mlp")
        let data = TrainerGradientTests.samples(4, size: 12, classes: 5)
        #expect(Self.refusal { try network.check(.init(rows: [], count: 0, labels: [])) } != nil)
        #expect(Self.refusal { try network.check(.init(rows: data.rows, count: 5, labels: data.labels)) } != nil)
        #expect(Self.refusal { try network.check(.init(rows: data.rows, count: 4, labels: [0, 1, 2, 5])) } != nil)
        #expect(Self.refusal { try network.check(.init(rows: data.rows, count: 4, targets: data.rows)) } != nil)
        #expect(
            Self.refusal { try network.check(.init(rows: data.rows, count: 4, labels: data.labels, weights: [1])) }
                != nil)
        #expect(Self.refusal { try network.set("0.weight", to: [1]) }?.code == .mismatch)
    }

    @Test func networksWithoutFloatParametersAreRefused() throws {
        var graph = WorkGraph(path: "plain")
        graph.inputs = [.init(name: "x", element: 1, axes: [nil, 3])]
        graph.nodes = [OnnxNodeProto("Softmax", ["x"], ["y"])]
        (graph.outputs, graph.opsets[""]) = (["y"], 17)
        func refused(_ graph: WorkGraph) throws -> CasemateError? {
            var model = graph.model()
            model.graph.output[0].type.tensorType.elemType = 1
            let file = try OnnxFile(bytes: try model.fileBytes(), path: "plain.onnx")
            return Self.refusal { _ = try Trainer(file, runtime: try Self.runtime.get()) }
        }
        #expect(try refused(graph)?.what.contains("no float32 initialiser") ?? false)
        graph.constants["scale"] = OnnxTensorProto(name: "scale", shape: [1], type: 10, raw: Data([0, 60]))
        graph.constants["zero"] = OnnxTensorProto(name: "zero", shape: [3], floats: [1, 2, 3])
        graph.nodes = [
            OnnxNodeProto("Cast", ["scale"], ["wide"], [.int("to", 1)]), OnnxNodeProto("Mul", ["x", "wide"], ["z"]),
            OnnxNodeProto("Add", ["z", "zero"], ["y"]),
        ]
        #expect(try refused(graph)?.what.contains("16-bit floats") ?? false)
    }

    @Test func divergenceNamesEpochAndStep() throws {
        let file = try NetworkBuilder().mlp(inputs: 6, hidden: [], outputs: 4)
        let settings = TrainingSettings(
            loss: .meanSquaredError, optimiser: .sgd(rate: 1e20), epochs: 3, batchSize: 10)
        let trainer = try Trainer(file, runtime: Self.runtime.get(), settings: settings)
        let samples = TrainerGradientTests.samples(10)
        let data = TrainingData(rows: samples.rows, count: 10, targets: [Float](repeating: 1, count: 40))
        let error = Self.refusal { _ = try trainer.train(data) }
        #expect(error?.code == .unusableData && error?.place == "network.onnx: epoch 2, step 1", "\(error as Any)")
    }

    @Test func stopsWhenToldTo() throws {
        let file = try NetworkBuilder().mlp(inputs: 6, hidden: [4], outputs: 4)
        let data = TrainerGradientTests.samples(100)
        let late = RunContext(deadline: .now)
        let model = try Trainer(file, runtime: Self.runtime.get(), context: late).train(data)
        #expect(!model.isComplete && model.epochs.isEmpty && model.steps == 0)
        let context = RunContext(threads: 2)
        let trainer = try Trainer(file, runtime: Self.runtime.get(), settings: .init(epochs: 50), context: context)
        #expect(throws: Cancelled.self) {
            try trainer.train(data) { epoch in if epoch.number == 2 { context.cancellation.cancel(.interrupted) } }
        }
    }

    @Test func ratesFollowTheSchedule() throws {
        let file = try NetworkBuilder().mlp(inputs: 6, hidden: [], outputs: 4)
        let data = TrainerGradientTests.samples(10)
        func rates(_ schedule: LearningRateSchedule) throws -> [Double] {
            let settings = TrainingSettings(optimiser: .sgd(rate: 0.1), schedule: schedule, epochs: 4, batchSize: 10)
            return try Trainer(file, runtime: Self.runtime.get(), settings: settings).train(data).epochs.map(\.rate)
        }
        #expect(try rates(.constant) == [0.1, 0.1, 0.1, 0.1])
        #expect(
            zip(try rates(.step(every: 2, factor: 0.1)), [0.1, 0.1, 0.01, 0.01]).allSatisfy { abs($0 - $1) < 1e-12 })
        let half = 0.5.squareRoot()
        let cosine = [0.1, 0.05 * (1 + half), 0.05, 0.05 * (1 - half)]
        #expect(zip(try rates(.cosine()), cosine).allSatisfy { abs($0 - $1) < 1e-12 })
    }
}
