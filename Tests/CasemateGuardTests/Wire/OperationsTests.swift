import CasemateCore
import CasemateGuard
import CasemateModels
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct OperationsTests {
    @Test func givesMetrics() async throws {
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        _ = await guarded.post("/v2/models/m/infer", "{}")
        let answer = await guarded.ask("GET", "/metrics")
        #expect(answer.status == 200 && answer.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.text.contains(#"casemate_requests_total{face="open_inference",model="m",status="400"} 1"#))
        #expect(answer.text.contains("process_cpu_seconds_total "))
        #if os(Linux)
            for name in ["process_resident_memory_bytes", "process_open_fds", "process_max_fds"] {
                let line = answer.text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
                #expect((line?.split(separator: " ").last.flatMap { Double($0) } ?? 0) > 0, "\(name)")
            }
        #endif
        let nobody = ClientIdentity(id: "c", method: .apiKey)
        let refused = try WireFixture(
            [WireBackend(description: WireModels.matrix)], authenticator: WireAuthenticator(identity: nobody))
        #expect(await refused.ask("GET", "/metrics").status == 403)
        #expect(await guarded.ask("GET", "/").object["name"] as? String == "casemate")
    }

    @Test func writesRefusals() {
        let refusal = GuardRefusal(
            .limited, "slow \u{1B}[31m<b>\r\n", field: "x\"", retryAfter: 0.2, allow: ["GET", "HEAD"])
        let response = Problem.response(refusal, id: "00ff")
        #expect(
            response.status == 429 && response.header("retry-after") == "1" && response.header("allow") == "GET, HEAD")
        #expect(response.object["type"] as? String == "urn:casemate:problem:limited")
        #expect(response.object["title"] as? String == "Too many requests")
        #expect(response.object["instance"] as? String == "urn:casemate:request:00ff")
        #expect(response.object["detail"] as? String == refusal.detail)
        #expect(response.object["error"] as? String == "x\": \(refusal.detail)")
        #expect(!response.body.contains { $0 < 0x20 || $0 == UInt8(ascii: "<") })
        for (wait, text) in [(1.0, "1"), (1.01, "2"), (59.5, "60"), (-3, "1"), (1e300, "31536000")] {
            #expect(
                Problem.headers(GuardRefusal(.unavailable, "x", retryAfter: wait)).first
                    == .init("retry-after", text))
        }
        #expect(Problem.headers(GuardRefusal(.unavailable, "x", retryAfter: .nan)).isEmpty)
        let schemes = Problem.headers(GuardRefusal(.unauthenticated, "x")).filter { $0.name == "www-authenticate" }
        #expect(schemes.map(\.value) == [#"Bearer realm="casemate""#, #"ApiKey realm="casemate""#])
        for kind in GuardRefusal.Kind.allCases {
            #expect(Problem.response(GuardRefusal(kind, "x"), id: "1").object["status"] as? Int == kind.status)
            #expect(MLflowFace().render(GuardRefusal(kind, "x"), id: "1").object["error_code"] is String)
        }
    }
}

