public import CasemateCore
public import CasemateData
public import CasemateModels

/// The smallest change that moves a row into another class of a tree ensemble, exactly.
///
/// All comparisons of all trees cut the table into cells; the answer is the nearest product of cells whose leaves add
/// up to another class. It is searched best first, with bounds at every moment, so that a search that is cut short
/// still certifies something.
/// - Distances are infima: a move down across `x < t` costs `|x - t|`, and 0 where `x` is `t`. In a `FeatureSpace` they
///   are its distances: divided by scales, 1 for a changed category or one-hot group. Without one any number may
///   become any other, and a distance is in the columns' own units.
/// - A missing value (NaN) stays missing, an infinite one stays as it is.
/// - The model is the ensemble as it is evaluated, float32 sums included: what float64 sums leave open is decided by
///   `TreeEnsemble.answers`.
/// - Relations, derived features and limits on changes of a space are left out of `lower`, and hold for the witness.
///
/// A scaler in front of the trees is followed in float64; the model's own arithmetic may put a value within a few ulp of
/// a threshold on its other side, so witnesses of such models are to be asked once more.
/// Source of the question: Kantchelian, Tygar and Joseph, "Evasion and hardening of tree ensemble classifiers", ICML
/// 2016. See `TreeSearch` for the method.
public struct TreeRobustness: Sendable {
    let grid: TreeGrid
    let rule: TreeRule
    let space: FeatureSpace?

    /// Prepares an ensemble.
    /// - Parameters:
    ///   - ensemble: The trees; they are summed or averaged.
    ///   - decision: The classes between which rows are moved.
    ///   - columns: What the trees' columns are in the table (`TreeModel.columns`); `nil` when rows are the columns.
    ///   - space: What may be changed; `nil` for anything.
    /// - Throws: `unsupported` for ensembles that are not summed, classes that some leaves leave out, columns that could
    ///   not be followed; `invalidSetting` for decisions that the ensemble does not have; `mismatch`.
    public init(
        _ ensemble: TreeEnsemble, decision: TreeDecision, columns: [TreeColumn]? = nil, space: FeatureSpace? = nil
    ) throws(CasemateError) {
        rule = try TreeRule(ensemble, decision)
        grid = try TreeGrid(ensemble, columns: columns, space: space)
        self.space = space
    }

    /// Values of a row: the features of the table. Without a space a row may have more, which stay as they are.
    public var width: Int { grid.width }

    /// The class of a row, by the decision that was given.
    /// - Throws: `mismatch` for rows of another width.
    public func label(of row: [Float]) throws(CasemateError) -> Int32 {
        try check(row.count, rows: 1)
        return TreeJudge(grid, rule).label(row)
    }

    /// Bounds of the smallest change of one row, and a row at `upper`.
    /// - Parameters:
    ///   - row: Values of the table, `width` of them; a categorical value is the index of its level.
    ///   - settings: Measure, question and budget.
    ///   - context: Its deadline and cancellation are obeyed.
    /// - Throws: `mismatch`, `invalidSetting` for `l0`, `limitExceeded`, `Cancelled`.
    public func smallestChange(
        of row: [Float], _ settings: TreeSearchSettings = TreeSearchSettings(), context: RunContext = RunContext()
    ) throws -> TreeCertificate {
        try check(row.count, rows: 1)
        return try TreeApproach(self, row, settings, deadline: deadline(settings, context.deadline), context).run()
    }

    /// The same for many rows, on `context.threads` threads; the results do not depend on their number as long as no
    /// time runs out. What is left until the deadline is shared among the rows that are left.
    /// - Parameter rows: `[count, width]` row-major, or wider without a space.
    public func smallestChanges(
        of rows: [Float], count: Int, _ settings: TreeSearchSettings = TreeSearchSettings(),
        context: RunContext = RunContext()
    ) throws -> [TreeCertificate] {
        try check(rows.count, rows: count)
        let width = count > 0 ? rows.count / count : 0
        let progress = TreeProgress(count, context)
        return try ParallelTasks.map(count, threads: context.threads) { index in
            let end = deadline(settings, progress.deadline(threads: context.threads))
            let row = Array(rows[index * width..<(index + 1) * width])
            let certificate = try TreeApproach(self, row, settings, deadline: end, context).run()
            progress.finish()
            return certificate
        }
    }

    private func deadline(
        _ settings: TreeSearchSettings, _ other: ContinuousClock.Instant?
    ) -> ContinuousClock.Instant? {
        guard let seconds = settings.seconds else { return other }
        let own = ContinuousClock.now + .seconds(max(0, min(seconds, 1e9)))
        return other.map { min($0, own) } ?? own
    }

    private func check(_ values: Int, rows: Int) throws(CasemateError) {
        let isWhole = rows > 0 ? values.isMultiple(of: rows) && values / rows >= grid.width : values == 0 && rows == 0
        guard isWhole, space == nil || values == rows * grid.width else {
            throw CasemateError(
                .mismatch, at: "trees", "\(values) values do not make \(rows) rows of \(grid.width)",
                help: "give every row all features of the table")
        }
    }
}
