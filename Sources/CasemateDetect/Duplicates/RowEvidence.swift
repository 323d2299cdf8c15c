import CasemateCore
import CasemateData
import Foundation

/// How telling it is that two rows agree: whether the columns have so few values that equal rows must occur.
///
/// After Fellegi and Sunter, "A theory for record linkage", 1969: agreement on a value counts the logarithm of its share.
struct RowEvidence {
    /// Logarithm of the number of pairs of equal rows to be expected if columns were drawn by themselves.
    let expectedPairs: Double
    /// Rows and columns looked at.
    static let rows = 20_000, columns = 200

    init(_ equal: EqualRows, seed: UInt64) throws {
        let source = equal.source
        let listed = equal.columns.prefix(Self.columns)
        let keys = listed.map { EqualRows.key([$0]) } + [EqualRows.key(equal.columns)]
        let answer = try source.table.query(
            "SELECT \(keys.joined(separator: ", ")) FROM \(source.relation) "
                + "WHERE \(source.sampled(Self.rows, seed: seed))")
        // why distinct rows: copies would make their own values look common.
        var seen: Set<Int> = []
        let whole = answer.wholes(listed.count)
        let first = whole.indices.filter { seen.insert(whole[$0]).inserted }
        let count = Double(first.count)
        var total = Foundation.log(max(1, Double(source.table.count) * Double(max(1, source.table.count - 1)) / 2))
        for index in listed.indices {
            let values = answer.wholes(index)
            var counts: [Int: Int] = [:]
            for row in first { counts[values[row], default: 0] += 1 }
            let same = counts.values.reduce(0.0) { $0 + Double($1) * Double($1 - 1) }
            total += Foundation.log(max(same, 1) / max(1, count * (count - 1)))
        }
        expectedPairs = total
    }
}
