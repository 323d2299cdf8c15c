public import CasemateCore
import Foundation
import Synchronization

/// Walks many rows through many trees: flat cells, rows in tiles, eight rows of a tile at a time, tiles over threads.
///
/// A comparison becomes `value <= threshold` in a cell of 16 bytes, without a branch; a leaf leads to itself, so that
/// eight rows go down together. Rows are turned into tiles of the columns that the trees test; a column that some node
/// sends its missing values down the true branch of stands in a tile a second time, with -∞ for NaN, so that walks need
/// no test for NaN. Each row's sum is made in the order of the trees by one thread: the same bytes for every number.
public struct TreeScorer: Sendable {
    /// A comparison: where a row goes from here.
    struct Cell {
        var threshold: Float
        /// Where the column's values begin in a tile.
        var offset: UInt32
        /// Next cell where the value is at most the threshold, and otherwise.
        var yes: UInt32, no: UInt32
    }
    /// How a tree is walked and added up.
    struct Plan {
        let root: UInt32
        /// Comparisons on its longest path.
        let depth: Int32
        /// Whether a node is no comparison by size, which the walk of eight rows cannot take.
        let isOdd: Bool
        /// The only output that its leaves add to, one weight each; -1 where they differ.
        let output: Int32
    }

    /// The trees.
    public let ensemble: TreeEnsemble
    /// Cells, in the order of the ensemble's nodes.
    let cells: [Cell]
    /// What each leaf adds where it adds one number.
    let values: [Double]
    let plans: [Plan]
    /// The sets of the ensemble, one after the other, and where each begins, with the end behind the last.
    let setWords: [UInt32], setStart: [Int]
    /// The columns of a tile: where they are in a row, and whether NaN becomes -∞.
    let columns: [(source: Int32, isLow: Bool)]
    /// Rows of a tile; a multiple of 8.
    let tileRows: Int

    /// Rows of one piece of work.
    static let pieceRows = 2_048

    /// Lays out the trees; takes time and memory in proportion to their nodes.
    public init(_ ensemble: TreeEnsemble) {
        self.ensemble = ensemble
        var layout = Layout(ensemble)
        setWords = Array(ensemble.sets.joined())
        setStart = ensemble.sets.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        columns = layout.columns
        tileRows = layout.tileRows
        cells = layout.cells()
        values = layout.values()
        plans = layout.plans()
    }

    /// The numbers that answers are made of, `[count, outputs]`, as `TreeEnsemble.sums` gives them.
    /// - Parameters:
    ///   - rows: `[count, width]` row-major, NaN for missing.
    ///   - width: Values a row.
    ///   - threads: Threads that work on the rows.
    ///   - cancellation: Looked at every two thousand rows.
    /// - Throws: `mismatch` when the values make no whole rows or a row is too short, `Cancelled`.
    public func sums(
        _ rows: [Float], width: Int, threads: Int = 1, cancellation: Cancellation = Cancellation()
    ) throws -> [Double] {
        let count = try ensemble.count(of: rows, width: width)
        guard ensemble.form.aggregate == .sum else {
            return ensemble.sums(try leaves(rows, width: width, threads: threads, cancellation: cancellation))
        }
        let outputs = ensemble.form.outputs
        var result = [Double](repeating: 0, count: count * outputs)
        try result.withUnsafeMutableBufferPointer { result in
            // why: every tile writes the rows that it is given, so no two threads meet.
            nonisolated(unsafe) let result = result
            try forEachTile(rows, width: width, threads: threads, cancellation) { start, count, scratch in
                add(count, scratch)
                for row in 0..<count {
                    for output in 0..<outputs {
                        result[(start + row) * outputs + output] = scratch.sums[output * tileRows + row]
                    }
                }
            }
        }
        return result
    }

    /// The leaf that each row ends in, as `TreeEnsemble.leaves` gives them.
    /// - Throws: as `sums`.
    public func leaves(
        _ rows: [Float], width: Int, threads: Int = 1, cancellation: Cancellation = Cancellation()
    ) throws -> [Int32] {
        let count = try ensemble.count(of: rows, width: width)
        let trees = plans.count
        var result = [Int32](repeating: 0, count: count * trees)
        try result.withUnsafeMutableBufferPointer { result in
            nonisolated(unsafe) let result = result
            try forEachTile(rows, width: width, threads: threads, cancellation) { start, count, scratch in
                for tree in 0..<trees {
                    walk(plans[tree], count, scratch)
                    for row in 0..<count { result[(start + row) * trees + tree] = Int32(scratch.found[row]) }
                }
            }
        }
        return result
    }

