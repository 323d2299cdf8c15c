import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import Synchronization
import TestSupport

/// Any function of a row as a model to be copied; remembers what it was asked, call by call.
final class ScoreOracle: QueryOracle {
    let form: AnswerForm
    private let score: @Sendable (ArraySlice<Float>) -> [Double]
    private let threshold: Double
    private let log = Mutex([[Float]]())

    /// Rows of every call so far.
    var calls: [[Float]] { log.withLock { $0 } }
    /// Rows asked about so far.
    var asked: Int { calls.reduce(0) { $0 + $1.count } / form.featureCount }

    init(
        _ featureCount: Int, decisions: Int = 2, scores: AnswerForm.Scores = .probabilities, outputs: Int = 2,
        threshold: Double = 0.5, _ score: @escaping @Sendable (ArraySlice<Float>) -> [Double]
    ) {
        form = AnswerForm(featureCount: featureCount, decisions: decisions, scores: scores, outputs: outputs)
        (self.score, self.threshold) = (score, threshold)
    }

    /// Logistic in `weights · row + bias`, in float64.
    static func logistic(_ weights: [Double], _ bias: Double, threshold: Double = 0.5) -> ScoreOracle {
        ScoreOracle(weights.count, threshold: threshold) { row in
            let z = zip(weights, row).reduce(bias) { $0 + $1.0 * Double($1.1) }
            return [1 / (1 + exp(z)), 1 / (1 + exp(-z))]
        }
    }

    func answer(_ rows: [Float], count: Int) throws -> QueryAnswers {
        precondition(rows.count == count * form.featureCount)
        log.withLock { $0.append(rows) }
        let width = form.featureCount
        let scores = (0..<count).map { score(rows[$0 * width..<($0 + 1) * width]) }
        let decisions: [Int32] = scores.map { row in
            if form.decisions == 2 { return row[row.count - 1] >= threshold ? 1 : 0 }
            return Int32(row.indices.max { row[$0] < row[$1] } ?? 0)
        }
        return QueryAnswers(
            decisions: form.decisions > 1 ? decisions : [], scores: form.scores == .none ? [] : scores.flatMap { $0 })
    }
}

/// An ONNX model as it answers a table; two classes are decided by the model's own label.
struct ModelOracle: QueryOracle {
    let model: TableModel
    var form: AnswerForm {
        let (task, classes) = (model.model.signature.task, model.model.signature.classes.count)
        return AnswerForm(
            featureCount: model.features.count, decisions: task == .regression ? 0 : classes,
            scores: task == .regression ? .values : .probabilities, outputs: task == .regression ? 1 : classes)
    }
    func answer(_ rows: [Float], count: Int) throws -> QueryAnswers {
        let answers = try model.predict(rows, count: count, cancellation: Cancellation())
        return QueryAnswers(decisions: answers.labels, scores: answers.scores.map(Double.init))
    }
}

/// A LightGBM model of two classes, trained here.
struct BoosterOracle: QueryOracle {
    let booster: Booster
    var form: AnswerForm {
        AnswerForm(featureCount: booster.features, decisions: 2, scores: .probabilities, outputs: 2)
    }
    func answer(_ rows: [Float], count: Int) throws -> QueryAnswers {
        let chances = try booster.predict(rows, count: count)
        return QueryAnswers(
            decisions: chances.map { $0 >= 0.5 ? 1 : 0 }, scores: chances.flatMap { [1 - $0, $0] })
    }
}

enum ExtractionSupport {
    /// A table of the shared folder as numbers, with its labels; exact duplicates left out.
    static func shared(_ file: String, target: String) throws -> (matrix: FeatureMatrix, labels: [Int]) {
        let path = (Repository.shared ?? "") + "/data/tabular/" + file
        let engine = try DataEngine(Repository.engines, threads: 1, cancellation: Cancellation())
        let table = try engine.open([DataSource(path: path, name: "shared")])[0]
        let matrix = try table.matrix(table.columns.map(\.name).filter { $0 != target }.map { Feature($0) })
        let labels = try table.numbers(target).map { Int($0) }
        var seen = Set<[Float]>()
        let rows = (0..<matrix.count).filter { seen.insert(Array(matrix[row: $0]) + [Float(labels[$0])]).inserted }
        return (matrix.rows(rows), rows.map { labels[$0] })
    }

    /// Every fourth row judges, the others are asked about.
    static func problem(
        _ matrix: FeatureMatrix, space: FeatureSpace? = nil, seed: UInt64 = 0
    ) throws -> ExtractionProblem {
        try ExtractionProblem(
            space: space ?? .unconstrained(features: matrix.features),
            pool: matrix.rows((0..<matrix.count).filter { $0 % 4 != 3 }),
            evaluation: matrix.rows((0..<matrix.count).filter { $0 % 4 == 3 }), most: (100_000, 5_000), seed: seed)
    }
}
