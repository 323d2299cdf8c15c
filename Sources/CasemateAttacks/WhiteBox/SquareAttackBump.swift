package import CasemateCore

/// The pattern that the L2 and L1 forms of the Square attack add in a window: a hill in one half, a pit in the other.
///
/// Each half is a sum of nested rectangles `1 / (k + 1)²` from the centre outwards. Source: Andriushchenko et al., ECCV
/// 2020 (arXiv 1912.00049), equation 2 and Algorithm 3.
package enum SquareAttackBump {
    /// The pattern with norm 1, `[rows, columns]` row-major; halves lie one above the other or, as often, side by side.
    package static func pattern(
        rows: Int, columns: Int, norm: PerturbationSet.Norm, using generator: inout SeededGenerator
    ) -> [Float] {
        let isTurned = generator.next() >> 63 == 1
        var values = [Float](repeating: 0, count: rows * columns)
        // why: a window of one row or column has only one way to be halved
        if (isTurned && columns > 1) || rows == 1 {
            let half = columns / 2
            add(1, top: 0, left: 0, rows: rows, columns: half, width: columns, &values)
            add(-1, top: 0, left: half, rows: rows, columns: columns - half, width: columns, &values)
        } else {
            let half = rows / 2
            add(1, top: 0, left: 0, rows: half, columns: columns, width: columns, &values)
            add(-1, top: half, left: 0, rows: rows - half, columns: columns, width: columns, &values)
        }
        let size = values.withUnsafeBufferPointer { values in
            values.baseAddress.map { MinimumNormVectors.norm(norm, $0, count: values.count) } ?? 0
        }
        if size > 0 { for index in values.indices { values[index] /= Float(size) } }
        return values
    }

    /// Adds one hill of L2 norm `sign`, so that both halves weigh the same.
    private static func add(
        _ sign: Float, top: Int, left: Int, rows: Int, columns: Int, width: Int, _ values: inout [Float]
    ) {
        guard rows > 0, columns > 0 else { return }
        let (middleRow, middleColumn) = (rows / 2, columns / 2)
        // why: a value lies in all rectangles from the ring of its own distance outwards
        var heights = [Float](repeating: 0, count: max(middleRow, middleColumn) + 2)
        for ring in (0...max(middleRow, middleColumn)).reversed() {
            heights[ring] = heights[ring + 1] + 1 / Float((ring + 1) * (ring + 1))
        }
        var hill = [Float](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for column in 0..<columns {
                hill[row * columns + column] = heights[max(abs(row - middleRow), abs(column - middleColumn))]
            }
        }
        let scale = sign / hill.reduce(0) { $0 + $1 * $1 }.squareRoot()
        for row in 0..<rows {
            for column in 0..<columns {
                values[(top + row) * width + left + column] = scale * hill[row * columns + column]
            }
        }
    }
}
