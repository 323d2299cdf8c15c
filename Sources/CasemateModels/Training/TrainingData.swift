public import CasemateCore

/// Samples to learn from.
public struct TrainingData: Sendable {
    /// Values, `[count] + shape` row-major.
    public var rows: [Float]
    /// Number of samples.
    public let count: Int
    /// The class of each sample; empty for losses of targets.
    public var labels: [Int32]
    /// What each sample's loss is told, `[count, width]`: wanted outputs, probabilities or seeds; empty for labels.
    public var targets: [Float]
    /// What each sample's loss counts, 1 without; any finite numbers.
    public var weights: [Float]?

    /// Samples with labels.
    public init(rows: [Float], count: Int, labels: [Int32], weights: [Float]? = nil) {
        (self.rows, self.count, self.labels, targets, self.weights) = (rows, count, labels, [], weights)
    }

    /// Samples with targets.
    public init(rows: [Float], count: Int, targets: [Float], weights: [Float]? = nil) {
        (self.rows, self.count, labels, self.targets, self.weights) = (rows, count, [], targets, weights)
    }
}

extension TrainableNetwork {
    /// Refuses data that do not fit the network.
    /// - Throws: `mismatch` with both sizes.
    public func check(_ data: TrainingData) throws(CasemateError) {
        func refuse(_ what: String, _ help: String) -> CasemateError {
            CasemateError(.mismatch, at: path, what, help: help)
        }
        guard data.count > 0 else { throw refuse("there are no samples to learn from", "give at least one") }
        guard data.rows.count == data.count * rowSize else {
            throw refuse(
                "\(data.rows.count) values do not make \(data.count) samples of \(rowSize)",
                "the network takes samples of shape \(sampleShape)")
        }
        if let weights = data.weights {
            guard weights.count == data.count else {
                throw refuse("\(weights.count) weights for \(data.count) samples", "give each sample one")
            }
            guard weights.allSatisfy(\.isFinite) else { throw refuse("a weight is no number", "use finite weights") }
        }
        if loss.takesLabels {
            guard data.labels.count == data.count else {
                throw refuse("\(data.labels.count) labels for \(data.count) samples", "give each sample one")
            }
            for label in data.labels where label < 0 || label >= outputSize {
                throw refuse("label \(label) of a network with \(outputSize) classes", "number classes from 0")
            }
        } else if data.targets.count != data.count * outputSize {
            throw refuse(
                "\(data.targets.count) targets do not make \(data.count) samples of \(outputSize)",
                "the loss takes \(outputSize) numbers a sample")
        }
    }
}
