package import CasemateCore
package import CasemateData

/// A model as a server runs it: all outputs of the graph under their own names, one run of the engine a call.
package protocol ServedModel: Sendable {
    /// What it is.
    var facts: ServedFacts { get }
    /// Runs it once.
    /// - Parameters:
    ///   - inputs: Tensors of the types and shapes of `facts.inputs`, in that order.
    ///   - rows: Length of their first axis.
    ///   - cancellation: Ends the run early; `nil` for a run that nobody can end, which costs a little less.
    /// - Throws: `CasemateError`: `unusableData` for an answer that is no number, `engineFailed`, `mismatch`; `Cancelled`.
    func run(_ inputs: [NamedTensor], rows: Int, cancellation: Cancellation?) throws -> ServedAnswer
}

/// What a served model answered.
package struct ServedAnswer: Sendable {
    /// Outputs in the order of the graph.
    package let outputs: [NamedTensor]
    /// The same as decisions; `nil` where the outputs say none.
    package let predictions: Predictions?

    /// Makes an answer.
    package init(outputs: [NamedTensor], predictions: Predictions?) {
        (self.outputs, self.predictions) = (outputs, predictions)
    }

    /// The answers to some of the rows.
    package func rows(_ range: Range<Int>) -> ServedAnswer {
        ServedAnswer(
            outputs: outputs.map { NamedTensor($0.name, $0.tensor.rows(range)) },
            predictions: predictions?.rows(range))
    }
}

/// What a served model is and takes.
package struct ServedFacts: Sendable {
    /// What runs it, such as `onnxruntime_onnx`.
    package var platform: String
    /// What goes in and what comes out; the first axis of each is the batch.
    package var inputs: [ModelSignature.Input], outputs: [ModelSignature.Input]
    /// How the inputs take columns.
    package var layout: ModelSignature.Layout
    /// What is answered.
    package var task: ModelTask
    /// What the numbers of the output of scores are, as they stand there.
    package var kind: ScoreKind
    /// Names of the classes in column order.
    package var classes: [String]
    /// The outputs that hold the class and the scores of a row; `nil` where there is none, or several.
    package var label: String?, scores: String?
    /// Largest batch of a call; `nil` where any goes.
    package var fixedBatch: Int?
    /// Whether rows of several calls may go through the engine together: every row is answered by itself.
    package var isJoinable: Bool
    /// Values of a row of a matrix or image; `nil` for other layouts.
    package var rowSize: Int?
    /// Names of the columns of a matrix, where the file gives them.
    package var columnNames: [String]?
    /// The levels of each column of a matrix or of each input, where the file knows them; empty where it knows none.
    package var levels: [[String]?]
    /// What is unusual and no error, a clause each.
    package var notes: [String]

    /// Makes facts.
    package init(
        platform: String, inputs: [ModelSignature.Input], outputs: [ModelSignature.Input],
        layout: ModelSignature.Layout, task: ModelTask, kind: ScoreKind, classes: [String], label: String?,
        scores: String?, fixedBatch: Int?, isJoinable: Bool, rowSize: Int?, columnNames: [String]?,
        levels: [[String]?], notes: [String]
    ) {
        (self.platform, self.inputs, self.outputs, self.layout) = (platform, inputs, outputs, layout)
        (self.task, self.kind, self.classes, self.label, self.scores) = (task, kind, classes, label, scores)
        (self.fixedBatch, self.isJoinable, self.rowSize) = (fixedBatch, isJoinable, rowSize)
        (self.columnNames, self.levels, self.notes) = (columnNames, levels, notes)
    }

    /// Most values of a row that are shown to stages as features.
    package static let mostFeatures = 1 << 18

    /// The columns of a row as stages see them.
    /// - Parameter names: Names that the caller knows; `nil` takes those of the file, else `f0`, `f1`, …
    /// - Throws: `invalidSetting` for another number of names than there are columns.
    package func features(named names: [String]?, at place: String) throws(CasemateError) -> [Feature] {
        let isMatrix = layout == .matrix || layout == .image
        let columns = isMatrix ? rowSize : layout == .columns ? inputs.count : 0
        let isText = isMatrix && inputs.first?.type == .string
        if let names {
            let fits = names.count == columns && !isText && Set(names).count == names.count
            guard fits, layout != .columns || names == inputs.map(\.name) else {
                throw CasemateError(
                    .invalidSetting, at: place,
                    "\(names.count) names for \(isText ? 0 : columns ?? 0) columns, or one twice",
                    help: layout == .columns
                        ? "leave `features` out: the inputs of the model have names"
                        : "name the columns of a row in the order in which the model takes them")
            }
        }
        guard let columns, columns > 0, columns <= Self.mostFeatures, !isText else { return [] }
        let own = layout == .columns ? inputs.map(\.name) : names ?? columnNames
        return (0..<columns).map { column in
            let name = own?[column] ?? "f\(column)"
            if levels.indices.contains(column), let known = levels[column] {
                return Feature(name, .categorical(levels: known))
            }
            return Feature(name, .numeric)
        }
    }
}
