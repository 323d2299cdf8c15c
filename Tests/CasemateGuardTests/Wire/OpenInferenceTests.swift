import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import Synchronization
import Testing

/// Calls that are answered, and what the answers look like.
@Suite struct OpenInferenceTests {
    private let path = "/v2/models/m/infer"

    private func body(_ datatype: String, _ shape: [Int], _ data: String, more: String = "") -> String {
        #"{"inputs":[{"name":"x","shape":\#(shape),"datatype":"\#(datatype)","data":\#(data)}]\#(more)}"#
    }

    @Test func answersFlatAndNestedData() async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        for data in ["[1,2.5,-3,4e1]", "[[1,2.5],[-3,4e1]]", " [ [1 , 2.5 ]\n,[ -3,40.0] ] "] {
            let answer = await guarded.post(path, body("FP32", [2, 2], data, more: #","id":"a\"b""#))
            #expect(answer.status == 200)
            #expect(
                answer.text
                    == #"{"model_name":"m","model_version":"1","id":"a\"b","outputs":[{"name":"x","datatype":"FP32","#
                    + #""shape":[2,2],"data":[1.0,2.5,-3.0,40.0]}]}"#)
            #expect(answer.header("content-type") == "application/json")
        }
        #expect(guarded.log.events.withLock { $0.count } == 3)
    }

    /// The largest and smallest values of each type go through unchanged, in JSON.
    @Test(arguments: [
        ("BOOL", ModelSignature.ElementType.bool, "[true,false]"), ("UINT8", .uint8, "[0,255]"),
        ("UINT16", .uint16, "[0,65535]"), ("UINT32", .uint32, "[0,4294967295]"),
        ("UINT64", .uint64, "[0,18446744073709551615]"), ("INT8", .int8, "[-128,127]"),
        ("INT16", .int16, "[-32768,32767]"), ("INT32", .int32, "[-2147483648,2147483647]"),
        ("INT64", .int64, "[-9223372036854775808,9223372036854775807]"), ("FP16", .float16, "[-65504.0,6e-08]"),
        ("BF16", .bfloat16, "[1.0,-3.3895314e+38]"), ("FP32", .float, "[-3.4028235e+38,1e-45]"),
        ("FP64", .double, "[1.7976931348623157e+308,5e-324]"), ("BYTES", .string, #"["","é😀\u000a\"\\"]"#),
    ])
    func passesLimitsOfTypes(name: String, type: ModelSignature.ElementType, data: String) async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.vector(type))])
        let answer = await guarded.post(path, body(name, [2], data))
        #expect(answer.status == 200, "\(answer.text)")
        let text = data.replacing(name == "FP16" ? "6e-08" : "never", with: "5.9604645e-08")
        #expect(answer.text.hasSuffix(#""datatype":"\#(name)","shape":[2],"data":\#(text)}]}"#), "\(answer.text)")
    }

    /// The same in binary form, there and back.
    @Test(arguments: WireModels.all)
    func passesBinaryTensors(type: ModelSignature.ElementType) async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.vector(type))])
        let (name, width): (String, Int) =
            switch type {
            case .bool: ("BOOL", 1)
            case .uint8: ("UINT8", 1)
            case .uint16: ("UINT16", 2)
            case .uint32: ("UINT32", 4)
            case .uint64: ("UINT64", 8)
            case .int8: ("INT8", 1)
            case .int16: ("INT16", 2)
            case .int32: ("INT32", 4)
            case .int64: ("INT64", 8)
            case .float16: ("FP16", 2)
            case .bfloat16: ("BF16", 2)
            case .float: ("FP32", 4)
            case .double: ("FP64", 8)
            case .string: ("BYTES", 0)
            }
        var tensor: [UInt8] = (0..<3 * width).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 17) & 0x7B }
        if type == .bool { tensor = [1, 0, 1] }
        if type == .string { tensor = [0, 0, 0, 0, 2, 0, 0, 0, 0xC3, 0xA9, 1, 0, 0, 0, 0x22] }
        let json =
            #"{"inputs":[{"name":"x","shape":[3],"datatype":"\#(name)","parameters":{"binary_data_size":\#(tensor.count)}}]"#
        let own = json + #","outputs":[{"name":"x","parameters":{"binary_data":true}}]}"#
        let all = json + #","parameters":{"binary_data_output":true}}"#
        for text in [own, all] {
            let answer = await guarded.ask(
                "POST", path, Array(text.utf8) + tensor, [("inference-header-content-length", "\(text.utf8.count)")])
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.header("content-type") == "application/octet-stream")
            let length = Int(answer.header("inference-header-content-length") ?? "") ?? 0
            #expect(Array(answer.body.dropFirst(length)) == tensor)
            let head = try #require(
                try JSONSerialization.jsonObject(with: Data(answer.body.prefix(length))) as? [String: Any])
            let output = (head["outputs"] as? [[String: Any]])?.first
            #expect(output?["datatype"] as? String == name && output?["data"] == nil)
            #expect((output?["parameters"] as? [String: Any])?["binary_data_size"] as? Int == tensor.count)
        }
        // An output's own word wins over the request's.
        let mixed =
            json
            + #","parameters":{"binary_data_output":true},"outputs":[{"name":"x","parameters":{"binary_data":false}}]}"#
        let answer = await guarded.ask(
            "POST", path, Array(mixed.utf8) + tensor,
            [("Inference-Header-Content-Length".lowercased(), "\(mixed.utf8.count)")])
        #expect(answer.status == 200 && answer.header("content-type") == "application/json")
    }

    /// A header length of 0: the body is the tensor.
    @Test func takesTheBodyAsTheTensor() async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        let values: [Float] = [1, 2, 3, 4]
        let bytes = values.withUnsafeBytes { Array($0) }
        let answer = await guarded.ask("POST", path, bytes, [("inference-header-content-length", "0")])
        #expect(answer.status == 200)
        let length = Int(answer.header("inference-header-content-length") ?? "") ?? 0
        #expect(Array(answer.body.dropFirst(length)) == bytes)
        #expect(String(decoding: answer.body.prefix(length), as: UTF8.self).contains(#""shape":[2,2]"#))
        for odd in [[], Array(bytes.dropLast()), Array(bytes.prefix(4))] {
            let refused = await guarded.ask("POST", path, odd, [("inference-header-content-length", "0")])
            #expect(refused.status == 400)
        }
        let texts = try WireFixture([WireBackend(description: WireModels.vector(.string))])
        let told = await texts.ask("POST", path, Array("win é".utf8), [("inference-header-content-length", "0")])
        #expect(told.status == 200)
    }

    @Test func givesTheOutputsThatAreNamed() async throws {
        let model = WireModels.model(
            [.init(name: "x", type: .float, shape: [nil, 2])],
            outputs: [
                .init(name: "label", type: .int64, shape: [nil]), .init(name: "p", type: .float, shape: [nil, 2]),
            ])
        var backend = WireBackend(description: model)
        backend.answer = { _ in
            InferenceAnswer(
                outputs: [
                    NamedTensor("label", Tensor(shape: [1], .int64([1]))),
                    NamedTensor("p", Tensor(shape: [1, 2], .float([0.25, 0.75]))),
                ], predictions: nil, roles: .init(label: "label", scores: "p", kind: .probabilities))
        }
        let guarded = try WireFixture([backend])
        let both = await guarded.post(path, body("FP32", [1, 2], "[1,2]"))
        #expect((both.object["outputs"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == ["label", "p"])
        let turned = await guarded.post(
            path, body("FP32", [1, 2], "[1,2]", more: #","outputs":[{"name":"p"},{"name":"label"}]"#))
        #expect((turned.object["outputs"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == ["p", "label"])
    }

    /// Inputs may come in any order and are given to the model in its own.
    @Test func ordersInputs() async throws {
        let model = WireModels.model(
            [.init(name: "a", type: .float, shape: [nil]), .init(name: "b", type: .string, shape: [nil, 1])],
            features: [Feature("a"), Feature("b", .categorical(levels: ["u", "v"]))], layout: .columns)
        let guarded = try WireFixture([WireBackend(description: model)])
        let answer = await guarded.post(
            path,
            #"{"inputs":[{"data":["u","v"],"name":"b","shape":[2,1],"datatype":"BYTES"},"#
                + #"{"data":[1,2],"datatype":"FP32","shape":[2],"name":"a"}]}"#)
        #expect(answer.status == 200, "\(answer.text)")
        #expect((answer.object["outputs"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == ["a", "b"])
    }

    /// NaN in binary form stands for a missing value where trees say what to do with one; infinities never pass.
    @Test(arguments: [
        ("casemate_trees", Float.nan, 502), ("onnxruntime_onnx", .nan, 422), ("upstream", .nan, 422),
        ("casemate_trees", .infinity, 422), ("onnxruntime_onnx", -.infinity, 422),
    ])
    func keepsOddNumbersFromTheModel(platform: String, value: Float, status: Int) async throws {
        let model = WireModels.model(
            [.init(name: "x", type: .float, shape: [nil, 2])], features: [Feature("a"), Feature("b")],
            platform: platform)
        let guarded = try WireFixture([WireBackend(description: model)])
        let json = #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}"#
        let bytes = [Float(1), value].withUnsafeBytes { Array($0) }
        let answer = await guarded.ask(
            "POST", path, Array(json.utf8) + bytes, [("inference-header-content-length", "\(json.utf8.count)")])
        // why 502 for trees: the model of this test answers its input, and NaN never goes out either.
        #expect(answer.status == status, "\(answer.text)")
        #expect(!answer.text.lowercased().contains(",nan") && answer.object["error"] is String)
    }

    @Test(arguments: [
        Tensor.Storage.float([.nan]), .double([.infinity]), .float16([0x7E00]), .float([-.infinity]),
    ])
    func neverAnswersWhatIsNoNumber(storage: Tensor.Storage) async throws {
        var backend = WireBackend(description: WireModels.matrix)
        backend.answer = { _ in
            InferenceAnswer(
                outputs: [NamedTensor("x", Tensor(shape: [1], storage))], predictions: nil,
                roles: .init(label: nil, scores: "x", kind: .value))
        }
        let guarded = try WireFixture([backend])
        for more in ["", #","parameters":{"binary_data_output":true}"#] {
            let answer = await guarded.post(path, body("FP32", [1, 2], "[1,2]", more: more))
            #expect(answer.status == 502)
            #expect(answer.object["type"] as? String == "urn:casemate:problem:upstream-failed")
        }
        let mlflow = await guarded.invoke(#"{"dataframe_split":{"columns":["a","b"],"data":[[1,2]]}}"#)
        #expect(mlflow.status == 502)
    }

    // MARK: Health and metadata

    @Test func tellsHealthAndMetadata() async throws {
        let old = WireModels.model(
            [.init(name: "x", type: .float, shape: [nil, 2])], name: "m", version: "1")
        let new = WireModels.model([.init(name: "x", type: .int64, shape: [nil, 3])], name: "m", version: "2")
        let guarded = try WireFixture([WireBackend(description: old), WireBackend(description: new)])
        #expect(await guarded.ask("GET", "/v2/health/live").text == #"{"live":true}"#)
        #expect(await guarded.ask("GET", "/v2/health/ready").text == #"{"ready":true}"#)
        let server = await guarded.ask("GET", "/v2").object
        #expect(server["name"] as? String == "casemate" && server["extensions"] as? [String] == ["binary_tensor_data"])
        let newest = await guarded.ask("GET", "/v2/models/m")
        #expect(
            newest.text
                == #"{"name":"m","versions":["1","2"],"platform":"onnxruntime_onnx","#
                + #""inputs":[{"name":"x","datatype":"INT64","shape":[-1,3]}],"#
                + #""outputs":[{"name":"x","datatype":"INT64","shape":[-1,3]}]}"#)
        #expect(await guarded.ask("GET", "/v2/models/m/versions/1").text.contains("FP32"))
        #expect(await guarded.ask("HEAD", "/v2/models/m/ready").status == 200)
        #expect(await guarded.ask("GET", "/v2/models/m/versions/2/ready").object["ready"] as? Bool == true)
        for path in ["/v2/models/n", "/v2/models/m/versions/3", "/v2/models/n/ready", "/v2/models/%6d%2f"] {
            #expect(await guarded.ask("GET", path).status == 404)
        }
        #expect(await guarded.ask("GET", "/v2/models/%6d").status == 200)
        let one = await guarded.post("/v2/models/m/versions/1/infer", body("FP32", [1, 2], "[1,2]"))
        #expect(one.object["model_version"] as? String == "1")
    }

    @Test func isNotReadyWhileSomethingIsNot() async throws {
        var backend = WireBackend(description: WireModels.matrix)
        backend.isReady = false
        let ready = WireBackend(description: WireModels.matrix)
        let draining = try WireFixture([ready])
        // The server notes in the memory of the generation that it is going.
        draining.edge.generation.memory.object(ServerState.name) { ServerState() }.drain()
        for guarded in [
            try WireFixture([backend]), try WireFixture([ready], log: WireLog(isWriting: false)), draining,
        ] {
            for path in ["/v2/health/ready", "/ping", "/health"] {
                let answer = await guarded.ask("GET", path)
                #expect(answer.status == 503 && answer.header("retry-after") == "1")
            }
            #expect(await guarded.ask("GET", "/v2/health/live").status == 200)
        }
        let unready = try WireFixture([backend])
        #expect(await unready.ask("GET", "/v2/models/m/ready").status == 503)
    }

    /// A server that declares no outputs may give any: they are asked for by the names that its answers have.
    @Test func outputsThatNobodyDeclaredAreAskedByName() async throws {
        let model = WireModels.model([.init(name: "x", type: .float, shape: [nil, 2])], outputs: [])
        let guarded = try WireFixture([WireBackend(description: model)])
        func ask(_ name: String) async -> WireResponse {
            await guarded.post(path, body("FP32", [1, 2], "[1,2]", more: #","outputs":[{"name":"\#(name)"}]"#))
        }
        let known = await ask("x")
        #expect(known.status == 200 && known.text.contains(#""data":[1.0,2.0]"#), "\(known.text)")
        #expect(await ask("y").status == 400)
        let metadata = await guarded.ask("GET", "/v2/models/m")
        #expect(metadata.text.contains(#""outputs":[]"#))
    }

    /// A client that may ask some models learns nothing of the others.
    @Test func hidesOtherModels() async throws {
        let secret = WireModels.model([.init(name: "x", type: .float, shape: [nil])], name: "hidden")
        let identity = ClientIdentity(id: "c", method: .apiKey, models: ["m"])
        let guarded = try WireFixture(
            [WireBackend(description: WireModels.matrix), WireBackend(description: secret)],
            authenticator: WireAuthenticator(identity: identity))
        #expect(await guarded.ask("GET", "/v2/models").text == #"{"models":[{"name":"m","version":"1","ready":true}]}"#)
        let missing = await guarded.ask("GET", "/v2/models/none")
        let hidden = await guarded.ask("GET", "/v2/models/hidden")
        #expect(hidden.status == 404 && hidden.body.count == missing.body.count)
        #expect(await !guarded.ask("GET", "/openapi.json").text.contains("hidden"))
    }

    @Test func namesMethodsAndUnknownCalls() async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        for (method, path, allow) in [
            ("GET", path, "POST"), ("POST", "/v2", "GET, HEAD"), ("DELETE", "/v2/models/m", "GET, HEAD"),
            ("PUT", "/invocations", "POST"), ("POST", "/ping", "GET, HEAD"), ("PATCH", "/metrics", "GET, HEAD"),
            ("OPTIONS", path, "POST"), ("HEAD", path, "POST"), ("POST", "/", "GET, HEAD"),
        ] {
            let answer = await guarded.ask(method, path)
            #expect(answer.status == 405 && answer.header("allow") == allow, "\(method) \(path)")
        }
        for path in [
            "/v2/repository/index", "/v2/models/m/config", "/v2/models/stats", "/v2/", "/v2//models", "/v2/models/",
            "/v2/systemsharedmemory/status", "/v2/models/m/infer/", "/v2/models//infer", "/nothing", "//",
            "/v2/models/m/..",
        ] {
            let answer = await guarded.ask("GET", path)
            #expect(answer.status == 404 || answer.status == 405, "\(path)")
            #expect(answer.object["error"] is String)
        }
    }
}
