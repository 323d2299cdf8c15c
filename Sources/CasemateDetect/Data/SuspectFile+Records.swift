package import CasemateCore

/// Records of a small delimited text that is whole in memory, as spreadsheets write it: RFC 4180 with any line end,
/// with or without byte order mark, with a comma, semicolon or tab between cells.
package struct DelimitedRecords: Sendable {
    /// A record and the line of the text, from 1, on which it begins.
    package struct Record: Hashable, Sendable {
        /// Line on which the record begins, from 1.
        package let line: Int
        /// Cells without their quotes.
        package let cells: [String]
    }
    /// What stands between cells.
    package let delimiter: UInt8
    /// Records in order; blank lines are left out.
    package let records: [Record]

    /// Reads a text.
    /// - Parameter delimiter: `nil` takes the one that occurs most often in the first line.
    /// - Throws: `malformed` with the line for text that is no UTF-8 and for a quote that is never closed.
    package init(_ text: ArraySlice<UInt8>, delimiter: UInt8? = nil, path: String) throws(CasemateError) {
        let bytes = text.starts(with: [0xef, 0xbb, 0xbf]) ? text.dropFirst(3) : text
        self.delimiter = delimiter ?? Self.delimiter(of: bytes)
        var reader = Reader(delimiter: self.delimiter)
        var failure: Int?
        bytes.withUnsafeBufferPointer { buffer in
            for byte in buffer where failure == nil { failure = reader.take(byte) }
        }
        failure = failure ?? reader.finish()
        if let failure {
            throw CasemateError(
                .malformed, at: "\(path):\(failure)",
                reader.isOpen ? "a double quote is never closed" : "is not UTF-8 text",
                help: reader.isOpen ? "double a quote inside a cell" : "save the file as UTF-8")
        }
        records = reader.records
    }

    private static func delimiter(of bytes: ArraySlice<UInt8>) -> UInt8 {
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        let counts = ",;\t".utf8.map { candidate in (candidate, line.count { $0 == candidate }) }
        return counts.max { $0.1 < $1.1 && $1.1 > 0 }.flatMap { $0.1 > 0 ? $0.0 : nil } ?? UInt8(ascii: ",")
    }
}

/// The state between two bytes.
private struct Reader {
    let delimiter: UInt8
    var records: [DelimitedRecords.Record] = []
    private var cells: [String] = [], cell: [UInt8] = []
    private var line = 1, begin = 1
    private var isQuoted = false, hasClosed = false, wasQuoted = false, isAfterReturn = false

    init(delimiter: UInt8) { self.delimiter = delimiter }

    /// Whether a quote waits for its end.
    var isOpen: Bool { isQuoted }

    /// Takes one byte; the line of what cannot be read.
    mutating func take(_ byte: UInt8) -> Int? {
        let (feed, carriage, quote) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\""))
        defer { isAfterReturn = byte == carriage }
        if byte == carriage || byte == feed && !isAfterReturn { line += 1 }
        if isQuoted {
            if byte == quote { (isQuoted, hasClosed) = (false, true) } else { cell.append(byte) }
            return nil
        }
        if byte == quote, hasClosed || cell.isEmpty && !wasQuoted {
            // A doubled quote is one, and the cell goes on.
            if hasClosed { cell.append(quote) }
            (isQuoted, hasClosed, wasQuoted) = (true, false, true)
            return nil
        }
        hasClosed = false
        switch byte {
        case delimiter: return endCell() ? nil : begin
        case feed where isAfterReturn:
            begin = line
            return nil
        case feed, carriage: return endRecord()
        default:
            cell.append(byte)
            return nil
        }
    }

    /// The text has ended; the line of what cannot be read.
    mutating func finish() -> Int? {
        if isQuoted { return begin }
        return cells.isEmpty && cell.isEmpty && !wasQuoted ? nil : endRecord()
    }

    private mutating func endCell() -> Bool {
        guard let text = String(validating: cell, as: UTF8.self) else { return false }
        cells.append(text)
        cell.removeAll(keepingCapacity: true)
        (wasQuoted, hasClosed) = (false, false)
        return true
    }

    private mutating func endRecord() -> Int? {
        let isBlank = cells.isEmpty && cell.isEmpty && !wasQuoted
        let start = begin
        defer { begin = line }
        if isBlank { return nil }
        guard endCell() else { return start }
        records.append(DelimitedRecords.Record(line: start, cells: cells))
        cells.removeAll(keepingCapacity: true)
        return nil
    }
}
