package import CasemateCore

/// A tree file as a server runs it: one matrix in, class and scores out.
package struct TreeServing: ServedModel {
    /// What it is.
    package let facts: ServedFacts
    private let model: TreeFileModel
    private let columns: Int
    /// The classes as whole numbers, where all are.
    private let numbers: [Int64]?

    /// Makes it of an opened file.
    package init(_ model: TreeFileModel) {
        let signature = model.signature
        self.model = model
        columns = model.file.width
        let numbers = signature.classes.map { Int64($0) }
        self.numbers = numbers.contains(nil) ? nil : numbers.compactMap { $0 }
        let isRegression = signature.task == .regression
        // why: logits of the file's sums have passed their softmax or sigmoid once they stand in an answer.
        let kind = signature.kind == .logits ? .probabilities : signature.kind
        let scores = isRegression ? "value" : kind == .probabilities ? "probabilities" : "scores"
        var outputs: [ModelSignature.Input] = []
        if isRegression {
            outputs = [.init(name: scores, type: .float, shape: [nil])]
        } else {
            outputs = [
                .init(name: "label", type: self.numbers == nil ? .string : .int64, shape: [nil]),
                .init(name: scores, type: .float, shape: [nil, signature.classes.count]),
            ]
        }
        facts = ServedFacts(
            platform: "casemate_trees", inputs: signature.inputs, outputs: outputs, layout: .matrix,
            task: signature.task, kind: kind, classes: signature.classes, label: isRegression ? nil : "label",
            scores: scores, fixedBatch: nil, isJoinable: true, rowSize: columns,
            columnNames: model.featureNames, levels: model.file.levels, notes: [])
    }

    /// Scores the rows; NaN is a missing value.
    package func run(_ inputs: [NamedTensor], rows: Int, cancellation: Cancellation?) throws -> ServedAnswer {
        guard let tensor = inputs.first?.tensor, inputs.count == 1, tensor.storage.count == rows * columns else {
            throw CasemateError(
                .mismatch, at: model.place, "takes one tensor [\(rows),\(columns)]",
                help: "compare with the model's inputs")
        }
        let token = cancellation ?? Cancellation()
        let predictions: Predictions
        if case .float(let values) = tensor.storage {
            predictions = try model.predict(rows: values, count: rows, cancellation: token)
        } else {
            guard let numbers = tensor.storage.doubles else {
                throw CasemateError(
                    .mismatch, at: model.place, "takes numbers", help: "compare with the model's inputs")
            }
            predictions = try model.predict(rows: numbers.map { Float($0) }, count: rows, cancellation: token)
        }
        guard predictions.scores.allSatisfy(\.isFinite) else {
            throw CasemateError(
                .unusableData, at: model.place, "an answer is no number", help: "look for extreme values")
        }
        return ServedAnswer(outputs: outputs(predictions, rows), predictions: predictions)
    }

    private func outputs(_ predictions: Predictions, _ rows: Int) -> [NamedTensor] {
        let name = facts.scores ?? "value"
        guard predictions.task != .regression else {
            return [NamedTensor(name, Tensor(shape: [rows], .float(predictions.scores)))]
        }
        let labels: Tensor.Storage
        if let numbers {
            labels = .int64(predictions.labels.map { numbers[Int($0)] })
        } else {
            labels = .string(predictions.labels.map { predictions.classes[Int($0)] })
        }
        return [
            NamedTensor("label", Tensor(shape: [rows], labels)),
            NamedTensor(name, Tensor(shape: [rows, predictions.classes.count], .float(predictions.scores))),
        ]
    }
}
