/// How the bytes of a file are divided into records.
package struct DataForm: Hashable, Sendable {
    /// The kinds.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Delimited text with a header: a record ends at a line end outside quotes (RFC 4180).
        case delimited
        /// Text, JSON lines among it: every line that is not blank is a record.
        case lines
        /// Apache Parquet: a record is the canonical text of a row.
        case parquet
        /// Anything else: no records, blocks of 65,536 bytes only.
        case bytes
    }
    /// The kind.
    package let kind: Kind
    /// What stands between cells of delimited text; 0 elsewhere.
    package let delimiter: UInt8
    /// Whether a single column makes blank lines records.
    package let keepsBlankLines: Bool
    /// Whether the file is gzip; records are those of the expanded content.
    package let isCompressed: Bool

    /// Makes a form.
    package init(_ kind: Kind, delimiter: UInt8 = 0, keepsBlankLines: Bool = false, isCompressed: Bool = false) {
        (self.kind, self.delimiter, self.isCompressed) = (kind, delimiter, isCompressed)
        self.keepsBlankLines = keepsBlankLines
    }

    /// Bytes of a block of a file that is no text.
    package static let blockBytes = 65_536
    /// Whether it has records.
    package var hasRecords: Bool { kind != .bytes }
    /// Whether blocks of bytes are hashed besides, because records do not lie in the file as they are hashed.
    package var hasBlocks: Bool { kind == .bytes || kind == .parquet || isCompressed }
    /// Whether the first record names the columns.
    var hasHeader: Bool { kind == .delimited || kind == .parquet }
    /// How the stream of records is cut.
    var cutting: RecordSplitter.Cutting {
        switch kind {
        case .delimited: .delimited(delimiter, keepsBlankLines: keepsBlankLines)
        case .lines: .lines
        case .parquet: .delimited(UInt8(ascii: ","), keepsBlankLines: true)
        case .bytes: .blocks(Self.blockBytes)
        }
    }
}
