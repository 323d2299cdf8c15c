import CasemateCore
import CasemateData
public import Foundation

/// `suspects.csv`: rows that a person should look at, the likeliest first.
///
/// Columns `row` (data row, from 0), `score` (0…1), `checks` (`;` between them) and `reason`; RFC 4180. No cell begins
/// with a character that a spreadsheet takes for a formula, whatever the data held.
public struct SuspectFile: Hashable, Sendable {
    /// Rows, the likeliest first and then by row.
    public var suspects: [RankedSuspect]
    /// What the rows were found in, where a file beside the list says so.
    public var origin: SuspectOrigin?

    /// Usual name of the list.
    public static let name = "suspects.csv"
    /// Columns in the order they are written.
    public static let columns = ["row", "score", "checks", "reason"]
    /// Most bytes that are read, and most rows.
    public static let byteLimit = 1 << 30, rowLimit = 10_000_000

    /// Makes a list: scores are rounded to six decimals, rows put in order.
    public init(_ suspects: [RankedSuspect], origin: SuspectOrigin? = nil) {
        let rounded = suspects.map { suspect in
            let score = suspect.score.isFinite ? min(1, max(0, suspect.score)) : 0
            return RankedSuspect(
                row: suspect.row, score: (score * 1e6).rounded() / 1e6, checks: suspect.checks, reason: suspect.reason)
        }
        self.suspects = rounded.sorted { ($1.score, $0.row) < ($0.score, $1.row) }
        self.origin = origin
    }

    /// The list as it is written; the same suspects give the same bytes.
    public func render() -> Data {
        var text = Self.columns.joined(separator: ",") + "\n"
        for suspect in suspects {
            let cells = [
                String(suspect.row), Self.decimal(suspect.score), suspect.checks.joined(separator: ";").cell,
                suspect.reason.cell,
            ]
            text += cells.joined(separator: ",") + "\n"
        }
        return Data(text.utf8)
    }

    /// The list and what it was found in, for an output folder.
    public func files(named name: String = SuspectFile.name) throws -> [(name: String, content: Data)] {
        let list = (name: name, content: render())
        guard let origin else { return [list] }
        return [list, (SuspectOrigin.path(beside: name), try origin.render())]
    }

    /// A cell that no spreadsheet runs and that stays in its line, in quotes where they are needed.
    package static func cell(_ text: String) -> String { text.cell }

    /// At most six decimals, without an exponent.
    package static func decimal(_ score: Double) -> String {
        var text = String(format: "%.6f", score)
        while text.hasSuffix("0"), !text.hasSuffix(".0") { text.removeLast() }
        return text
    }
}

extension SuspectFile {
    /// Reads a list, also one that went through a spreadsheet: any order of columns, more columns, byte order mark, any
    /// line end, a semicolon or tab as delimiter with a decimal comma.
    /// - Throws: what reading throws; `malformed` with the line for a missing column, a cell that cannot be read or a
    ///   row that stands there twice; `limitExceeded`.
    public init(path: String) throws {
        let bytes = try FileBytes.content(of: path, limit: Self.byteLimit)
        try self.init(bytes, path: path)
        origin = try SuspectOrigin(beside: path)
    }

    /// Reads a list from bytes; `path` is what errors name.
    public init(_ bytes: [UInt8], path: String) throws {
        let text = try DelimitedRecords(bytes[...], path: path)
        guard let header = text.records.first else {
            throw CasemateError(
                .malformed, at: path, "is empty", help: "the first line must be `row,score,checks,reason`")
        }
        guard text.records.count <= Self.rowLimit + 1 else {
            throw CasemateError(
                .limitExceeded, at: path, "more than \(Self.rowLimit) rows", help: "keep the rows with the best scores")
        }
        let places = try Self.places(header.cells, path)
        let hasDecimalComma = text.delimiter != UInt8(ascii: ",")
        var found: [RankedSuspect] = []
        var lines: [Int: Int] = [:]
        for record in text.records.dropFirst() where !record.cells.allSatisfy({ $0.allSatisfy(\.isWhitespace) }) {
            let suspect = try Self.suspect(record, places, hasDecimalComma: hasDecimalComma, path)
            if let other = lines.updateValue(record.line, forKey: suspect.row) {
                throw CasemateError(
                    .malformed, at: "\(path):\(record.line)", "row \(suspect.row) stands on line \(other) already",
                    help: "name each row once")
            }
            found.append(suspect)
        }
        self.init(found)
    }

