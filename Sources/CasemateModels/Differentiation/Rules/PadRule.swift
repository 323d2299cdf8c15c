import CasemateCore

/// Values around an array: constants, or values from inside it, whose gradients go back to where they came from.
enum PadRule: DifferentiationRule {
    static let operators = ["Pad"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let input = try node.input(0)
        let (before, after) = try pads(node, rank: input.rank)
        let mode = node.node.text("mode", "constant")
        if mode == "constant" {
            let inner = builder.padded(
                gradient, before: before.map { -$0 }, after: after.map { -$0 }, axes: input.axes)
            var result: [GraphValue?] = [node.needs(0) ? inner : nil, nil, nil]
            if node.needs(2) { result[2] = filling(try node.input(2), gradient, inner, before, after, &builder) }
            return result
        }
        guard (before + after).allSatisfy({ $0 >= 0 }) else { throw node.unsupported("mode \(mode) that cuts off") }
        var result = gradient
        for axis in 0..<input.rank where before[axis] + after[axis] > 0 {
            guard let length = input.axes[axis].length else {
                throw node.unsupported("mode \(mode) on axis \(axis), whose length depends on the batch")
            }
            let side = Side(axis: axis, length: length, before: before[axis], after: after[axis], mode: mode)
            result = try folded(result, side, node, &builder)
        }
        return [result]
    }

    private static func pads(_ node: DifferentiatedNode, rank: Int) throws(CasemateError) -> ([Int], [Int]) {
        guard let pads = try node.wholes(1) else { throw node.unsupported("pads are missing") }
        let axes = try node.wholes(3) ?? Array(0..<rank)
        guard pads.count == 2 * axes.count else { throw node.unsupported("\(pads.count) pads for \(axes.count) axes") }
        var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        for (index, given) in axes.enumerated() {
            let axis = try node.place(given, of: rank)
            (before[axis], after[axis]) = (pads[index], pads[axes.count + index])
        }
        return (before, after)
    }

    /// The constant gets what falls on the border: all of the gradient without the part inside.
    private static func filling(
        _ value: GraphValue, _ gradient: GraphValue, _ inner: GraphValue, _ before: [Int], _ after: [Int],
        _ builder: inout GraphBuilder
    ) -> GraphValue {
        // why: pads that cut off leave only part of the inside in the output.
        let kept = builder.padded(
            builder.padded(
                gradient, before: before.map { -max(0, $0) }, after: after.map { -max(0, $0) },
                axes: zip(inner.axes, zip(before, after)).map { axis, pad in
                    AxisLength(perRow: axis.perRow, fixed: axis.fixed + min(0, pad.0) + min(0, pad.1))
                }), before: before.map { _ in 0 }, after: after.map { _ in 0 }, axes: inner.axes)
        let all = builder.sum(gradient, Array(0..<gradient.rank), keepsAxes: false)
        let inside = builder.sum(kept, Array(0..<kept.rank), keepsAxes: false)
        return builder.reshape(builder.subtract(all, inside), to: value.axes)
    }

    private struct Side {
        let axis: Int, length: Int, before: Int, after: Int
        let mode: String
    }

    /// Adds the border of one axis to the values that it repeats.
    private static func folded(
        _ gradient: GraphValue, _ side: Side, _ node: DifferentiatedNode, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let (axis, length) = (side.axis, side.length)
        var result = builder.slice(
            gradient, axis: axis, from: side.before, to: side.before + length, length: .fixed(length))
        let strips = [(0, side.before, true), (side.before + length, side.after, false)]
        for (start, count, isFirst) in strips where count > 0 {
            var strip = builder.slice(gradient, axis: axis, from: start, to: start + count, length: .fixed(count))
            let place: Int
            switch side.mode {
            case "reflect":
                strip = builder.reversed(strip, axis: axis)
                place = isFirst ? 1 : length - 1 - count
            case "edge":
                strip = builder.sum(strip, [axis], keepsAxes: true)
                place = isFirst ? 0 : length - 1
            case "wrap": place = isFirst ? length - count : 0
            default: throw node.unsupported("mode '\(OnnxLook.printable(side.mode))'")
            }
            let taken = strip.axes[axis].length ?? count
            guard place >= 0, place + taken <= length else {
                throw node.unsupported("mode \(side.mode) with a border wider than the array")
            }
            var (before, after) = (result.axes.map { _ in 0 }, result.axes.map { _ in 0 })
            (before[axis], after[axis]) = (place, length - place - taken)
            result = builder.add(result, builder.padded(strip, before: before, after: after, axes: result.axes))
        }
        return result
    }
}
