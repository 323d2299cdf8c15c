import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// What files may look like before they are differentiated: every form gives the same graph.
@Suite struct GraphImportTests {
    private static func proto(_ nodes: [OnnxNodeProto], _ constants: [OnnxTensorProto], opset: Int = 17)
        -> OnnxModelProto
    {
        var model = OnnxGraphTests.linear(width: 2)
        model.opsetImport[0].version = Int64(opset)
        model.graph.node = nodes
        model.graph.initializer = constants
        return model
    }
    private static func value(_ name: String) -> OnnxValueInfoProto { OnnxGraphTests.value(name, 2) }

    private static func file(_ model: OnnxModelProto, path: String = "made.onnx") throws -> OnnxFile {
        try OnnxFile(bytes: model.fileBytes(), path: path)
    }

    /// The gradient of the output's sum by the input, for rows `[1, 2]` and `[3, -4]`.
    private static func gradient(_ model: OnnxModelProto, path: String = "made.onnx", by name: String = "x") throws
        -> [Double]
    {
        let runtime = try OnnxFixtures.runtime.get()
        let gradient = try file(model, path: path).gradient(of: "y", withRespectTo: [name], runtime: runtime)
        let graph = try GraphImport.graph(of: OnnxFile(bytes: gradient.bytes, path: "gradient.onnx"))
        let session = try GraphSession(graph, runtime: runtime)
        let rows = [Float(1), 2, 3, -4].withUnsafeBytes { Data($0) }
        let results = try session.arrays(session.inputs.map { _ in .init(element: 1, shape: [2, 2], bytes: rows) })
        let wanted = try #require(gradient.gradients[name])
        return results[try #require(session.outputs.firstIndex(of: wanted))].numbers
    }

    private static let weights = OnnxTensorProto(name: "w", shape: [2], floats: [3, 5])
    private static let product = OnnxNodeProto("Mul", ["x", "w"], ["y"])

    @Test func constantsThatAreAlsoInputs() throws {
        var model = Self.proto([Self.product], [Self.weights])
        model.graph.input.append(OnnxGraphTests.value("w", 2))
        #expect(try Self.gradient(model) == [3, 5, 3, 5])
    }

    @Test func outputsListedTwice() throws {
        var model = Self.proto([Self.product], [Self.weights])
        model.graph.output.append(Self.value("y"))
        #expect(try Self.gradient(model) == [3, 5, 3, 5])
    }

    @Test func theStandardDomainByItsOtherName() throws {
        var node = Self.product
        node.domain = "ai.onnx"
        var model = Self.proto([node], [Self.weights])
        model.opsetImport[0].domain = "ai.onnx"
        #expect(try Self.gradient(model) == [3, 5, 3, 5])
    }

    @Test func nodesInAnyOrder() throws {
        let nodes = [
            OnnxNodeProto("Add", ["b", "a"], ["y"]), OnnxNodeProto("Mul", ["a", "w"], ["b"]),
            OnnxNodeProto("Mul", ["x", "w"], ["a"]),
        ]
        #expect(try Self.gradient(Self.proto(nodes, [Self.weights])) == [12, 30, 12, 30])
    }

    @Test func constantsAsNodes() throws {
        var floats = OnnxAttributeProto.float("value_floats", 0)
        (floats.type, floats.floats) = (.floats, [3, 5])
        for (attribute, expected) in [
            (.tensor("value", Self.weights), [3, 5, 3, 5]), (floats, [3, 5, 3, 5]),
            (.float("value_float", 7), [7, 7, 7, 7]),
        ] as [(OnnxAttributeProto, [Double])] {
            let constant = OnnxNodeProto("Constant", [], ["w"], [attribute])
            #expect(try Self.gradient(Self.proto([constant, Self.product], [])) == expected)
        }
        for attribute in [OnnxAttributeProto.ints("value_ints", [2, 3]), .int("value_int", 4)] {
            let nodes = [
                OnnxNodeProto("Constant", [], ["i"], [attribute]), OnnxNodeProto("Cast", ["i"], ["w"], [.int("to", 1)]),
                Self.product,
            ]
            let found = try Self.gradient(Self.proto(nodes, []))
            #expect(found == (attribute.name == "value_ints" ? [2, 3, 2, 3] : [4, 4, 4, 4]))
        }
    }

    @Test func functionsWithAttributesAndDefaults() throws {
        var body = OnnxFunctionProto()
        (body.domain, body.name) = ("test", "Scaled")
        (body.input, body.output, body.attribute) = (["a"], ["c", "passed"], ["alpha"])
        var opset = OnnxOperatorSetIdProto()
        opset.version = 17
        body.opsetImport = [opset]
        var reference = OnnxAttributeProto.float("value_float", 0)
        reference.refAttrName = "alpha"
        body.node = [
            OnnxNodeProto("Constant", [], ["s"], [reference]), OnnxNodeProto("Mul", ["a", "s"], ["c"]),
            OnnxNodeProto("Identity", ["a"], ["passed"]),
        ]
        var outer = OnnxFunctionProto()
        (outer.domain, outer.name, outer.input, outer.output) = ("test", "Twice", ["a"], ["b"])
        opset.domain = "test"
        opset.version = 1
        outer.opsetImport = [body.opsetImport[0], opset]
        var call = OnnxNodeProto("Scaled", ["a"], ["m", "n"], domain: "test", [.float("alpha", 4)])
        outer.node = [call, OnnxNodeProto("Add", ["m", "n"], ["b"])]
        call = OnnxNodeProto("Twice", ["x"], ["h"], domain: "test")
        let again = OnnxNodeProto("Twice", ["h"], ["y"], domain: "test")
        var model = Self.proto([call, again], [])
        model.functions = [body, outer]
        model.opsetImport.append(opset)
        #expect(try Self.gradient(model) == [25, 25, 25, 25])
    }

    @Test func externalDataInTheFolder() throws {
        try Repository.withTemporaryFolder { folder in
            let bytes = [Float(0), 3, 5].withUnsafeBytes { Data($0) }
            try bytes.write(to: URL(fileURLWithPath: folder + "/weights.bin"))
            var tensor = OnnxTensorProto()
            (tensor.name, tensor.dims, tensor.dataType, tensor.dataLocation) = ("w", [2], 1, .external)
            tensor.externalData = [("location", "weights.bin"), ("offset", "4"), ("length", "8")].map {
                var entry = OnnxStringStringEntryProto()
                (entry.key, entry.value) = $0
                return entry
            }
            let model = Self.proto([Self.product], [tensor])
            #expect(try Self.gradient(model, path: folder + "/model.onnx") == [3, 5, 3, 5])
            #expect(try Self.gradient(model, path: folder + "/model.onnx", by: "w") == [4, -2])
            let file = try Self.file(model, path: folder + "/model.onnx")
            try FileManager.default.removeItem(atPath: folder + "/weights.bin")
            let error = failure { _ = try GraphImport.graph(of: file) }
            #expect(error?.code == .unreadable && error?.description.contains("'w'") == true)
        }
    }

    /// The numbers 1 and 3 in every type, as raw bytes and in the list that the type is stored in.
    @Test(arguments: [1, 11, 6, 7, 2, 3, 4, 5, 9, 12, 13, 10, 16] as [Int32])
    func encodingsOfConstants(type: Int32) throws {
        let expected: [Double] = type == 9 ? [1, 0] : [1, 3]
        func words<Word: FixedWidthInteger>(_ words: [Word]) -> Data { words.withUnsafeBytes { Data($0) } }
        var (raw, typed) = (OnnxTensorProto(), OnnxTensorProto())
        switch type {
        case 1: (raw.rawData, typed.floatData) = ([Float(1), 3].withUnsafeBytes { Data($0) }, [1, 3])
        case 11: (raw.rawData, typed.doubleData) = ([1.0, 3].withUnsafeBytes { Data($0) }, [1, 3])
        case 7: (raw.rawData, typed.int64Data) = (words([Int64(1), 3]), [1, 3])
        case 13: (raw.rawData, typed.uint64Data) = (words([UInt64(1), 3]), [1, 3])
        case 12: (raw.rawData, typed.uint64Data) = (words([UInt32(1), 3]), [1, 3])
        case 6: (raw.rawData, typed.int32Data) = (words([Int32(1), 3]), [1, 3])
        case 4, 5: (raw.rawData, typed.int32Data) = (words([UInt16(1), 3]), [1, 3])
        case 9: (raw.rawData, typed.int32Data) = (Data([1, 0]), [1, 0])
        case 10: (raw.rawData, typed.int32Data) = (words([UInt16(0x3C00), 0x4200]), [0x3C00, 0x4200])
        case 16: (raw.rawData, typed.int32Data) = (words([UInt16(0x3F80), 0x4040]), [0x3F80, 0x4040])
        default: (raw.rawData, typed.int32Data) = (Data([1, 3]), [1, 3])
        }
        for tensor in [raw, typed] {
            var tensor = tensor
            (tensor.name, tensor.dims, tensor.dataType) = ("c", [2], type)
            let nodes = [OnnxNodeProto("Cast", ["c"], ["w"], [.int("to", 1)]), Self.product]
            let model = Self.proto(nodes, [tensor])
            let read = try #require(try GraphImport.graph(of: Self.file(model)).constants["c"])
            #expect(read.numbers == expected && read.hasRawData)
            if type != 10, type != 16 { #expect(try Self.gradient(model) == expected + expected) }
        }
    }

    @Test func negativeIntegersKeepTheirSign() throws {
        for (type, bytes) in [(3, Data([0xFF])), (5, Data([0xFE, 0xFF])), (6, Data([0xFD, 0xFF, 0xFF, 0xFF]))] {
            var tensor = OnnxTensorProto(name: "c", shape: [1], type: Int32(type), raw: bytes)
            let raw = tensor.numbers
            tensor.clearRawData()
            tensor.int32Data = [type == 3 ? -1 : type == 5 ? -2 : -3]
            #expect(raw == tensor.numbers && raw?.first ?? 0 < 0)
        }
    }
}
