import CasemateCore
import CasemateDetect
import Foundation

/// Goes through a text file record by record and hands each record's bytes to the channel that was chosen for it.
struct RecordWalk {
    /// Where the bytes of a record go; what that means is the caller's business.
    typealias Channel = Int
    let file: RecordFile
    /// Columns whose values are wanted, by name.
    var wanted: [String] = []
    /// Longest line of JSON, as the reader of data files has it.
    static let lineLimit = 16 << 20

    /// Walks.
    /// - Parameters:
    ///   - choose: The channel of the record that begins.
    ///   - write: Takes bytes of a channel; neighbours of one channel come together.
    ///   - values: Takes the wanted columns of the data row that ended, `nil` where missing.
    /// - Returns: the number of data rows, and of bytes that were read, expanded.
    func run(
        context: RunContext, choose: (RecordSplitter.Start) throws -> Channel,
        write: (Channel, UnsafeBufferPointer<UInt8>) throws -> Void,
        values: ([String?]) throws -> Void = { _ in }
    ) throws -> (rows: Int, bytes: Int) {
        switch file.format {
        case .delimited(let delimiter, let names):
            let places = try wanted.map { try place(of: $0, names) }
            return try delimited(
                delimiter, isSingle: names.count == 1, places, context, choose: choose, write: write, values: values)
        case .jsonLines: return try lines(context, choose: choose, write: write, values: values)
        case .parquet:
            throw CasemateError(.unsupported, at: file.path, "Parquet has no lines", help: "use DuckDB")
        }
    }

    private func place(of column: String, _ names: [String]) throws(CasemateError) -> Int {
        if let place = names.firstIndex(of: column) { return place }
        throw CasemateError(
            .notFound, at: file.path, "no column '\(column.clipped())'" + Suggestion.clause(for: column, among: names),
            help: "columns: \(names.prefix(12).map { $0.clipped(to: 40) }.joined(separator: ", "))"
                + (names.count > 12 ? " and \(names.count - 12) more" : ""))
    }

    private func delimited(
        _ delimiter: UInt8, isSingle: Bool, _ places: [Int], _ context: RunContext,
        choose: (RecordSplitter.Start) throws -> Channel,
        write: (Channel, UnsafeBufferPointer<UInt8>) throws -> Void, values: ([String?]) throws -> Void
    ) throws -> (rows: Int, bytes: Int) {
        let kept = Set(places).sorted()
        var splitter = RecordSplitter(delimiter: delimiter, isSingleColumn: isSingle, keeping: kept)
        // why the header's channel: what stands before it, a byte order mark, goes with it.
        var channel = try choose(.header)
        var (skipped, total) = (0, 0)
        var feeder = UnitFeeder(file.encoding)
        let order = places.map { kept.firstIndex(of: $0) ?? 0 }
        var known: [[UInt8]: String?] = [:]
        func value(_ cell: [UInt8]) -> String? {
            // why remembered: classes and sources are few, rows are many.
            if let value = known[cell] { return value }
            let value = Self.value(cell)
            if known.count < SanitizeShares.limit { known[cell] = .some(value) }
            return value
        }
        func ended(_ cells: [[UInt8]]) throws {
            if !order.isEmpty { try values(order.map { value(cells[$0]) }) }
        }
        try file.forEachBlock(context: context) { block in
            total += block.count
            try feeder.take(block) { bytes, units, width in
                let mark = min(bytes.count / width, max(0, file.mark / width - skipped))
                skipped += mark
                var runStart = 0
                try splitter.scan(
                    UnsafeBufferPointer(rebasing: units[mark...]),
                    begin: { start, position in
                        let next = start == .header ? channel : try choose(start)
                        guard next != channel else { return }
                        let end = (position + mark) * width
                        if end > runStart { try write(channel, UnsafeBufferPointer(rebasing: bytes[runStart..<end])) }
                        (channel, runStart) = (next, end)
                    }, end: ended)
                if runStart < bytes.count { try write(channel, UnsafeBufferPointer(rebasing: bytes[runStart...])) }
            }
        }
        if let rest = feeder.rest {
            try [rest].withUnsafeBufferPointer { try write(channel, $0) }
        }
        guard !splitter.isInsideQuotes else {
            throw CasemateError(
                .malformed, at: "\(file.path):row \(max(0, splitter.rows - 1))",
                "a double quote that opens in this row (from 0) is never closed", help: "double a quote inside a cell")
        }
        try splitter.finish(end: ended)
        return (splitter.rows, total)
    }

    /// The text of a cell; `nil` where it is empty or blank.
    static func value(_ cell: [UInt8]) -> String? {
        var text = text(cell)
        if text.utf8.first == UInt8(ascii: "\""), text.utf8.last == UInt8(ascii: "\""), text.utf8.count > 1 {
            text = text.dropFirst().dropLast().replacingOccurrences(of: "\"\"", with: "\"")
        }
        text = text.trimmingCharacters(in: .whitespaces)
        return text.isEmpty ? nil : text
    }

    /// Text of bytes that may be UTF-8 or of one byte a character.
    static func text(_ bytes: some Collection<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self)
            ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}

/// Cuts blocks into whole characters and says which of them are ASCII.
private struct UnitFeeder {
    private let encoding: RecordFile.Encoding
    private var units: [UInt8] = [], carried: [UInt8] = []

    init(_ encoding: RecordFile.Encoding) { self.encoding = encoding }

    /// Half a character at the end of the text.
    var rest: UInt8? { carried.first }

    mutating func take(
        _ block: UnsafeBufferPointer<UInt8>,
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>, _ width: Int) throws -> Void
    ) throws {
        guard encoding.width == 2 else { return try body(block, block, 1) }
        var bytes = carried + block
        carried = bytes.count % 2 == 1 ? [bytes.removeLast()] : []
        let (low, high) = encoding == .utf16LittleEndian ? (0, 1) : (1, 0)
        units.removeAll(keepingCapacity: true)
        for index in stride(from: 0, to: bytes.count, by: 2) {
            units.append(bytes[index + high] == 0 && bytes[index + low] < 0x80 ? bytes[index + low] : 0xff)
        }
        try bytes.withUnsafeBufferPointer { bytes in try units.withUnsafeBufferPointer { try body(bytes, $0, 2) } }
    }
}
