import Foundation

/// Records found in a piece of a stream.
package struct RecordBatch {
    /// Where each record starts in the piece, and how long it is, line end not counted.
    package var starts: [Int] = [], lengths: [Int] = []
    /// Codes of what stands between records, in order; the last record of a batch may still lack its own.
    package var layouts: [UInt8] = []

    /// Makes one without records.
    package init() {}
    /// Forgets everything.
    package mutating func removeAll() {
        starts.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        layouts.removeAll(keepingCapacity: true)
    }
}

/// Cuts a stream into records, piece by piece, with the rules that reading data follows: RFC 4180, and blanks may stand
/// before an opening quote.
///
/// What stands between two records (the line end and blank lines) becomes a code of one byte: 0 LF, 1 CR LF, 2 CR,
/// 3 nothing, 4…255 a checksum of anything longer.
package struct RecordSplitter {
    /// Where records end.
    package enum Cutting: Hashable, Sendable {
        /// Cells with a delimiter between them.
        case delimited(UInt8, keepsBlankLines: Bool)
        /// Lines that are not blank.
        case lines
        /// Pieces of a number of bytes.
        case blocks(Int)
    }
    private let cutting: Cutting
    private let delimiter: UInt8, skipsBlank: Bool, knowsQuotes: Bool
    private var isQuoted = false
    /// How much of the unfinished record was looked at before.
    private var resume = 0
    private var isFirst = true
    /// Whether bytes of the unfinished record were taken away, and whether a quote right behind them would open a cell.
    package private(set) var isInside = false
    private var isFreshInside = true
    private var layout = Layout()

    /// Makes a splitter at the beginning of a stream.
    package init(_ cutting: Cutting) {
        self.cutting = cutting
        switch cutting {
        case .delimited(let byte, let keeps): (delimiter, skipsBlank, knowsQuotes) = (byte, !keeps, true)
        case .lines: (delimiter, skipsBlank, knowsQuotes) = (0, true, false)
        case .blocks: (delimiter, skipsBlank, knowsQuotes) = (0, false, false)
        }
    }

    /// Line ends and blank lines behind a record.
    private struct Layout {
        var ends = 0, code: UInt8 = 3, checksum: UInt32 = 0x811C_9DC5, isBegun = false
        mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
            for byte in bytes { checksum = (checksum ^ UInt32(byte)) &* 0x0100_0193 }
            if bytes.isEmpty { return }
            ends += 1
            code = bytes.count == 2 ? 1 : bytes[0] == UInt8(ascii: "\n") ? 0 : 2
        }
        var value: UInt8 { ends > 1 ? 4 + UInt8(checksum % 252) : code }
    }

    /// Finds the records that end in `bytes`, which begin where the last call said that the rest begins.
    /// - Parameter isLast: Whether the stream ends here.
    /// - Returns: Where the unfinished record begins; bytes from there on must come again, in front of what follows.
    package mutating func scan(
        _ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, into batch: inout RecordBatch
    ) -> Int {
        let rest =
            if case .blocks(let size) = cutting {
                cut(bytes, size: size, &batch)
            } else {
                knowsQuotes ? scanQuoted(bytes, isLast, &batch) : scanLines(bytes, isLast, &batch)
            }
        guard isLast else { return rest }
        if rest < bytes.count || isInside { record(bytes, rest, bytes.count, lineEnd: 0, &batch) }
        if !isFirst { batch.layouts.append(layout.value) }
        return bytes.count
    }

    /// Takes away bytes of an unfinished record that has become too long to be kept.
    /// - Returns: How many bytes at the beginning of `bytes`, which begin at the unfinished record, are taken.
    package mutating func takeAway(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let taken = min(resume, bytes.count)
        if !isQuoted { isFreshInside = isFresh(bytes, at: taken, from: 0) }
        (isInside, resume) = (isInside || taken > 0, resume - taken)
        return taken
    }

    private func cut(_ bytes: UnsafeBufferPointer<UInt8>, size: Int, _ batch: inout RecordBatch) -> Int {
        var start = 0
        while start + size <= bytes.count {
            batch.starts.append(start)
            batch.lengths.append(size)
            batch.layouts.append(3)
            start += size
        }
        return start
    }

    private mutating func record(
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, lineEnd: Int, _ batch: inout RecordBatch
    ) {
        let ending = UnsafeBufferPointer(rebasing: bytes[end..<end + lineEnd])
        if start == end, skipsBlank, !isInside {
            layout.add(ending)
            layout.isBegun = true
            return
        }
        if case .blocks = cutting {
            layout = Layout()
        } else {
            // What stands before the very first record belongs to it: to change it changes the code of the first.
            if !isFirst { batch.layouts.append(layout.value) }
            if !isFirst || !layout.isBegun { layout = Layout() }
            layout.add(ending)
        }
        (isFirst, isInside, isFreshInside) = (false, false, true)
        batch.starts.append(start)
        batch.lengths.append(end - start)
    }

    // MARK: Lines

    private mutating func scanLines(
        _ bytes: UnsafeBufferPointer<UInt8>, _ isLast: Bool, _ batch: inout RecordBatch
    ) -> Int {
        var start = 0, position = resume
        while let end = Self.find(UInt8(ascii: "\n"), in: bytes, from: position) {
            let hasReturn = end > start && bytes[end - 1] == UInt8(ascii: "\r")
            record(bytes, start, hasReturn ? end - 1 : end, lineEnd: hasReturn ? 2 : 1, &batch)
            (start, position) = (end + 1, end + 1)
        }
        // why one byte less: a carriage return there may belong to a line end that is still to come.
        resume = max(0, bytes.count - start - (isLast ? 0 : 1))
        return start
    }

    // MARK: Delimited

    private mutating func scanQuoted(
        _ bytes: UnsafeBufferPointer<UInt8>, _ isLast: Bool, _ batch: inout RecordBatch
    ) -> Int {
        let count = bytes.count
        var start = 0, position = resume
        var next = Next(bytes)
        while position < count {
            if isQuoted {
                let quote = next.quote(from: position)
                guard quote < count else {
                    position = count
                    break
                }
                if quote + 1 == count, !isLast {
                    position = quote
                    break
                }
                if quote + 1 < count, bytes[quote + 1] == UInt8(ascii: "\"") {
                    position = quote + 2
                } else {
                    (isQuoted, position) = (false, quote + 1)
                }
                continue
            }
            let end = next.lineEnd(from: position), quote = next.quote(from: position)
            if quote < end {
                isQuoted = isFresh(bytes, at: quote, from: start)
                position = quote + 1
                continue
            }
            guard end < count else {
                position = count
                break
            }
            let isReturn = bytes[end] == UInt8(ascii: "\r")
            if isReturn, end + 1 == count, !isLast {
                position = end
                break
            }
            let length = isReturn && end + 1 < count && bytes[end + 1] == UInt8(ascii: "\n") ? 2 : 1
            record(bytes, start, end, lineEnd: length, &batch)
            (start, position) = (end + length, end + length)
        }
        resume = position - start
        return start
    }

    /// Whether a quote at `position` opens a cell: only blanks stand between it and a delimiter or the record's start.
    private func isFresh(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int, from start: Int) -> Bool {
        var index = position - 1
        while index >= start, bytes[index] == UInt8(ascii: " ") { index -= 1 }
        if index < start { return isInside ? isFreshInside : true }
        // A byte order mark before the first name is no part of it.
        if isFirst, !isInside, index == start + 2, bytes[start] == 0xef, bytes[start + 1] == 0xbb, bytes[index] == 0xbf
        {
            return true
        }
        return bytes[index] == delimiter
    }

    private static func find(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, from position: Int) -> Int? {
        guard position < bytes.count, let base = bytes.baseAddress else { return nil }
        guard let found = memchr(base + position, Int32(byte), bytes.count - position) else { return nil }
        return UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
    }

    /// The next quote and line end, each looked for once.
    private struct Next {
        let bytes: UnsafeBufferPointer<UInt8>
        private var knownQuote = -1, knownFeed = -1, knownReturn = -1

        init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

        @inline(__always) private func advance(_ known: inout Int, _ byte: UInt8, _ position: Int) -> Int {
            if known < position { known = RecordSplitter.find(byte, in: bytes, from: position) ?? bytes.count }
            return known
        }
        @inline(__always) mutating func quote(from position: Int) -> Int {
            advance(&knownQuote, UInt8(ascii: "\""), position)
        }
        @inline(__always) mutating func lineEnd(from position: Int) -> Int {
            min(
                advance(&knownFeed, UInt8(ascii: "\n"), position), advance(&knownReturn, UInt8(ascii: "\r"), position))
        }
    }
}
