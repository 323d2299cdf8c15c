import CasemateCore

/// Folds scales and shifts by channel into the weights of the convolution or dense layer before them.
struct FusionFolding {
    private var graph: WorkGraph
    private let values: [String: TracedValue]
    private let readers: [String: Int]
    private var kept: [OnnxNodeProto] = []
    /// Place in `kept` of the node that makes each value.
    private var makers: [String: Int] = [:]

    /// Rewrites the graph; values keep their names where they are still made.
    static func fold(_ graph: inout WorkGraph, values: [String: TracedValue]) {
        var folding = FusionFolding(graph, values)
        for node in graph.nodes { folding.take(node) }
        graph = folding.graph
        graph.nodes = folding.kept
    }

    private init(_ graph: WorkGraph, _ values: [String: TracedValue]) {
        (self.graph, self.values) = (graph, values)
        readers = graph.readerCounts
    }

    private mutating func take(_ node: OnnxNodeProto) {
        if let (source, affine) = affine(node), readers[source] == 1, let place = makers[source],
            let layer = folded(kept[place], affine, output: node.output[0])
        {
            kept[place] = layer
            makers[node.output[0]] = place
            return
        }
        for name in node.output where !name.isEmpty { makers[name] = kept.count }
        kept.append(node)
    }

    /// A factor and a summand for each channel; one entry stands for all channels.
    private struct Affine {
        var scale: [Double], shift: [Double]
        func scale(_ channel: Int) -> Double { scale[scale.count == 1 ? 0 : channel] }
        func shift(_ channel: Int) -> Double { shift[shift.count == 1 ? 0 : channel] }
    }

    /// What a node does to each channel of the one value that it reads; `nil` when it does something else.
    private func affine(_ node: OnnxNodeProto) -> (String, Affine)? {
        if node.qualifiedOperator == "BatchNormalization" { return normalisation(node) }
        guard ["Add", "Sub", "Mul", "Div"].contains(node.qualifiedOperator), let a = node.given(0),
            let b = node.given(1)
        else { return nil }
        let isFirst = graph.constants[b] != nil
        let (source, other) = isFirst ? (a, b) : (b, a)
        guard let numbers = perChannel(other, of: source) else { return nil }
        switch node.opType {
        case "Add": return (source, Affine(scale: [1], shift: numbers))
        case "Mul": return (source, Affine(scale: numbers, shift: [0]))
        case "Sub" where isFirst: return (source, Affine(scale: [1], shift: numbers.map { -$0 }))
        case "Sub": return (source, Affine(scale: [-1], shift: numbers))
        case "Div" where isFirst: return (source, Affine(scale: numbers.map { 1 / $0 }, shift: [0]))
        default: return nil
        }
    }

    private func normalisation(_ node: OnnxNodeProto) -> (String, Affine)? {
        let lists = (1..<5).compactMap { node.given($0).flatMap { graph.constants[$0]?.numbers } }
        guard let source = node.given(0), lists.count == 4, let count = lists.first?.count,
            lists.allSatisfy({ $0.count == count })
        else { return nil }
        let epsilon = Double(node.float("epsilon", 1e-5))
        let scale = (0..<count).map { lists[0][$0] / (lists[3][$0] + epsilon).squareRoot() }
        return (source, Affine(scale: scale, shift: (0..<count).map { lists[1][$0] - lists[2][$0] * scale[$0] }))
    }

    /// A constant with one number, or one for each place of the second axis of a value.
    private func perChannel(_ name: String, of source: String) -> [Double]? {
        guard let tensor = graph.constants[name], let value = values[source], value.rank > 1,
            tensor.dataType == value.element, tensor.dims.count <= value.rank, let channels = value.axes[1].length
        else { return nil }
        let extra = value.rank - tensor.dims.count
        for (index, length) in tensor.dims.enumerated() where length != 1 {
            guard index + extra == 1, length == channels else { return nil }
        }
        return tensor.numbers
    }

    /// The layer with a scale and shift folded in; `nil` when it cannot take them.
    private mutating func folded(_ layer: OnnxNodeProto, _ affine: Affine, output: String) -> OnnxNodeProto? {
        guard let name = layer.given(1), let tensor = graph.constants[name], tensor.dataType == 1,
            let weights = tensor.numbers, let layout = Layout(layer, tensor.dims.map { Int($0) }),
            [1, layout.channels].contains(affine.scale.count), [1, layout.channels].contains(affine.shift.count),
            var bias = bias(layer, layout.channels)
        else { return nil }
        let scaled = weights.indices.map { weights[$0] * affine.scale(layout.channel(of: $0)) }
        for channel in bias.indices { bias[channel] = bias[channel] * affine.scale(channel) + affine.shift(channel) }
        guard (scaled + bias).allSatisfy({ Float($0).isFinite }) else { return nil }
        var result = layer.without("beta")
        result.input = [
            layer.input[0],
            graph.addConstant(
                OnnxTensorProto(name: "", shape: tensor.dims.map { Int($0) }, floats: scaled.map { Float($0) }),
                hint: "weights"),
            graph.addConstant(
                OnnxTensorProto(name: "", shape: [bias.count], floats: bias.map { Float($0) }), hint: "bias"),
        ]
        result.output = [output]
        return result
    }

    /// What a layer adds to each channel; `nil` when that is computed or differs between rows.
    private func bias(_ layer: OnnxNodeProto, _ channels: Int) -> [Double]? {
        guard let name = layer.given(2) else { return [Double](repeating: 0, count: channels) }
        guard let tensor = graph.constants[name], let numbers = tensor.numbers,
            numbers.count == 1 || numbers.count == channels && tensor.dims.last == Int64(channels)
        else { return nil }
        let beta = layer.opType == "Gemm" ? Double(layer.float("beta", 1)) : 1
        return (0..<channels).map { beta * numbers[numbers.count == 1 ? 0 : $0] }
    }

    /// Which output channel each weight of a layer belongs to.
    private struct Layout {
        let channels: Int
        private let size: Int, period: Int, stride: Int, groupSize: Int

        init?(_ layer: OnnxNodeProto, _ shape: [Int]) {
            let group = layer.int("group", 1)
            let places = shape.dropFirst(2).reduce(1, *)
            switch layer.qualifiedOperator {
            case "Conv" where shape.count > 2:
                (channels, size, period) = (shape[0], shape[1] * places, shape[0])
                (stride, groupSize) = (0, .max)
            case "ConvTranspose" where shape.count > 2 && group > 0 && shape[0] % group == 0 && shape[0] > 0:
                // why: rows are input channels, each group of which has output channels of its own.
                (channels, size, period) = (shape[1] * group, places, shape[1])
                (stride, groupSize) = (shape[1], shape[0] / group * shape[1] * places)
            case "Gemm" where shape.count == 2:
                let turns = layer.int("transB", 0) != 0
                (channels, size, period) = (shape[turns ? 0 : 1], turns ? shape[1] : 1, shape[turns ? 0 : 1])
                (stride, groupSize) = (0, .max)
            default: return nil
            }
            guard size > 0, period > 0, groupSize > 0 else { return nil }
        }
        func channel(of index: Int) -> Int { index / groupSize * stride + index / size % period }
    }
}
