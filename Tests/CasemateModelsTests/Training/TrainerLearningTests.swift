import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// What trained networks know in the end.
struct TrainerLearningTests {
    static let runtime = TrainingStepTests.runtime

    /// Share of rows whose largest output is the label.
    static func accuracy(_ outputs: [Float], _ labels: [Int32]) -> Double {
        let width = outputs.count / max(1, labels.count)
        var right = 0
        for (row, label) in labels.enumerated() {
            let part = outputs[row * width..<(row + 1) * width]
            if let best = part.indices.max(by: { part[$0] < part[$1] }), best - row * width == Int(label) { right += 1 }
        }
        return Double(right) / Double(max(1, labels.count))
    }

    private static func softmax(_ logits: [Float], classes: Int) -> [Float] {
        stride(from: 0, to: logits.count, by: classes).flatMap { start -> [Float] in
            let powers = logits[start..<start + classes].map { exp($0) }
            let total = powers.reduce(0, +)
            return powers.map { $0 / total }
        }
    }

    @Test(arguments: [0, 1, 2] as [UInt64])
    func learnsExclusiveOr(seed: UInt64) throws {
        let file = try NetworkBuilder(activation: .tanh, seed: seed).mlp(inputs: 2, hidden: [8], outputs: 2)
        let settings = TrainingSettings(optimiser: .adam(rate: 0.05), epochs: 200, batchSize: 4)
        let trainer = try Trainer(file, runtime: Self.runtime.get(), settings: settings, context: .init(seed: seed))
        let rows: [Float] = [0, 0, 0, 1, 1, 0, 1, 1]
        let model = try trainer.train(TrainingData(rows: rows, count: 4, labels: [0, 1, 1, 0]))
        #expect(model.isComplete && model.steps == 200 && model.epochs.count == 200)
        #expect((model.epochs.last?.loss ?? 1) < 0.02)
        #expect(Self.accuracy(try trainer.network.outputs(of: rows, count: 4), [0, 1, 1, 0]) == 1)
    }

    private static func digits(_ name: String) throws -> (rows: [Float], labels: [Int32]) {
        let table = try DataEngine(Repository.engines).open(Repository.path("Examples/digits/\(name)"), name: "digits")
        let features = (0..<64).map { Feature("pixel_\($0 / 8)_\($0 % 8)") }
        return (try table.matrix(features).values, try table.numbers("label").map { Int32($0) })
    }

    /// One hidden layer on the digits reaches what PyTorch reaches in as many epochs (540 test images: 1.5 points are
    /// eight of them, about two standard deviations of the difference between two such runs).
    @Test func digitsReachTheAccuracyOfPyTorch() throws {
        let figures = try Figures("figures/training.json")["digits"]
        let (train, test) = (try Self.digits("train.csv.gz"), try Self.digits("test.csv"))
        let file = try NetworkBuilder(seed: 3).mlp(
            inputs: 64, hidden: [try #require(figures["hidden"].int)], outputs: 10)
        let settings = TrainingSettings(
            optimiser: .adam(rate: try #require(figures["rate"].double)), epochs: try #require(figures["epochs"].int),
            batchSize: try #require(figures["batch"].int))
        let trainer = try Trainer(file, runtime: Self.runtime.get(), settings: settings, context: .init(seed: 3))
        let model = try trainer.train(TrainingData(rows: train.rows, count: train.labels.count, labels: train.labels))
        let outputs = try trainer.network.outputs(of: test.rows, count: test.labels.count)
        let reached = 100 * Self.accuracy(outputs, test.labels)
        #expect(abs(reached - (figures["mean"].double ?? 0)) < 1.5)
        // The file that is written answers as the network in memory does.
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/digits.onnx"
            try model.write(to: path)
            let loaded = try OnnxModel(path: path, runtime: Self.runtime.get())
            let answer = try loaded.predict(rows: test.rows, count: test.labels.count, cancellation: Cancellation())
            let probabilities = Self.softmax(outputs, classes: 10)
            #expect(abs(100 * Self.accuracy(answer.scores, test.labels) - reached) < 1e-9)
            // The written network and the graph with the parameters as inputs round in different orders.
            #expect(zip(answer.scores, probabilities).allSatisfy { abs($0 - $1) < 1e-4 })
            #expect(loaded.file.inputs.map(\.name) == ["input"] && loaded.file.outputs.map(\.name) == ["output"])
        }
    }

    @Test func autoencoderLearnsToCopy() throws {
        var generator = SeededGenerator(seed: 9)
        let rows = (0..<64).flatMap { _ -> [Float] in
            let (a, b) = (generator.uniform(), generator.uniform())
            return [a, b, (a + b) / 2, a * 0.5, 1 - b, 0.25]
        }
        let file = try NetworkBuilder(activation: .tanh, seed: 1).autoencoder(
            inputs: 6, hidden: [8, 2], isBounded: true)
        let settings = TrainingSettings(
            loss: .meanSquaredError, optimiser: .adam(rate: 0.02), schedule: .cosine(), epochs: 150, batchSize: 16)
        let trainer = try Trainer(file, runtime: Self.runtime.get(), settings: settings)
        let model = try trainer.train(TrainingData(rows: rows, count: 64, targets: rows))
        #expect((model.epochs.first?.loss ?? 0) > 0.02 && (model.epochs.last?.loss ?? 1) < 0.004)
    }

    /// One epoch on 6,000 images brings the convolutional network far; the full comparison is in the benchmarks.
    @Test(.enabled(if: Repository.shared != nil))
    func convolutionsLearnMnist() throws {
        let folder = (Repository.shared ?? "") + "/data/images/mnist/"
        func read(_ part: String, _ count: Int) throws -> (rows: [Float], labels: [Int32]) {
            let set = try SampleReader().read(SampleSource(folder + "\(part)-images-idx3-ubyte.gz"))
                .samples(0..<count)
            return (set.values.map { $0 / 255 }, try #require(set.labels))
        }
        let (train, test) = (try read("train", 6_000), try read("t10k", 1_000))
        let settings = TrainingSettings(epochs: 1, batchSize: 50, initialisation: .standard)
        let trainer = try Trainer(
            path: Repository.path("Tests/Fixtures/networks/mnist-cnn.onnx"), runtime: Self.runtime.get(),
            settings: settings, context: .init(seed: 1))
        let model = try trainer.train(TrainingData(rows: train.rows, count: 6_000, labels: train.labels))
        #expect(model.steps == 120)
        #expect(Self.accuracy(try trainer.network.outputs(of: test.rows, count: 1_000), test.labels) > 0.85)
    }
}
