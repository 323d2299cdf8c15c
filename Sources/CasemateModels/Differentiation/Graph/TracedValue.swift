/// The length of an axis as a function of the number of rows: `perRow · rows + fixed`.
package struct AxisLength: Hashable, Sendable {
    /// Growth with each row.
    package let perRow: Int
    /// Length without any row.
    package let fixed: Int
    /// A length that does not depend on the batch.
    static func fixed(_ length: Int) -> AxisLength { AxisLength(perRow: 0, fixed: length) }
    /// The length, where it does not depend on the batch.
    var length: Int? { perRow == 0 ? fixed : nil }
    /// Whether every sample has the same length here and it is 1.
    var isOne: Bool { perRow == 0 && fixed == 1 }
    /// The length for a number of rows.
    func callAsFunction(_ rows: Int) -> Int { perRow * rows + fixed }

    /// The product of lengths of which at most one depends on the batch; `nil` when more do.
    static func product(_ axes: some Sequence<AxisLength>) -> AxisLength? {
        var (perRow, fixed) = (0, 1)
        for axis in axes {
            if let length = axis.length {
                (perRow, fixed) = (perRow * length, fixed * length)
            } else if perRow == 0 {
                (perRow, fixed) = (fixed * axis.perRow, fixed * axis.fixed)
            } else {
                return nil
            }
        }
        return AxisLength(perRow: perRow, fixed: fixed)
    }

    /// The function through two measured lengths; `nil` when no whole one goes through them.
    static func through(_ first: (rows: Int, length: Int), _ second: (rows: Int, length: Int)) -> AxisLength? {
        let (rise, run) = (second.length - first.length, second.rows - first.rows)
        guard run != 0, rise % run == 0, rise / run >= 0 else { return nil }
        return AxisLength(perRow: rise / run, fixed: first.length - rise / run * first.rows)
    }
}

/// What a run of the graph showed about one of its values.
package struct TracedValue: Hashable, Sendable {
    /// ONNX's number of the element type.
    package let element: Int32
    /// Length of each axis.
    package let axes: [AxisLength]
    /// Number of axes.
    var rank: Int { axes.count }
    /// Whether it holds real numbers, through which gradients go.
    var isReal: Bool { [1, 10, 11, 16].contains(element) }
    /// Whether it holds whole numbers.
    var isWhole: Bool { [2, 3, 4, 5, 6, 7, 12, 13].contains(element) }
    /// The shape, where no axis depends on the batch.
    var fixedShape: [Int]? {
        let known = axes.compactMap(\.length)
        return known.count == axes.count ? known : nil
    }
}
