import CasemateCore
import CasemateModels

/// What a model said to one row.
public enum RowAnswer: Hashable, Sendable {
    /// Scores, the model's own label (-1 for a regression) and the decision (-1 without a rule).
    case answered(scores: [Float], label: Int32, decision: Int32)
    /// NaN or infinity among the scores.
    case notANumber
    /// Something that is no answer to one row: a class that does not exist, another number of rows; in words.
    case malformed(String)
    /// The engine stopped with a message instead of an answer.
    case refused(String)

    /// Whether there is a usable answer.
    public var isAnswered: Bool { if case .answered = self { true } else { false } }
}

/// Asks a model about rows, one batch at a time, and finds the rows that stop a batch.
struct RowAsker: Sendable {
    let model: any Model
    let encoder: RowEncoder
    let decide: @Sendable (Predictions) -> [Int32]
    let cancellation: Cancellation

    /// An answer for each row; a batch that fails is halved until the rows that make it fail stand alone.
    /// - Throws: `Cancelled`, and what is no fault of a row.
    func answers(_ rows: [[GeneratedRow.Cell]]) throws -> [RowAnswer] {
        guard !rows.isEmpty else { return [] }
        try cancellation.check()
        do {
            return try read(try model.predict(encoder.tensors(rows), cancellation: cancellation), count: rows.count)
        } catch let error as CasemateError {
            guard rows.count > 1 else { return [Self.failure(error)] }
            let half = rows.count / 2
            return try answers(Array(rows[..<half])) + answers(Array(rows[half...]))
        }
    }

    private func read(_ predictions: Predictions, count: Int) throws(CasemateError) -> [RowAnswer] {
        guard predictions.count == count else {
            throw CasemateError(
                .mismatch, at: "answer", "\(predictions.count) answers to \(count) rows", help: "answer row by row")
        }
        let width = count == 0 ? 1 : predictions.scores.count / count
        let decisions = decide(predictions)
        return (0..<count).map { row in
            let scores = Array(predictions.scores[row * width..<(row + 1) * width])
            guard scores.allSatisfy(\.isFinite) else { return .notANumber }
            let label = predictions.labels.indices.contains(row) ? predictions.labels[row] : -1
            if !predictions.classes.isEmpty, !predictions.classes.indices.contains(Int(label)) {
                return .malformed("class \(label) of \(predictions.classes.count)")
            }
            return .answered(
                scores: scores, label: label, decision: decisions.indices.contains(row) ? decisions[row] : -1)
        }
    }

    private static func failure(_ error: CasemateError) -> RowAnswer {
        switch error.code {
        case .unusableData: .notANumber
        // why malformed: the tensors have the graph's own types and shapes, so what does not match is the answer.
        case .mismatch: .malformed(error.what)
        default: .refused(error.what)
        }
    }
}
