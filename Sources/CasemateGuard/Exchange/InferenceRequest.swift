public import CasemateData
public import CasemateModels

/// One call of a model as stages and back ends see it: named tensors (text and opaque bytes are string tensors), rows
/// read off them, who asks. Nothing of the protocol that brought it.
public struct InferenceRequest: Sendable {
    /// Tensors in the model's order of inputs; types and shapes are those that the model declares.
    public let inputs: [NamedTensor]
    /// Number of rows: the length of the batch axis, at least 1.
    public let rows: Int
    /// Names of the outputs that are asked for; empty for all.
    public let outputs: [String]
    /// The rows over `ModelDescription.features`; `nil` for a model without features. NaN is a missing value.
    public let matrix: FeatureMatrix?
    /// Text values that are no known level of their feature, as (row, feature); their value in `matrix` is NaN.
    public let unknownLevels: [UnknownLevel]

    /// A text where a level was expected.
    public struct UnknownLevel: Hashable, Sendable {
        /// Row from 0.
        public let row: Int
        /// Index of the feature.
        public let feature: Int
        /// Makes it.
        public init(row: Int, feature: Int) { (self.row, self.feature) = (row, feature) }
    }

    /// Makes a request of checked tensors and reads the rows off them.
    /// - Parameters:
    ///   - inputs: Checked tensors, in the model's order.
    ///   - rows: Length of the batch axis.
    ///   - model: What the model takes.
    public init(inputs: [NamedTensor], rows: Int, outputs: [String] = [], model: ModelDescription) {
        (self.inputs, self.rows, self.outputs) = (inputs, rows, outputs)
        let reading = RequestRows(inputs: inputs, rows: rows, model: model)
        (matrix, unknownLevels) = (reading.matrix, reading.unknown)
    }
}

/// Reads rows off tensors.
struct RequestRows {
    var matrix: FeatureMatrix?
    var unknown: [InferenceRequest.UnknownLevel] = []

    init(inputs: [NamedTensor], rows: Int, model: ModelDescription) {
        let features = model.features
        guard !features.isEmpty, rows > 0 else { return }
        if model.layout == .columns {
            readColumns(inputs, rows, features)
        } else if let tensor = inputs.first?.tensor, tensor.storage.count == rows * features.count {
            if case .float(let values) = tensor.storage {
                matrix = FeatureMatrix(features: features, values: values)
            } else if let values = tensor.storage.doubles {
                matrix = FeatureMatrix(features: features, values: values.map { Float($0) })
            }
        }
    }

    private mutating func readColumns(_ inputs: [NamedTensor], _ rows: Int, _ features: [Feature]) {
        var values = [Float](repeating: .nan, count: rows * features.count)
        for (index, feature) in features.enumerated() {
            guard let tensor = inputs.first(where: { $0.name == feature.name })?.tensor,
                tensor.storage.count == rows
            else { return }
            if case .string(let texts) = tensor.storage {
                let levels = feature.levels ?? []
                for (row, text) in texts.enumerated() {
                    if let level = levels.firstIndex(of: text) {
                        values[row * features.count + index] = Float(level)
                    } else if !text.isEmpty, !levels.isEmpty {
                        unknown.append(.init(row: row, feature: index))
                    }
                }
            } else if let numbers = tensor.storage.doubles {
                for (row, number) in numbers.enumerated() { values[row * features.count + index] = Float(number) }
            }
        }
        matrix = FeatureMatrix(features: features, values: values)
    }
}
