import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// What the reader says about files: facts, and the defects that fixtures do not show.
@Suite struct OnnxGraphTests {
    /// `y = x w`: the smallest model.
    static func linear(width: Int = 4, outputs: Int = 2) -> OnnxModelProto {
        var model = OnnxModelProto()
        model.irVersion = 8
        var opset = OnnxOperatorSetIdProto()
        opset.version = 17
        model.opsetImport = [opset]
        var weights = OnnxTensorProto()
        weights.name = "w"
        weights.dims = [Int64(width), Int64(outputs)]
        weights.dataType = 1
        weights.rawData = Data(
            (0..<width * outputs).map { Float($0 % 7) / Float(3 * width) }.flatMap { value in
                withUnsafeBytes(of: value) { Array($0) }
            })
        model.graph.initializer = [weights]
        model.graph.node = [node("MatMul", ["x", "w"], ["y"])]
        model.graph.input = [value("x", width)]
        model.graph.output = [value("y", outputs)]
        return model
    }
    static func node(_ type: String, _ inputs: [String], _ outputs: [String]) -> OnnxNodeProto {
        var node = OnnxNodeProto()
        (node.opType, node.input, node.output) = (type, inputs, outputs)
        return node
    }
    static func value(_ name: String, _ width: Int) -> OnnxValueInfoProto {
        var value = OnnxValueInfoProto()
        value.name = name
        value.type.tensorType.elemType = 1
        var batch = OnnxTensorShapeProto.Dimension()
        batch.dimParam = "N"
        var last = OnnxTensorShapeProto.Dimension()
        last.dimValue = Int64(width)
        value.type.tensorType.shape.dim = [batch, last]
        return value
    }
    private func error(_ change: (inout OnnxModelProto) -> Void, limits: OnnxLimits = .init()) -> CasemateError? {
        var model = Self.linear()
        change(&model)
        return failure { _ = try OnnxFile(bytes: model.fileBytes(), path: "/tmp/made.onnx", limits: limits) }
    }

    @Test func factsAreThoseOfTheFile() throws {
        let file = try OnnxFile(path: Repository.path("Tests/Fixtures/models/sk_columns_logistic.onnx"))
        #expect(file.inputs.map(\.name) == ["income", "debt_ratio", "occupation", "children"])
        #expect(file.inputs[2].type.description == "string [?,1]")
        #expect(file.outputs.map(\.type.description) == ["string [?]", "sequence of map from string to float"])
        #expect(Set(file.opsets.map(\.domain)) == ["ai.onnx", "ai.onnx.ml"])
        #expect(file.operators.contains { $0.name == "ZipMap" && $0.domain == "ai.onnx.ml" && $0.count == 1 })
        #expect(file.nodeCount == file.operators.map(\.count).reduce(0, +))
        let external = try OnnxFile(path: Repository.path("Tests/Fixtures/models/external_data_inside.onnx"))
        #expect(external.externalFiles.map(\.location) == ["external_data_inside.bin"])
        #expect(external.parameterCount == 4 * 6 + 6 + 6 * 2 + 2)
        let old = try OnnxFile(path: Repository.path("Tests/Fixtures/models/torch_ir3_initialisers_as_inputs.onnx"))
        #expect(old.irVersion == 3 && old.inputs.count == 1 && old.warnings.count == 1)
    }

