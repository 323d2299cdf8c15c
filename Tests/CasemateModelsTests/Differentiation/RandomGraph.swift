import CasemateCore
import CasemateModels

/// Graphs of operators with operands and attributes drawn at random, many of which make sense.
struct RandomGraph {
    /// Operators by the number of operands that they take at least.
    private static let operators: [[String]] = [
        [
            "Neg", "Sqrt", "Exp", "Log", "Abs", "Clip", "Sign", "Floor", "Identity", "Cast", "Dropout", "Erf", "Relu",
            "LeakyRelu", "Elu", "Softplus", "Sigmoid", "Tanh", "Softmax", "LogSoftmax", "MaxPool", "AveragePool",
            "GlobalAveragePool", "LpNormalization", "Flatten", "Squeeze", "Transpose", "Split", "DepthToSpace",
            "SpaceToDepth", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceProd", "ReduceL2", "ReduceLogSumExp",
            "Trilu",
            "Shape", "ArgMax", "NonZero", "Det", "Hardmax", "Celu", "Mish", "HardSwish", "Sum", "Mean", "Min", "Max",
        ],
        [
            "Add", "Sub", "Mul", "Div", "Pow", "PRelu", "MatMul", "Gemm", "Einsum", "Conv", "Reshape", "Unsqueeze",
            "Concat", "Gather", "GatherElements", "GatherND", "Pad", "Expand", "Tile", "TopK", "CumSum", "Mod", "Equal",
            "LayerNormalization", "ReduceSum", "Squeeze",
        ],
        ["Where", "Slice", "Clip", "ScatterElements", "ScatterND", "Resize", "Range", "Conv", "Gemm"],
    ]
    private static let attributes = [
        "axis", "axes", "perm", "keepdims", "alpha", "blocksize", "kernel_shape", "pads", "strides", "group", "to",
        "mode",
        "equation", "k", "split", "num_outputs", "batch_dims", "exclusive", "p", "min", "max", "starts", "ends",
        "reduction", "transA",
    ]

    private var generator: SeededGenerator

    private mutating func below(_ bound: Int) -> Int { Int(generator.next() % UInt64(max(1, bound))) }

    /// A model with input `x` and output `y`.
    static func model(seed: UInt64) -> OnnxModelProto {
        var draw = RandomGraph(generator: SeededGenerator(seed: seed, stream: 0xF022))
        return draw.model()
    }

    private mutating func model() -> OnnxModelProto {
        var model = OnnxGraphTests.linear(width: 2)
        model.opsetImport[0].version = Int64([9, 11, 13, 17, 18, 21][below(6)])
        model.graph.input[0].type.tensorType.shape.dim = [0, 4, 4, 4].prefix(2 + below(3)).map { length in
            var axis = OnnxTensorShapeProto.Dimension()
            if length == 0 { axis.dimParam = "N" } else { axis.dimValue = Int64(length) }
            return axis
        }
        model.graph.initializer = [
            OnnxTensorProto(name: "f", shape: [4], floats: [0.5, -1, 2, 0]),
            OnnxTensorProto(name: "m", shape: [4, 4], floats: (0..<16).map { Float($0) / 8 - 1 }),
            OnnxTensorProto(name: "s", shape: [], floats: [0.5]),
            OnnxTensorProto(name: "i", wholes: [Int64(below(5)) - 2]),
            OnnxTensorProto(name: "ii", wholes: [Int64(below(4)) - 1, Int64(below(4)) - 1]),
            OnnxTensorProto(name: "big", wholes: [Int64.max, Int64.min]),
        ]
        model.graph.node = []
        var names = ["x", "f", "m", "s", "x", "f", "m", "i", "ii", "x"]
        names += [below(9) == 0 ? "" : "s", below(9) == 0 ? "big" : "x"]
        let count = 1 + below(5)
        for index in 0..<count {
            let output = index + 1 == count ? "y" : "v\(index)"
            model.graph.node.append(node(names, output, isFirst: index == 0))
            names.append(output)
        }
        return model
    }

    private mutating func node(_ names: [String], _ output: String, isFirst: Bool) -> OnnxNodeProto {
        let arity = below(6) < 4 ? below(2) : 2
        let op = Self.operators[arity][below(Self.operators[arity].count)]
        // The first operand is the input or the value before, mostly.
        let isNear = isFirst || below(3) > 0
        var inputs = [isNear ? names[below(2) == 0 ? 0 : names.count - 1] : names[below(names.count)]]
        for _ in 0..<(arity + (below(5) == 0 ? 1 : 0)) { inputs.append(names[below(names.count)]) }
        // why: the engine ends the process when computed whole numbers are divided by 0.
        if op == "Div" || op == "Mod" { inputs = [inputs[0], below(2) == 0 ? "f" : "s"] }
        let settings = (0..<(below(3) / 2)).map { _ in setting() }
        return OnnxNodeProto(op, inputs, [output], settings)
    }

    private mutating func setting() -> OnnxAttributeProto {
        let name = Self.attributes[below(Self.attributes.count)]
        switch below(4) {
        case 0: return .int(name, below(7) - 2)
        case 1: return .ints(name, (0...below(3)).map { _ in below(7) - 2 })
        case 2: return .float(name, Float(below(7) - 2) / 2)
        default: return .text(name, ["ij->ji", "reflect", "...i->...", "CRD", "add", "ij,jk"][below(6)])
        }
    }
}
