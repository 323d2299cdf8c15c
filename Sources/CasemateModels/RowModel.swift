public import CasemateCore

/// A model whose rows may be given as one float32 matrix, which spares the way through named tensors.
public protocol RowModel: Model {
    /// Where it is from, for messages: a path or an address.
    var place: String { get }
    /// Values of a row; `nil` where the model does not say, or takes something other than one matrix.
    var rowSize: Int? { get }
    /// What the values of a row are called, in order; `nil` where the model does not say.
    var featureNames: [String]? { get }
    /// Answers rows, `[count, rowSize]` row-major, NaN for missing.
    /// - Throws: `mismatch` when the values do not make `count` rows; what the model throws; `Cancelled`.
    func predict(rows: [Float], count: Int, cancellation: Cancellation) throws -> Predictions
}

extension OnnxModel: RowModel {
    /// Path of the file.
    public var place: String { file.path }
    /// ONNX does not name the columns of a matrix.
    public var featureNames: [String]? { nil }
}
