import Foundation

/// What a network is trained for; one value a sample.
public enum TrainingLoss: Hashable, Sendable {
    /// `-log softmax(z)[y]` of the logits `z` and the label `y`; a softmax or sigmoid at the end is cut off.
    case crossEntropy
    /// `-Σ t_k log softmax(z)_k` for targets `t`, one number a class: distillation, label smoothing.
    case softCrossEntropy
    /// The mean of `(output - target)²` over the values of a sample: regression, autoencoders.
    case meanSquaredError
    /// `Σ s_k z_k` for numbers `s` that the caller gives as targets: `s` is the gradient of a loss of his own by the
    /// logits, or by the output as it is.
    case seed(atLogits: Bool = true)

    /// Whether it needs a label a sample; the others need targets.
    public var takesLabels: Bool { self == .crossEntropy }
    /// Whether it is a loss of logits.
    var isAtLogits: Bool {
        switch self {
        case .crossEntropy, .softCrossEntropy, .seed(true): true
        case .meanSquaredError, .seed(false): false
        }
    }
}

/// Values that training starts from.
public enum ParameterInitialisation: String, Hashable, Sendable, CaseIterable {
    /// Those of the file.
    case file
    /// PyTorch's default for dense layers and convolutions: weights and biases uniform within `±1 / √fan-in`.
    case standard
    /// Normal with variance `2 / fan-in`, biases 0. Source: He et al., ICCV 2015.
    case he
    /// Uniform within `±√(6 / (fan-in + fan-out))`, biases 0. Source: Glorot and Bengio, AISTATS 2010.
    case glorot
}

/// How the learning rate changes.
public enum LearningRateSchedule: Hashable, Sendable {
    /// It stays.
    case constant
    /// Multiplied by `factor` after every so many epochs.
    case step(every: Int, factor: Double)
    /// Falls step by step along half a cosine from the rate to `floor` times the rate. Source: Loshchilov and Hutter,
    /// ICLR 2017, without restarts.
    case cosine(floor: Double = 0)

    /// What the rate is multiplied by.
    /// - Parameters:
    ///   - step: Number of steps done before.
    ///   - stepsPerEpoch: Steps of an epoch, at least 1.
    func factor(step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
        switch self {
        case .constant: 1
        case .step(let every, let factor): pow(factor, Double(step / stepsPerEpoch / max(1, every)))
        case .cosine(let floor):
            floor + (1 - floor) * (1 + cos(.pi * Double(step) / Double(stepsPerEpoch * epochs))) / 2
        }
    }
}

/// How a network is trained.
public struct TrainingSettings: Hashable, Sendable {
    /// What is lowered.
    public var loss: TrainingLoss
    /// How parameters move.
    public var optimiser: Optimiser
    /// How the learning rate changes.
    public var schedule: LearningRateSchedule
    /// Times that all samples are seen.
    public var epochs: Int
    /// Samples of a step; the last one of an epoch takes what is left.
    public var batchSize: Int
    /// Whether samples are shuffled anew for each epoch.
    public var shuffles: Bool
    /// Where parameters start.
    public var initialisation: ParameterInitialisation
    /// Names of the initialisers that are trained; `nil` for every float32 one with axes that the output depends on
    /// smoothly, without the statistics of batch normalisation.
    public var parameters: [String]?
    /// The output that is trained; `nil` for the scores, or the first output of numbers.
    public var output: String?
    /// Axes of one row, for a graph that leaves them open.
    public var rowShape: [Int]?

    /// Makes settings.
    public init(
        loss: TrainingLoss = .crossEntropy, optimiser: Optimiser = .adam(), schedule: LearningRateSchedule = .constant,
        epochs: Int = 10, batchSize: Int = 64, shuffles: Bool = true, initialisation: ParameterInitialisation = .file,
        parameters: [String]? = nil, output: String? = nil, rowShape: [Int]? = nil
    ) {
        (self.loss, self.optimiser, self.schedule) = (loss, optimiser, schedule)
        (self.epochs, self.batchSize, self.shuffles) = (epochs, batchSize, shuffles)
        (self.initialisation, self.parameters) = (initialisation, parameters)
        (self.output, self.rowShape) = (output, rowShape)
    }
}
