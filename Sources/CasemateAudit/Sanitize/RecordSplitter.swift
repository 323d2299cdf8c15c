import Foundation

/// Finds where the records of delimited text begin, block by block: RFC 4180, quoted line breaks included, as the
/// reader of data files finds them.
///
/// The rows are those of `DataTable`: blank lines are none, but in a file of one column, where each is a missing value.
struct RecordSplitter {
    /// What begins.
    enum Start: Hashable {
        /// The first record, with the names of the columns.
        case header
        /// A data row, from 0.
        case row(Int)
        /// A blank line, which is no row.
        case blank
    }
    private enum State { case recordStart, cellStart, cell, quoted, quoteSeen }
    private enum Kind: UInt8 { case plain, delimiter, lineEnd, quote, space }

    private let kinds: [UInt8]
    private let isSingleColumn: Bool
    /// Positions of the columns whose cells are kept, ascending.
    private let kept: [Int]
    private var state = State.recordStart
    private var isAfterReturn = false, isHeaderOver = false
    private var column = 0, next = 0
    /// Rows that began.
    private(set) var rows = 0
    /// The kept cells of the record so far, with their quotes; empty for one that the record has not.
    private var cells: [[UInt8]]
    /// Most bytes that are kept of a cell.
    static let cellLimit = 4_096

    /// Makes a splitter at the beginning of a text, behind a byte order mark.
    init(delimiter: UInt8, isSingleColumn: Bool, keeping kept: [Int] = []) {
        self.isSingleColumn = isSingleColumn
        self.kept = kept
        cells = kept.map { _ in [] }
        var kinds = [UInt8](repeating: Kind.plain.rawValue, count: 256)
        for byte in "\r\n".utf8 { kinds[Int(byte)] = Kind.lineEnd.rawValue }
        kinds[Int(UInt8(ascii: "\""))] = Kind.quote.rawValue
        kinds[Int(UInt8(ascii: " "))] = Kind.space.rawValue
        kinds[Int(delimiter)] = Kind.delimiter.rawValue
        self.kinds = kinds
    }

    /// Whether the text ended inside quotes.
    var isInsideQuotes: Bool { if case .quoted = state { true } else { false } }

    /// Looks at a block.
    /// - Parameters:
    ///   - units: The block; of text with two bytes a character, one unit each with 0xFF for what is not ASCII.
    ///   - begin: Called with the position of each record's first unit.
    ///   - end: Called with the kept cells, quotes included, after a data row has ended.
    mutating func scan(
        _ units: UnsafeBufferPointer<UInt8>, begin: (Start, Int) throws -> Void, end: ([[UInt8]]) throws -> Void
    ) throws {
        var index = 0
        while index < units.count {
            switch state {
            case .recordStart:
                let byte = units[index]
                let isLineEnd = byte == 0x0a || byte == 0x0d
                if isAfterReturn, byte == 0x0a {
                    // The second half of a line end; it goes where its record went.
                    isAfterReturn = false
                    index += 1
                } else if isLineEnd, isHeaderOver, !isSingleColumn {
                    try begin(.blank, index)
                    isAfterReturn = byte == 0x0d
                    index += 1
                } else {
                    try beginRecord(at: index, begin)
                }
            case .quoted: skipQuoted(units, &index)
            case .quoteSeen:
                // A doubled quote opens again at once.
                let isDoubled = units[index] == 0x22
                state = isDoubled ? .quoted : .cell
                if isDoubled { keep(units[index...index], &index) }
            case .cellStart, .cell: try scanCells(units, &index, end)
            }
        }
    }

    /// Ends the text.
    mutating func finish(end: ([[UInt8]]) throws -> Void) throws {
        if case .recordStart = state { return }
        try endRecord(end)
    }

    private mutating func beginRecord(at index: Int, _ begin: (Start, Int) throws -> Void) throws {
        isAfterReturn = false
        try begin(isHeaderOver ? .row(rows) : .header, index)
        if isHeaderOver { rows += 1 }
        (state, column, next) = (.cellStart, 0, 0)
        for position in cells.indices { cells[position].removeAll(keepingCapacity: true) }
    }

    private mutating func endRecord(_ end: ([[UInt8]]) throws -> Void) throws {
        state = .recordStart
        if isHeaderOver { try end(cells) } else { isHeaderOver = true }
    }

    private mutating func skipQuoted(_ units: UnsafeBufferPointer<UInt8>, _ index: inout Int) {
        guard let base = units.baseAddress else { return }
        let found = memchr(base + index, 0x22, units.count - index)
        let stop = found.map { base.distance(to: $0.assumingMemoryBound(to: UInt8.self)) + 1 } ?? units.count
        if found != nil { state = .quoteSeen }
        keep(units[index..<stop], &index)
    }

    /// Goes over cells until the block, the record or the part outside of quotes ends.
    private mutating func scanCells(
        _ units: UnsafeBufferPointer<UInt8>, _ index: inout Int, _ end: ([[UInt8]]) throws -> Void
    ) throws {
        try kinds.withUnsafeBufferPointer { kinds in
            var isFresh = if case .cellStart = state { true } else { false }
            var first = index
            var at = index
            scan: while at < units.count {
                switch kinds[Int(units[at])] {
                case Kind.plain.rawValue: isFresh = false
                case Kind.space.rawValue: break
                case Kind.quote.rawValue where isFresh:
                    state = .quoted
                    keep(units[first...at], &index)
                    return
                case Kind.quote.rawValue: isFresh = false
                case Kind.delimiter.rawValue:
                    if !kept.isEmpty { keep(units[first..<at], &index) }
                    column += 1
                    first = at + 1
                    isFresh = true
                default: break scan
                }
                at += 1
            }
            keep(units[first..<at], &index)
            guard at < units.count else {
                state = isFresh ? .cellStart : .cell
                return
            }
            isAfterReturn = units[at] == 0x0d
            index = at + 1
            try endRecord(end)
        }
    }

    /// Keeps a part of a cell where its column is wanted; goes on behind it.
    private mutating func keep(_ part: Slice<UnsafeBufferPointer<UInt8>>, _ index: inout Int) {
        index = part.endIndex
        guard !kept.isEmpty else { return }
        while next < kept.count, kept[next] < column { next += 1 }
        guard next < kept.count, kept[next] == column else { return }
        let room = Self.cellLimit - cells[next].count
        if room > 0 { cells[next] += part.prefix(room) }
    }
}
