import CasemateModels

/// Writes answers as MLflow's scoring server does: `{"predictions": …}`.
enum MLflowAnswer {
    /// The response: labels of classifiers, numbers of regressions, and for anything else the output tensors.
    /// - Throws: `GuardRefusal` with `upstreamFailed` for values that are no numbers.
    static func response(_ answer: InferenceAnswer, _ model: ModelDescription) throws -> WireResponse {
        var writer = JSONWriter(capacity: 64 + 16 * (answer.predictions?.count ?? 16))
        writer.raw("{\"predictions\":")
        if let predictions = answer.predictions, !predictions.labels.isEmpty {
            try labels(predictions, &writer)
        } else if let predictions = answer.predictions, predictions.task == .regression {
            try numbers(answer, predictions, &writer)
        } else {
            try tensors(answer, &writer)
        }
        writer.raw("}")
        return WireResponse(status: 200, headers: [.init("content-type", "application/json")], body: writer.bytes)
    }

    /// Names of classes, as whole numbers where all of them are such.
    private static func labels(_ predictions: Predictions, _ writer: inout JSONWriter) throws {
        let classes = predictions.classes
        let numbers = classes.compactMap { name in Int64(name).flatMap { String($0) == name ? $0 : nil } }
        let areNumbers = numbers.count == classes.count
        try writer.list(predictions.labels) { writer, label in
            let index = Int(label)
            if classes.isEmpty { return writer.integer(index) }
            guard classes.indices.contains(index) else { throw GuardRefusal.oddAnswer }
            if areNumbers { writer.integer(numbers[index]) } else { writer.text(classes[index]) }
        }
    }

    /// Values of a regression, in the precision of the model's own output.
    private static func numbers(
        _ answer: InferenceAnswer, _ predictions: Predictions, _ writer: inout JSONWriter
    ) throws {
        let output = answer.outputs.first { $0.name == answer.roles.scores }?.tensor.storage
        if let output, case .double(let values) = output, values.count == predictions.count {
            return try writer.values(.double(values))
        }
        try writer.values(.float(predictions.scores))
    }

    private static func tensors(_ answer: InferenceAnswer, _ writer: inout JSONWriter) throws {
        guard answer.outputs.count != 1 else { return try writer.values(answer.outputs[0].tensor.storage) }
        writer.raw("{")
        for (index, output) in answer.outputs.enumerated() {
            if index > 0 { writer.raw(",") }
            writer.text(output.name)
            writer.raw(":")
            try writer.values(output.tensor.storage)
        }
        writer.raw("}")
    }
}
