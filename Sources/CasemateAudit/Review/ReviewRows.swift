import CasemateCore
import CasemateDetect
import Foundation

/// The cells of the rows that are reviewed, taken from the data file in one pass.
struct ReviewRows: Sendable {
    /// Names of the columns; empty for JSON lines, whose rows bring their own.
    private let names: [String]
    private let delimiter: UInt8
    private let encoding: RecordFile.Encoding
    private let texts: [Int: [UInt8]]
    /// Most bytes that are kept of a row, and of all rows.
    static let rowLimit = 1 << 16, totalLimit = 1 << 29

    /// Reads these rows.
    /// - Parameter rows: From 0, ascending.
    /// - Returns: the rows, and the number of rows up to the last one that was read.
    static func read(
        _ file: RecordFile, rows: [Int], search: EngineSearch, context: RunContext
    ) throws -> (rows: ReviewRows, count: Int) {
        if file.format == .parquet { return try readParquet(file.path, rows, search, context) }
        let (texts, count) = try capture(file, rows, context)
        if case .delimited(let delimiter, let names) = file.format {
            return (ReviewRows(names: names, delimiter: delimiter, encoding: file.encoding, texts: texts), count)
        }
        return (ReviewRows(names: [], delimiter: 0, encoding: file.encoding, texts: texts), count)
    }

    /// The bytes of rows.
    private static func capture(
        _ file: RecordFile, _ rows: [Int], _ context: RunContext
    ) throws -> (texts: [Int: [UInt8]], count: Int) {
        var texts: [Int: [UInt8]] = [:]
        var (next, total) = (0, 0)
        let (count, _) = try RecordWalk(file: file).run(
            context: context,
            choose: { start in
                guard case .row(let row) = start else { return -1 }
                if row & 0xffff == 0 { context.progress("read", row, max(row, rows.last ?? 0)) }
                while next < rows.count, rows[next] < row { next += 1 }
                return next < rows.count && rows[next] == row ? row : -1
            },
            write: { channel, bytes in
                guard channel >= 0, total < totalLimit else { return }
                let room = rowLimit - (texts[channel]?.count ?? 0)
                guard room > 0 else { return }
                texts[channel, default: []] += bytes.prefix(room)
                total += min(room, bytes.count)
            })
        return (texts, count)
    }

    /// Parquet through a temporary CSV file of the wanted rows.
    private static func readParquet(
        _ path: String, _ rows: [Int], _ search: EngineSearch, _ context: RunContext
    ) throws -> (rows: ReviewRows, count: Int) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)").path
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CasemateError(.unwritable, at: folder, "cannot be made", help: "set TMPDIR to a folder with room")
        }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try ParquetBridge.with(path, marked: rows, search: search, context: context) { bridge in
            let count = try bridge.count(scratch: folder + "/answer.csv")
            let columns = try bridge.columns(scratch: folder + "/answer.csv")
            try bridge.writeText(to: folder + "/rows.csv")
            // why the names of the first column: it holds the row's number, whatever the file's columns are called.
            let file = try RecordFile(folder + "/rows.csv", cancellation: context.cancellation)
            let present = rows.filter { $0 < count }
            let (texts, _) = try capture(file, Array(present.indices), context)
            let byRow = Dictionary(
                texts.compactMap { place, text in present.indices.contains(place) ? (present[place], text) : nil },
                uniquingKeysWith: { first, _ in first })
            let read = ReviewRows(
                names: ["row (from 0)"] + columns, delimiter: UInt8(ascii: ","), encoding: .utf8, texts: byRow)
            return (read, count)
        }
    }

    /// The columns and values of a row, as they stand; empty when they were not kept.
    func fields(of row: Int) -> [(name: String, value: String)] {
        guard let bytes = texts[row] else { return [] }
        if names.isEmpty {
            guard let members = RecordWalk.members(bytes) else { return [("line", RecordWalk.text(bytes))] }
            return members.sorted { $0.key < $1.key }.map { ($0.key, $0.value.text ?? "") }
        }
        let cells = Self.cells(Array(decoded(bytes).utf8), delimiter)
        return names.indices.map { (names[$0], $0 < cells.count ? cells[$0] : "") }
    }

    private func decoded(_ bytes: [UInt8]) -> String {
        guard encoding.width == 2 else { return RecordWalk.text(bytes) }
        let (low, high) = encoding == .utf16LittleEndian ? (0, 1) : (1, 0)
        let units = stride(from: 0, to: bytes.count - 1, by: 2).map { index in
            UInt16(bytes[index + high]) << 8 | UInt16(bytes[index + low])
        }
        return String(decoding: units, as: UTF16.self)
    }

    /// The cells of one record; a part of it where it was cut.
    private static func cells(_ bytes: [UInt8], _ delimiter: UInt8) -> [String] {
        let isOpen = bytes.count { $0 == UInt8(ascii: "\"") } % 2 == 1
        let whole = isOpen ? bytes + [UInt8(ascii: "\"")] : bytes
        let read = try? DelimitedRecords(whole[...], delimiter: delimiter, path: "")
        return read?.records.first?.cells ?? []
    }
}