    /// Where the four columns stand.
    private static func places(_ header: [String], _ path: String) throws(CasemateError) -> [Int] {
        let names = header.map { name in
            String(name.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()).lowercased()
        }
        var missing: [String] = []
        let places = columns.map { column -> Int in
            if let place = names.firstIndex(of: column) { return place }
            missing.append(column)
            return 0
        }
        guard missing.isEmpty else {
            let list = missing.map { "'\($0)'" }.joined(separator: ", ")
            throw CasemateError(
                .malformed, at: path + ":1", "no column \(list)" + Suggestion.clause(for: missing[0], among: names),
                help: "the first line must name row, score, checks and reason")
        }
        return places
    }

    private static func suspect(
        _ record: DelimitedRecords.Record, _ places: [Int], hasDecimalComma: Bool, _ path: String
    ) throws(CasemateError) -> RankedSuspect {
        let place = "\(path):\(record.line)"
        guard let widest = places.max(), record.cells.count > widest else {
            throw CasemateError(
                .malformed, at: place, "\(record.cells.count) cells, fewer than the header needs",
                help: "a cell that holds the delimiter must stand in double quotes")
        }
        let cells = places.map { record.cells[$0] }
        let number = cells[0].filter { !$0.isWhitespace }
        // why also 12.0: spreadsheets and data frames write whole numbers so once a column had a gap.
        guard let row = Int(number) ?? Double(number).flatMap({ Int(exactly: $0) }), row >= 0 else {
            throw CasemateError(
                .malformed, at: place, "row '\(cells[0].clipped(to: 30))' is no whole number from 0 on",
                help: "rows count from 0, without the header")
        }
        let written = cells[1].filter { !$0.isWhitespace }
        let decimal = hasDecimalComma ? String(written.map { $0 == "," ? "." : $0 }) : written
        guard let score = Double(decimal), (0...1).contains(score) else {
            throw CasemateError(
                .malformed, at: place, "score '\(cells[1].clipped(to: 30))' is no number from 0 to 1",
                help: "write a decimal such as 0.97")
        }
        let checks = cells[2].unguarded.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
        return RankedSuspect(
            row: row, score: score, checks: checks.filter { !$0.isEmpty }, reason: cells[3].unguarded)
    }
}

extension String {
    /// Characters with which a spreadsheet begins a formula, the full-width ones included.
    private static let formulaStarts: Set<Unicode.Scalar> = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "|", "%"]

    /// A CSV cell: in one line, without characters that steer, no formula, in quotes where it must be.
    fileprivate var cell: String {
        var plain = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                plain.append((0x09...0x0d).contains(scalar.value) || scalar.value >= 0x2028 ? " " : "\u{FFFD}")
            case .format, .surrogate, .unassigned: plain.append("\u{FFFD}")
            default: plain.append(scalar)
            }
        }
        let first = plain.first { !$0.properties.isWhitespace }
        var text = String(plain)
        if let first, Self.formulaStarts.contains(first) { text = "'" + text }
        guard text.unicodeScalars.contains(where: { ",;\"".unicodeScalars.contains($0) }) || text.hasPrefix(" ") else {
            return text
        }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }

    /// Without the apostrophe that guards against formulas.
    fileprivate var unguarded: String {
        guard unicodeScalars.first == "'" else { return self }
        let rest = unicodeScalars.dropFirst()
        guard let first = rest.first(where: { !$0.properties.isWhitespace }), Self.formulaStarts.contains(first) else {
            return self
        }
        return String(rest)
    }
}
