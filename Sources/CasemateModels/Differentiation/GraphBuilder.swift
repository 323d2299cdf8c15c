import CasemateCore

/// Adds nodes to a graph and knows the type and shape of what they make.
struct GraphBuilder: Sendable {
    /// The graph so far.
    var graph: WorkGraph
    /// Values by name.
    private(set) var values: [String: TracedValue]
    private var scalars: [String: String] = [:]

    /// Starts from a traced graph.
    init(_ graph: WorkGraph, values: [String: TracedValue]) { (self.graph, self.values) = (graph, values) }

    /// A value of the graph; `nil` when the trace has not seen it.
    func value(_ name: String) -> GraphValue? { values[name].map { GraphValue(name: name, traced: $0) } }

    /// Makes a value known that no node makes.
    mutating func declare(_ name: String, _ traced: TracedValue) -> GraphValue {
        values[name] = traced
        return GraphValue(name: name, traced: traced)
    }

    /// Adds a node with one output of known type and shape.
    mutating func emit(
        _ op: String, _ inputs: [String], element: Int32, axes: [AxisLength], domain: String = "",
        _ attributes: [OnnxAttributeProto] = []
    ) -> GraphValue {
        emit(op, inputs, [TracedValue(element: element, axes: axes)], domain: domain, attributes)[0]
    }

    /// Adds a node with several outputs.
    mutating func emit(
        _ op: String, _ inputs: [String], _ outputs: [TracedValue], domain: String = "",
        _ attributes: [OnnxAttributeProto] = []
    ) -> [GraphValue] {
        let made = outputs.map { GraphValue(name: graph.freshName(op), traced: $0) }
        graph.nodes.append(OnnxNodeProto(op, inputs, made.map(\.name), domain: domain, attributes))
        for value in made { values[value.name] = value.traced }
        return made
    }

    /// Adds a constant.
    mutating func constant(_ tensor: OnnxTensorProto) -> GraphValue {
        let name = graph.addConstant(tensor, hint: "constant")
        let traced = TracedValue(element: tensor.dataType, axes: tensor.dims.map { .fixed(Int($0)) })
        values[name] = traced
        return GraphValue(name: name, traced: traced)
    }

    /// A constant list of whole numbers.
    mutating func wholes(_ list: [Int]) -> GraphValue {
        let key = "i:\(list)"
        if let name = scalars[key], let known = value(name) { return known }
        let made = constant(OnnxTensorProto(name: "", wholes: list.map { Int64($0) }))
        scalars[key] = made.name
        return made
    }

    /// A constant number of the element type of `other`, without axes.
    mutating func scalar(_ number: Double, like other: GraphValue) -> GraphValue {
        let key = "\(other.traced.element):\(number)"
        if let name = scalars[key], let known = value(name) { return known }
        let made =
            other.traced.element == 11
            ? constant(OnnxTensorProto(name: "", shape: [], doubles: [number]))
            : constant(OnnxTensorProto(name: "", shape: [], floats: [Float(number)]))
        scalars[key] = made.name
        return made
    }

    /// Constant numbers of the element type of `other`.
    mutating func numbers(_ list: [Double], shape: [Int], like other: GraphValue) -> GraphValue {
        other.traced.element == 11
            ? constant(OnnxTensorProto(name: "", shape: shape, doubles: list))
            : constant(OnnxTensorProto(name: "", shape: shape, floats: list.map { Float($0) }))
    }

    /// The axes of two operands after broadcasting.
    func broadcast(_ a: [AxisLength], _ b: [AxisLength]) -> [AxisLength] {
        let rank = max(a.count, b.count)
        return (0..<rank).map { index in
            let (left, right) = (index - rank + a.count, index - rank + b.count)
            guard left >= 0 else { return b[right] }
            guard right >= 0 else { return a[left] }
            return a[left].isOne ? b[right] : a[left]
        }
    }
}
