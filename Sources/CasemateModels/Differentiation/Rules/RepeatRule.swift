import CasemateCore

/// Operators that repeat values: the gradients of all copies are summed.
enum RepeatRule: DifferentiationRule {
    static let operators = ["Expand", "Tile"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let input = try node.input(0)
        if gradient.axes.contains(.fixed(0)) { return [builder.filled(0, like: input)] }
        if node.op == "Expand" { return [builder.unbroadcast(gradient, to: input)] }
        // why: an axis of n values that is there r times is an axis of r copies before an axis of n.
        var (axes, copies): ([AxisLength], [Int]) = ([], [])
        for (before, after) in zip(input.axes, gradient.axes) {
            if before != after {
                copies.append(axes.count)
                axes.append(try count(of: before, in: after, node))
            }
            axes.append(before)
        }
        if copies.isEmpty { return [gradient] }
        let apart = builder.reshape(gradient, to: axes)
        return [builder.reshape(builder.sum(apart, copies, keepsAxes: false), to: input.axes, like: input)]
    }

    /// How often an axis is in another.
    private static func count(
        of before: AxisLength, in after: AxisLength, _ node: DifferentiatedNode
    ) throws(CasemateError) -> AxisLength {
        if before.isOne { return after }
        let (whole, part) = before.perRow == 0 ? (after.fixed, before.fixed) : (after.perRow, before.perRow)
        guard part > 0, whole % part == 0, before.perRow * (whole / part) == after.perRow,
            before.fixed * (whole / part) == after.fixed
        else { throw node.unsupported("repeats an axis as often as there are rows") }
        return .fixed(whole / part)
    }
}
