public import CasemateCore
import CasemateData
public import Foundation

/// What a list of suspects was found in: a small JSON file beside the list, so that the list is not taken for another
/// file's.
public struct SuspectOrigin: Hashable, Sendable, Codable {
    /// Marks the file as ours.
    public static let schemaName = "casemate.suspects/1"
    /// Schema of this file.
    public let schema: String
    /// Name of the data file, without its folder.
    public let data: String
    /// SHA-256 of the data file in lower-case hexadecimal, and its size.
    public let sha256: String, bytes: Int
    /// Number of data rows that the checks saw; `nil` where it was not counted.
    public let rows: Int?

    /// Makes an origin of what is known.
    public init(data: String, sha256: String, bytes: Int, rows: Int?) {
        schema = Self.schemaName
        self.data = URL(fileURLWithPath: data).lastPathComponent
        (self.sha256, self.bytes, self.rows) = (sha256, bytes, rows)
    }

    /// Reads the data file once for its digest.
    public init(of path: String, rows: Int?) throws(CasemateError) {
        let digest = try FileDigest(of: path)
        self.init(data: path, sha256: digest.sha256, bytes: digest.bytes, rows: rows)
    }

    /// Where the file stands: `suspects.origin.json` beside `suspects.csv`.
    public static func path(beside list: String) -> String {
        let stem = list.lowercased().hasSuffix(".csv") ? String(list.dropLast(4)) : list
        return stem + ".origin.json"
    }

    /// Reads the file beside a list; `nil` where there is none.
    /// - Throws: `malformed` for a file that is no origin.
    public init?(beside list: String) throws {
        let path = Self.path(beside: list)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let bytes = try FileBytes.content(of: path, limit: 1 << 16)
        guard let origin = try? JSONDecoder().decode(Self.self, from: Data(bytes)), origin.schema == Self.schemaName
        else {
            throw CasemateError(
                .malformed, at: path, "says nothing of the data that the suspects were found in",
                help: "write it again with `casemate data audit`, or remove it")
        }
        self = origin
    }

    /// The file's content.
    public func render() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Throws unless the list was found in this file.
    /// - Throws: `mismatch`.
    public func check(data path: String, sha256: String, list: String) throws(CasemateError) {
        guard sha256 != self.sha256 else { return }
        throw CasemateError(
            .mismatch, at: list,
            "these suspects were found in another file than \(path): '\(data.clipped(to: 60))', SHA-256 "
                + "\(self.sha256.prefix(12))…, not \(sha256.prefix(12))…",
            help: "name that file, or run `casemate data audit` on this one")
    }
}
