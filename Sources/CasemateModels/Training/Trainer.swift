public import CasemateCore

/// Trains a network of an ONNX file by mini-batches and gives an ONNX file back.
///
/// The same seed gives the same bytes at every number of threads. Batch normalisation and dropout work as at inference:
/// statistics stay as they are in the file, nothing is dropped.
public final class Trainer {
    /// The network that is trained.
    public let network: TrainableNetwork
    /// How.
    public let settings: TrainingSettings
    private let context: RunContext

    /// Prepares a file.
    /// - Parameter context: Seed of shuffling and initialisation, threads, cancellation, deadline and progress; stages
    ///   are called `training`.
    /// - Throws: what `OnnxFile` and `TrainableNetwork` throw.
    public convenience init(
        path: String, runtime: OnnxRuntime, settings: TrainingSettings = .init(), context: RunContext = .init()
    ) throws {
        try self.init(OnnxFile(path: path), runtime: runtime, settings: settings, context: context)
    }

    /// Prepares a checked file.
    public init(
        _ file: OnnxFile, runtime: OnnxRuntime, settings: TrainingSettings = .init(), context: RunContext = .init()
    ) throws {
        (self.settings, self.context) = (settings, context)
        network = try TrainableNetwork(file, runtime: runtime, settings: settings, context: context)
    }

    /// Trains; a second call goes on from where the first one ended, with a new optimiser.
    ///
    /// When the context's deadline passes, training stops after the step and keeps what it has.
    /// - Parameter onEpoch: Is told of each epoch that is done.
    /// - Throws: `mismatch` for data that do not fit; `unusableData` with epoch and step when a loss is no number;
    ///   `Cancelled`.
    public func train(
        _ data: TrainingData, onEpoch: (TrainingEpoch) throws -> Void = { _ in }
    ) throws -> TrainedModel {
        try network.check(data)
        let state = OptimiserState(settings.optimiser, for: network)
        let stepsPerEpoch = (data.count + settings.batchSize - 1) / settings.batchSize
        var epochs: [TrainingEpoch] = []
        for epoch in 0..<settings.epochs {
            let done = try pass(epoch, data, state, stepsPerEpoch)
            guard let done else { break }
            epochs.append(done)
            try onEpoch(done)
        }
        var result = try network.model()
        result.epochs = epochs
        result.isComplete = epochs.count == settings.epochs
        result.steps = state.steps
        return result
    }

    /// One epoch; `nil` when time ran out in it.
    private func pass(
        _ epoch: Int, _ data: TrainingData, _ state: OptimiserState, _ stepsPerEpoch: Int
    ) throws -> TrainingEpoch? {
        var order = Array(0..<data.count)
        if settings.shuffles {
            var generator = SeededGenerator(seed: context.seed, stream: UInt64(epoch))
            order.shuffle(using: &generator)
        }
        var (total, rate) = (0.0, settings.optimiser.rate)
        for step in 0..<stepsPerEpoch {
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline { return nil }
            let batch = Array(order[step * settings.batchSize..<min(data.count, (step + 1) * settings.batchSize)])
            let losses = try network.takeGradient(data, at: batch, cancellation: context.cancellation)
            let sum = weighted(losses, data, batch)
            guard sum.isFinite else { throw broken(epoch, step, sum) }
            total += sum
            let factor = settings.schedule.factor(
                step: epoch * stepsPerEpoch + step, stepsPerEpoch: stepsPerEpoch, epochs: settings.epochs)
            rate = settings.optimiser.rate * factor
            try state.update(network, rate: rate)
            context.progress("training", epoch * stepsPerEpoch + step + 1, settings.epochs * stepsPerEpoch)
        }
        return TrainingEpoch(number: epoch + 1, loss: total / Double(data.count), rate: rate)
    }

    private func weighted(_ losses: [Float], _ data: TrainingData, _ batch: [Int]) -> Double {
        guard let weights = data.weights else { return losses.reduce(0) { $0 + Double($1) } }
        return zip(losses, batch).reduce(0) { $0 + Double($1.0) * Double(weights[$1.1]) }
    }

    private func broken(_ epoch: Int, _ step: Int, _ loss: Double) -> CasemateError {
        CasemateError(
            .unusableData, at: "\(network.path): epoch \(epoch + 1), step \(step + 1)",
            "the loss became \(loss.isNaN ? "no number" : "infinite"); training has diverged",
            help: "use a lower learning rate, and check the samples for values that are missing or large")
    }
}
