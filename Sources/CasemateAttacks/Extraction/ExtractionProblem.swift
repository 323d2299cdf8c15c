public import CasemateCore
public import CasemateData

/// The rows of an extraction: what an attacker could ask about, and what copies are judged by.
public struct ExtractionProblem: Sendable {
    /// Which rows there can be.
    public let space: FeatureSpace
    /// Real rows in the order in which an attacker asks about them.
    let pool: FeatureMatrix
    /// Held-out real rows.
    public let evaluation: FeatureMatrix
    /// Rows of the pool that equal an evaluation row and were left out.
    public let repeated: Int
    /// Whether rows that judge are asked about too, because the table has too few different ones.
    public let isShared: Bool

    /// Draws the rows.
    ///
    /// Rows of the pool that equal an evaluation row are left out. Where that would leave less than half of them, as with
    /// one file for both, half of the distinct evaluation rows judge and the others may be asked about.
    /// - Parameters:
    ///   - space: Features with their bounds; bounds that are not declared are those of the pool.
    ///   - pool: Real rows that an attacker may hold.
    ///   - evaluation: Real rows that no copy learns from.
    ///   - most: Rows of each that are used; more are sampled by the seed.
    /// - Throws: `mismatch` when features differ, `unusableData` without rows.
    public init(
        space: FeatureSpace, pool: FeatureMatrix, evaluation: FeatureMatrix, most: (pool: Int, evaluation: Int),
        seed: UInt64
    ) throws(CasemateError) {
        guard pool.features == space.features, evaluation.features == space.features else {
            throw CasemateError(
                .mismatch, at: "rows", "their features are not those of the feature space",
                help: "take matrices with the features of the bound model")
        }
        guard pool.count > 0, evaluation.count > 0 else {
            throw CasemateError(
                .unusableData, at: "rows", "no rows to ask about or to judge by", help: "give more rows")
        }
        var generator = SeededGenerator(seed: seed, stream: 0x73_75_72)
        var judged = Array((0..<evaluation.count).shuffled(using: &generator).prefix(max(1, most.evaluation)))
        let keys = judged.map { Self.key(evaluation, $0) }
        let order = (0..<pool.count).shuffled(using: &generator)
        let orderKeys = order.map { Self.key(pool, $0) }
        func fresh(_ known: Set<[UInt32]>) -> [Int] { zip(order, orderKeys).filter { !known.contains($1) }.map(\.0) }
        var chosen = fresh(Set(keys))
        var isShared = false
        if chosen.count * 2 < order.count {
            var half = Set<[UInt32]>()
            let distinct = Set(keys).count
            judged = zip(judged, keys).filter { row, key in
                half.contains(key) || half.count * 2 < distinct && half.insert(key).inserted
            }.map(\.0)
            chosen = fresh(half)
            isShared = chosen.count < min(30, order.count)
            if isShared { chosen = order }
        }
        self.space = space
        self.evaluation = evaluation.rows(judged.sorted())
        self.pool = pool.rows(chosen.prefix(max(1, most.pool)))
        (repeated, self.isShared) = (order.count - chosen.count, isShared)
    }

    /// Bits of a row, with one form for missing and for zero.
    private static func key(_ matrix: FeatureMatrix, _ row: Int) -> [UInt32] {
        matrix[row: row].map { $0.isNaN ? .max : ($0 + 0).bitPattern }
    }
}
