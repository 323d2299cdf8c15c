import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Steps of committed networks against PyTorch's (make_training_figures.py).
struct TrainingStepTests {
    static let runtime = Result { try OnnxRuntime(Repository.engines) }

    static func optimiser(_ name: String) -> Optimiser? {
        switch name {
        case "sgd": .sgd(rate: 0.1)
        case "sgd-momentum": .sgd(rate: 0.05, momentum: 0.9)
        case "sgd-decay": .sgd(rate: 0.1, weightDecay: 0.01)
        case "sgd-nesterov": .sgd(rate: 0.05, momentum: 0.9, isNesterov: true, weightDecay: 0.01)
        case "adam": .adam(rate: 0.01)
        case "adam-decay": .adam(rate: 0.01, beta1: 0.8, beta2: 0.99, weightDecay: 0.05)
        case "adamw": .adamW(rate: 0.01, weightDecay: 0.1)
        default: nil
        }
    }

    @Test(
        arguments: ["mlp", "pools"],
        ["sgd", "sgd-momentum", "sgd-decay", "sgd-nesterov", "adam", "adam-decay", "adamw"])
    func stepsEqualPyTorch(network: String, name: String) throws {
        let figures = try Figures("figures/training.json")["steps"][network]
        let wanted = figures["optimisers"][name]
        let labels = figures["labels"].ints.map { Int32($0) }
        let rows = figures["inputsTimes64"].list.flatMap { $0.doubles.map { Float($0 / 64) } }
        let batch = try #require(figures["batch"].int)
        let settings = TrainingSettings(
            optimiser: try #require(Self.optimiser(name)), epochs: try #require(figures["epochs"].int),
            batchSize: batch, shuffles: false)
        let trainer = try Trainer(
            path: Repository.path("Tests/Fixtures/networks/\(network).onnx"), runtime: Self.runtime.get(),
            settings: settings)
        let data = TrainingData(rows: rows, count: labels.count, labels: labels)
        let model = try trainer.train(data)
        let losses = wanted["losses"].doubles
        let perEpoch = losses.count / settings.epochs
        for epoch in model.epochs {
            let part = losses[(epoch.number - 1) * perEpoch..<epoch.number * perEpoch]
            #expect(agree(epoch.loss, part.reduce(0, +) / Double(perEpoch), tolerance: 1e-5), "epoch \(epoch.number)")
        }
        let parameters = wanted["parameters"].members
        #expect(parameters.count == trainer.network.parameters.count && !parameters.isEmpty)
        for (name, wanted) in parameters {
            let values = try #require(trainer.network.values(of: name))
            let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(agree(norm, wanted["norm"].double, tolerance: 1e-5), "\(name)")
            for (position, value) in zip(wanted["positions"].ints, wanted["values"].doubles) {
                #expect(abs(Double(values[position]) - value) <= 1e-5, "\(name)[\(position)]")
            }
        }
    }

    /// Two steps on one parameter of two values, by hand.
    @Test func adamStepsByHand() throws {
        let file = try NetworkBuilder().mlp(inputs: 1, hidden: [], outputs: 1)
        let settings = TrainingSettings(loss: .seed(atLogits: false), parameters: nil)
        let network = try TrainableNetwork(file, runtime: Self.runtime.get(), settings: settings, context: .init())
        try network.set("layer_1.weight", to: [1])
        try network.set("layer_1.bias", to: [2])
        let state = OptimiserState(.adam(rate: 0.1), for: network)
        // The gradient is 3 by the weight and 1 by the bias, then twice and half of that.
        for (row, seed, expected) in [(Float(3), Float(1), Float(0.9)), (3, 2, Float(0.803_5))] {
            let data = TrainingData(rows: [row], count: 1, targets: [seed])
            try network.check(data)
            let losses = try network.takeGradient(data)
            #expect(losses.count == 1)
            #expect(network.gradient(of: "layer_1.weight") == [row * seed])
            #expect(network.gradient(of: "layer_1.bias") == [seed])
            try state.update(network)
            let weight = try #require(network.values(of: "layer_1.weight")?.first)
            #expect(abs(weight - expected) < 1e-4)
        }
        #expect(state.steps == 2)
    }
}
