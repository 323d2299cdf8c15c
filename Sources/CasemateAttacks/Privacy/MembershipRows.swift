public import CasemateData

/// Rows of two data sets that can stand for members and non-members: each distinct labelled row once, and none that is
/// in both.
///
/// A row of the second set that also stands in the first was learnt after all; a row that stands twice counts twice and
/// leaks twice. Either fakes or hides membership.
public struct MembershipRows: Hashable, Sendable {
    /// Indices of the rows kept, ascending.
    public let members: [Int], nonMembers: [Int]
    /// Rows left out because both sets hold them, copies included, by set.
    public let sharedMembers: Int, sharedNonMembers: Int
    /// Rows left out because an earlier row of the same set is equal, and that stand in no other set.
    public let repeatedMembers: Int, repeatedNonMembers: Int

    /// Compares features and labels, bit by bit but for the sign of zero; missing values are equal.
    /// - Parameters:
    ///   - members: Rows and labels of the first set.
    ///   - nonMembers: Those of the second, over the same features.
    public init(
        members: (matrix: FeatureMatrix, labels: [Int]), nonMembers: (matrix: FeatureMatrix, labels: [Int])
    ) {
        precondition(members.matrix.features == nonMembers.matrix.features, "the two sets have other features")
        let (one, other) = (Self.keys(members.matrix, members.labels), Self.keys(nonMembers.matrix, nonMembers.labels))
        let (known, seen) = (Set(one), Set(other))
        let (first, second) = (Self.kept(one, without: seen), Self.kept(other, without: known))
        (self.members, sharedMembers, repeatedMembers) = (first.rows, first.shared, first.repeated)
        (self.nonMembers, sharedNonMembers, repeatedNonMembers) = (second.rows, second.shared, second.repeated)
    }

    private static func keys(_ matrix: FeatureMatrix, _ labels: [Int]) -> [[UInt32]] {
        precondition(matrix.count == labels.count, "\(labels.count) labels for \(matrix.count) rows")
        return labels.indices.map { row in
            var key = matrix[row: row].map { $0.isNaN ? Float.nan.bitPattern : $0 == 0 ? 0 : $0.bitPattern }
            key.append(UInt32(truncatingIfNeeded: labels[row]))
            return key
        }
    }

    private static func kept(
        _ keys: [[UInt32]], without others: Set<[UInt32]>
    ) -> (rows: [Int], shared: Int, repeated: Int) {
        var (rows, shared, repeated): ([Int], Int, Int) = ([], 0, 0)
        var seen: Set<[UInt32]> = []
        for (row, key) in keys.enumerated() {
            if others.contains(key) {
                shared += 1
            } else if seen.insert(key).inserted {
                rows.append(row)
            } else {
                repeated += 1
            }
        }
        return (rows, shared, repeated)
    }
}
