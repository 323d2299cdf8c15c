import CasemateCore
import Foundation

/// Where records lie in a file of plain text.
struct RecordLocator {
    /// Bytes and line of a record.
    struct Place: Hashable, Sendable {
        /// First byte and length, without line end.
        let offset: Int, length: Int
        /// Number of its first line, from 1.
        let line: Int
    }

    /// Finds rows by number, from 0; the header does not count.
    static func places(
        of rows: Set<Int>, in file: OpenFile, form: DataForm, context: RunContext
    ) throws -> [Int: Place] {
        var locator = Walker(rows: rows, form: form)
        guard !rows.isEmpty else { return [:] }
        do {
            try file.forEachPiece(context: context, stage: "locating") { piece in
                try locator.append(piece)
            }
            try locator.walk(isLast: true)
        } catch is Walker.Done {}
        return locator.places
    }

    private struct Walker {
        struct Done: Error {}
        private let wanted: Set<Int>, last: Int
        private var splitter: RecordSplitter, batch = RecordBatch()
        private var rest: [UInt8] = []
        /// Offset of the first byte of `rest`, and of the record that is unfinished.
        private var base = 0, longStart: Int?
        private var row: Int, line = 1, counted = 0
        private(set) var places: [Int: Place] = [:]

        init(rows: Set<Int>, form: DataForm) {
            (wanted, last, splitter) = (rows, rows.max() ?? -1, RecordSplitter(form.cutting))
            row = form.hasHeader ? -1 : 0
        }

        mutating func append(_ piece: UnsafeRawBufferPointer) throws {
            rest += piece
            if rest.count >= 1 << 22 { try walk(isLast: false) }
        }

        mutating func walk(isLast: Bool) throws {
            batch.removeAll()
            let wasInside = splitter.isInside
            let begin = rest.withUnsafeBufferPointer { splitter.scan($0, isLast: isLast, into: &batch) }
            for index in batch.starts.indices {
                let isLong = index == 0 && wasInside
                let offset = isLong ? longStart ?? base : base + batch.starts[index]
                let end = base + batch.starts[index] + batch.lengths[index]
                if isLong { longStart = nil }
                // The line of a long record was counted when its beginning went by.
                if !isLong { countLines(to: offset) }
                if wanted.contains(row) { places[row] = Place(offset: offset, length: end - offset, line: line) }
                if row >= last { throw Done() }
                row += 1
            }
            countLines(to: base + begin)
            rest.removeFirst(begin)
            base += begin
            guard !isLast, rest.count > 1 << 21 || splitter.isInside else { return }
            let taken = rest.withUnsafeBufferPointer { splitter.takeAway($0) }
            longStart = longStart ?? base
            rest.removeFirst(taken)
            base += taken
        }

        /// Counts line ends up to an offset; LF, or CR alone.
        private mutating func countLines(to offset: Int) {
            var index = max(counted, base)
            while index < offset, index - base < rest.count {
                let byte = rest[index - base]
                let next = index - base + 1 < rest.count ? rest[index - base + 1] : 0
                if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") && next != UInt8(ascii: "\n") { line += 1 }
                index += 1
            }
            counted = max(counted, offset)
        }
    }
}
