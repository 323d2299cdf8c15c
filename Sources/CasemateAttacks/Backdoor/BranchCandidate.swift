/// A row that the model answers far from how it answers the same row with a few values exchanged.
struct BranchCandidate {
    /// The row with the suspected trigger, and the same row without it; they differ in `features` alone.
    var row: [Float], base: [Float]
    /// Where they differ, ascending.
    var features: [Int]
    /// How it came up.
    let origin: HiddenBranch.Origin
    /// How far they are apart, for ranking.
    var gap: Float

    init(row: [Float], base: [Float], origin: HiddenBranch.Origin, gap: Float) {
        (self.row, self.base, self.origin, self.gap) = (row, base, origin, gap)
        features = row.indices.filter { row[$0] != base[$0] && !(row[$0].isNaN && base[$0].isNaN) }
    }
}

/// A box in few features, with a row inside and its twin outside.
struct BranchRegion {
    /// One face of the box: a value at the bound and the nearest one known to lie outside.
    struct Face {
        let feature: Int
        let inside: Float, outside: Float
    }
    var bounds: [HiddenBranch.Bound]
    var relation: HiddenBranch.Relation?
    var row: [Float], base: [Float]
    var faces: [Face]
    let origin: HiddenBranch.Origin
    /// Difference of the answers to row and twin, and the answer to the row.
    var jump: Float, top: Float

    func contains(_ row: ArraySlice<Float>) -> Bool {
        if let relation {
            let (one, other) = (row[row.startIndex + relation.larger], row[row.startIndex + relation.smaller])
            return one > other
                && bounds.allSatisfy {
                    $0.feature == relation.larger || $0.feature == relation.smaller
                        || $0.contains(row[row.startIndex + $0.feature])
                }
        }
        return bounds.allSatisfy { $0.contains(row[row.startIndex + $0.feature]) }
    }
}
