public import CasemateCore
import CasemateData
public import Foundation

extension DataProfile: Codable {
    private enum CodingKeys: String, CodingKey {
        case schemaVersion, name, rows, sampledRows, seed, columns, unsupported, label, correlations, sources, windows
    }

    /// Reads the members; `init(contentsOf:)` checks them too.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        rows = try container.decode(Int.self, forKey: .rows)
        sampledRows = try container.decode(Int.self, forKey: .sampledRows)
        seed = try container.decode(UInt64.self, forKey: .seed)
        columns = try container.decode([ColumnProfile].self, forKey: .columns)
        unsupported = try container.decode([String: String].self, forKey: .unsupported)
        label = try container.decodeIfPresent(LabelProfile.self, forKey: .label)
        correlations = try container.decodeIfPresent(CorrelationMatrix.self, forKey: .correlations)
        sources = try container.decodeIfPresent(GroupProfile.self, forKey: .sources)
        windows = try container.decodeIfPresent(GroupProfile.self, forKey: .windows)
    }

    /// Writes the version first.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.schemaVersion, forKey: .schemaVersion)
        try container.encode(name, forKey: .name)
        try container.encode(rows, forKey: .rows)
        try container.encode(sampledRows, forKey: .sampledRows)
        try container.encode(seed, forKey: .seed)
        try container.encode(columns, forKey: .columns)
        try container.encode(unsupported, forKey: .unsupported)
        try container.encodeIfPresent(label, forKey: .label)
        try container.encodeIfPresent(correlations, forKey: .correlations)
        try container.encodeIfPresent(sources, forKey: .sources)
        try container.encodeIfPresent(windows, forKey: .windows)
    }

    /// The most bytes that a profile file may have.
    public static let sizeLimit = 256 << 20

    /// The profile as JSON: the same profile gives the same bytes.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Reads a profile that was saved, and checks that its parts fit together.
    /// - Throws: `CasemateError` that names the file: `notFound`, `limitExceeded` above `sizeLimit`, `unsupported` for
    ///   another version, `malformed` for anything that no profile holds.
    public init(contentsOf path: String) throws(CasemateError) {
        let bytes = Data(try FileBytes.content(of: path, limit: Self.sizeLimit))
        struct Version: Decodable { let schemaVersion: Int }
        func malformed(_ what: String) -> CasemateError {
            CasemateError(.malformed, at: path, what, help: "write it again with `casemate data profile`")
        }
        let decoder = JSONDecoder()
        guard let version = try? decoder.decode(Version.self, from: bytes) else {
            throw malformed("is no profile of data")
        }
        guard version.schemaVersion == Self.schemaVersion else {
            throw CasemateError(
                .unsupported, at: path,
                "is a profile of version \(version.schemaVersion), this release reads \(Self.schemaVersion)",
                help: "write it again with `casemate data profile`")
        }
        do { self = try decoder.decode(DataProfile.self, from: bytes) } catch {
            throw malformed("is a damaged profile of data")
        }
        if let fault { throw malformed("is a damaged profile of data: \(fault)") }
    }

    /// What does not fit together, a clause; `nil` where all does.
    private var fault: String? {
        guard rows > 0, (0...rows).contains(sampledRows) else { return "no rows" }
        guard columns.count <= 10_000, Set(columns.map(\.name)).count == columns.count else { return "column names" }
        for column in columns {
            guard (0...rows).contains(column.missing), column.distinct >= 0 else {
                return "counts of column '\(column.name.clipped())'"
            }
            for numbers in [column.numbers, column.lengths].compactMap(\.self) where !numbers.isSound(rows: rows) {
                return "numbers of column '\(column.name.clipped())'"
            }
            guard column.categories?.isSound(rows: rows) ?? true else {
                return "categories of column '\(column.name.clipped())'"
            }
        }
        if let label, label.classes.count != label.counts.count || !label.counts.isCounted(upTo: rows) {
            return "labels"
        }
        if let correlations {
            let width = correlations.columns.count
            guard width <= CorrelationMatrix.limit, correlations.values.count == width * (width - 1) / 2,
                correlations.rows > 0, correlations.values.allSatisfy({ abs($0) <= 1 })
            else { return "correlations" }
        }
        return nil
    }
}

extension NumberProfile {
    fileprivate func isSound(rows: Int) -> Bool {
        let (points, counts) = (distribution.points, distribution.counts)
        return counts.count == points.count + (distribution.isExact ? 0 : 1) && points.count <= 4096
            && zip(points, points.dropFirst()).allSatisfy { $0 < $1 } && counts.isCounted(upTo: rows)
            && (0...rows).contains(count) && (low == nil) == (count == 0) && (high == nil) == (count == 0)
            && distribution.total == count
    }
}

extension CategoryProfile {
    fileprivate func isSound(rows: Int) -> Bool {
        values.count == counts.count && values.count <= Self.limit && (counts + [others]).isCounted(upTo: rows)
            && Set(values).count == values.count
    }
}

extension [Int] {
    /// Whether these are counts whose sum is no more than `rows`.
    fileprivate func isCounted(upTo rows: Int) -> Bool {
        var left = rows
        for count in self {
            guard count >= 0, count <= left else { return false }
            left -= count
        }
        return true
    }
}
