public import CasemateCore
public import CasemateData
public import CasemateModels

/// A model that may be a copy, bound to the columns of the guarded model.
public struct WatermarkSuspect: Sendable {
    private let table: TableModel
    private let features: [Feature]
    /// For each of the suspect's columns its place among the guarded model's, and the index of each level.
    private let columns: [(source: Int, levels: [Float]?)]

    /// Binds a suspect by the names of columns where it names them, else by their order.
    /// - Parameters:
    ///   - model: The suspect: a file, or the draft of an endpoint.
    ///   - features: Columns of the guarded model.
    /// - Throws: `mismatch` where its inputs cannot be made of these columns.
    public init(_ model: any RowModel, features: [Feature]) throws {
        let offered = features.map { Column(name: $0.name, type: $0.levels == nil ? .number : .text, missing: 0) }
        let table = try TableModel(
            model: model, columns: offered, declared: features.map(\.name), excluded: [],
            levels: { name in features.first { $0.name == name }?.levels ?? [] })
        (self.table, self.features) = (table, features)
        columns = table.features.map { feature in
            let source = features.firstIndex { $0.name == feature.name } ?? 0
            let levels = features[source].levels?.map { level in
                feature.levels?.firstIndex(of: level).map { Float($0) } ?? .nan
            }
            return (source, levels)
        }
    }

    /// Answers rows over the guarded model's columns, `[count, features]`.
    public func predict(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> Predictions {
        guard table.features != features else {
            return try table.predict(rows, count: count, cancellation: cancellation)
        }
        var own: [Float] = []
        own.reserveCapacity(count * columns.count)
        for row in 0..<count {
            for column in columns {
                let value = rows[row * features.count + column.source]
                if let levels = column.levels {
                    let index = value.isFinite ? Int(value) : -1
                    own.append(levels.indices.contains(index) ? levels[index] : .nan)
                } else {
                    own.append(value)
                }
            }
        }
        return try table.predict(own, count: count, cancellation: cancellation)
    }
}