    // MARK: Tiles

    /// Gives each tile of rows, turned, to `body`: the first row, the number of rows, and room to work.
    func forEachTile(
        _ rows: [Float], width: Int, threads: Int, _ cancellation: Cancellation,
        _ body: @escaping @Sendable (Int, Int, borrowing TreeScratch) -> Void
    ) throws {
        let count = width > 0 ? rows.count / width : 0
        let pieces = (count + Self.pieceRows - 1) / Self.pieceRows
        try rows.withUnsafeBufferPointer { rows in
            nonisolated(unsafe) let rows = rows
            try Self.run(pieces, threads: threads) { next in
                let scratch = TreeScratch(self)
                while let piece = next() {
                    try cancellation.check()
                    let end = min(count, (piece + 1) * Self.pieceRows)
                    for start in stride(from: piece * Self.pieceRows, to: end, by: tileRows) {
                        let size = min(tileRows, end - start)
                        turn(rows, width: width, start, size, scratch)
                        body(start, size, scratch)
                    }
                }
            }
        }
    }

    /// Runs `part` on several threads, each taking pieces until none is left.
    private static func run(
        _ pieces: Int, threads: Int, _ part: @escaping @Sendable (() -> Int?) throws -> Void
    ) throws {
        let next = Atomic<Int>(0)
        let failure = Mutex<(any Error)?>(nil)
        let work = { @Sendable in
            do {
                try part {
                    let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    return piece < pieces && failure.withLock { $0 == nil } ? piece : nil
                }
            } catch { failure.withLock { $0 = $0 ?? error } }
        }
        let others = DispatchGroup()
        // why: threads of our own, because work on the shared queues would keep a timer that cancels from running.
        for _ in 1..<max(1, min(threads, pieces)) {
            others.enter()
            Thread.detachNewThread {
                work()
                others.leave()
            }
        }
        work()
        others.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// Copies the columns that trees test, one after the other; rows that are not there are 0.
    private func turn(
        _ rows: UnsafeBufferPointer<Float>, width: Int, _ start: Int, _ size: Int, _ scratch: borrowing TreeScratch
    ) {
        for (index, column) in columns.enumerated() {
            let target = scratch.tile + index * tileRows
            var source = start * width + Int(column.source)
            for row in 0..<size {
                let value = rows[source]
                target[row] = column.isLow && value.isNaN ? -.infinity : value
                source += width
            }
        }
    }
}

/// Room for one thread's tile.
struct TreeScratch: ~Copyable {
    /// `[columns, tileRows]` values.
    let tile: UnsafeMutablePointer<Float>
    /// The cell that each row ends in.
    let found: UnsafeMutablePointer<UInt32>
    /// `[outputs, tileRows]` sums.
    let sums: UnsafeMutablePointer<Double>

    init(_ scorer: borrowing TreeScorer) {
        let rows = scorer.tileRows
        tile = .allocate(capacity: max(1, scorer.columns.count) * rows)
        tile.initialize(repeating: 0, count: max(1, scorer.columns.count) * rows)
        found = .allocate(capacity: rows)
        found.initialize(repeating: 0, count: rows)
        sums = .allocate(capacity: scorer.ensemble.form.outputs * rows)
        sums.initialize(repeating: 0, count: scorer.ensemble.form.outputs * rows)
    }
    deinit {
        tile.deallocate()
        found.deallocate()
        sums.deallocate()
    }
}

extension TreeEnsemble {
    /// Number of rows in values, checked.
    func count(of rows: [Float], width: Int) throws(CasemateError) -> Int {
        guard width >= self.width, width > 0, rows.count.isMultiple(of: width) else {
            throw CasemateError(
                .mismatch, at: "trees", "\(rows.count) values do not make rows of \(width) for \(self.width) columns",
                help: "give every row the columns of the trees' input")
        }
        return rows.count / width
    }
}