/// The description of the interface says what the code does.
@Suite struct OpenAPITests {
    private func document(_ models: [ModelDescription]) throws -> [String: Any] {
        let bytes = OpenAPIDocument(models).tree.bytes
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    /// Every path and method is routed, and no other method is.
    @Test func routesWhatItDescribes() throws {
        let paths = try #require(try document([])["paths"] as? [String: [String: Any]])
        #expect(paths.count >= 18)
        let faces: [any WireFace] = [OpenInferenceFace(), MLflowFace(), OperationsFace()]
        func route(_ method: String, _ path: String) throws -> WireRoute? {
            for face in faces {
                if let route = try face.route(WireHead(method: method, path: path)) { return route }
            }
            return nil
        }
        for (path, item) in paths {
            let address = path.replacing("{model}", with: "m").replacing("{version}", with: "1")
            for method in ["get", "post", "put", "delete", "patch", "options"] {
                guard let operation = item[method] as? [String: Any] else {
                    let refusal = #expect(throws: GuardRefusal.self) { try route(method.uppercased(), address) }
                    #expect(refusal?.kind == .methodNotAllowed && refusal?.allow.isEmpty == false)
                    continue
                }
                let route = try #require(try route(method.uppercased(), address))
                #expect((operation["security"] == nil) == (route.access == .open), "\(path)")
                #expect((route.target != nil) == (operation["requestBody"] != nil), "\(path)")
                let names = (operation["parameters"] as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
                #expect(names.count == path.count { $0 == "{" })
            }
        }
        let names = OpenAPIDocument.operations.map(\.name)
        #expect(Set(names).count == names.count)
    }

    /// Every status of every operation can be had, and is had by the means that the status means.
    @Test func answersEveryStatusThatItDescribes() async throws {
        for operation in OpenAPIDocument.operations {
            let path = operation.path.replacing("{model}", with: "m").replacing("{version}", with: "1")
            // why: the short path is named by the edge, which is the lead's; the named ones stand for it.
            guard path != "/invocations" else { continue }
            for status in [200] + operation.statuses {
                let answer = try await provoke(status, operation, path)
                #expect(answer.status == status, "\(operation.name) \(status): \(answer.status) \(answer.text)")
            }
        }
    }

    private func provoke(_ status: Int, _ operation: WireOperation, _ path: String) async throws -> WireResponse {
        var backend = WireBackend(description: WireModels.matrix)
        var (authenticator, log, stage) = (WireAuthenticator(), WireLog(), WireStage())
        var (body, type, address) = ("", "application/json", path)
        var failure: (any Error & Sendable)?
        var (encoding, settings): (String?, String) = (nil, "")
        if operation.method == "POST" {
            body =
                path.hasSuffix("infer")
                ? #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#
                : #"{"inputs":{"a":[1],"b":[2]}}"#
        }
        switch status {
        case 400: (body, encoding) = operation.method == "POST" ? ("{", nil) : ("", "gzip")
        case 401: authenticator.identity = nil
        case 403: authenticator.identity = ClientIdentity(id: "c", method: .apiKey, scopes: [])
        case 404:
            address = path.replacing("/m", with: "/absent", maxReplacements: 2).replacing(
                "/absentodels", with: "/models")
        case 408: failure = GuardRefusal(.timeout, "too slow")
        case 413: (body, settings) = (String(repeating: " ", count: 2_000), "server: {max_body: 1024}\n")
        case 415: (type, encoding) = ("text/plain", "br")
        case 422: stage.atBody = GuardRefusal(.unprocessable, "no")
        case 429: stage.atHead = GuardRefusal(.limited, "no", retryAfter: 1)
        case 500: failure = CasemateError(.unreadable, at: "here", "broken", help: "")
        case 502: backend.answer = { _ in throw GuardRefusal(.upstreamFailed, "no") }
        case 503:
            backend.isReady = false
            stage.atHead = GuardRefusal.overloaded
        case 504: backend.answer = { _ in throw GuardRefusal(.upstreamTimeout, "no") }
        case 507: log = WireLog(failure: GuardRefusal(.storage, "no"))
        default: break
        }
        let guarded = try WireFixture(
            [backend], authenticator: authenticator, log: log, stage: stage, settings: settings)
        return await guarded.ask(
            operation.method, address, Array(body.utf8),
            [("content-type", type)] + (encoding.map { [("content-encoding", $0)] } ?? []), failure: failure)
    }

    /// Answers have the form that the document gives them.
    @Test func answersInTheFormThatItDescribes() async throws {
        let document = try document([WireModels.matrix])
        let guarded = try WireFixture([WireBackend(description: WireModels.matrix)])
        for (path, schema) in [
            ("/v2/health/live", "Live"), ("/v2/health/ready", "Ready"), ("/v2", "Server"), ("/v2/models", "Models"),
            ("/v2/models/m", "Model"), ("/v2/models/m/ready", "ModelReady"), ("/", "Index"),
            ("/v2/models/n", "Problem"),
        ] {
            try check(await guarded.ask("GET", path).body, schema, document)
        }
        let infer = await guarded.post(
            "/v2/models/m/infer",
            #"{"id":"1","inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#)
        try check(infer.body, "InferenceResponse", document)
        let invoked = await guarded.invoke(#"{"inputs":{"a":[1],"b":[2]}}"#)
        try check(invoked.body, "Predictions", document)
        try check(await guarded.invoke("{").body, "Problem", document)
    }

    private func check(_ body: [UInt8], _ schema: String, _ document: [String: Any]) throws {
        // The validator reads one schema: the components become its definitions.
        let schemas = (document["components"] as? [String: Any])?["schemas"] ?? [:]
        let root: [String: Any] = ["$ref": "#/components/schemas/\(schema)", "$defs": schemas]
        let text = String(decoding: try JSONSerialization.data(withJSONObject: root), as: UTF8.self)
            .replacing("\\/", with: "/").replacing("#/components/schemas/", with: "#/$defs/")
        let violations = try JSONSchema(Data(text.utf8)).violations(in: Data(body))
        #expect(violations.isEmpty, "\(schema): \(violations)")
    }

    /// The inputs of a model stand in the document by name, type and form.
    @Test func describesRequestsOfModels() throws {
        let schemas = try #require(
            (try document([WireModels.matrix])["components"] as? [String: Any])?["schemas"] as? [String: Any])
        let request = try #require(schemas["InferenceRequest.m.1"] as? [String: Any])
        let inputs = (request["properties"] as? [String: [String: Any]])?["inputs"]
        #expect(inputs?["minItems"] as? Int == 1 && inputs?["maxItems"] as? Int == 1)
        let input = (inputs?["prefixItems"] as? [[String: Any]])?.first?["properties"] as? [String: [String: Any]]
        #expect(input?["name"]?["const"] as? String == "x" && input?["datatype"]?["const"] as? String == "FP32")
        let axes = input?["shape"]?["prefixItems"] as? [[String: Any]]
        #expect(axes?[0]["minimum"] as? Int == 1 && axes?[1]["const"] as? Int == 2)
        let any = (schemas["InferenceRequest"] as? [String: Any])?["anyOf"] as? [[String: String]]
        #expect(any == [["$ref": "#/components/schemas/InferenceRequest.m.1"]])
    }

    /// The committed document is the one that the code makes; `CASEMATE_UPDATE` writes it anew.
    @Test func isCommitted() throws {
        let path = Repository.path("docs/reference/guard-openapi.json")
        let made = try JSONSerialization.data(
            withJSONObject: try document([]), options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        if ProcessInfo.processInfo.environment["CASEMATE_UPDATE"] == "1" {
            try (made + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
        }
        let found = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(found == made + Data("\n".utf8), "run the tests with CASEMATE_UPDATE=1")
    }
}
