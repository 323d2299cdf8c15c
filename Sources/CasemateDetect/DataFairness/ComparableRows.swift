import CasemateCore
import CasemateData
import CasemateModels

/// Rows put side by side by what the other columns say: strata of the cross-validated probability of the favourable label,
/// made without any protected attribute.
///
/// Source: Hansen, "The prognostic analogue of the propensity score", Biometrika, 2008.
struct ComparableRows {
    /// Rows of the file, from 0, ascending, and the stratum of each.
    let rows: [Int], strata: [Int]
    /// Whether each row is labelled favourably.
    let isFavourable: [Bool]
    /// Number of strata.
    let count: Int

    /// Most rows, and strata.
    static let rowLimit = 50_000, strataCount = 20

    /// `nil` with a reason where rows cannot be compared.
    static func make(_ subject: DataSubject, context: RunContext) throws -> (ComparableRows?, reason: String?) {
        guard let engine = subject.boosting else { return (nil, "LightGBM is not installed") }
        guard let train = subject.train, let labels = subject.labels, let favourable = labels.favourable else {
            return (nil, "there are no labels")
        }
        let hidden = Set(subject.roles.protected)
        let features = subject.features.filter { !hidden.contains($0.name) }
        guard !features.isEmpty else { return (nil, "there is no feature beside the protected attributes") }
        var rows = labels.values.indices.filter { labels.values[$0] >= 0 }
        let limit = max(2_000, min(rowLimit, 20_000_000 / features.count))
        if rows.count > limit {
            var generator = SeededGenerator(seed: context.seed, stream: 0xFA1)
            rows = Array(rows.shuffled(using: &generator).prefix(limit)).sorted()
        }
        let outcomes = rows.map { Int(labels.values[$0]) == favourable }
        let rare = min(outcomes.count { $0 }, outcomes.count { !$0 })
        guard rare >= 20, rows.count >= 200 else { return (nil, "there are too few rows of one label") }
        let matrix = try train.matrix(features, rows: rows, isLenient: true)
        let chances = try OutOfFold().probabilities(of: matrix, outcomes: outcomes, engine: engine, context: context)
        let order = chances.indices.sorted { (chances[$0], $0) < (chances[$1], $1) }
        var strata = [Int](repeating: 0, count: rows.count)
        let wanted = max(5, min(strataCount, rows.count / 100))
        var (stratum, previous) = (0, -1.0)
        for (rank, index) in order.enumerated() {
            let due = rank * wanted / rows.count
            // why: rows with equal chances are comparable, wherever a quantile falls.
            if due > stratum, chances[index] != previous { stratum = due }
            strata[index] = stratum
            previous = chances[index]
        }
        return (ComparableRows(rows: rows, strata: strata, isFavourable: outcomes, count: wanted), nil)
    }

    /// The gap of a group to the comparison group among comparable rows.
    /// - Parameter groups: Group of each row, -1 where unknown.
    func gap(_ group: Int, to base: Int, groups: [Int]) -> StratifiedGap? {
        var cells = [StratifiedGap.Stratum](repeating: StratifiedGap.Stratum(), count: count)
        for index in rows.indices {
            if groups[index] == group {
                cells[strata[index]].rows += 1
                if isFavourable[index] { cells[strata[index]].favourable += 1 }
            } else if groups[index] == base {
                cells[strata[index]].otherRows += 1
                if isFavourable[index] { cells[strata[index]].otherFavourable += 1 }
            }
        }
        return StratifiedGap(cells)
    }
}
