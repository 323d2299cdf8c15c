import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Weights of samples, custom seeds, clipping, input gradients, and the same bytes at every number of threads.
struct TrainerGradientTests {
    static let runtime = TrainingStepTests.runtime

    /// 150 samples of six numbers: three pieces of a dense network.
    static func samples(_ count: Int = 150, size: Int = 6, classes: Int = 4, seed: UInt64 = 5) -> TrainingData {
        var generator = SeededGenerator(seed: seed)
        let rows = (0..<count * size).map { _ in generator.uniform() * 2 - 1 }
        let labels = (0..<count).map { _ in Int32(generator.next() % UInt64(classes)) }
        return TrainingData(rows: rows, count: count, labels: labels)
    }

    static func network(_ loss: TrainingLoss, threads: Int = 1) throws -> TrainableNetwork {
        let file = try NetworkBuilder(seed: 2).mlp(inputs: 6, hidden: [10], outputs: 4)
        return try TrainableNetwork(
            file, runtime: runtime.get(), settings: .init(loss: loss), context: .init(threads: threads))
    }

    static func gradient(_ network: TrainableNetwork) -> [Float] {
        network.parameters.flatMap { network.gradient(of: $0.name) ?? [] }
    }

    static func differ(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }

    @Test func weightsCountAsOftenRepeatedSamples() throws {
        let network = try Self.network(.crossEntropy)
        var data = Self.samples(4)
        data.weights = [2, 0, 1, 1]
        try network.takeGradient(data)
        let weighted = Self.gradient(network)
        data.weights = nil
        try network.takeGradient(data, at: [0, 0, 2, 3])
        #expect(Self.differ(weighted, Self.gradient(network)) < 1e-6)
    }

    @Test func seedsOfLogitsGiveTheGradientOfTheSameLoss() throws {
        let data = Self.samples()
        let (loss, seeded) = (try Self.network(.crossEntropy), try Self.network(.seed()))
        try loss.takeGradient(data)
        let logits = try seeded.outputs(of: data.rows, count: data.count)
        var seeds = [Float](repeating: 0, count: logits.count)
        for row in 0..<data.count {
            let part = (0..<4).map { exp(Double(logits[row * 4 + $0])) }
            let total = part.reduce(0, +)
            for column in 0..<4 {
                seeds[row * 4 + column] = Float(part[column] / total) - (Int(data.labels[row]) == column ? 1 : 0)
            }
        }
        try seeded.takeGradient(TrainingData(rows: data.rows, count: data.count, targets: seeds))
        #expect(Self.differ(Self.gradient(loss), Self.gradient(seeded)) < 1e-6)
        // Soft targets that are one-hot are labels.
        let soft = try Self.network(.softCrossEntropy)
        var hot = [Float](repeating: 0, count: logits.count)
        for row in 0..<data.count { hot[row * 4 + Int(data.labels[row])] = 1 }
        let losses = try soft.takeGradient(TrainingData(rows: data.rows, count: data.count, targets: hot))
        #expect(Self.differ(Self.gradient(loss), Self.gradient(soft)) < 1e-6)
        #expect(Self.differ(losses, try loss.takeGradient(data)) < 1e-5)
    }

    @Test func clippingShortensEachSample() throws {
        let (network, data, clip) = (try Self.network(.crossEntropy), Self.samples(9), 1.3)
        var wanted = [Double](repeating: 0, count: 6 * 10 + 10 + 10 * 4 + 4)
        var shortened = 0
        for sample in 0..<9 {
            try network.takeGradient(data, at: [sample])
            let part = Self.gradient(network)
            let norm = part.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            if norm > clip { shortened += 1 }
            for (index, value) in part.enumerated() { wanted[index] += Double(value) * min(1, clip / norm) / 9 }
        }
        #expect((1..<9).contains(shortened))
        try network.takeGradient(data, clip: clip)
        #expect(Self.differ(Self.gradient(network), wanted.map { Float($0) }) < 1e-6)
    }

    @Test func inputGradientsAreDifferencesOfTheLoss() throws {
        let (network, data) = (try Self.network(.crossEntropy), Self.samples(3))
        let gradients = try network.inputGradients(data).gradients
        for index in 0..<18 {
            var (above, below) = (data, data)
            above.rows[index] += 1e-2
            below.rows[index] -= 1e-2
            let difference = try network.takeGradient(above).reduce(0, +) - network.takeGradient(below).reduce(0, +)
            #expect(abs(difference / 2e-2 - gradients[index]) < 2e-3)
        }
    }

    @Test func noiseIsAddedToTheGradient() throws {
        let (network, data) = (try Self.network(.crossEntropy), Self.samples(3))
        try network.takeGradient(data)
        let before = Self.gradient(network)
        network.addToGradient { part in for index in part.indices { part[index] = 0.5 } }
        #expect(Self.differ(before.map { $0 + 0.5 }, Self.gradient(network)) == 0)
    }

    @Test(arguments: [2, 3, 5])
    func theSameBytesAtAnyNumberOfThreads(threads: Int) throws {
        let file = try NetworkBuilder(seed: 4).cnn(
            shape: [1, 8, 8], convolutions: [.init(channels: 4, pool: 2), .init(channels: 6)], hidden: [12], outputs: 3)
        let data = Self.samples(200, size: 64, classes: 3)
        let settings = TrainingSettings(epochs: 2, batchSize: 150, initialisation: .he)
        let results = try [1, threads].map { threads in
            let context = RunContext(seed: 8, threads: threads)
            return try Trainer(file, runtime: Self.runtime.get(), settings: settings, context: context).train(data)
        }
        #expect(results[0].bytes == results[1].bytes && results[0].epochs == results[1].epochs)
        let other = try Trainer(
            file, runtime: Self.runtime.get(), settings: settings, context: .init(seed: 9, threads: threads)
        ).train(data)
        #expect(other.bytes != results[0].bytes)
    }
}
