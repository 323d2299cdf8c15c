extension FeatureSpace {
    /// Forces a row into the whole space: what holds for single features, derived features, relations, the number of
    /// changes and their cost.
    ///
    /// After `project`, derived features are recomputed. A row that keeps everything then is left alone, so that
    /// repairing twice changes nothing more. Otherwise the smallest changes are taken back until their number is allowed,
    /// numbers go toward the original until the cost is, broken sums are projected on (weighted by the scales, so that
    /// the distance is least), and what is still broken is mended by moving one feature at a time to where a comparison
    /// just holds. If all that fails, the row goes toward the original as far as it must. A relation that `original`
    /// itself breaks is not asked for.
    /// - Returns: Whether a lawful row was reached. False where none was found but the original itself, which `row` then
    ///   is; a candidate that projection alone turns into the original is true.
    public func repair(
        _ row: UnsafeMutableBufferPointer<Float>, around original: UnsafeBufferPointer<Float>
    ) -> Bool {
        precondition(
            row.count == features.count && original.count == features.count,
            "rows of \(row.count) and \(original.count) values in a space of \(features.count)")
        project(row, around: original)
        guard hasRules else { return true }
        let mender = FeatureSpaceMender(space: self, row: row, original: original)
        return mender.penalty().isNone || mender.mend()
    }

    /// The same on arrays.
    public func repair(_ row: inout [Float], around original: some Collection<Float>) -> Bool {
        let original = Array(original)
        return row.withUnsafeMutableBufferPointer { row in
            original.withUnsafeBufferPointer { repair(row, around: $0) }
        }
    }

    /// Recomputes the derived features of a row in which others changed, and says whether each has a value.
    @discardableResult
    public func derive(
        _ row: UnsafeMutableBufferPointer<Float>, around original: UnsafeBufferPointer<Float>
    ) -> Bool {
        derived.isEmpty || FeatureSpaceMender(space: self, row: row, original: original).derive()
    }

    /// Whether a row that was projected keeps derived features, relations, number of changes and cost, by the closures
    /// that `repair` uses; derived features are recomputed in it. `violations(of:from:)` is the judge of results.
    package func keepsRules(
        _ row: UnsafeMutableBufferPointer<Float>, around original: UnsafeBufferPointer<Float>
    ) -> Bool {
        !hasRules || FeatureSpaceMender(space: self, row: row, original: original).penalty().isNone
    }

    /// What is allowed beyond `maxCost`, as a share of it: rounding of the sum.
    static let costTolerance = 1e-9
}
