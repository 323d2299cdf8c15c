public import CasemateCore
import Foundation
import Synchronization

/// Stands in for the model of an endpoint while a table is bound to it: what goes in is known, what comes out is not.
///
/// Its `signature` says how the inputs take columns; task and classes in it are placeholders. The first batch that it is
/// asked about is the sample that `learned` is made from: a few rows of the data themselves, so that nothing is asked
/// that would not be asked anyway.
public final class RemoteDraft: RowModel {
    /// A column of the table that may become an input.
    public struct Column: Hashable, Sendable {
        /// Name of the column.
        public let name: String
        /// Whether its values are texts.
        public let isText: Bool
        /// Makes it.
        public init(_ name: String, isText: Bool) { (self.name, self.isText) = (name, isText) }
    }
    /// What goes in; task, kind and classes are placeholders.
    public let signature: ModelSignature
    /// Values of a row of a matrix; `nil` where the endpoint does not say.
    public let rowSize: Int?
    /// Names of the values of a row, where they go over the wire.
    public let featureNames: [String]?
    /// The address.
    public var place: String { endpoint.address }
    let endpoint: RemoteEndpoint
    let wire: Wire
    let overrides: ModelOverrides
    let labels: [String]?
    private let found = Mutex<RemoteModel?>(nil)

    /// Either protocol.
    enum Wire: Sendable { case openInference(OpenInferenceWire), mlflow(MLflowWire) }

    init(
        _ endpoint: RemoteEndpoint, columns: [Column], overrides: ModelOverrides, labels: [String]?
    ) throws(CasemateError) {
        (self.endpoint, self.overrides, self.labels) = (endpoint, overrides, labels)
        let layout: RemoteLayout
        switch endpoint.dialect {
        case .mlflow:
            layout = RemoteLayout(mlflow: columns, overrides)
            wire = .mlflow(MLflowWire(columns: columns.map(\.name), form: .split))
            featureNames = columns.map(\.name)
        default:
            layout = try .openInference(endpoint.inputs, columns, overrides, place: endpoint.address)
            wire = .openInference(OpenInferenceWire(path: endpoint.path, inputs: layout.inputs, wanted: []))
            featureNames = layout.layout == .columns ? layout.inputs.map(\.name) : nil
        }
        rowSize = layout.rowSize
        signature = ModelSignature(
            inputs: layout.signature, layout: layout.layout, task: .multiclass, kind: .labels, classes: [],
            fixedBatch: layout.fixedBatch)
    }

    /// The model, once a sample was asked about; `nil` before.
    public var learned: RemoteModel? { found.withLock { $0 } }

    /// Asks about a sample and learns from it; see `learned`.
    public func predict(_ inputs: [NamedTensor], cancellation: Cancellation) throws -> Predictions {
        try answer(RemoteRows(inputs, for: signature, place: place), cancellation)
    }

    /// Asks about a sample and learns from it; see `learned`.
    public func predict(rows: [Float], count: Int, cancellation: Cancellation) throws -> Predictions {
        try answer(RemoteRows(checked: rows, count: count, width: rowSize, place: place), cancellation)
    }

    private func answer(_ rows: RemoteRows, _ cancellation: Cancellation) throws -> Predictions {
        let model = try learned ?? RemoteModel(learning: self, from: rows, cancellation: cancellation)
        found.withLock { $0 = model }
        return try model.predict(rows, cancellation)
    }
}

extension RemoteEndpoint {
    /// Begins the binding of a table.
    /// - Parameters:
    ///   - columns: Columns that may be features, in order: those that are declared, else all that are nothing else. An
    ///     endpoint that names its inputs takes those; any other takes all of these.
    ///   - overrides: What the caller knows better.
    ///   - labels: Distinct labels of the data, ascending, for an endpoint that answers classes without listing them.
    /// - Throws: `unsupported` for inputs that take something other than columns.
    public func draft(
        columns: [RemoteDraft.Column], overrides: ModelOverrides = .init(), labels: [String]? = nil
    ) throws(CasemateError) -> RemoteDraft {
        try RemoteDraft(self, columns: columns, overrides: overrides, labels: labels)
    }
}

extension RemoteRows {
    /// Rows of a matrix whose values must make `count` rows of `width`.
    init(checked values: [Float], count: Int, width: Int?, place: String) throws(CasemateError) {
        let size = width ?? (count > 0 ? values.count / count : 0)
        guard count >= 0, values.count == count * size else {
            throw CasemateError(
                .mismatch, at: place, "\(values.count) values do not make \(count) rows of \(size)",
                help: "give every row \(size) values")
        }
        self.init(matrix: values, count: count, width: size)
    }
}
