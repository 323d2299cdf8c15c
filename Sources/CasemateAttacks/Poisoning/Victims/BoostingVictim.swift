public import CasemateCore
import CasemateData
public import CasemateModels

/// Gradient-boosted trees by LightGBM; texts become words that are there or not.
public struct BoostingVictim: PoisoningVictim {
    /// Name on the command line.
    public static let identifier = "boosting"
    /// Learns from everything.
    public static let media = PoisoningMedium.allCases
    /// Training is deterministic.
    public static let isSeeded = false
    /// The engine.
    public let engine: LightGBM
    /// Trees a class, leaves of a tree, rows of a leaf at least, and words of texts at most.
    public var rounds = 100, leaves = 31, minimumLeaf = 20, words = 1_000
    /// Share of each tree's answer that counts.
    public var learningRate = 0.1

    /// Makes a victim.
    public init(engine: LightGBM) { self.engine = engine }

    /// What was set.
    public var settings: [String: String] {
        [
            "rounds": "\(rounds)", "leaves": "\(leaves)", "min_leaf": "\(minimumLeaf)",
            "learning_rate": "\(learningRate)",
        ]
    }

    /// Trains.
    public func fit(
        _ data: PoisoningData, classes: Int, seed: UInt64, cancellation: Cancellation
    ) throws -> any FittedVictim {
        let columns = data.medium == .texts ? WordColumns(data.texts, most: words) : nil
        let (rows, width) = data.numbers(columns)
        var parameters = [
            "objective": classes == 2 ? "binary" : "multiclass", "num_leaves": "\(leaves)",
            "min_data_in_leaf": "\(minimumLeaf)", "learning_rate": "\(learningRate)",
        ]
        if classes > 2 { parameters["num_class"] = "\(classes)" }
        if case .table(let matrix) = data.content, let categorical = matrix.categoricalParameter {
            parameters["categorical_feature"] = categorical
        }
        let booster = try Booster(
            training: engine, rows: rows, features: width, labels: data.labels.map(Float.init), parameters: parameters,
            rounds: rounds, cancellation: cancellation)
        return Fitted(booster: booster, columns: columns, classes: classes)
    }

    private struct Fitted: FittedVictim {
        let booster: Booster
        let columns: WordColumns?
        let classes: Int

        func scores(_ samples: PoisoningData) throws -> [Double] {
            let chances = try booster.predict(samples.numbers(columns).values, count: samples.count)
            return classes == 2 ? chances.flatMap { [1 - $0, $0] } : chances
        }
    }
}
