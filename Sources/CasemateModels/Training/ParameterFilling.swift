import CasemateCore

/// Draws new values for parameters from what the nodes do that read them.
struct ParameterFilling {
    private let kind: ParameterInitialisation
    private let seed: UInt64
    private var roles: [String: Role] = [:]
    private let sampler = NormalSampler()

    /// What a parameter is for.
    private enum Role {
        /// Multiplies inputs; numbers of inputs of an output and of outputs of an input.
        case weight(inputs: Int, outputs: Int)
        /// Is added to the outputs of a layer with so many inputs.
        case bias(inputs: Int)
        /// Stays at one number: scales and shifts of normalisation, slopes.
        case constant(Float)
        /// A table of vectors.
        case table
    }

    /// - Parameter graph: The imported graph, which holds the parameters as constants.
    init(_ graph: WorkGraph, _ kind: ParameterInitialisation, seed: UInt64) {
        (self.kind, self.seed) = (kind, seed)
        var shapes = graph.constants.mapValues { $0.dims.map { Int($0) } }
        /// The parameter that a value is a copy or a transpose of.
        var origins = Dictionary(uniqueKeysWithValues: graph.constants.keys.map { ($0, $0) })
        var fans: [String: Int] = [:]
        for node in graph.nodes {
            if let source = node.given(0), let origin = origins[source], let shape = shapes[source],
                ["Identity", "Transpose"].contains(node.qualifiedOperator), let result = node.output.first
            {
                let order =
                    node.opType == "Identity" ? Array(shape.indices) : node.ints("perm") ?? shape.indices.reversed()
                origins[result] = origin
                shapes[result] = order.compactMap { shape.indices.contains($0) ? shape[$0] : nil }
                continue
            }
            for (place, role) in Self.roles(of: node, shapes, fans) {
                if let name = node.given(place).flatMap({ origins[$0] }), roles[name] == nil { roles[name] = role }
            }
            if let result = node.output.first { fans[result] = Self.fan(of: node, shapes) }
        }
    }

    /// Inputs of the layer that a node is; `nil` when it is none.
    private static func fan(of node: OnnxNodeProto, _ shapes: [String: [Int]]) -> Int? {
        guard node.qualifiedOperator == "MatMul" else { return nil }
        return node.given(1).flatMap { shapes[$0] }.flatMap { $0.count > 1 ? $0[$0.count - 2] : nil }
            ?? node.given(0).flatMap { shapes[$0]?.last }
    }

    /// What a node does with its constants, by input.
    private static func roles(
        of node: OnnxNodeProto, _ shapes: [String: [Int]], _ fans: [String: Int]
    ) -> [(Int, Role)] {
        func shape(_ index: Int) -> [Int]? { node.given(index).flatMap { shapes[$0] } }
        switch node.qualifiedOperator {
        case "Conv", "ConvTranspose":
            guard let sizes = shape(1), sizes.count > 2 else { return [] }
            let window = sizes.dropFirst(2).reduce(1, *)
            // why: PyTorch counts the second axis as inputs for transposed convolutions too.
            return [
                (1, .weight(inputs: sizes[1] * window, outputs: sizes[0] * window)),
                (2, .bias(inputs: sizes[1] * window)),
            ]
        case "Gemm":
            guard let sizes = shape(1), sizes.count == 2 else { return [] }
            let isTurned = node.int("transB", 0) != 0
            let (inputs, outputs) = isTurned ? (sizes[1], sizes[0]) : (sizes[0], sizes[1])
            return [(1, .weight(inputs: inputs, outputs: outputs)), (2, .bias(inputs: inputs))]
        case "MatMul":
            if let sizes = shape(1), sizes.count > 1 {
                return [(1, .weight(inputs: sizes[sizes.count - 2], outputs: sizes[sizes.count - 1]))]
            }
            guard let sizes = shape(0), sizes.count > 1 else { return [] }
            return [(0, .weight(inputs: sizes[sizes.count - 1], outputs: sizes[sizes.count - 2]))]
        case "Add":
            let found = [0, 1].compactMap { other in node.given(1 - other).flatMap { fans[$0] }.map { (other, $0) } }
            return found.map { ($0, .bias(inputs: $1)) }
        case "BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization",
            "RMSNormalization":
            return [(1, .constant(1)), (2, .constant(0))]
        case "PRelu": return [(1, .constant(0.25))]
        case "Mul", "Div": return [(0, .constant(1)), (1, .constant(1))]
        case "Gather": return [(0, .table)]
        case "LSTM", "GRU", "RNN":
            let hidden = node.int("hidden_size") ?? shape(2)?.last ?? 1
            return (1...3).map { ($0, .bias(inputs: hidden)) }
        default: return []
        }
    }

    /// Fills all parameters; each has a stream of its own, so that none depends on which others are trained.
    func fill(_ store: ParameterStore) {
        for (index, parameter) in store.parameters.enumerated() {
            let buffer = UnsafeMutableBufferPointer(
                start: store.values.base + store.ranges[index].lowerBound, count: parameter.count)
            var generator = SeededGenerator(seed: seed, stream: 1 << 40 + UInt64(index))
            fill(buffer, parameter.shape, roles[parameter.name], &generator)
        }
    }

    private func fill(
        _ buffer: UnsafeMutableBufferPointer<Float>, _ shape: [Int], _ role: Role?, _ generator: inout SeededGenerator
    ) {
        func uniform(_ bound: Double) { generator.fillUniform(buffer, from: Float(-bound), to: Float(bound)) }
        func normal(_ deviation: Double) {
            sampler.fill(buffer, using: &generator)
            for index in buffer.indices { buffer[index] *= Float(deviation) }
        }
        switch role {
        case .weight(let inputs, let outputs):
            let (inputs, outputs) = (Double(max(1, inputs)), Double(outputs))
            switch kind {
            case .file: break
            case .standard: uniform((1 / inputs).squareRoot())
            case .he: normal((2 / inputs).squareRoot())
            case .glorot: uniform((6 / (inputs + outputs)).squareRoot())
            }
        case .bias(let inputs):
            if kind == .standard || shape.count > 1 {
                uniform((1 / Double(max(1, inputs))).squareRoot())
            } else {
                buffer.update(repeating: 0)
            }
        case .constant(let value): buffer.update(repeating: value)
        case .table: normal(1)
        // why: what is added without a layer before it, such as embeddings of places; vision transformers use this.
        case nil: if shape.count > 1 { normal(0.02) } else { buffer.update(repeating: 0) }
        }
    }
}
