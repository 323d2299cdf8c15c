import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// What cannot be differentiated: an error that names the place and what still works, never a crash.
@Suite struct GradientBadInputTests {
    private func failing(
        _ nodes: [OnnxNodeProto], constants: [OnnxTensorProto] = [], opset: Int = 17, domains: [String] = [],
        element: Int32 = 1, of output: String = "y", by name: String = "x"
    ) -> CasemateError? {
        var model = OnnxGraphTests.linear(width: 2)
        model.opsetImport[0].version = Int64(opset)
        for domain in domains {
            var family = OnnxOperatorSetIdProto()
            (family.domain, family.version) = (domain, domain == "ai.onnx.ml" ? 3 : 1)
            model.opsetImport.append(family)
        }
        model.graph.node = nodes
        model.graph.initializer = constants
        model.graph.input[0].type.tensorType.elemType = element
        return failure {
            let runtime = try OnnxFixtures.runtime.get()
            _ = try OnnxFile(bytes: model.fileBytes(), path: "made.onnx")
                .gradient(of: output, withRespectTo: [name], runtime: runtime)
        }
    }

    @Test func operatorsWithoutARuleAreNamedWithTheirNode() throws {
        var node = OnnxNodeProto("Det", ["m"], ["y"])
        node.name = "determinant"
        let square = OnnxTensorProto(name: "s", wholes: [-1, 1, 1])
        let error = try #require(
            failing([OnnxNodeProto("Reshape", ["x", "s"], ["m"]), node], constants: [square]))
        #expect(error.code == .unsupported && error.description.contains("Det"))
        #expect(error.description.contains("determinant") && error.description.contains("--access"))
        var tree = OnnxNodeProto("OneHotEncoder", ["x"], ["y"], domain: "ai.onnx.ml", [.ints("cats_int64s", [0, 1])])
        tree.name = "encoder"
        let other = try #require(failing([tree], domains: ["ai.onnx.ml"]))
        #expect(other.code == .unsupported && other.description.contains("ai.onnx.ml.OneHotEncoder"))
    }

    @Test func namesThatTheGraphDoesNotHave() {
        let nodes = [OnnxNodeProto("Relu", ["x"], ["y"])]
        #expect(failing(nodes, of: "z")?.code == .invalidSetting)
        #expect(failing(nodes, by: "v")?.code == .invalidSetting)
        let whole = [OnnxNodeProto("Cast", ["x"], ["y"], [.int("to", 7)])]
        #expect(failing(whole)?.code == .invalidSetting)
    }

    @Test func halfPrecisionAndQuantisedModels() {
        for type in [10, 16] as [Int32] {
            let error = failing([OnnxNodeProto("Add", ["x", "x"], ["y"])], element: type)
            #expect(error?.code == .unsupported && error?.description.contains("16-bit") == true)
        }
        let scale = OnnxTensorProto(name: "s", shape: [], floats: [0.1])
        let zero = OnnxTensorProto(name: "z", shape: [], type: 2, raw: Data([0]))
        let error = failing(
            [
                OnnxNodeProto("QuantizeLinear", ["x", "s", "z"], ["q"]),
                OnnxNodeProto("DequantizeLinear", ["q", "s", "z"], ["y"]),
            ], constants: [scale, zero])
        #expect(error?.code == .unsupported && error?.description.contains("quantised") == true)
    }

    @Test func controlFlow() {
        var branch = OnnxGraphProto()
        branch.name = "branch"
        branch.node = [OnnxNodeProto("Relu", ["x"], ["r"])]
        branch.output = [OnnxGraphTests.value("r", 2)]
        var (then, other) = (OnnxAttributeProto(), OnnxAttributeProto())
        (then.name, then.type, then.g) = ("then_branch", .graph, branch)
        branch.node[0].output = ["r2"]
        branch.output[0].name = "r2"
        (other.name, other.type, other.g) = ("else_branch", .graph, branch)
        let condition = OnnxTensorProto(name: "c", shape: [], type: 9, raw: Data([1]))
        let error = failing([OnnxNodeProto("If", ["c"], ["y"], [then, other])], constants: [condition])
        #expect(error?.code == .unsupported && error?.description.contains("control flow") == true)
    }

    @Test func dropoutInTrainingMode() {
        let ratio = OnnxTensorProto(name: "r", shape: [], floats: [0.5])
        let training = OnnxTensorProto(name: "t", shape: [], type: 9, raw: Data([1]))
        let error = failing([OnnxNodeProto("Dropout", ["x", "r", "t"], ["y"])], constants: [ratio, training])
        #expect(error?.description.contains("training mode") == true)
    }

    @Test func formsThatHaveNoGradient() {
        for node in [
            OnnxNodeProto("LinearRegressor", ["x"], ["y"], domain: "ai.onnx.ml", [.text("post_transform", "PROBIT")]),
            OnnxNodeProto("Normalizer", ["x"], ["y"], domain: "ai.onnx.ml", [.text("norm", "L7")]),
        ] {
            #expect(failing([node], domains: ["ai.onnx.ml"]) != nil)
        }
        #expect(failing([OnnxNodeProto("Einsum", ["m"], ["y"], [.text("equation", "ii->i")])]) != nil)
    }

    /// Graphs put together at random: an error, or a gradient graph that runs and gives the shape of the input.
    @Test func randomGraphsNeverTrap() throws {
        let runtime = try OnnxFixtures.runtime.get()
        var differentiated = 0
        for seed in 0..<800 as Range<UInt64> {
            let model = RandomGraph.model(seed: seed)
            var gradient: GradientGraph?
            let error = failure {
                let file = try OnnxFile(bytes: model.fileBytes(), path: "random.onnx")
                gradient = try file.gradient(of: "y", withRespectTo: ["x"], runtime: runtime)
            }
            if let error { #expect(!error.what.isEmpty && !error.help.isEmpty, "seed \(seed)") }
            guard let gradient else { continue }
            differentiated += 1
            let unfit = failure {
                let graph = try GraphImport.graph(of: OnnxFile(bytes: gradient.bytes, path: "gradient.onnx"))
                let session = try GraphSession(graph, runtime: runtime)
                let shape = graph.inputs.first?.axes.map { $0 ?? 5 } ?? []
                let values = (0..<shape.reduce(1, *)).map { Float($0) / 7 + 0.1 }.withUnsafeBytes { Data($0) }
                let results = try session.arrays(
                    session.inputs.map { _ in .init(element: 1, shape: shape, bytes: values) })
                guard let name = gradient.gradients["x"], let place = session.outputs.firstIndex(of: name) else {
                    throw CasemateError(.malformed, at: "gradient", "is missing", help: "")
                }
                #expect(results[place].shape == shape || session.inputs.isEmpty, "seed \(seed)")
            }
            #expect(unfit == nil, "seed \(seed): \(model.graph.node.map(\.opType))")
        }
        #expect(differentiated > 60, "only \(differentiated) of 800 graphs had a gradient")
    }
}
