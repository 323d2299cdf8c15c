/// Finds cells and records in delimited text: RFC 4180, and blanks may stand before an opening quote.
struct DelimitedScanner {
    private let bytes: ArraySlice<UInt8>, delimiter: UInt8, isWhole: Bool

    /// `isWhole` says that the text ends where `bytes` end, so that the last record needs no line end.
    init(_ bytes: ArraySlice<UInt8>, delimiter: UInt8, isWhole: Bool) {
        (self.bytes, self.delimiter, self.isWhole) = (bytes, delimiter, isWhole)
    }

    /// The first complete records; cells keep their quotes.
    func records(limit: Int) -> [[ArraySlice<UInt8>]] {
        var records: [[ArraySlice<UInt8>]] = [], record: [ArraySlice<UInt8>] = []
        scan { cell, endsRecord in
            record.append(cell)
            if endsRecord {
                records.append(record)
                record = []
            }
            return records.count < limit
        }
        return records
    }

    /// Number of records that are not blank lines.
    func count() -> Int {
        var count = 0, cells = 0, isBlank = true
        scan { cell, endsRecord in
            cells += 1
            isBlank = isBlank && cells == 1 && cell.isEmpty
            if endsRecord {
                count += isBlank ? 0 : 1
                (cells, isBlank) = (0, true)
            }
            return true
        }
        return count
    }

    /// Hands over each cell with whether it ends a record, until `body` answers false.
    @inline(__always) private func scan(_ body: (ArraySlice<UInt8>, Bool) -> Bool) {
        let quote = UInt8(ascii: "\""), lineFeed = UInt8(ascii: "\n"), carriageReturn = UInt8(ascii: "\r")
        var start = bytes.startIndex, index = bytes.startIndex
        var isQuoted = false, isFresh = true, hasCells = false
        while index < bytes.endIndex {
            let byte = bytes[index]
            if isQuoted {
                if byte == quote {
                    // A doubled quote opens again at once.
                    isQuoted = false
                    if index + 1 < bytes.endIndex, bytes[index + 1] == quote { (isQuoted, index) = (true, index + 1) }
                }
            } else if byte == quote, isFresh {
                (isQuoted, isFresh) = (true, false)
            } else if byte == delimiter {
                guard body(bytes[start..<index], false) else { return }
                (start, isFresh, hasCells) = (index + 1, true, true)
            } else if byte == lineFeed || byte == carriageReturn {
                let end = index
                if byte == carriageReturn, index + 1 < bytes.endIndex, bytes[index + 1] == lineFeed { index += 1 }
                guard body(bytes[start..<end], true) else { return }
                (start, isFresh, hasCells) = (index + 1, true, false)
            } else if byte != UInt8(ascii: " ") {
                isFresh = false
            }
            index += 1
        }
        if isWhole, start < bytes.endIndex || hasCells { _ = body(bytes[start...], true) }
    }
}
