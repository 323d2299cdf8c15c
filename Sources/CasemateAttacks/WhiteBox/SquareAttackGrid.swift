package import CasemateCore

/// One sample as channels of a plane, whatever the order of its axes: where the windows of the Square attack lie.
///
/// `[C, H, W]` is read as written; `[H, W, C]` when only the last axis is at most 4; `[H, W]` has one channel; `[F]` is
/// a plane of one row, so that windows are segments; with more than three axes the first are the channels' and the last
/// the columns', all between are rows.
package struct SquareAttackGrid: Hashable, Sendable {
    /// Channels, rows and columns.
    package let channels: Int, height: Int, width: Int
    private let channelStride: Int, rowStride: Int, columnStride: Int

    /// Reads the axes of one sample.
    package init(shape: [Int]) {
        let size = shape.reduce(1, *)
        let isChannelLast = shape.count == 3 && shape[2] <= 4 && shape[0] > 4
        if isChannelLast {
            (channels, height, width) = (shape[2], shape[0], shape[1])
            (channelStride, rowStride, columnStride) = (1, shape[1] * shape[2], shape[2])
        } else {
            channels = shape.count >= 3 ? shape[0] : 1
            width = max(1, shape.last ?? 1)
            height = max(1, size / max(1, channels * width))
            (channelStride, rowStride, columnStride) = (height * width, width, 1)
        }
    }

    /// Where a value lies in the row.
    @inline(__always)
    package func offset(_ channel: Int, _ row: Int, _ column: Int) -> Int {
        channel * channelStride + row * rowStride + column * columnStride
    }

    /// Rows and columns of a window that covers about the share `p` of the plane: a square where it fits, else as many
    /// rows as there are and more columns, or the other way round.
    /// - Parameter fewest: Smallest side, 1 or 3, given up where the plane is smaller.
    package func window(share p: Double, fewest: Int) -> (rows: Int, columns: Int) {
        let area = p * Double(height) * Double(width)
        let side = max(Int(area.squareRoot().rounded()), fewest)
        func other(_ first: Int, _ limit: Int) -> Int {
            min(limit, max(Int((area / Double(first)).rounded()), min(fewest, limit)))
        }
        if side > height { return (height, other(height, width)) }
        if side > width { return (other(width, height), width) }
        return (side, side)
    }
}

/// A rectangle of the plane of a `SquareAttackGrid`.
package struct SquareAttackWindow: Hashable, Sendable {
    /// First row and column, number of rows and columns.
    package let top: Int, left: Int, rows: Int, columns: Int

    /// Lies anywhere in the grid with the same probability.
    package init(
        rows: Int, columns: Int, in grid: SquareAttackGrid, using generator: inout SeededGenerator
    ) {
        (self.rows, self.columns) = (rows, columns)
        top = Int.random(in: 0...max(0, grid.height - rows), using: &generator)
        left = Int.random(in: 0...max(0, grid.width - columns), using: &generator)
    }
    /// Lies at a place.
    package init(top: Int, left: Int, rows: Int, columns: Int) {
        (self.top, self.left, self.rows, self.columns) = (top, left, rows, columns)
    }

    /// What lies in both windows; `nil` when nothing does.
    func overlap(_ other: SquareAttackWindow) -> SquareAttackWindow? {
        let (top, left) = (max(top, other.top), max(left, other.left))
        let rows = min(self.top + self.rows, other.top + other.rows) - top
        let columns = min(self.left + self.columns, other.left + other.columns) - left
        guard rows > 0, columns > 0 else { return nil }
        return SquareAttackWindow(top: top, left: left, rows: rows, columns: columns)
    }

    /// Calls `body` with the offset of every value of a channel, row by row.
    @inline(__always)
    package func forEach(_ channel: Int, _ grid: SquareAttackGrid, _ body: (Int) -> Void) {
        for row in top..<top + rows {
            for column in left..<left + columns { body(grid.offset(channel, row, column)) }
        }
    }
}
