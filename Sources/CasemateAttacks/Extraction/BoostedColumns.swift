import CasemateCore
import CasemateData
import CasemateModels

/// One booster for each target column, or one for all classes; what both tree students are made of.
struct BoostedColumns: Student {
    private let boosters: [Booster]
    private let lesson: Lesson

    /// Trains on the lesson's scores: squared error on logits or values, one booster a column.
    static func regress(
        _ lesson: Lesson, targets: [Double], columns: Int, parameters: [String: String], rounds: Int
    ) throws -> [Booster] {
        try (0..<columns).map { column in
            try train(
                lesson, labels: stride(from: column, to: targets.count, by: columns).map { Float(targets[$0]) },
                parameters: parameters.merging(["objective": "regression"]) { $1 }, rounds: rounds)
        }
    }

    /// Trains one booster on labels given as numbers.
    static func train(
        _ lesson: Lesson, labels: [Float], parameters: [String: String], rounds: Int
    ) throws -> Booster {
        let features = lesson.rows.features
        var all = parameters
        all["seed"] = String(lesson.seed & 0x7FFF_FFFF)
        let categories = features.indices.filter { features[$0].levels != nil }
        if !categories.isEmpty {
            all["categorical_feature"] = categories.map(String.init).joined(separator: ",")
            // why: the defaults expect hundreds of rows a level, queries have few.
            all.merge(["min_data_per_group": "5", "cat_smooth": "1", "max_cat_to_onehot": "8"]) { $1 }
        }
        return try Booster(
            training: lesson.engine(), rows: lesson.rows.values, features: features.count, labels: labels,
            parameters: all, rounds: rounds, cancellation: lesson.cancellation)
    }

    /// A student of boosters that predict the lesson's targets.
    init(_ boosters: [Booster], _ lesson: Lesson) { (self.boosters, self.lesson) = (boosters, lesson) }

    func scores(_ rows: [Float], count: Int) throws -> [Double] {
        lesson.scores(fromTargets: try Self.predict(boosters, rows, count: count))
    }

    /// Predictions of several boosters side by side, `[count, boosters.count]`.
    static func predict(_ boosters: [Booster], _ rows: [Float], count: Int) throws -> [Double] {
        var result = [Double](repeating: 0, count: count * boosters.count)
        for (column, booster) in boosters.enumerated() {
            for (row, value) in try booster.predict(rows, count: count).enumerated() {
                result[row * boosters.count + column] = value
            }
        }
        return result
    }
}
