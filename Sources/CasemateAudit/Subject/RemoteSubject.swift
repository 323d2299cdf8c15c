import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// The served model of an audit: found, bound to the table's columns, and learned from a few of its rows.
struct RemoteSubject {
    private let configuration: AuditConfiguration
    private let endpoint: RemoteEndpoint
    private let context: RunContext

    /// Connects; `nil` where the model is a file.
    /// - Throws: what is wrong with settings, secret or server; `Cancelled`.
    init?(
        _ configuration: AuditConfiguration, environment: [String: String], context: RunContext
    ) throws {
        guard
            let options = try configuration.endpointOptions(
                environment: environment, context: context, folder: configuration.cache.answersFolder)
        else { return nil }
        (self.configuration, self.context) = (configuration, context)
        endpoint = try RemoteEndpoint(options, cancellation: context.cancellation)
    }

    /// Name of the subject in sentences and fingerprints: the model's, else the host's.
    var name: String {
        endpoint.model ?? URLComponents(string: endpoint.address)?.host ?? "endpoint"
    }

    /// Binds the table's columns and asks about the first rows of the test data, which are asked anyway.
    /// - Parameters:
    ///   - tables: The data.
    ///   - target: Column of the labels.
    ///   - bind: Binds a model to the table.
    func model(
        _ tables: AuditSubject.Tables, target: String, bind: (any RowModel) throws -> TableModel
    ) throws -> TableModel {
        let draft = try endpoint.draft(
            columns: try offered(tables.leading), overrides: configuration.model.overrides,
            labels: try labels(tables, target))
        let bound = try bind(draft)
        try tables.test.rejectNonFinite(bound.features.map(\.name))
        let rows = try tables.test.matrix(bound.features)
        let sample = rows.rows(0..<min(16, rows.count))
        _ = try bound.predict(sample, cancellation: context.cancellation)
        guard let model = draft.learned else {
            throw CasemateError(
                .unusableData, at: tables.test.path, "there is no row to ask the endpoint about",
                help: "give test data with at least one row")
        }
        return try bind(model)
    }

    /// Columns that may be features: those that are declared, else all that are nothing else.
    private func offered(_ table: DataTable) throws(CasemateError) -> [RemoteDraft.Column] {
        if let names = configuration.model.features {
            var columns: [RemoteDraft.Column] = []
            for name in names {
                columns.append(RemoteDraft.Column(name, isText: try !table.column(name).type.isNumeric))
            }
            return columns
        }
        let excluded = configuration.data.excluded
        return table.columns.filter { !excluded.contains($0.name) }
            .map { RemoteDraft.Column($0.name, isText: !$0.type.isNumeric) }
    }

    /// Labels of the data, ascending; `nil` where there are so many that they are values.
    private func labels(_ tables: AuditSubject.Tables, _ target: String) throws -> [String]? {
        let most = 100
        var found: Set<String> = []
        for table in [tables.test, tables.train].compactMap({ $0 })
        where table.columns.contains(where: { $0.name == target }) {
            found.formUnion(try table.distinct(target, limit: most + 1).map(\.value))
        }
        guard found.count <= most, !found.isEmpty else { return nil }
        let numbers = found.compactMap { text in Double(text).map { (number: $0, text: text) } }
        guard numbers.count == found.count else { return found.sorted() }
        return numbers.sorted { $0.number < $1.number }.map(\.text)
    }
}

extension TableModel {
    /// What the report says an endpoint was, in place of a file: its answers on the test rows stand for the model
    /// behind it.
    func endpointInput(_ predictions: Predictions) -> Report.Input? {
        guard let remote = model as? RemoteModel else { return nil }
        var data = Data(remote.identity.utf8)
        for score in predictions.scores {
            withUnsafeBytes(of: score.bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
        for label in predictions.labels { withUnsafeBytes(of: label.littleEndian) { data.append(contentsOf: $0) } }
        return Report.Input(role: "endpoint", path: remote.place, sha256: FileDigest.sha256(data), bytes: data.count)
    }
}
