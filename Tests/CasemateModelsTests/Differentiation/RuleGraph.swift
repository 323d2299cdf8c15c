import CasemateCore
import CasemateModels
import Foundation

/// The graph of a check as a model file, plain or with the loss behind it.
struct RuleGraph {
    let check: RuleCheck
    let model: OnnxModelProto
    private let element: Int32
    private let path = "made.onnx"

    /// Writes the model with real numbers of `element` (1 or 11); with weights, the output is the loss of each sample.
    init(_ check: RuleCheck, _ values: [[Double]], element: Int32, weights: [[Double]]? = nil) throws {
        (self.check, self.element) = (check, element)
        var model = OnnxModelProto()
        model.irVersion = 8
        model.opsetImport = ([("", check.opset)] + check.domains.sorted { $0.key < $1.key }).map { domain, version in
            var opset = OnnxOperatorSetIdProto()
            (opset.domain, opset.version) = (domain, Int64(version))
            return opset
        }
        model.graph.name = "check"
        model.graph.node = check.nodes.map { element == 11 ? Self.doubled($0) : $0 }
        for (index, operand) in check.operands.enumerated() {
            if case .none = operand.content { continue }
            if operand.isConstant {
                let array = Self.array(operand, values[index], element)
                model.graph.initializer.append(
                    OnnxTensorProto(name: "x\(index)", shape: operand.shape, type: array.element, raw: array.bytes))
            } else {
                model.graph.input.append(Self.information("x\(index)", operand, element, check.isBatched))
            }
        }
        var outputs = check.outputs
        if let weights { outputs = [Self.addLoss(&model.graph, check, weights, element)] }
        model.graph.output = outputs.map { name in
            var value = OnnxValueInfoProto()
            value.name = name
            return value
        }
        self.model = model
    }

    /// The file, read by the product's own reader.
    func file() throws -> OnnxFile { try OnnxFile(bytes: model.fileBytes(), path: path) }

    /// Runs it as the engine does without any optimisation.
    func run(_ runtime: OnnxRuntime, _ values: [[Double]]) throws -> [GraphSession.Array] {
        try session(runtime).arrays(feeds(values, element: element))
    }
    func session(_ runtime: OnnxRuntime) throws -> GraphSession {
        try GraphSession(GraphImport.graph(of: file()), runtime: runtime, isOptimised: false)
    }
    func feeds(_ values: [[Double]], element: Int32 = 1) -> [GraphSession.Array] {
        zip(check.operands, values).filter { operand, _ in
            if case .none = operand.content { false } else { !operand.isConstant }
        }.map { Self.array($0, $1, element) }
    }

    /// Differentiates the loss and runs the result; the loss itself comes first.
    func gradients(_ runtime: OnnxRuntime, _ values: [[Double]]) throws -> [(name: String, values: [Double])] {
        let targets = check.operands.indices.filter { check.operands[$0].isDifferentiated }.map { "x\($0)" }
        let gradient = try file().gradient(of: "loss", withRespectTo: targets, runtime: runtime)
        let graph = try GraphImport.graph(of: OnnxFile(bytes: gradient.bytes, path: path))
        let session = try GraphSession(graph, runtime: runtime)
        let given = Dictionary(
            uniqueKeysWithValues: zip(model.graph.input.map(\.name), feeds(values, element: element)))
        let results = try session.arrays(session.inputs.compactMap { given[$0] })
        let named = Dictionary(uniqueKeysWithValues: zip(session.outputs, results.map(\.numbers)))
        return [("loss", [named[gradient.output]?.reduce(0, +) ?? .nan])]
            + targets.map { ($0, gradient.gradients[$0].flatMap { named[$0] } ?? []) }
    }

    /// Flattens every real output to a row a sample and multiplies by its weights; gives the sum's name.
    private static func addLoss(
        _ graph: inout OnnxGraphProto, _ check: RuleCheck, _ weights: [[Double]], _ element: Int32
    ) -> String {
        graph.initializer.append(OnnxTensorProto(name: "loss/shape", wholes: [check.isBatched ? 0 : 1, -1]))
        var sum: String?
        for (index, output) in check.outputs.enumerated() {
            let name = "loss/weights\(index)"
            graph.initializer.append(
                element == 11
                    ? OnnxTensorProto(name: name, shape: [weights[index].count, 1], doubles: weights[index])
                    : OnnxTensorProto(
                        name: name, shape: [weights[index].count, 1], floats: weights[index].map { Float($0) }))
            graph.node.append(OnnxNodeProto("Reshape", [output, "loss/shape"], ["loss/flat\(index)"]))
            let isLast = index + 1 == check.outputs.count
            let part = isLast && sum == nil ? "loss" : "loss/part\(index)"
            graph.node.append(OnnxNodeProto("MatMul", ["loss/flat\(index)", name], [part]))
            if let before = sum {
                let total = isLast ? "loss" : "loss/sum\(index)"
                graph.node.append(OnnxNodeProto("Add", [before, part], [total]))
                sum = total
            } else {
                sum = part
            }
        }
        return sum ?? "loss"
    }

