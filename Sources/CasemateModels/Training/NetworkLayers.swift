import CasemateCore

/// Layers one behind the other, on their way to a file.
struct NetworkLayers {
    /// Axes of one sample behind the last layer.
    private(set) var shape: [Int]
    private var graph = WorkGraph(path: "network")
    private var last = "input"
    private var count = 0

    /// Starts from the input.
    init(shape: [Int]) {
        self.shape = shape
        graph.inputs = [WorkGraph.Input(name: "input", element: 1, axes: [nil] + shape.map { $0 })]
        graph.opsets[""] = 17
    }

    private mutating func add(_ op: String, _ inputs: [String] = [], _ attributes: [OnnxAttributeProto] = []) {
        count += 1
        let result = "\(op.lowercased())_\(count)"
        graph.nodes.append(OnnxNodeProto(op, [last] + inputs, [result], attributes))
        last = result
    }

    private mutating func parameters(_ weight: [Int]) -> [String] {
        let names = ["layer_\(count + 1).weight", "layer_\(count + 1).bias"]
        for (name, shape) in zip(names, [weight, [weight[0]]]) {
            let zeros = [Float](repeating: 0, count: shape.reduce(1, *))
            graph.constants[name] = OnnxTensorProto(name: name, shape: shape, floats: zeros)
        }
        return names
    }

    mutating func dense(_ width: Int) {
        add("Gemm", parameters([width, shape[0]]), [.int("transB", 1)])
        shape = [width]
    }

    mutating func convolve(_ layer: NetworkBuilder.Convolution) {
        let padding = (layer.kernel - 1) / 2
        let names = parameters([layer.channels, shape[0], layer.kernel, layer.kernel])
        add(
            "Conv", names,
            [
                .ints("kernel_shape", [layer.kernel, layer.kernel]), .ints("strides", [layer.stride, layer.stride]),
                .ints("pads", [padding, padding, padding, padding]),
            ])
        let side = { (length: Int) in
            let room = length + 2 * padding - layer.kernel
            return room < 0 ? 0 : room / layer.stride + 1
        }
        shape = [layer.channels, side(shape[1]), side(shape[2])]
    }

    mutating func pool(_ side: Int) {
        guard side > 1 else { return }
        add("MaxPool", [], [.ints("kernel_shape", [side, side]), .ints("strides", [side, side])])
        shape = [shape[0], shape[1] / side, shape[2] / side]
    }

    mutating func flatten() {
        add("Flatten", [], [.int("axis", 1)])
        shape = [shape.reduce(1, *)]
    }

    mutating func activate(_ activation: NetworkBuilder.Activation) {
        let names: [NetworkBuilder.Activation: String] = [
            .relu: "Relu", .tanh: "Tanh", .sigmoid: "Sigmoid", .elu: "Elu",
        ]
        add(names[activation] ?? "Relu")
    }

    /// The network with weights drawn from a seed.
    func file(seed: UInt64) throws -> OnnxFile {
        var graph = graph
        graph.nodes[graph.nodes.count - 1].output = ["output"]
        graph.outputs = ["output"]
        // why: in the order of the layers, so that each draws the same whatever the names sort like.
        let names = graph.nodes.flatMap(\.input).filter { graph.constants[$0] != nil }
        let store = ParameterStore(
            names.map { name in
                TrainableNetwork.Parameter(name: name, shape: graph.constants[name]?.dims.map { Int($0) } ?? [])
            })
        ParameterFilling(graph, .standard, seed: seed).fill(store)
        var model = graph.model()
        model.graph.initializer = zip(store.parameters, store.ranges).map { parameter, range in
            OnnxTensorProto(name: parameter.name, shape: parameter.shape, floats: store.values.array(range))
        }
        var output = OnnxValueInfoProto()
        output.name = "output"
        output.type.tensorType.elemType = 1
        var axis = OnnxTensorShapeProto.Dimension()
        axis.dimParam = "batch"
        output.type.tensorType.shape.dim =
            [axis]
            + shape.map { length in
                var axis = OnnxTensorShapeProto.Dimension()
                axis.dimValue = Int64(length)
                return axis
            }
        model.graph.output = [output]
        return try OnnxFile(bytes: try model.fileBytes(), path: "network.onnx")
    }
}
