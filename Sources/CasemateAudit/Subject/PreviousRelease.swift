public import CasemateCore
public import CasemateData
public import CasemateModels

/// The release before the audited one, asked about the same test rows.
///
/// Its classes stand in the order of the audited model's, so that decisions of both are made by the same rule.
public struct PreviousRelease: Sendable {
    /// File name.
    public let name: String
    /// The model, bound to its own features.
    public let model: TableModel
    /// Facts about its file; `nil` where it is no ONNX file.
    public let file: OnnxFile?
    /// Its answers on the test rows.
    public let predictions: Predictions
    /// Features that only it takes, and those that only the audited model takes.
    public let dropped: [String], added: [String]

    /// Opens the release, finds its columns in the test data and asks it.
    ///
    /// A model that names its columns takes those of its names, whether the audited model takes them or not;
    /// any other must take as many values a row as the audited one, and is given the same.
    /// - Parameters:
    ///   - path: The file.
    ///   - runtime: Gives ONNX Runtime; asked for an ONNX file alone.
    ///   - options: Where and with how many threads it runs.
    ///   - overrides: Those of the audited model; names of outputs that this file does not have are left out.
    ///   - current: The audited model.
    ///   - table: The test data.
    ///   - test: The test rows over the audited model's features.
    ///   - declared: Its features by name where they are not the audited model's.
    ///   - cancellation: Stops the engine.
    /// - Throws: what `ModelFile` and `TableModel` throw; `mismatch` when it answers another question or takes other
    ///   columns than the data have; `unusableData` for an answer that is no number; `Cancelled`.
    public static func load(
        path: String, runtime: () throws -> OnnxRuntime, options: ExecutionOptions, overrides: ModelOverrides,
        current: TableModel, table: DataTable, test: FeatureMatrix, declared: [String]? = nil,
        cancellation: Cancellation
    ) throws -> PreviousRelease {
        let isOnnx = try ModelFile.format(path: path) == .onnx
        let outputs = isOnnx ? try OnnxFile(path: path).outputs.map(\.name) : []
        let model = try ModelFile.open(
            path: path, options: options, overrides: overrides.fitting(outputs, isOnnx: isOnnx), runtime: runtime)
        let bound = try bind(model, current: current, table: table, declared: declared)
        let isSame = bound.features == current.features
        if !isSame { try table.rejectNonFinite(bound.features.map(\.name)) }
        let rows = isSame ? test : try table.matrix(bound.features)
        let answers = try bound.predict(rows, cancellation: cancellation)
        try answers.rejectNonFinite(table.path)
        let (old, new) = (Set(bound.features.map(\.name)), Set(current.features.map(\.name)))
        return PreviousRelease(
            name: String(path.split(separator: "/").last ?? "previous"), model: bound,
            file: (model as? OnnxModel)?.file,
            predictions: try answers.ordered(as: current.model.signature, path: path),
            dropped: bound.features.map(\.name).filter { !new.contains($0) },
            added: current.features.map(\.name).filter { !old.contains($0) })
    }

    private static func bind(
        _ model: any RowModel, current: TableModel, table: DataTable, declared: [String]?
    ) throws -> TableModel {
        let names = current.features.map(\.name)
        let isByName =
            model.signature.layout == .columns || TableModel.namedColumns(model, in: table.columns) != nil
        if !isByName, let width = model.rowSize, declared == nil, width != names.count {
            throw CasemateError(
                .mismatch, at: "model.previous",
                "the earlier release takes \(width) values a row and this one \(names.count): which columns are its own "
                    + "cannot be known",
                help: "export it with one named input a column, or leave `previous:` out")
        }
        let known = Dictionary(current.features.map { ($0.name, $0) }) { first, _ in first }
        // why: a column that is empty in the test data is a text to the reader, and a number to the audited model.
        let columns = table.columns.map { column in
            guard let feature = known[column.name], feature.levels == nil, column.type == .text else { return column }
            return Column(name: column.name, type: .number, missing: column.missing)
        }
        do {
            return try TableModel(
                model: model, columns: columns, declared: declared ?? (isByName ? nil : names), excluded: [],
                levels: { try known[$0]?.levels ?? table.levels($0, limit: 100_000) })
        } catch let error as CasemateError where error.code == .mismatch || error.code == .unknownKey {
            throw CasemateError(
                error.code, at: "model.previous",
                "the earlier release does not fit the data: \(error.place): \(error.what)",
                help: "add the columns that it takes to the test data, or leave `previous:` out")
        }
    }
}

extension ModelOverrides {
    /// The same without names of outputs that are not among `outputs`, and without axes for what has none.
    fileprivate func fitting(_ outputs: [String], isOnnx: Bool) -> ModelOverrides {
        var copy = self
        if !isOnnx { (copy.layout, copy.rowShape) = (nil, nil) }
        if let name = labelOutput, !outputs.contains(name) { copy.labelOutput = nil }
        if let names = scoreOutputs, !Set(names).isSubset(of: outputs) { copy.scoreOutputs = nil }
        return copy
    }
}

extension Predictions {
    /// The same answers with the classes in the order of another model's.
    /// - Throws: `mismatch` when the tasks or the classes differ.
    fileprivate func ordered(as signature: ModelSignature, path: String) throws(CasemateError) -> Predictions {
        func mismatch(_ what: String) -> CasemateError {
            CasemateError(
                .mismatch, at: "model.previous", what,
                help: "name a release that answers the same question, or leave `previous:` out")
        }
        guard task == signature.task else {
            throw mismatch("the earlier release is of the kind \(task.rawValue), this one \(signature.task.rawValue)")
        }
        guard task != .regression, classes != signature.classes else { return self }
        // why: exports of one model may number classes that another export names.
        let isNumbered = [classes, signature.classes].contains { $0.enumerated().allSatisfy { $1 == String($0) } }
        let isSame = Set(classes) == Set(signature.classes)
        guard classes.count == signature.classes.count, isSame || isNumbered else {
            func list(_ names: [String]) -> String { names.prefix(10).map { "'\($0)'" }.joined(separator: ", ") }
            throw mismatch("its classes are \(list(classes)), this release has \(list(signature.classes))")
        }
        guard isSame else { return self }
        let position = Dictionary(classes.enumerated().map { ($1, $0) }) { first, _ in first }
        let columns = signature.classes.map { position[$0] ?? 0 }
        var back = [Int32](repeating: 0, count: columns.count)
        for (new, old) in columns.enumerated() { back[old] = Int32(new) }
        let width = columns.count
        var moved: [Float] = []
        moved.reserveCapacity(scores.count)
        for row in 0..<count { for column in columns { moved.append(scores[row * width + column]) } }
        return Predictions(
            task: task, classes: signature.classes, kind: kind, scores: moved, labels: labels.map { back[Int($0)] })
    }
}
