public import CasemateCore
import CasemateData
public import CasemateModels

/// A small network of dense layers, trained by the trainer; texts become words that are there or not.
public struct NetworkVictim: PoisoningVictim {
    /// Name on the command line.
    public static let identifier = "network"
    /// Learns from everything.
    public static let media = PoisoningMedium.allCases
    /// Weights are drawn.
    public static let isSeeded = true
    /// The engine.
    public let runtime: OnnxRuntime
    /// Width of the first and of the second hidden layer, passes over the data, samples of a step, words of texts at most.
    public var hidden = 128, second = 64, epochs = 10, batch = 64, words = 1_000
    /// Learning rate of Adam.
    public var learningRate = 0.001

    /// Makes a victim.
    public init(runtime: OnnxRuntime) { self.runtime = runtime }

    /// What was set.
    public var settings: [String: String] {
        [
            "hidden": "\(hidden)", "second": "\(second)", "epochs": "\(epochs)", "batch": "\(batch)",
            "learning_rate": "\(learningRate)",
        ]
    }

    /// Trains.
    public func fit(
        _ data: PoisoningData, classes: Int, seed: UInt64, cancellation: Cancellation
    ) throws -> any FittedVictim {
        let scale = Scale(data, words: words)
        let (rows, width) = scale.rows(data)
        let file = try NetworkBuilder(seed: seed).mlp(
            inputs: max(1, width), hidden: second > 0 ? [hidden, second] : [hidden], outputs: classes)
        let settings = TrainingSettings(
            optimiser: .adam(rate: learningRate), epochs: epochs, batchSize: batch, initialisation: .file)
        let trainer = try Trainer(
            file, runtime: runtime, settings: settings,
            context: RunContext(seed: seed, threads: 1, cancellation: cancellation))
        _ = try trainer.train(TrainingData(rows: rows, count: data.count, labels: data.labels))
        return Fitted(trainer: trainer, scale: scale, cancellation: cancellation)
    }

    /// How samples become the network's inputs; learnt from what the victim is given.
    private struct Scale {
        let columns: WordColumns?
        let design: DesignMatrix?

        init(_ data: PoisoningData, words: Int) {
            columns = data.medium == .texts ? WordColumns(data.texts, most: words) : nil
            if case .table(let matrix) = data.content {
                design = DesignMatrix(fitting: matrix)
            } else {
                design = nil
            }
        }

        func rows(_ data: PoisoningData) -> (values: [Float], width: Int) {
            if let design { return (design.dense(data.values).map(Float.init), design.width) }
            let (values, width) = data.numbers(columns)
            guard let shape = data.picture, shape.low != 0 || shape.high != 1 else { return (values, width) }
            return (values.map { ($0 - shape.low) / (shape.high - shape.low) }, width)
        }
    }

    private struct Fitted: FittedVictim {
        let trainer: Trainer
        let scale: Scale
        let cancellation: Cancellation

        func scores(_ samples: PoisoningData) throws -> [Double] {
            guard samples.count > 0 else { return [] }
            return try trainer.network.outputs(
                of: scale.rows(samples).values, count: samples.count, cancellation: cancellation
            ).map(Double.init)
        }
    }
}
