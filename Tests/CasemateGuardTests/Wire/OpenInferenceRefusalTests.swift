import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import Synchronization
import Testing

/// Calls that are not answered: always the right 4xx, typed, naming the field, echoing nothing.
@Suite struct OpenInferenceRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String, body: String, field: String
        var status = 400
        var testDescription: String { name }
    }
    private static func tensor(_ members: String) -> String { #"{"inputs":[{\#(members)}]}"# }
    private static func x(_ shape: String, _ data: String, _ datatype: String = "FP32", name: String = "x") -> String {
        tensor(#""name":"\#(name)","shape":\#(shape),"datatype":"\#(datatype)","data":\#(data)"#)
    }
    private static func value(_ text: String) -> String { x("[1,2]", "[1,\(text)]") }

    /// Bodies for a model with the input `x`, FP32, [N, 2]. `zqxj` and 31337 mark what must not come back.
    static let cases: [Case] = [
        Case(name: "nothing", body: "", field: ""), Case(name: "no JSON", body: "zqxj", field: ""),
        Case(name: "cut", body: String(x("[1,2]", "[1,2]").dropLast(3)), field: "inputs[0]"),
        Case(name: "list", body: "[31337]", field: ""), Case(name: "null", body: "null", field: ""),
        Case(name: "trailing bytes", body: x("[1,2]", "[1,2]") + "zqxj", field: ""),
        Case(name: "no inputs", body: "{}", field: "inputs"),
        Case(name: "empty inputs", body: #"{"inputs":[]}"#, field: "inputs"),
        Case(name: "inputs object", body: #"{"inputs":{"zqxj":1}}"#, field: "inputs"),
        Case(name: "inputs numbers", body: #"{"inputs":[31337]}"#, field: "inputs"),
        Case(name: "input text", body: #"{"inputs":["zqxj"]}"#, field: "inputs[0]"),
        Case(name: "no name", body: tensor(#""shape":[1,2],"datatype":"FP32","data":[1,2]"#), field: "inputs[0]"),
        Case(
            name: "name number", body: tensor(#""name":31337,"shape":[1,2],"datatype":"FP32","data":[1,2]"#),
            field: "inputs[0]"),
        Case(name: "wrong name", body: x("[1,2]", "[1,2]", name: "zqxj"), field: "x"),
        Case(
            name: "name twice",
            body:
                #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]},{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#,
            field: "inputs[1]"),
        Case(
            name: "one more",
            body:
                #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]},{"name":"zqxj","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#,
            field: "inputs[1].name"),
        Case(name: "no shape", body: tensor(#""name":"x","datatype":"FP32","data":[1,2]"#), field: "inputs[0].shape"),
        Case(name: "shape text", body: x("\"zqxj\"", "[1,2]"), field: "inputs[0].shape"),
        Case(name: "shape texts", body: x("[\"1\",2]", "[1,2]"), field: "inputs[0].shape"),
        Case(name: "shape fraction", body: x("[1.5,2]", "[1,2]"), field: "inputs[0].shape"),
        Case(name: "shape exponent", body: x("[1e0,2]", "[1,2]"), field: "inputs[0].shape"),
        Case(name: "shape null", body: x("[null,2]", "[1,2]"), field: "inputs[0].shape"),
        Case(name: "shape 2^63", body: x("[9223372036854775808,2]", "[1,2]"), field: "inputs[0].shape"),
        Case(
            name: "shape of 100,000 axes", body: x("[" + String(repeating: "1,", count: 99_999) + "1]", "[1,2]"),
            field: "inputs[0].shape"),
        Case(name: "2^40 x 2^40", body: x("[1099511627776,1099511627776]", "[1,2]"), field: "x"),
        Case(name: "2^62 rows", body: x("[4611686018427387904,2]", "[1,2]"), field: "x"),
        Case(name: "-1", body: x("[-1,2]", "[1,2]"), field: "x"),
        Case(name: "0 rows", body: x("[0,2]", "[]"), field: "x"),
        Case(name: "0 columns", body: x("[1,0]", "[]"), field: "x"),
        Case(name: "too few axes", body: x("[2]", "[1,2]"), field: "x"),
        Case(name: "too many axes", body: x("[1,1,2]", "[1,2]"), field: "x"),
        Case(name: "no axes", body: x("[]", "[1]"), field: "x"),
        Case(name: "wrong width", body: x("[1,3]", "[1,2,3]"), field: "x"),
        Case(name: "too few values", body: x("[1,2]", "[1]"), field: "x"),
        Case(name: "too many values", body: x("[1,2]", "[1,2,3]"), field: "x"),
        Case(name: "no values", body: x("[1,2]", "[]"), field: "x"),
        Case(name: "ragged", body: x("[2,2]", "[[1,2],[3]]"), field: "x"),
        Case(name: "ragged the other way", body: x("[2,2]", "[[1],[2,3,4]]"), field: "x"),
        Case(name: "too deep data", body: x("[1,2]", "[[[1,2]]]"), field: "x"),
        Case(name: "half nested", body: x("[2,2]", "[[1,2],3,4]"), field: "x"),
        Case(name: "nested turned", body: x("[1,2]", "[[1],[2]]"), field: "x"),
        Case(name: "data number", body: x("[1,2]", "31337"), field: "x"),
        Case(name: "data text", body: x("[1,2]", "\"zqxj\""), field: "x"),
        Case(name: "data object", body: x("[1,2]", "{\"zqxj\":1}"), field: "x"),
        Case(name: "data null", body: x("[1,2]", "null"), field: "x"),
        Case(name: "no data", body: tensor(#""name":"x","shape":[1,2],"datatype":"FP32""#), field: "inputs[0]"),
        Case(
            name: "both data",
            body: tensor(
                #""name":"x","shape":[1,2],"datatype":"FP32","data":[1,2],"parameters":{"binary_data_size":8}"#),
            field: "inputs[0]"),
        Case(
            name: "binary missing",
            body: tensor(#""name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}"#),
            field: "inputs"),
        Case(name: "no datatype", body: tensor(#""name":"x","shape":[1,2],"data":[1,2]"#), field: "inputs[0]"),
        Case(name: "other datatype", body: x("[1,2]", "[1,2]", "FP64"), field: "x"),
        Case(name: "INT64", body: x("[1,2]", "[1,2]", "INT64"), field: "x"),
        Case(name: "unknown datatype", body: x("[1,2]", "[1,2]", "zqxj"), field: "x"),
        Case(name: "datatype in small letters", body: x("[1,2]", "[1,2]", "fp32"), field: "x"),
        Case(name: "NaN", body: value("NaN"), field: "inputs[0].data[1]"),
        Case(name: "Infinity", body: value("Infinity"), field: "inputs[0].data[1]"),
        Case(name: "-Infinity", body: value("-Infinity"), field: "inputs[0].data[1]"),
        Case(name: "NaN text", body: value("\"NaN\""), field: "x"),
        Case(name: "1e999", body: value("1e999"), field: "x"), Case(name: "1e39", body: value("1e39"), field: "x"),
        Case(name: "-3.5e38", body: value("-3.5e38"), field: "x"),
        Case(name: "null value", body: value("null"), field: "x"),
        Case(name: "true", body: value("true"), field: "x"),
        Case(name: "number as text", body: value("\"31337\""), field: "x"),
        Case(name: "object value", body: value("{}"), field: "x"),
        Case(name: "leading zero", body: value("031337"), field: "inputs[0].data[1]"),
        Case(name: "hexadecimal", body: value("0x1"), field: "inputs[0].data"),
        Case(name: "1 M digits", body: value(String(repeating: "7", count: 1_000_000)), field: "inputs[0].data[1]"),
        Case(
            name: "deep", body: x("[1,2]", String(repeating: "[", count: 100_000)),
            field: "inputs[0].data" + String(repeating: "[0]", count: 29)),
        Case(
            name: "doubled name", body: tensor(#""name":"x","name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]"#),
            field: "inputs[0]"),
        Case(name: "doubled inputs", body: #"{"inputs":[],"inputs":[]}"#, field: ""),
        Case(name: "byte order mark", body: "\u{FEFF}" + x("[1,2]", "[1,2]"), field: ""),
        Case(name: "lone surrogate", body: x("[1,2]", "[1,2]", name: #"\ud800"#), field: "inputs[0].name"),
        Case(name: "id number", body: #"{"id":31337,"inputs":[]}"#, field: "id"),
        Case(name: "id long", body: #"{"id":"\#(String(repeating: "zqxj", count: 65))","inputs":[]}"#, field: "id"),
        Case(name: "parameters list", body: #"{"parameters":[],"inputs":[]}"#, field: "parameters"),
        Case(name: "parameters nested", body: #"{"parameters":{"a":{}},"inputs":[]}"#, field: "parameters"),
        Case(
            name: "many parameters",
            body: #"{"parameters":{\#((0..<65).map { "\"p\($0)\":1" }.joined(separator: ","))},"inputs":[]}"#,
            field: "parameters"),
        Case(
            name: "binary_data_output text", body: #"{"parameters":{"binary_data_output":"zqxj"},"inputs":[]}"#,
            field: "parameters.binary_data_output"),
        Case(
            name: "shared memory",
            body: tensor(#""name":"x","shape":[1,2],"datatype":"FP32","parameters":{"shared_memory_region":"zqxj"}"#),
            field: "inputs[0].parameters"),
        Case(name: "sequence", body: #"{"parameters":{"sequence_id":31337},"inputs":[]}"#, field: "parameters"),
        Case(
            name: "size text",
            body: tensor(#""name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":"8"}"#),
            field: "inputs[0].parameters.binary_data_size"),
        Case(
            name: "size negative",
            body: tensor(#""name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":-8}"#),
            field: "inputs[0].parameters.binary_data_size"),
        Case(
            name: "size 2^63 - 1",
            body: tensor(
                #""name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":9223372036854775807}"#),
            field: "inputs[0].parameters.binary_data_size"),
        Case(
            name: "outputs text", body: String(x("[1,2]", "[1,2]").dropLast()) + #","outputs":"zqxj"}"#,
            field: "outputs"),
        Case(
            name: "outputs texts", body: String(x("[1,2]", "[1,2]").dropLast()) + #","outputs":["zqxj"]}"#,
            field: "outputs[0]"),
        Case(
            name: "unknown output", body: String(x("[1,2]", "[1,2]").dropLast()) + #","outputs":[{"name":"zqxj"}]}"#,
            field: "outputs[0].name"),
        Case(
            name: "output twice",
            body: String(x("[1,2]", "[1,2]").dropLast()) + #","outputs":[{"name":"x"},{"name":"x"}]}"#,
            field: "outputs[1].name"),
        Case(
            name: "classification",
            body: String(x("[1,2]", "[1,2]").dropLast())
                + #","outputs":[{"name":"x","parameters":{"classification":3}}]}"#, field: "outputs[0].parameters"),
    ]

    private func check(_ answer: WireResponse, _ status: Int, _ field: String, _ name: String) {
        #expect(answer.status == status, "\(name): \(answer.text)")
        #expect(answer.header("content-type") == "application/problem+json")
        let problem = answer.object
        #expect(problem["status"] as? Int == status && (problem["error"] as? String)?.isEmpty == false)
        #expect((problem["type"] as? String)?.hasPrefix("urn:casemate:problem:") == true)
        #expect((problem["instance"] as? String)?.hasPrefix("urn:casemate:request:") == true)
        #expect(problem["field"] as? String ?? "" == field, "\(name): \(answer.text)")
        #expect(!answer.text.contains("zqxj") && !answer.text.contains("31337"), "\(name): \(answer.text)")
        #expect(answer.body.count < 1_000)
    }

    @Test(arguments: cases) func refuses(item: Case) async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        check(await guarded.post("/v2/models/m/infer", item.body), item.status, item.field, item.name)
        #expect(guarded.log.events.withLock { $0.first?.outcome } == .refused)
    }

    /// Values that do not fit a type.
    @Test(arguments: [
        ("INT64", ModelSignature.ElementType.int64, "9223372036854775808"), ("INT64", .int64, "-9223372036854775809"),
        ("INT64", .int64, "1.0"), ("INT64", .int64, "1e3"), ("INT64", .int64, "true"), ("INT64", .int64, "\"1\""),
        ("UINT64", .uint64, "18446744073709551616"), ("UINT64", .uint64, "-1"), ("INT32", .int32, "2147483648"),
        ("INT8", .int8, "-129"), ("UINT8", .uint8, "256"), ("UINT8", .uint8, "-1"), ("UINT16", .uint16, "65536"),
        ("BOOL", .bool, "1"), ("BOOL", .bool, "0"), ("BOOL", .bool, "null"), ("BOOL", .bool, "\"true\""),
        ("FP16", .float16, "65520"), ("FP16", .float16, "1e5"), ("FP64", .double, "1e309"), ("FP64", .double, "-1e999"),
        ("BYTES", .string, "1"), ("BYTES", .string, "null"), ("BYTES", .string, "true"),
        ("BYTES", .string, #""\u0000""#),
        ("BYTES", .string, #""\udc00""#), ("BYTES", .string, "[\"a\"]"), ("BF16", .bfloat16, "3.5e38"),
        ("BF16", .bfloat16, "3.4e38"),
        ("FP64", .double, "99999999999999999999999999e9999999999999999999"),
    ])
    func refusesValuesOutsideATYpe(name: String, type: ModelSignature.ElementType, text: String) async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.vector(type))])
        let answer = await guarded.post("/v2/models/m/infer", Self.x("[1]", "[\(text)]", name))
        #expect(answer.status == 400 && answer.object["error"] is String, "\(text): \(answer.text)")
    }

    /// Sizes, lengths and texts of the binary form.
    @Test func refusesBinaryForms() async throws {
        let head = #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}"#
        let eight = [UInt8](repeating: 0, count: 8)
        let length = "\(head.utf8.count)"
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        let name = "inference-header-content-length"
        for (value, tail) in [
            (length, Array(eight.dropLast())), (length, eight + [0]), (length, []), ("18446744073709551616", eight),
            ("-1", eight), ("+1", eight), ("zqxj", eight), ("", eight), ("1e2", eight), ("9999", eight), ("1", eight),
            (String(head.utf8.count - 1), eight), (String(head.utf8.count + 1), eight), (" \(length)", eight),
        ] {
            let answer = await guarded.ask("POST", "/v2/models/m/infer", Array(head.utf8) + tail, [(name, value)])
            #expect(answer.status == 400, "'\(value)' and \(tail.count): \(answer.text)")
            #expect(!answer.text.contains("zqxj"))
        }
        let twice = await guarded.ask(
            "POST", "/v2/models/m/infer", Array(head.utf8) + eight, [(name, length), (name, length)])
        #expect(twice.status == 400)
        for size in [7, 9, 16, 0] {
            let odd = head.replacing("\"binary_data_size\":8", with: "\"binary_data_size\":\(size)")
            let answer = await guarded.ask(
                "POST", "/v2/models/m/infer", Array(odd.utf8) + [UInt8](repeating: 0, count: size),
                [(name, "\(odd.utf8.count)")])
            #expect(answer.status == 400)
        }
    }

    @Test(
        arguments: [
            ([], 1), ([1, 0, 0], 1), ([1, 0, 0, 0], 1), ([255, 255, 255, 255, 65], 1), ([1, 0, 0, 0, 65, 0], 1),
            ([1, 0, 0, 0, 0xFF], 1), ([1, 0, 0, 0, 0], 1), ([0, 0, 0, 0], 2), ([0, 0, 0, 0, 0, 0, 0, 0], 1),
            ([0, 0, 0, 0], 1 << 40),
        ] as [([UInt8], Int)])
    func refusesBinaryTexts(tensor: [UInt8], count: Int) async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.vector(.string))])
        let head =
            #"{"inputs":[{"name":"x","shape":[\#(count)],"datatype":"BYTES","parameters":{"binary_data_size":\#(tensor.count)}}]}"#
        let answer = await guarded.ask(
            "POST", "/v2/models/m/infer", Array(head.utf8) + tensor,
            [("inference-header-content-length", "\(head.utf8.count)")])
        #expect(answer.status == 400, "\(tensor)")
    }

    @Test func refusesBytesOfBool() async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.vector(.bool))])
        let head = #"{"inputs":[{"name":"x","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}}]}"#
        let answer = await guarded.ask(
            "POST", "/v2/models/m/infer", Array(head.utf8) + [2],
            [("inference-header-content-length", "\(head.utf8.count)")])
        #expect(answer.status == 400)
    }

    @Test(arguments: [
        ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=utf-16", 415), ("application/jsonx", 415), ("APPLICATION/JSON", 200),
        ("application/json;charset=UTF-8", 200), ("application/json; charset=\"utf-8\"", 200),
        ("application/octet-stream", 200), ("", 200),
    ])
    func looksAtTheMediaType(type: String, status: Int) async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        let answer = await guarded.post(
            "/v2/models/m/infer", Self.x("[1,2]", "[1,2]"), type.isEmpty ? [] : [("content-type", type)])
        #expect(answer.status == status)
    }

    @Test func boundsRowsAndBatches() async throws {
        let fixed = WireModels.model([.init(name: "x", type: .float, shape: [2, 2])], fixedBatch: 2)
        let declared = WireModels.model([.init(name: "x", type: .float, shape: [2, 2])])
        for (model, rows, status) in [
            (fixed, 1, 200), (fixed, 2, 200), (fixed, 3, 400), (declared, 1, 400), (declared, 2, 200),
        ] {
            let guarded = try WireFixture([WireBackend(description: model)])
            let data = (0..<rows * 2).map { "\($0)" }.joined(separator: ",")
            let answer = await guarded.post("/v2/models/m/infer", Self.x("[\(rows),2]", "[\(data)]"))
            #expect(answer.status == status)
        }
        let two = WireModels.model(
            [.init(name: "a", type: .float, shape: [nil]), .init(name: "b", type: .float, shape: [nil])],
            layout: .columns)
        let guarded = try WireFixture([WireBackend(description: two)])
        let answer = await guarded.post(
            "/v2/models/m/infer",
            #"{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":[1]},{"name":"b","shape":[2],"datatype":"FP32","data":[1,2]}]}"#
        )
        #expect(answer.status == 400 && answer.object["field"] as? String == "b")
    }

    /// Mutated calls, both forms, and random bytes: an answer or a typed refusal, never a failure.
    @Test func neverFailsOnBrokenCalls() async throws {
        let model = WireModels.model(
            [
                .init(name: "x", type: .float, shape: [nil, 2]), .init(name: "n", type: .int64, shape: [nil]),
                .init(name: "s", type: .string, shape: [nil, 1]),
            ], layout: .columns)
        let guarded = try WireFixture([WireBackend(description: model)])
        let json = Array(
            (#"{"id":"7","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1.5,2],[3,-4e1]]},"#
                + #"{"name":"n","shape":[2],"datatype":"INT64","data":[1,2]},{"name":"s","shape":[2,1],"datatype":"BYTES","#
                + #""data":["a","b"]}],"outputs":[{"name":"x","parameters":{"binary_data":true}}]}"#).utf8)
        let head =
            #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},"#
            + #"{"name":"n","shape":[1],"datatype":"INT64","parameters":{"binary_data_size":8}},"#
            + #"{"name":"s","shape":[1,1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]}"#
        let binary = Array(head.utf8) + [0, 0, 128, 63, 0, 0, 0, 64, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 65, 66]
        var generator = SeededGenerator(seed: 29)
        var answered = 0
        for round in 0..<10_000 {
            let isBinary = round % 2 == 1
            var body = isBinary ? binary : json
            for _ in 0..<Int.random(in: 0..<5, using: &generator) where !body.isEmpty {
                Self.mutate(&body, &generator)
            }
            var headers: [(String, String)] = []
            if isBinary {
                let off = Int.random(in: 0..<20, using: &generator)
                headers = [("inference-header-content-length", "\(head.utf8.count + (off == 0 ? 1 : 0))")]
            }
            let answer = await guarded.ask("POST", "/v2/models/m/infer", body, headers)
            if answer.status == 200 { answered += 1 }
            #expect(
                answer.status == 200 || (400..<500).contains(answer.status) && answer.object["error"] is String,
                "round \(round): \(answer.status) \(answer.text)")
        }
        #expect((1_000..<8_000).contains(answered))
    }

    static func mutate(_ body: inout [UInt8], _ generator: inout SeededGenerator) {
        let letters = Array("{}[]\",:0123456789-.eEtn \\".utf8)
        let place = Int.random(in: 0..<body.count, using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: body[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: body.remove(at: place)
        case 2: body.insert(letters.randomElement(using: &generator) ?? 0, at: place)
        case 3: body.swapAt(place, Int.random(in: 0..<body.count, using: &generator))
        case 4: body[place] = letters.randomElement(using: &generator) ?? 0
        default:
            let end = min(body.count, place + Int.random(in: 1..<9, using: &generator))
            body.insert(contentsOf: Array(body[place..<end]), at: place)
        }
    }
}
