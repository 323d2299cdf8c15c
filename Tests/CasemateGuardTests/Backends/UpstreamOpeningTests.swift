import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import Synchronization
import TestSupport
import Testing

/// What is asked and set when an upstream is opened.
@Suite struct UpstreamOpeningTests {
    typealias Fixtures = UpstreamFixtures

    @Test func aServerThatComesLaterIsFound() async throws {
        let isUp = Atomic(false)
        let server = try LoopbackServer.start { request in
            guard isUp.load(ordering: .relaxed) else { return .init("", status: 503) }
            return .init(request.path.hasSuffix("/infer") ? Fixtures.right : Fixtures.metadata)
        }
        let backend = try await Fixtures.open(server.url)
        #expect(!backend.isReady)
        let found = await refusal { try await Fixtures.ask(backend) }
        #expect(found?.kind.status == 503 && found?.reason == "upstream_unknown")
        isUp.store(true, ordering: .relaxed)
        #expect(await eventually { backend.isReady })
        #expect(backend.description.inputs.map(\.name) == ["x"])
        #expect(try await Fixtures.ask(backend).predictions?.labels == [1])
        await backend.shutDown()
    }

    @Test(arguments: [
        "{", "[]", "{\"inputs\":[{\"name\":\"x\"}]}",
        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP8\",\"shape\":[-1]}]}",
        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[-1]},{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[-1]}]}",
    ])
    func metadataAreReadStrictly(text: String) async throws {
        let server = try LoopbackServer.start { _ in .init(text) }
        let backend = try await Fixtures.open(server.url)
        #expect(!backend.isReady)
        await backend.shutDown()
    }

    @Test func featuresMustFitTheMetadata() async throws {
        let server = try Fixtures.server { _ in .init(Fixtures.right) }
        await #expect(throws: CasemateError.self) {
            try await Fixtures.open(server.url, [], ["features: [a, b, c]"])
        }
        let backend = try await Fixtures.open(server.url, [], ["features: [a, b]"])
        #expect(backend.description.features.map(\.name) == ["a", "b"])
    }

    @Test func tokensComeFromAFileAndAreNeverShown() async throws {
        let server = try Fixtures.server { _ in .init(Fixtures.right) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("token").path
        try Data("s3cret-token\n".utf8).write(to: URL(fileURLWithPath: path))
        let backend = try await Fixtures.open(server.url, ["token_file: \(path)"])
        _ = try await Fixtures.ask(backend)
        #expect(server.requests.last?.headers["authorization"] == "Bearer s3cret-token")
        let other = try await Fixtures.open(server.url, ["token_file: \(path)", "token_header: x-api-key"])
        _ = try await Fixtures.ask(other)
        #expect(server.requests.last?.headers["x-api-key"] == "s3cret-token")
        try Data("s3cret\u{7}token\n".utf8).write(to: URL(fileURLWithPath: path))
        do {
            _ = try await Fixtures.open(server.url, ["token_file: \(path)"])
            Issue.record("a token with a control character was taken")
        } catch { #expect(!"\(error)".contains("s3cret")) }
        for setting in ["headers: {host: x}", "headers: {\"a b\": x}", "token_file: \(path).missing"] {
            await #expect(throws: CasemateError.self, "\(setting)") {
                try await Fixtures.open(server.url, [setting])
            }
        }
    }

    @Test func serversWithoutMetadataAreAskedByTheConfiguration() async throws {
        // As MLServer tells of a scikit-learn model, and as it answers.
        let server = try LoopbackServer.start { request in
            guard request.path.hasSuffix("/infer") else {
                return .init(#"{"name":"iris","versions":[],"platform":"","inputs":[],"outputs":[],"parameters":{}}"#)
            }
            return .init(
                """
                {"model_name":"iris","model_version":"v1","id":"x","parameters":{},"outputs":[\
                {"name":"predict","shape":[2,1],"datatype":"INT64","parameters":{"content_type":"np"},"data":[2,0]},\
                {"name":"predict_proba","shape":[2,3],"datatype":"FP64","parameters":{"content_type":"np"},\
                "data":[0.1,0.2,0.7,0.8,0.1,0.1]}]}
                """)
        }
        let backend = try await Fixtures.open(
            server.url, ["outputs: [predict, predict_proba]"],
            ["features: [a, b]", "classes: [\"0\", \"1\", \"2\"]"])
        let model = backend.description
        #expect(model.inputs.map(\.name) == ["input-0"] && model.features.map(\.name) == ["a", "b"])
        let tensor = Tensor(shape: [2, 2], .double([1, 2, 3, 4]))
        let request = InferenceRequest(inputs: [NamedTensor("input-0", tensor)], rows: 2, model: model)
        let answer = try await backend.infer(request, call: BackendFixtures.call())
        #expect(answer.predictions?.labels == [2, 0] && answer.predictions?.kind == .probabilities)
        #expect(answer.roles.label == "predict" && answer.roles.scores == "predict_proba")
    }

    @Test func binaryValuesGoBothWays() async throws {
        let server = try Fixtures.server { request in
            let head = """
                {"model_name":"m","outputs":[{"name":"label","shape":[1],"datatype":"INT64",\
                "parameters":{"binary_data_size":8}},{"name":"p","shape":[1,2],"datatype":"FP32",\
                "parameters":{"binary_data_size":8}}]}
                """
            var body = Data(head.utf8)
            withUnsafeBytes(of: Int64(1).littleEndian) { body.append(contentsOf: $0) }
            for value in [Float(0.25), 0.75] { withUnsafeBytes(of: value) { body.append(contentsOf: $0) } }
            return .init(body, headers: ["inference-header-content-length": "\(head.utf8.count)"])
        }
        let backend = try await Fixtures.open(server.url, ["encoding: binary"], ["classes: [\"0\", \"1\"]"])
        let answer = try await Fixtures.ask(backend)
        #expect(answer.outputs[0].tensor.storage == .int64([1]) && answer.predictions?.labels == [1])
        let sent = try #require(server.requests.last)
        let length = try #require(sent.headers["inference-header-content-length"].flatMap { Int($0) })
        #expect(sent.body.count == length + 8)
    }

    @Test func mlflowServersAreAskedInTheirForm() async throws {
        let server = try LoopbackServer.start { request in
            request.path == "/invocations"
                ? .init("{\"predictions\":[\"yes\",\"no\"]}")
                : request.path == "/ping" ? .init("\n") : .init("", status: 404)
        }
        let lines = [
            "upstream: \(server.url)", "classes: [no, yes]",
            "features: [age, {name: sector, levels: [public, private]}]",
        ]
        let backend = try await BackendFixtures.open(lines)
        let model = backend.description
        #expect(backend.isReady && model.layout == .columns && model.inputs.map(\.type) == [.double, .string])
        let inputs = [
            NamedTensor("age", Tensor(shape: [2], .double([41, .nan]))),
            NamedTensor("sector", Tensor(shape: [2], .string(["public", ""]))),
        ]
        let request = InferenceRequest(inputs: inputs, rows: 2, model: model)
        #expect(request.matrix?.values.prefix(2) == [41, 0] && request.unknownLevels.isEmpty)
        let answer = try await backend.infer(request, call: BackendFixtures.call())
        #expect(answer.predictions?.labels == [1, 0] && answer.roles.label == "predictions")
        #expect(
            server.requests.last.map { String(decoding: $0.body, as: UTF8.self) }
                == #"{"dataframe_split":{"columns":["age","sector"],"data":[[41,"public"],[null,null]]}}"#)
        await #expect(throws: CasemateError.self) {
            try await BackendFixtures.open(["upstream: {url: \(server.url), protocol: mlflow}"])
        }
    }

    @Test func furtherModelsOpenByAddress() async throws {
        let server = try Fixtures.server { _ in .init(Fixtures.right) }
        let opener = BackendOpener(search: Repository.engines)
        let backend = try opener.open(
            path: server.url + "/v2/models/m", name: "benchmark", setup: BackendFixtures.setup())
        #expect(await eventually { backend.isReady })
        await backend.shutDown()
    }

    @Test func encryptedServersAreCheckedAgainstTheirAuthority() async throws {
        let authority = Repository.path("Tests/Fixtures/endpoints/authority.pem")
        let server = try LoopbackServer.start(
            certificate: Repository.path("Tests/Fixtures/endpoints/server.pem")
        ) { request in .init(request.path.hasSuffix("/infer") ? Fixtures.right : Fixtures.metadata) }
        let url = server.url.replacingOccurrences(of: "127.0.0.1", with: "localhost")
        let trusted = try await Fixtures.open(url, ["ca_file: \(authority)"])
        #expect(trusted.isReady)
        #expect(try await Fixtures.ask(trusted).predictions?.labels == [1])
        let strict = try await Fixtures.open(url)
        #expect(!strict.isReady)
        await strict.shutDown()
    }
}
