import CasemateCore
import CasemateData

/// Passes over a table that profiles are made of, a few columns a stream, several streams at a time.
struct ProfileScan {
    let table: DataTable, context: RunContext
    /// Columns of one stream.
    private static let width = 8
    /// Most rows, and most values, that a sample holds.
    static let rowLimit = 200_000, cellLimit = 1 << 24

    /// Rows that samples hold: all of a small table, else one of every `n` by the seed, ascending.
    func sampleRows(columns: Int) -> [Int] {
        let most = max(1000, min(Self.rowLimit, Self.cellLimit / max(1, columns)))
        guard table.count > most else { return Array(0..<table.count) }
        // why one of every n: it follows any order of the file, and the draw breaks its rhythm.
        let step = (table.count + most - 1) / most
        var generator = SeededGenerator(seed: context.seed, stream: 0x9f0f11e)
        return stride(from: 0, to: table.count, by: step).map { start in
            start + Int.random(in: 0..<min(step, table.count - start), using: &generator)
        }
    }

    /// First pass: figures and sample of every expression.
    func accumulate(_ expressions: [String], rows: [Int]) throws -> [NumberAccumulator] {
        let blocks = Self.blocks(expressions.count)
        return try ParallelTasks.map(blocks.count, threads: context.threads) { block in
            var found = blocks[block].map { _ in NumberAccumulator(sampleSize: rows.count) }
            var next = 0
            try stream(expressions, blocks[block]) { first, count, columns in
                var end = next
                while end < rows.count, rows[end] < first + count { end += 1 }
                for (index, values) in columns.enumerated() {
                    found[index].add(values, picked: rows[next..<end], first: first)
                }
                next = end
            }
            for index in found.indices { found[index].finish() }
            return found
        }.flatMap(\.self)
    }

    /// Second pass: rows between edges, for every expression. Missing values, NaN and infinities are left out.
    func count(_ items: [(expression: String, edges: [Double])]) throws -> [[Int]] {
        let blocks = Self.blocks(items.count)
        return try ParallelTasks.map(blocks.count, threads: context.threads) { block in
            let range = blocks[block]
            var found = range.map { [Int](repeating: 0, count: items[$0].edges.count + 1) }
            try stream(items.map(\.expression), range) { _, _, columns in
                for (index, values) in columns.enumerated() {
                    Self.tally(values, items[range.lowerBound + index].edges, &found[index])
                }
            }
            return found
        }.flatMap(\.self)
    }

    /// Counts values between edges.
    static func tally(_ values: UnsafeBufferPointer<Double>, _ edges: [Double], _ counts: inout [Int]) {
        edges.withUnsafeBufferPointer { edges in
            counts.withUnsafeMutableBufferPointer { counts in
                for value in values where value.isFinite { counts[edges.position(of: value)] += 1 }
            }
        }
    }

    private static func blocks(_ count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: width).map { $0..<min($0 + width, count) }
    }

    private func stream(
        _ expressions: [String], _ block: Range<Int>,
        _ body: (_ first: Int, _ count: Int, _ columns: [UnsafeBufferPointer<Double>]) throws -> Void
    ) throws {
        let room = 1 << 14
        let buffer = UnsafeMutableBufferPointer<Double>.allocate(capacity: room * block.count)
        defer { buffer.deallocate() }
        try table.stream(Array(expressions[block])) { chunk in
            guard chunk.count <= room else {
                throw CasemateError(
                    .engineFailed, at: table.path, "DuckDB answered with unexpected rows", help: "report this as a bug")
            }
            var columns: [UnsafeBufferPointer<Double>] = []
            for column in 0..<block.count {
                let target = UnsafeMutableBufferPointer(rebasing: buffer[column * room..<column * room + chunk.count])
                try chunk.copy(column, to: target)
                columns.append(UnsafeBufferPointer(target))
            }
            try body(chunk.first, chunk.count, columns)
        }
    }
}