    private static func information(
        _ name: String, _ operand: RuleCheck.Operand, _ element: Int32, _ isBatched: Bool
    ) -> OnnxValueInfoProto {
        var value = OnnxValueInfoProto()
        value.name = name
        value.type.tensorType.elemType = array(operand, [], element).element
        value.type.tensorType.shape.dim = operand.shape.enumerated().map { index, length in
            var axis = OnnxTensorShapeProto.Dimension()
            if index == 0, isBatched { axis.dimParam = "N" } else { axis.dimValue = Int64(length) }
            return axis
        }
        return value
    }

    static func array(_ operand: RuleCheck.Operand, _ values: [Double], _ element: Int32) -> GraphSession.Array {
        switch operand.content {
        case .wholes(let list):
            return .init(element: 7, shape: operand.shape, bytes: list.withUnsafeBytes { Data($0) })
        case .truths:
            return .init(element: 9, shape: operand.shape, bytes: Data(values.map { $0 == 0 ? 0 : 1 }))
        case .singles:
            return .init(element: 1, shape: operand.shape, bytes: values.map { Float($0) }.withUnsafeBytes { Data($0) })
        default:
            let bytes =
                element == 11
                ? values.withUnsafeBytes { Data($0) } : values.map { Float($0) }.withUnsafeBytes { Data($0) }
            return .init(element: element, shape: operand.shape, bytes: bytes)
        }
    }

    /// The node in double precision: casts and constants inside it too.
    private static func doubled(_ node: OnnxNodeProto) -> OnnxNodeProto {
        var node = node
        for index in node.attribute.indices {
            if node.attribute[index].name == "to" || node.attribute[index].name == "dtype", node.attribute[index].i == 1
            {
                node.attribute[index].i = 11
            }
            let tensor = node.attribute[index].t
            if node.attribute[index].hasT, tensor.dataType == 1, let numbers = tensor.numbers {
                node.attribute[index].t = OnnxTensorProto(
                    name: tensor.name, shape: tensor.dims.map { Int($0) }, doubles: numbers)
            }
        }
        return node
    }
}

/// Gradients by central differences.
struct RuleReference {
    let check: RuleCheck
    let values: [[Double]], weights: [[Double]]

    init(_ check: RuleCheck, _ values: [[Double]], _ weights: [[Double]]) {
        (self.check, self.values, self.weights) = (check, values, weights)
    }

    /// The loss, then a gradient for each operand that one is asked for.
    func gradients(_ runtime: OnnxRuntime) throws -> [[Double]] {
        let isDouble = if case .doubles = check.reference { true } else { false }
        let element: Int32 = isDouble ? 11 : 1
        // why: all operands are fed here, so that one session serves every step.
        var fed = check
        for index in fed.operands.indices where fed.operands[index].isDifferentiated {
            fed.operands[index].isConstant = false
        }
        fed.isBatched = false
        let graph = try RuleGraph(fed, values, element: element)
        let session = try graph.session(runtime)
        func loss(_ values: [[Double]]) throws -> Double {
            let outputs = try session.arrays(graph.feeds(values, element: element))
            return zip(outputs, weights).reduce(0) { total, pair in
                let numbers = pair.0.numbers
                return numbers.indices.reduce(total) { $0 + numbers[$1] * pair.1[$1 % pair.1.count] }
            }
        }
        var result = [[try loss(values)]]
        for operand in check.operands.indices where check.operands[operand].isDifferentiated {
            result.append(
                try values[operand].indices.map { place in
                    let centre = values[operand][place]
                    return try slope(at: centre) { number in
                        var moved = values
                        moved[operand][place] = number
                        return try loss(moved)
                    }
                })
        }
        return result
    }

    /// The derivative of a function of one number.
    private func slope(at centre: Double, _ value: (Double) throws -> Double) throws -> Double {
        func difference(_ step: Double) throws -> Double { try value(centre + step) - value(centre - step) }
        switch check.reference {
        case .doubles:
            let (above, below) = (centre + 1e-5 * max(1, abs(centre)), centre - 1e-5 * max(1, abs(centre)))
            return try (value(above) - value(below)) / (above - below)
        case .linear: return try difference(1) / 2
        case .smooth:
            let step = 0.0625
            return try (45 * difference(step) - 9 * difference(2 * step) + difference(3 * step)) / (60 * step)
        }
    }
}
