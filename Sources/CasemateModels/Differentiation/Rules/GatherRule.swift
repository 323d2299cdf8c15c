import CasemateCore

/// Operators that pick values by index: the gradient is added up where they were picked.
enum GatherRule: DifferentiationRule {
    static let operators = ["Gather", "GatherElements", "GatherND"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let gradient = gradients[0] else { return [] }
        let (data, indices) = (try node.input(0), try node.input(1))
        switch node.op {
        case "GatherElements":
            let axis = try node.axis("axis", 0, of: data.rank)
            return [builder.scattered(gradient, indices, axis: axis, like: data)]
        case "GatherND": return [try points(node, gradient, data, indices, &builder)]
        default: return [try slices(node, gradient, data, indices, &builder)]
        }
    }

    private static func slices(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ data: GraphValue, _ indices: GraphValue,
        _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let axis = try node.axis("axis", 0, of: data.rank)
        // The index axes become one.
        guard let count = AxisLength.product(indices.axes) else {
            throw node.unsupported("two axes of the indices depend on the batch")
        }
        var axes = data.axes
        axes[axis] = count
        let rows = builder.reshape(gradient, to: axes)
        if let run = try run(node, length: data.axes[axis].length) {
            var (before, after) = (axes.map { _ in 0 }, axes.map { _ in 0 })
            (before[axis], after[axis]) = run
            return builder.padded(rows, before: before, after: after, axes: data.axes)
        }
        if axis == 0 {
            let places = builder.reshape(indices, to: [count, .fixed(1)])
            return builder.scatteredPoints(rows, places, like: data)
        }
        var shape = axes.map { _ in AxisLength.fixed(1) }
        shape[axis] = count
        let wide = builder.expand(builder.reshape(indices, to: shape), like: rows)
        return builder.scattered(rows, wide, axis: axis, like: data)
    }

    /// What lies before and after, where the indices are constant neighbours in order, as a cut makes them.
    private static func run(_ node: DifferentiatedNode, length: Int?) throws(CasemateError) -> (Int, Int)? {
        guard let length, let list = node.constant(1)?.wholes, let first = list.first else { return nil }
        let start = Int(clamping: first < 0 ? first + Int64(length) : first)
        for (place, index) in list.enumerated() {
            guard Int(clamping: index < 0 ? index + Int64(length) : index) == start + place else { return nil }
        }
        guard start >= 0, start + list.count <= length else { throw node.unsupported("index \(first) of \(length)") }
        return (start, length - start - list.count)
    }

    private static func points(
        _ node: DifferentiatedNode, _ gradient: GraphValue, _ data: GraphValue, _ indices: GraphValue,
        _ builder: inout GraphBuilder
    ) throws(CasemateError) -> GraphValue {
        let common = node.node.int("batch_dims", 0)
        if common == 0 { return builder.scatteredPoints(gradient, indices, like: data) }
        guard common > 0, common < indices.rank, common < data.rank, let last = indices.axes.last,
            let batch = AxisLength.product(indices.axes.prefix(common)),
            let picks = AxisLength.product(indices.axes[common..<(indices.rank - 1)])
        else { throw node.unsupported("batch_dims \(common)") }
        // why: with its number in front, each sample's points are points of the whole array.
        let flat = builder.reshape(indices, to: [batch, picks, last])
        let numbers = builder.expand(builder.counted(flat), like: builder.firstColumn(flat))
        let places = builder.emit(
            "Concat", [numbers.name, flat.name], element: 7, axes: [batch, picks, .fixed(last.fixed + 1)],
            [.int("axis", 2)])
        let rest = Array(data.axes.dropFirst(common))
        let rows = builder.reshape(gradient, to: [batch, picks] + rest.dropFirst(last.fixed))
        let whole = builder.reshape(data, to: [batch] + rest)
        return builder.reshape(builder.scatteredPoints(rows, places, like: whole), to: data.axes, like: data)
    }
}

extension GraphBuilder {
    /// Adds values up at places along an axis, among zeros in the shape of another value.
    mutating func scattered(_ values: GraphValue, _ places: GraphValue, axis: Int, like other: GraphValue) -> GraphValue
    {
        emit(
            "ScatterElements", [filled(0, like: other).name, places.name, values.name], element: other.traced.element,
            axes: other.axes, [.int("axis", axis), .text("reduction", "add")])
    }
    /// Adds slices up at points, among zeros in the shape of another value.
    mutating func scatteredPoints(_ values: GraphValue, _ points: GraphValue, like other: GraphValue) -> GraphValue {
        emit(
            "ScatterND", [filled(0, like: other).name, points.name, values.name], element: other.traced.element,
            axes: other.axes, [.text("reduction", "add")])
    }
    /// `0, 1, …` along the first axis of an array of three axes, `[n, 1, 1]`.
    mutating func counted(_ a: GraphValue) -> GraphValue {
        let length = emit("Shape", [a.name], element: 7, axes: [.fixed(1)], [.int("start", 0), .int("end", 1)])
        let count = emit("Squeeze", [length.name], element: 7, axes: [])
        let (zero, one) = (whole(0), whole(1))
        let list = emit("Range", [zero.name, count.name, one.name], element: 7, axes: [a.axes[0]])
        return reshape(list, to: [a.axes[0], .fixed(1), .fixed(1)])
    }
    /// The first entry of the last axis, which stays.
    mutating func firstColumn(_ a: GraphValue) -> GraphValue {
        slice(a, axis: a.rank - 1, from: 0, to: 1, length: .fixed(1))
    }
    /// A constant whole number without axes.
    mutating func whole(_ number: Int) -> GraphValue {
        constant(OnnxTensorProto(name: "", shape: [], wholes: [Int64(number)]))
    }
}
