public import CasemateCore
public import CasemateModels

/// Judges by running the original file through ONNX Runtime.
public struct ModelJudge: Judge {
    /// The deployed model.
    public let model: OnnxModel
    /// Element type of its input.
    public let deployed: DeployedType

    /// Makes a judge of a classifier with one numeric input.
    /// - Throws: `CasemateError` with `unsupported` for a model that gives no label or takes something else.
    public init(_ model: OnnxModel) throws(CasemateError) {
        guard model.signature.task != .regression, model.rowSize != nil, let input = model.signature.inputs.first,
            let type = Self.type(input.type)
        else {
            throw CasemateError(
                .unsupported, at: model.file.path,
                "a white-box attack is judged by the label of a model with one numeric input",
                help: "name the output with the classes, or export the classifier with one input tensor")
        }
        (self.model, deployed) = (model, type)
    }

    /// The model's own decisions.
    public func labels(of rows: [Float], count: Int, cancellation: Cancellation) throws -> [Int32] {
        try model.predict(rows: rows, count: count, cancellation: cancellation).labels
    }

    private static func type(_ type: ModelSignature.ElementType) -> DeployedType? {
        switch type {
        case .float, .double: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .uint8: .integer(low: 0, high: 255)
        case .int8: .integer(low: -128, high: 127)
        case .uint16: .integer(low: 0, high: 65_535)
        case .int16: .integer(low: -32_768, high: 32_767)
        // why: float32, in which rows travel, holds every whole number up to 2^24.
        case .int32, .int64: .integer(low: -16_777_216, high: 16_777_216)
        case .uint32, .uint64: .integer(low: 0, high: 16_777_216)
        case .bool: .integer(low: 0, high: 1)
        case .string: nil
        }
    }
}
