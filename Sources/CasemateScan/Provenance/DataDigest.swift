/// Everything that is hashed of a data file.
package struct DataDigest: Hashable, Sendable {
    /// SHA-256 of the file as it lies on the disk, and its size.
    package let content: Hash256, bytes: Int
    /// How it was cut.
    package let form: DataForm
    /// Leaf of the header, where there is one.
    package let header: Hash256?
    /// Names of the columns, as far as they are known.
    package let columns: [String]
    /// The tree over the rows, in file order.
    package let rows: MerkleSummary?
    /// The root over the leaves of the rows in ascending order; `nil` unless it was asked for.
    package let sortedRoot: Hash256?
    /// The tree over blocks of bytes, for files whose rows are not hashed as they lie there.
    package let blocks: MerkleSummary?
    /// Roots of 1,024 rows, and of 1,024 blocks of bytes, each; empty in what comes from a ledger.
    var rowParts: [Hash256] = [], byteParts: [Hash256] = []
    /// The engine that wrote the rows of Parquet as text, with its version.
    package let engine: String?
}
