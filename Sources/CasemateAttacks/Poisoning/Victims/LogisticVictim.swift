public import CasemateCore
import CasemateData
import CasemateModels

/// Logistic regression with an L2 penalty, for two classes; texts become words that are there or not.
public struct LogisticVictim: PoisoningVictim {
    /// Name on the command line.
    public static let identifier = "logistic"
    /// Learns from everything.
    public static let media = PoisoningMedium.allCases
    /// Training is deterministic.
    public static let isSeeded = false
    /// Strength of the penalty.
    public var l2 = 1.0
    /// Words of texts at most.
    public var words = 1_000

    /// Makes a victim.
    public init() {}

    /// What was set.
    public var settings: [String: String] { ["l2": "\(l2)"] }

    /// Trains.
    /// - Throws: `unsupported` for more than two classes; what the regression throws.
    public func fit(
        _ data: PoisoningData, classes: Int, seed: UInt64, cancellation: Cancellation
    ) throws -> any FittedVictim {
        guard classes == 2 else {
            throw CasemateError(
                .unsupported, at: "victim", "logistic regression for \(classes) classes",
                help: "use boosting or network")
        }
        let labels = data.labels.map { $0 == 1 }
        if case .table(let matrix) = data.content {
            return Table(model: try LogisticModel.fit(matrix, labels: labels, l2: l2, cancellation: cancellation))
        }
        let columns = data.medium == .texts ? WordColumns(data.texts, most: words) : nil
        let (rows, width) = data.numbers(columns)
        let model = try LogisticRegression.fit(
            rows: rows.map(Double.init), width: width, labels: labels, l2: l2, cancellation: cancellation)
        return Dense(model: model, columns: columns)
    }

    private struct Table: FittedVictim {
        let model: LogisticModel
        func scores(_ samples: PoisoningData) -> [Double] {
            model.probabilities(rows: samples.values, count: samples.count).flatMap { [1 - $0, $0] }
        }
    }
    private struct Dense: FittedVictim {
        let model: LogisticRegression
        let columns: WordColumns?
        func scores(_ samples: PoisoningData) -> [Double] {
            model.probabilities(rows: samples.numbers(columns).values, count: samples.count).flatMap { [1 - $0, $0] }
        }
    }
}
