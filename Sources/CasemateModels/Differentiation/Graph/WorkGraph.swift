import CasemateCore
import Foundation

/// A graph in the one form that differentiation works on: functions put in place, constants apart from the inputs and
/// in raw bytes, nodes in an order in which they can run, every value made once, operators of one version.
package struct WorkGraph: Sendable {
    /// An input that must be fed.
    package struct Input: Hashable, Sendable {
        /// Name in the graph.
        package let name: String
        /// ONNX's number of the element type.
        package var element: Int32
        /// Axes; `nil` where open.
        package var axes: [Int?]
        /// Makes an input.
        package init(name: String, element: Int32, axes: [Int?]) {
            (self.name, self.element, self.axes) = (name, element, axes)
        }
    }
    /// The file, for messages.
    package var path: String
    /// Nodes in an order in which they can run.
    package var nodes: [OnnxNodeProto] = []
    /// Constants by name.
    package var constants: [String: OnnxTensorProto] = [:]
    /// Inputs in the order of the file.
    package var inputs: [Input] = []
    /// Constants that stay as they are, because gradients by them are asked for.
    package var parameters: Set<String> = []
    /// Names of the outputs, each once.
    package var outputs: [String] = []
    /// Versions of the operator families, by domain.
    package var opsets: [String: Int] = [:]
    private var nextName = 0

    /// Makes an empty graph.
    package init(path: String) { self.path = path }

    /// A name that the graph does not have.
    mutating func freshName(_ hint: String) -> String {
        nextName += 1
        return "casemate/\(hint)/\(nextName)"
    }

    /// Adds a constant under a fresh name.
    mutating func addConstant(_ tensor: OnnxTensorProto, hint: String) -> String {
        var copy = tensor
        copy.name = freshName(hint)
        constants[copy.name] = copy
        return copy.name
    }

    /// Index of the node that makes each value.
    var makers: [String: Int] {
        var result: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for name in node.output where !name.isEmpty { result[name] = index }
        }
        return result
    }

    /// Keeps only nodes and constants that `outputs` need, and those named.
    mutating func prune(keeping names: Set<String> = []) {
        let makers = makers
        var needed = Set(outputs).union(names)
        var open = Array(needed)
        while let name = open.popLast() {
            guard let index = makers[name] else { continue }
            for input in nodes[index].input where !input.isEmpty && needed.insert(input).inserted { open.append(input) }
        }
        nodes.removeAll { node in !node.output.contains(where: needed.contains) }
        constants = constants.filter { needed.contains($0.key) }
    }

    /// The graph as an ONNX model; outputs carry no type, the engine infers it.
    package func model() -> OnnxModelProto {
        var model = OnnxModelProto()
        model.irVersion = 10
        model.producerName = "casemate"
        for (domain, version) in opsets.sorted(by: { $0.key < $1.key }) {
            var opset = OnnxOperatorSetIdProto()
            (opset.domain, opset.version) = (domain, Int64(version))
            model.opsetImport.append(opset)
        }
        var graph = OnnxGraphProto()
        graph.name = "casemate"
        graph.node = nodes
        graph.initializer = constants.sorted { $0.key < $1.key }.map(\.value)
        graph.input = inputs.map(Self.information)
        graph.output = outputs.map { name in
            var value = OnnxValueInfoProto()
            value.name = name
            return value
        }
        model.graph = graph
        return model
    }

    private static func information(_ input: Input) -> OnnxValueInfoProto {
        var value = OnnxValueInfoProto()
        value.name = input.name
        value.type.tensorType.elemType = input.element
        value.type.tensorType.shape.dim = input.axes.enumerated().map { index, length in
            var axis = OnnxTensorShapeProto.Dimension()
            if let length {
                axis.dimValue = Int64(length)
            } else {
                axis.dimParam = index == 0 ? "batch" : "axis\(index)_\(input.name)"
            }
            return axis
        }
        return value
    }
}
