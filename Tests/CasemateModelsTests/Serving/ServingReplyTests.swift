import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Answers of upstreams are read as strictly as requests.
@Suite struct ServingReplyTests {
    static let label = ModelSignature.Input(name: "label", type: .int64, shape: [nil])
    static let scores = ModelSignature.Input(name: "scores", type: .float, shape: [nil, 2])

    static func read(
        _ text: String, rows: Int = 2, outputs: [ModelSignature.Input] = [label, scores], wanted: [String] = [],
        header: Int? = nil
    ) throws -> [NamedTensor] {
        try Array(text.utf8).withUnsafeBytes {
            try ServingReply.openInference(
                $0, header: header, promise: .init(rows: rows, outputs: outputs, wanted: wanted))
        }
    }
    static func answer(
        _ label: String = "[1,0]", _ scores: String = "[0.25,0.75,0.5,0.5]", shape: String = "[2,2]",
        type: String = "FP32", name: String = "scores", more: String = ""
    ) -> String {
        """
        {"model_name":"m","outputs":[{"name":"\(name)","shape":\(shape),"datatype":"\(type)","data":\(scores)},\
        {"name":"label","shape":[2],"datatype":"INT64","data":\(label)}\(more)]}
        """
    }

    @Test func takesWhatWasPromised() throws {
        let outputs = try Self.read(Self.answer())
        #expect(outputs.map(\.name) == ["label", "scores"])
        #expect(outputs[0].tensor.storage == .int64([1, 0]))
        #expect(outputs[1].tensor == Tensor(shape: [2, 2], .float([0.25, 0.75, 0.5, 0.5])))
        #expect(try Self.read(Self.answer("[1,0]", "[[0.25,0.75],[0.5,0.5]]")) == outputs)
    }

    @Test(arguments: [
        "", "{", "[]", "null", "{\"outputs\":{}}", "{\"outputs\":[]}", "<html>", "{\"outputs\":[1]}",
        answer("[1]"), answer("[1,0,0]"), answer("[1,0.5]"), answer("[1,\"0\"]"), answer("[1,true]"),
        answer("[1,9223372036854775807]"), answer("[1,null]"), answer("[1,[0]]", "[]"), answer("3"),
        answer(shape: "[3,2]"), answer(shape: "[2]"), answer(shape: "[2,-2]"), answer(shape: "[2,2,1]"),
        answer(shape: "[1099511627776,1099511627776]"), answer(shape: "[2,4]"), answer(shape: "\"2\""),
        answer("[1,0]", "[0.25,0.75,0.5]"), answer(type: "FP64"), answer(type: "FP99"), answer(name: "other"),
        answer(name: "label"), answer(more: ",{\"name\":\"x\",\"shape\":[2],\"datatype\":\"FP32\",\"data\":[1,2]}"),
        answer() + "x", answer("[1,0]", "[0.25,0.75,0.5,[[[[[[[[[[[[[[[[[[[[0.5]]]]]]]]]]]]]]]]]]]]]"),
    ])
    func refusesAllElse(text: String) {
        #expect(throws: ServingLie.self) { try Self.read(text) }
    }

