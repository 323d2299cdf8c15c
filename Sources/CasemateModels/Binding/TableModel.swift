public import CasemateCore
public import CasemateData

/// A model bound to the columns of a table: which feature is which input, and how a row of float32 becomes what the
/// graph takes.
///
/// Rows are `[count, features.count]` row-major. A categorical feature is the index of its level; NaN is a missing
/// value and becomes an empty string where the graph takes strings.
public struct TableModel: Sendable {
    /// The model.
    public let model: any Model
    /// The features in the model's order.
    public let features: [Feature]
    private let onnx: OnnxModel?
    private let rowModel: (any RowModel)?
    private let columns: TableColumns

    /// Chooses the features.
    ///
    /// One tensor or image takes the columns that the model names, where the table has them; else the declared columns,
    /// else all that are not excluded, in table order. A column that a tree file encodes itself is categorical with the
    /// file's levels, in the file's order; levels that only the table has follow them. One input a column takes the column of the same name, upper and lower case, spaces and underscores apart; a text model
    /// takes the declared column, else the only text column.
    /// - Parameters:
    ///   - model: The model.
    ///   - columns: The table's columns in order.
    ///   - declared: The features by name, in order, where the caller states them; may name excluded columns.
    ///   - excluded: Columns that are no features: target, weights, identifiers, protected attributes.
    ///   - levels: Gives the values of a categorical column as text.
    /// - Throws: `mismatch` naming the columns that do not fit, `unknownKey` for declared names that do not exist.
    public init(
        model: any Model, columns: [Column], declared: [String]?, excluded: Set<String>,
        levels: (String) throws -> [String]
    ) throws {
        let rowModel = model as? any RowModel
        var choice = ColumnChoice(signature: model.signature, columns: columns, declared: declared, excluded: excluded)
        let encoded = (model as? TreeFileModel)?.file.levels ?? []
        (choice.names, choice.isEncoded) = (rowModel?.featureNames, encoded.map { $0 != nil })
        var features: [Feature] = []
        for (index, pick) in try choice.run(width: rowModel?.rowSize).enumerated() {
            if encoded.indices.contains(index), let own = encoded[index] {
                let type = columns.first { $0.name == pick.column }?.type ?? .text
                let all = try Self.joined(own, try levels(pick.column), pick.column, type)
                features.append(Feature(pick.column, .categorical(levels: all)))
                continue
            }
            let isNumeric = !pick.isText
            features.append(Feature(pick.column, isNumeric ? .numeric : .categorical(levels: try levels(pick.column))))
        }
        (self.model, self.features) = (model, features)
        (self.onnx, self.rowModel) = (model as? OnnxModel, rowModel)
        self.columns = TableColumns(features)
    }

    /// The columns that a model of one matrix names itself, in its order; `nil` where it names none or the table does
    /// not have them all.
    package static func namedColumns(_ model: any RowModel, in columns: [Column]) -> [Column]? {
        guard model.signature.layout == .matrix else { return nil }
        var choice = ColumnChoice(signature: model.signature, columns: columns, declared: nil, excluded: [])
        choice.names = model.featureNames
        return try? choice.named(columns)
    }

    /// A file's levels and behind them those that only the table has.
    private static func joined(
        _ own: [String], _ table: [String], _ column: String, _ type: ColumnType
    ) throws(CasemateError) -> [String] {
        // why: the file may write 1.0 where the table has 1.
        let known = Set(own.map { CanonicalText.of($0, as: type) })
        let unseen = table.filter { !known.contains($0) }
        guard table.isEmpty || unseen.count < table.count else {
            func list(_ names: [String]) -> String {
                names.prefix(5).map { "'\(OnnxLook.printable($0))'" }.joined(separator: ", ")
            }
            throw CasemateError(
                .mismatch, at: "column '\(OnnxLook.printable(column))'",
                "none of its values is a category of the model: \(list(table)) against \(list(own))",
                help: "give the column as the training data had it")
        }
        return own + unseen
    }

    /// Answers rows.
    /// - Throws: `mismatch` when the values do not make `count` rows, when a level does not exist, or when a missing
    ///   value meets an input of whole numbers; what the model throws.
    public func predict(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> Predictions {
        guard count >= 0, rows.count == count * features.count else {
            throw CasemateError(
                .mismatch, at: "rows", "\(rows.count) values do not make \(count) rows of \(features.count) features",
                help: "give every row \(features.count) values")
        }
        let signature = model.signature
        switch signature.layout {
        case .matrix, .image:
            if signature.inputs.first?.type == .string { return try wide(rows, count, cancellation) }
            try columns.checkMissing(rows, count: count, for: signature.inputs)
            if let rowModel { return try rowModel.predict(rows: rows, count: count, cancellation: cancellation) }
            let axes = signature.inputs.first.map { $0.shape.dropFirst().compactMap { $0 } } ?? []
            let shape = [count] + (axes.reduce(1, *) == features.count ? axes : [features.count])
            let tensor = Tensor(shape: shape, .float(rows))
            return try model.predict([NamedTensor(signature.inputs[0].name, tensor)], cancellation: cancellation)
        case .columns, .text:
            if let onnx {
                let tensors = try columns.tensors(rows, count: count, for: onnx.inputs)
                return try tensors.withFeeds {
                    try onnx.predict($0, count: count, cancellation: cancellation)
                }
            }
            return try model.predict(named(rows, count), cancellation: cancellation)
        }
    }

    /// Answers a matrix; its features must be this model's.
    public func predict(_ matrix: FeatureMatrix, cancellation: Cancellation) throws -> Predictions {
        guard matrix.features == features else {
            throw CasemateError(
                .mismatch, at: "matrix", "its features are not the model's \(features.count)",
                help: "take the matrix with the features of the bound model")
        }
        return try predict(matrix.values, count: matrix.count, cancellation: cancellation)
    }

    /// One tensor of strings for all columns.
    private func wide(_ rows: [Float], _ count: Int, _ cancellation: Cancellation) throws -> Predictions {
        var texts: [String] = []
        texts.reserveCapacity(rows.count)
        for row in 0..<count {
            for feature in features.indices {
                texts.append(try columns.text(rows[row * features.count + feature], feature: feature, row: row))
            }
        }
        let tensor = Tensor(shape: [count, features.count], .string(texts))
        return try model.predict([NamedTensor(model.signature.inputs[0].name, tensor)], cancellation: cancellation)
    }

    /// One tensor a column, for models that are not ours to feed directly.
    private func named(_ rows: [Float], _ count: Int) throws -> [NamedTensor] {
        var result: [NamedTensor] = []
        for (feature, input) in model.signature.inputs.enumerated() {
            let values = (0..<count).map { rows[$0 * features.count + feature] }
            let shape = input.shape.count == 1 ? [count] : [count, 1]
            if features[feature].levels == nil {
                result.append(NamedTensor(input.name, Tensor(shape: shape, .float(values))))
            } else {
                var texts: [String] = []
                for (row, value) in values.enumerated() {
                    texts.append(try columns.text(value, feature: feature, row: row))
                }
                result.append(NamedTensor(input.name, Tensor(shape: shape, .string(texts))))
            }
        }
        return result
    }
}
