import CasemateCore
import Foundation

/// Gradients by the weights of a convolution, and weights turned for gradients by its input.
struct ConvWeights {
    /// The side that windows slide over, `[rows, group · a, …]`.
    let large: GraphValue
    /// The side with one place a window, `[rows, group · b, …]`.
    let small: GraphValue
    let geometry: ConvGeometry
    let group: Int

    /// The gradient by the weights, `[group · b, a, …]`.
    ///
    /// For each place in the window, one product of matrices a row: what the windows read there, times the other side.
    /// With few channels, the places along the last axis are put side by side first, which makes the products larger.
    /// With strides, picking values out place by place costs more than the products, and a convolution does it.
    func gradient(like weights: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let volume = geometry.kernel.reduce(1, *)
        if geometry.strides.contains(where: { $0 > 1 }), (2...32).contains(volume) {
            return byColumns(volume, weights, &builder)
        }
        return byPlaces(weights, &builder)
    }

    /// One product a row with all that the windows read, `[rows, group, a · volume, small]`, which a convolution with
    /// unit weights puts side by side.
    private func byColumns(_ volume: Int, _ weights: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let (a, b) = channels
        let count = a * group
        var units = [Double](repeating: 0, count: count * volume * volume)
        for row in 0..<count * volume { units[row * volume + row % volume] = 1 }
        let picking = builder.numbers(units, shape: [count * volume, 1] + geometry.kernel, like: large)
        let (rows, places) = (large.axes[0], geometry.small.reduce(1, *))
        let columns = builder.emit(
            "Conv", [builder.reached(large, geometry).name, picking.name], element: large.traced.element,
            axes: [rows, .fixed(count * volume)] + geometry.small.map { .fixed($0) },
            ConvRule.attributes(geometry, count) + [
                .ints("pads", geometry.before + geometry.after.map { max(0, $0) })
            ])
        let stack: [AxisLength] = group == 1 ? [] : [.fixed(group)]
        let read = builder.reshape(columns, to: [rows] + stack + [.fixed(a * volume), .fixed(places)])
        let other = builder.reshape(small, to: [rows] + stack + [.fixed(b), .fixed(places)])
        let product = builder.matmul(read, builder.swapLastAxes(other))
        let sum = builder.sum(product, [0], keepsAxes: false)
        return builder.reshape(builder.swapLastAxes(sum), to: weights.axes)
    }

    /// Channels of one group on either side.
    private var channels: (a: Int, b: Int) {
        ((large.axes[1].length ?? 1) / max(1, group), (small.axes[1].length ?? 1) / max(1, group))
    }

    private func byPlaces(_ weights: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let (a, b) = channels
        let joins = group == 1 && a < 16 && (geometry.kernel.last ?? 1) > 1
        var source = padded(&builder)
        if joins { source = joined(source, &builder) }
        let rows = large.axes[0]
        let places = geometry.small.reduce(1, *)
        let isDepthwise = group > 1 && a == 1 && b == 1
        let stack: [AxisLength] = group == 1 || isDepthwise ? [] : [.fixed(group)]
        let inner = isDepthwise ? group : joins ? a * (geometry.kernel.last ?? 1) : a
        let flat = builder.reshape(small, to: [rows] + stack + [.fixed(isDepthwise ? group : b), .fixed(places)])
        let other = isDepthwise ? flat : builder.swapLastAxes(flat)
        var parts: [GraphValue] = []
        for place in windowPlaces(joins: joins) {
            let read = builder.reshape(
                windows(source, at: place, &builder), to: [rows] + stack + [.fixed(inner), .fixed(places)])
            parts.append(
                isDepthwise
                    ? builder.sum(builder.multiply(read, other), [0, 2], keepsAxes: false)
                    : builder.sum(builder.matmul(read, other), [0], keepsAxes: false))
        }
        return ordered(builder.concatenated(parts, axis: 0), a: a, b: b, isDepthwise, weights, &builder)
    }

    /// From `[kernel…, group, a, b]` to `[group · b, a, kernel…]`.
    private func ordered(
        _ all: GraphValue, a: Int, b: Int, _ isDepthwise: Bool, _ weights: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        let kernel = geometry.kernel.map { AxisLength.fixed($0) }
        let (rank, tail) = (kernel.count, isDepthwise ? [group] : group == 1 ? [a, b] : [group, a, b])
        let apart = builder.reshape(all, to: kernel + tail.map { .fixed($0) })
        let order = isDepthwise ? [rank] : group == 1 ? [rank + 1, rank] : [rank, rank + 2, rank + 1]
        return builder.reshape(builder.transpose(apart, order + Array(0..<rank)), to: weights.axes)
    }