    @Test(arguments: ["NaN", "Infinity", "null", "1e400", "1e39"])
    func numbersThatAreNoneAreToldApart(number: String) throws {
        let error = #expect(throws: ServingLie.self) {
            try Self.read(Self.answer("[1,0]", "[0.25,0.75,0.5,\(number)]"))
        }
        #expect(error?.isNotNumber == true)
    }

    @Test func outputsAreThoseThatWereAskedFor() throws {
        #expect(throws: ServingLie.self) { try Self.read(Self.answer(), outputs: [], wanted: ["label"]) }
        #expect(throws: ServingLie.self) {
            try Self.read(Self.answer(), outputs: [], wanted: ["label", "scores", "x"])
        }
        #expect(try Self.read(Self.answer(), outputs: []).map(\.name) == ["scores", "label"])
    }

    @Test func binaryValuesKeepEveryBit() throws {
        let wide = Tensor(shape: [2], .int64([Int64.max, Int64.min + 1]))
        let texts = Tensor(shape: [2], .string(["", "ü\u{0}"]))
        let flags = Tensor(shape: [2], .bool([true, false]))
        let inputs = [NamedTensor("a", wide), NamedTensor("b", texts), NamedTensor("c", flags)]
        let body = ServingRequest.openInference(inputs, outputs: [], isBinary: true)
        let header = try #require(body.header)
        let head = String(decoding: body.bytes[..<header], as: UTF8.self)
        #expect(head.contains("\"binary_data_size\":16") && head.contains("\"binary_data_output\":true"))
        // The request is an answer, once its inputs are called outputs.
        let text = head.replacingOccurrences(of: "\"inputs\"", with: "\"outputs\"")
        let turned = Array(text.utf8) + body.bytes[header...]
        func read(_ bytes: [UInt8], _ header: Int) throws -> [NamedTensor] {
            try bytes.withUnsafeBytes {
                try ServingReply.openInference($0, header: header, promise: .init(rows: 2, outputs: [], wanted: []))
            }
        }
        #expect(try read(turned, text.utf8.count) == inputs)
        #expect(throws: ServingLie.self) { try read(turned + [0], text.utf8.count) }
        #expect(throws: ServingLie.self) { try read(turned.dropLast(), text.utf8.count) }
        #expect(throws: ServingLie.self) { try read(turned, -1) }
        #expect(throws: ServingLie.self) { try read(turned, turned.count + 1) }
        var odd = turned
        odd[odd.count - 1] = 2
        #expect(throws: ServingLie.self) { try read(odd, text.utf8.count) }
    }

    @Test func requestsAreWhatTheProtocolSays() throws {
        let input = NamedTensor("x\"", Tensor(shape: [1, 3], .double([0.1, -2, 1e300])))
        let large = NamedTensor("y", Tensor(shape: [1], .uint64([.max])))
        let json = String(
            decoding: ServingRequest.openInference([input, large], outputs: ["p"], isBinary: false).bytes,
            as: UTF8.self)
        #expect(
            json == """
                {"inputs":[{"name":"x\\"","shape":[1,3],"datatype":"FP64","data":[0.1,-2,1e+300]},\
                {"name":"y","shape":[1],"datatype":"UINT64","data":[18446744073709551615]}],"outputs":[{"name":"p"}]}
                """)
        let frame = ServingRequest.mlflow(
            [
                NamedTensor("a", Tensor(shape: [2], .double([1, .nan]))),
                NamedTensor("b", Tensor(shape: [2], .string(["", "z"]))),
            ], columns: ["a", "b"], rows: 2)
        #expect(
            String(decoding: frame.bytes, as: UTF8.self)
                == #"{"dataframe_split":{"columns":["a","b"],"data":[[1,null],[null,"z"]]}}"#)
    }

    @Test func mlflowAnswersInItsForms() throws {
        func read(_ text: String, rows: Int = 2) throws -> [NamedTensor] {
            try Array(text.utf8).withUnsafeBytes { try ServingReply.mlflow($0, rows: rows) }
        }
        #expect(
            try read("{\"predictions\":[1,0]}") == [NamedTensor("predictions", Tensor(shape: [2], .double([1, 0])))])
        #expect(
            try read("{\"predictions\":[\"a\",\"b\"]}")
                == [NamedTensor("predictions", Tensor(shape: [2], .string(["a", "b"])))])
        #expect(try read("{\"predictions\":[[0.5,0.5],[1,0]]}")[0].tensor.shape == [2, 2])
        #expect(try read("{\"predictions\":[{\"a\":1,\"b\":2},{\"b\":4,\"a\":3}]}").map(\.name) == ["a", "b"])
        #expect(try read("{\"predictions\":{\"a\":[1,2]}}").map(\.name) == ["a"])
        for text in [
            "{\"predictions\":[1]}", "{\"predictions\":[1,\"a\"]}", "{\"predictions\":[[1],[1,2]]}", "{\"x\":[1,2]}",
            "{\"predictions\":3}", "{\"predictions\":[{\"a\":1},{\"b\":1}]}", "{\"predictions\":[1,null]}",
            "{\"predictions\":[NaN,1]}", "{\"predictions\":[]}", "{\"predictions\":{}}",
            "{\"predictions\":[{\"a\":1,\"a\":2},{\"a\":1,\"a\":2}]}",
        ] {
            #expect(throws: ServingLie.self, "\(text)") { try read(text) }
        }
    }

    @Test func neverTrapsOnChangedBytes() throws {
        let text = Array(Self.answer().utf8)
        var generator = SeededGenerator(seed: 7)
        var refused = 0
        for _ in 0..<4_000 {
            var bytes = text
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(UInt8.random(in: 32...126, using: &generator), at: place)
                }
            }
            let header = Bool.random(using: &generator) ? nil : Int.random(in: -2...bytes.count + 2, using: &generator)
            do {
                let outputs = try bytes.withUnsafeBytes {
                    try ServingReply.openInference(
                        $0, header: header, promise: .init(rows: 2, outputs: [Self.label, Self.scores], wanted: []))
                }
                #expect(outputs.allSatisfy { $0.tensor.shape.first == 2 && $0.tensor.storage.isFinite })
            } catch { refused += 1 }
        }
        #expect(refused > 2_000)
    }

    @Test func readsClassesAndScores() throws {
        let reading = ServingReading(classes: ["no", "yes"])
        let labels = NamedTensor("label", Tensor(shape: [2], .string(["yes", "no"])))
        let scores = NamedTensor("p", Tensor(shape: [2, 2], .float([0.25, 0.75, 0.5, 0.5])))
        let (roles, predictions) = try reading.read([labels, scores], rows: 2)
        #expect(roles == .init(label: "label", scores: "p", kind: .probabilities))
        #expect(predictions?.labels == [1, 0] && predictions?.task == .binary)
        #expect(throws: ServingLie.self) {
            try reading.read([NamedTensor("label", Tensor(shape: [1], .string(["maybe"])))], rows: 1)
        }
        let margin = NamedTensor("m", Tensor(shape: [2], .double([-3, 2])))
        let (second, margins) = try reading.read([margin], rows: 2)
        #expect(second.kind == .decisionValues && margins?.labels == [0, 1])
        let open = ServingReading(classes: [])
        #expect(try open.read([margin], rows: 2).1?.task == .regression)
        #expect(try open.read([labels], rows: 2).1 == nil)
        #expect(try open.read([labels, scores], rows: 2).1?.classes == ["0", "1"])
    }
}