    @Test func theUntouchedModelPasses() { #expect(error { _ in } == nil) }

    @Test func nodesOutOfOrderAreAWarningAndRun() throws {
        var model = Self.linear()
        model.graph.node = [Self.node("Relu", ["h"], ["y"]), Self.node("MatMul", ["x", "w"], ["h"])]
        let file = try OnnxFile(bytes: model.fileBytes(), path: "/tmp/made.onnx")
        #expect(file.warnings.contains { $0.contains("not in order") })
    }

    @Test func graphsInNodesAreWalked() throws {
        var inner = OnnxGraphProto()
        inner.node = [Self.node("Identity", ["outer"], ["leaf"])]
        inner.output = [Self.value("leaf", 2)]
        func branching(_ change: (inout OnnxGraphProto) -> Void) -> (inout OnnxModelProto) -> Void {
            var graph = inner
            change(&graph)
            return { model in
                var node = Self.node("If", ["c"], ["y"])
                for name in ["then_branch", "else_branch"] {
                    var attribute = OnnxAttributeProto()
                    (attribute.name, attribute.type, attribute.g) = (name, .graph, graph)
                    node.attribute.append(attribute)
                }
                var flag = OnnxTensorProto()
                (flag.name, flag.dataType, flag.rawData) = ("c", 9, Data([1]))
                model.graph.initializer.append(flag)
                model.graph.node = [Self.node("MatMul", ["x", "w"], ["outer"]), node]
            }
        }
        #expect(error(branching { _ in }) == nil)
        let dangling = error(branching { $0.node[0].input = ["nowhere"] })
        #expect(dangling?.code == .malformed && dangling?.what.contains("'nowhere'") == true)
        // The branch reads what the node around it makes.
        let loop = error(branching { $0.node[0].input = ["y"] })
        #expect(loop?.code == .malformed && loop?.what.contains("cycle") == true)
        #expect(error(branching { $0.node[0].opType = "Identiti" })?.code == .unsupported)
        var limits = OnnxLimits()
        limits.graphDepth = 0
        #expect(error(branching { _ in }, limits: limits)?.code == .limitExceeded)
    }

    @Test func functionsThatCallThemselvesOrMultiplyAreRefused() {
        func function(_ name: String, _ calls: [String]) -> OnnxFunctionProto {
            var function = OnnxFunctionProto()
            (function.name, function.domain) = (name, "own")
            (function.input, function.output) = (["a"], ["b"])
            function.node = calls.enumerated().map { index, callee in
                var node = Self.node(callee, ["a"], [index == 0 ? "b" : "b\(index)"])
                if callee != "Relu" { node.domain = "own" }
                return node
            }
            var own = OnnxOperatorSetIdProto()
            (own.domain, own.version) = ("own", 1)
            var standard = OnnxOperatorSetIdProto()
            standard.version = 17
            function.opsetImport = [standard, own]
            return function
        }
        func calling(_ functions: [OnnxFunctionProto]) -> (inout OnnxModelProto) -> Void {
            { model in
                model.functions = functions
                var own = OnnxOperatorSetIdProto()
                (own.domain, own.version) = ("own", 1)
                model.opsetImport.append(own)
                var node = Self.node("f0", ["x"], ["y"])
                node.domain = "own"
                model.graph.node = [node]
            }
        }
        #expect(error(calling([function("f0", ["Relu"])])) == nil)
        #expect(error(calling([function("f0", ["f0"])]))?.what.contains("calls itself") == true)
        let bomb = (0..<40).map { function("f\($0)", ["f\($0 + 1)", "f\($0 + 1)"]) } + [function("f40", ["Relu"])]
        #expect(error(calling(bomb))?.code == .limitExceeded)
    }

    @Test func constantsMustHoldWhatTheyClaim() {
        #expect(error { $0.graph.initializer[0].rawData.append(0) }?.code == .malformed)
        #expect(error { $0.graph.initializer[0].dims = [.max, .max] }?.code == .malformed)
        #expect(error { $0.graph.initializer[0].dims = [Int64](repeating: 1, count: 65) }?.code == .malformed)
        #expect(error { $0.graph.initializer.append($0.graph.initializer[0]) }?.code == .malformed)
        let typed = error { model in
            model.graph.initializer[0].clearRawData()
            model.graph.initializer[0].floatData = [Float](repeating: 1, count: 8)
        }
        #expect(typed == nil)
        #expect(error { $0.graph.node[0].attribute = [Self.tensorAttribute(short: true)] }?.code == .malformed)
    }
    private static func tensorAttribute(short: Bool) -> OnnxAttributeProto {
        var attribute = OnnxAttributeProto()
        (attribute.name, attribute.type) = ("value", .tensor)
        (attribute.t.dataType, attribute.t.dims, attribute.t.rawData) = (7, [2], Data(count: short ? 8 : 16))
        return attribute
    }

    @Test func externalDataMayNotLeaveTheFolder() throws {
        try Repository.withTemporaryFolder { folder in
            let files = FileManager.default
            try files.createDirectory(atPath: folder + "/model", withIntermediateDirectories: true)
            try Data(count: 32).write(to: URL(fileURLWithPath: folder + "/secret.bin"))
            try Data(count: 32).write(to: URL(fileURLWithPath: folder + "/model/inside.bin"))
            try files.createSymbolicLink(
                atPath: folder + "/model/link.bin", withDestinationPath: folder + "/secret.bin")
            try files.createSymbolicLink(atPath: folder + "/model/up", withDestinationPath: folder)
            func code(_ location: String) throws -> CasemateError.Code? {
                var model = Self.linear()
                model.graph.initializer[0].clearRawData()
                model.graph.initializer[0].dataLocation = .external
                var entry = OnnxStringStringEntryProto()
                (entry.key, entry.value) = ("location", location)
                model.graph.initializer[0].externalData = [entry]
                let path = folder + "/model/m.onnx"
                try model.fileBytes().write(to: URL(fileURLWithPath: path))
                return failure { _ = try OnnxFile(path: path) }?.code
            }
            #expect(try code("inside.bin") == nil)
            for bad in ["link.bin", "up/secret.bin", "../secret.bin", "/etc/passwd", "*/_ORT_MEM_ADDR_/*", "up"] {
                #expect(try code(bad) == .refused, "\(bad)")
            }
            #expect(try code("other.bin") == .notFound)
        }
    }

    @Test(
        arguments: [
            ([0x50, 0x4B, 0x03, 0x04, 0, 0], "zip"), ([0x89, 0x48, 0x44, 0x46, 0x0D], "HDF5"),
            ([0x80, 0x04, 0x95, 0], "pickle"), (Array("{\"a\": 1}".utf8), "JSON"),
            (Array("tree\nversion=v4\n".utf8), "LightGBM"),
            ([0x1F, 0x8B, 8, 0], "gzip"), (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "LFS"),
        ] as [([UInt8], String)])
    func otherFormatsAreNamed(bytes: [UInt8], name: String) {
        let error = failure { _ = try OnnxFile(bytes: Data(bytes), path: "model.onnx") }
        #expect(error?.code == .malformed && error?.what.contains(name) == true, "\(error?.what ?? "")")
    }

    @Test func limitsHold() {
        var limits = OnnxLimits()
        limits.nodes = 0
        #expect(error({ _ in }, limits: limits)?.code == .limitExceeded)
        limits = OnnxLimits()
        limits.fileBytes = 10
        let path = Repository.path("Tests/Fixtures/models/sk_tree.onnx")
        #expect(failure { _ = try OnnxFile(path: path, limits: limits) }?.code == .limitExceeded)
        #expect(error { $0.graph.node[0].name = String(repeating: "n", count: 5_000) }?.code == .limitExceeded)
        #expect(failure { _ = try OnnxFile(path: "/nowhere/model.onnx") }?.code == .notFound)
    }
}