    /// The large side with the padding that windows read.
    private func padded(_ builder: inout GraphBuilder) -> GraphValue {
        var axes = large.axes
        for axis in 0..<geometry.rank {
            axes[axis + 2] = .fixed(geometry.large[axis] + geometry.before[axis] + geometry.after(axis))
        }
        return builder.padded(large, before: [0, 0] + geometry.before, after: [0, 0] + geometry.after, axes: axes)
    }

    /// Places in the window, the last axis fastest; with `joins`, the last axis is left out.
    private func windowPlaces(joins: Bool) -> [[Int]] {
        let axes = joins ? geometry.rank - 1 : geometry.rank
        return (0..<axes).reduce([[]]) { lists, axis in
            lists.flatMap { list in (0..<geometry.kernel[axis]).map { list + [$0] } }
        }
    }

    /// What all windows read at a place, `[rows, channels, small…]`.
    private func windows(_ source: GraphValue, at place: [Int], _ builder: inout GraphBuilder) -> GraphValue {
        let axes = Array(place.indices)
        let starts = axes.map { place[$0] * geometry.dilations[$0] }
        let ends = axes.map { starts[$0] + (geometry.small[$0] - 1) * geometry.strides[$0] + 1 }
        var lengths = source.axes
        for axis in axes { lengths[axis + 2] = .fixed(geometry.small[axis]) }
        let isWhole = axes.allSatisfy { geometry.strides[$0] == 1 } && lengths == source.axes
        if isWhole { return source }
        let settings = [starts, ends, axes.map { $0 + 2 }, axes.map { geometry.strides[$0] }]
        return builder.emit(
            "Slice", [source.name] + settings.map { builder.wholes($0).name }, element: source.traced.element,
            axes: lengths)
    }

    /// The places along the last axis as channels, `[rows, kernel · channels, …, small]`.
    private func joined(_ source: GraphValue, _ builder: inout GraphBuilder) -> GraphValue {
        let last = geometry.rank - 1
        let parts = (0..<geometry.kernel[last]).map { place -> GraphValue in
            let start = place * geometry.dilations[last]
            var lengths = source.axes
            lengths[last + 2] = .fixed(geometry.small[last])
            let end = start + (geometry.small[last] - 1) * geometry.strides[last] + 1
            let settings = [[start], [end], [last + 2], [geometry.strides[last]]]
            return builder.emit(
                "Slice", [source.name] + settings.map { builder.wholes($0).name }, element: source.traced.element,
                axes: lengths)
        }
        return builder.concatenated(parts, axis: 1)
    }

    /// Constant weights `[group · b, a, …]` as `[group · a, b, …]` with the places of the window in opposite order;
    /// `nil` when they are no constant of float32.
    static func turned(_ weights: GraphValue, group: Int, _ builder: inout GraphBuilder) -> GraphValue? {
        guard !builder.graph.parameters.contains(weights.name), let tensor = builder.graph.constants[weights.name],
            tensor.dataType == 1, let shape = weights.traced.fixedShape, group > 0, shape[0] % group == 0,
            tensor.rawData.count == shape.reduce(4, *)
        else { return nil }
        let (b, a, size) = (shape[0] / group, shape[1], shape.dropFirst(2).reduce(1, *))
        var turned = [Float](repeating: 0, count: shape.reduce(1, *))
        tensor.rawData.withUnsafeBytes { raw in
            turned.withUnsafeMutableBufferPointer { target in
                for part in 0..<group {
                    for row in 0..<b {
                        for column in 0..<a {
                            let from = ((part * b + row) * a + column) * size
                            let to = ((part * a + column) * b + row) * size
                            for place in 0..<size {
                                target[to + size - 1 - place] = raw.loadUnaligned(
                                    fromByteOffset: (from + place) * 4, as: Float.self)
                            }
                        }
                    }
                }
            }
        }
        return builder.constant(
            OnnxTensorProto(name: "", shape: [group * a, b] + shape.dropFirst(2), floats: turned))
    }
}

extension GraphBuilder {
    /// Values one behind the other along an axis.
    mutating func concatenated(_ parts: [GraphValue], axis: Int) -> GraphValue {
        if parts.count == 1 { return parts[0] }
        var axes = parts[0].axes
        axes[axis] = AxisLength(
            perRow: parts.reduce(0) { $0 + $1.axes[axis].perRow }, fixed: parts.reduce(0) { $0 + $1.axes[axis].fixed })
        return emit("Concat", parts.map(\.name), element: parts[0].traced.element, axes: axes, [.int("axis", axis)])
    }
}
