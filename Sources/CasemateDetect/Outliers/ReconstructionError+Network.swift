import CasemateCore
import CasemateModels
import Foundation

extension ReconstructionError {
    /// Most numbers between two layers.
    private static var limit: Int { 4_096 }

    /// The dense layers of an ONNX file that passed the bounded reader; anything but dense layers with or without a
    /// rectifier behind them, one after the other, is refused.
    static func layers(_ file: Data, width: Int, at place: String) throws(CasemateError) -> [DenseLayer] {
        let graph = try OnnxFile(bytes: file, path: place).proto.graph
        func refuse(_ what: String) -> CasemateError {
            CasemateError(.malformed, at: place, "the autoencoder \(what)", help: "fit the detector again")
        }
        var constants: [String: OnnxTensorProto] = [:]
        for tensor in graph.initializer { constants[tensor.name] = tensor }
        func values(_ name: String, _ shape: [Int]) throws(CasemateError) -> [Float] {
            guard let tensor = constants[name], tensor.dims.map({ Int(clamping: $0) }) == shape, tensor.dataType == 1,
                let numbers = tensor.numbers, numbers.count == shape.reduce(1, *), numbers.allSatisfy(\.isFinite)
            else { throw refuse("holds a constant that is no finite float32 of the shape that is needed") }
            return numbers.map { Float($0) }
        }
        guard let input = graph.input.first(where: { constants[$0.name] == nil })?.name else {
            throw refuse("has no input")
        }
        var layers: [DenseLayer] = []
        var (last, size) = (input, width)
        var place = 0
        while place < graph.node.count {
            let node = graph.node[place]
            guard node.opType == "Gemm", node.domain.isEmpty, node.input.count == 3, node.input[0] == last,
                node.attribute.count == 1, let transposed = node.attribute("transB"), transposed.i == 1,
                let bias = constants[node.input[2]], bias.dims.count == 1, let result = node.output.first
            else { throw refuse("is no chain of dense layers") }
            let outputs = Int(clamping: bias.dims[0])
            guard (1...limit).contains(outputs), layers.count < 16 else { throw refuse("is too large") }
            let weights = try values(node.input[1], [outputs, size])
            let biases = try values(node.input[2], [outputs])
            place += 1
            last = result
            var isRectified = false
            if place < graph.node.count, graph.node[place].opType == "Relu", graph.node[place].input == [last] {
                isRectified = true
                last = graph.node[place].output.first ?? ""
                place += 1
            }
            layers.append(DenseLayer(weights: weights, biases: biases, inputs: size, isRectified: isRectified))
            size = outputs
        }
        guard !layers.isEmpty, size == width, graph.output.map(\.name) == [last] else {
            throw refuse("does not give rows of \(width) numbers back")
        }
        return layers
    }
}
