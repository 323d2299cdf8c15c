import CasemateCore
import Foundation

extension SourceFile {
    /// First bytes of formats that are often taken for data files, and what to do with them.
    private static let refused: [(signature: [UInt8], what: String, help: String)] = [
        (Array("PK\u{3}\u{4}".utf8), "is a ZIP archive or a spreadsheet", "export the sheet as CSV, or unpack it"),
        ([0x28, 0xb5, 0x2f, 0xfd], "is compressed with Zstandard", "unpack it, or use gzip"),
        ([0x42, 0x5a, 0x68], "is compressed with bzip2", "unpack it, or use gzip"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "is compressed with xz", "unpack it, or use gzip"),
        (Array("SQLite format 3".utf8), "is an SQLite database", "export the table as CSV or Parquet"),
        (Array("ARROW1".utf8), "is an Arrow file", "write it as Parquet"),
        (Array("PARE".utf8), "is an encrypted Parquet file", "write it without encryption"),
        ([0x89, 0x48, 0x44, 0x46], "is an HDF5 file", "write it as Parquet"),
        ([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], "is a NumPy array", "write it as CSV or Parquet with column names"),
        (Array("<!DOCTYPE".utf8), "is a web page", "download the file itself"),
        (Array("<html".utf8), "is a web page", "download the file itself"),
    ]

    /// Whether the first bytes are those of a format that is refused.
    static func isRefused(_ prefix: [UInt8]) -> Bool { refused.contains { prefix.starts(with: $0.signature) } }

    /// What a file holds: signatures first, then the extension, then the first character.
    static func format(of path: String, prefix: [UInt8], isCompressed: Bool) throws(CasemateError) -> Format {
        if prefix.starts(with: Array("PAR1".utf8)) {
            guard !isCompressed else {
                throw CasemateError(.unsupported, at: path, "is Parquet inside gzip", help: "unpack it first")
            }
            return .parquet
        }
        if prefix.starts(with: [0x1f, 0x8b]) {
            throw CasemateError(.unsupported, at: path, "is gzip inside gzip", help: "unpack it once")
        }
        for format in refused where prefix.starts(with: format.signature) {
            throw CasemateError(.unsupported, at: path, format.what, help: format.help)
        }
        var parts = (path as NSString).lastPathComponent.lowercased().split(separator: ".").dropFirst()
        if parts.last == "gz" { parts.removeLast() }
        if parts.last == "parquet" || parts.last == "pq" {
            throw CasemateError(
                .malformed, at: path, "is not Parquet: no signature at its start", help: "fetch or write the file again"
            )
        }
        guard !prefix.prefix(4096).contains(0) else {
            throw CasemateError(
                .malformed, at: path, "is not a text file: NUL bytes in its first 4096",
                help: "give CSV, TSV or JSON lines as text, or Parquet")
        }
        let first = prefix.first { !" \t\r\n".utf8.contains($0) && ![0xef, 0xbb, 0xbf].contains($0) }
        let isNamedJSON = ["json", "jsonl", "ndjson"].contains(parts.last ?? "")
        let isNamedDelimited = ["csv", "tsv", "tab", "txt"].contains(parts.last ?? "")
        switch first {
        case UInt8(ascii: "{") where !isNamedDelimited: return .jsonLines
        case UInt8(ascii: "[") where !isNamedDelimited: return .jsonArray
        case _ where isNamedJSON:
            throw CasemateError(
                .malformed, at: path + ":1", "is not JSON: an object '{' must stand there",
                help: "write one JSON object a line")
        default: return .delimited
        }
    }
}
