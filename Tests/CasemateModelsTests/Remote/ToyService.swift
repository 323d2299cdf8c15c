import CasemateCore
import CasemateModels
import Foundation
import Synchronization
import TestSupport

/// A small logistic model over three numbers, served by both protocols on loopback, with ways to misbehave.
final class ToyService: Sendable {
    /// What goes wrong with requests about rows.
    enum Fault: Sendable, Hashable {
        case none
        case status(Int, retryAfter: String? = nil, first: Int = .max)
        case hang(first: Int = .max), slow(Double)
        case tooFewRows, tooWide, nan, infinity, texts, truncated, cut, huge, html, plainText, redirect, gzip
        case deep, wrongShape, unknownClass, missingOutput, trailing
        case drift(after: Int), flipping, version(after: Int)
        case echo
    }
    /// What is answered.
    enum Form: Sendable { case labelAndScores, scores, probability, value, label, textLabel, records }

    let server: LoopbackServer
    private let state: Mutex<State>
    private struct State {
        var fault: Fault
        var form: Form
        var rows = 0, requests = 0
        var perRow: [String: Int] = [:]
    }

    init(_ fault: Fault = .none, form: Form = .labelAndScores, certificate: String? = nil) throws {
        let box = Box()
        server = try LoopbackServer.start(certificate: certificate) { request in
            box.service?.answer(request) ?? .init("", status: 500)
        }
        state = Mutex(State(fault: fault, form: form))
        box.set(self)
    }

    /// The class of a row that `service` decides by.
    static let weights: [Double] = [1.5, -2, 0.5]
    static func probability(_ row: [Double]) -> Double {
        1 / (1 + exp(-zip(weights, row).reduce(0.25) { $0 + $1.0 * $1.1 }))
    }

    var url: String { server.url }
    var rows: Int { state.withLock { $0.rows } }
    /// How often each row was asked.
    var timesAsked: [Int] { state.withLock { Array($0.perRow.values) } }
    /// Requests about rows.
    var asked: [LoopbackServer.Request] {
        server.requests.filter { $0.path.contains("infer") || $0.path.contains("invocations") }
    }
    func misbehave(_ fault: Fault) { state.withLock { $0.fault = fault } }

    private final class Box: Sendable {
        private struct Reference: Sendable { weak var service: ToyService? }
        private let reference = Mutex(Reference())
        var service: ToyService? { reference.withLock { $0.service } }
        func set(_ service: ToyService) { reference.withLock { $0.service = service } }
    }

    private func answer(_ request: LoopbackServer.Request) -> LoopbackServer.Response {
        let path = request.path.prefix { $0 != "?" }
        switch (request.method, path) {
        case ("GET", "/v2/health/ready"), ("GET", "/ping"): return .init("{}")
        case ("POST", "/v2/repository/index"): return .init(#"[{"name":"toy","state":"READY"}]"#)
        case ("GET", "/v2/models/toy"):
            return .init(
                #"{"name":"toy","versions":["7"],"inputs":[{"name":"x","datatype":"FP32","shape":[-1,3]}],"outputs":[]}"#
            )
        case ("GET", "/v2/models/columns"):
            let inputs =
                #"[{"name":"a","datatype":"FP64","shape":[-1,1]},{"name":"b","datatype":"INT64","shape":[-1]},"#
                + #"{"name":"c","datatype":"BYTES","shape":[-1,1]}]"#
            return .init("{\"name\":\"columns\",\"inputs\":\(inputs)}")
        case ("POST", "/v2/models/toy/infer"), ("POST", "/v2/models/columns/infer"), ("POST", "/invocations"):
            return infer(request)
        default: return .init(#"{"error":"not here"}"#, status: 404)
        }
    }

    private func infer(_ request: LoopbackServer.Request) -> LoopbackServer.Response {
        let json = (try? JSONSerialization.jsonObject(with: request.body)) as? [String: Any] ?? [:]
        let isV2 = json["inputs"] is [[String: Any]]
        let rows = isV2 ? Self.v2Rows(json) : Self.mlflowRows(json)
        let (fault, form, number, before) = state.withLock { state in
            defer { state.rows += rows.count }
            state.requests += 1
            for row in rows { state.perRow["\(row)", default: 0] += 1 }
            return (state.fault, state.form, state.requests, state.rows)
        }
        var scores = rows.map { Self.probability($0) }
        if case .drift(let after) = fault, before >= after { scores = scores.map { $0 * 0.9 } }
        if fault == .flipping { scores = scores.map { number.isMultiple(of: 2) ? $0 : 1 - $0 } }
        if let response = Self.early(fault, number, request) { return response }
        if fault == .tooFewRows, rows.count > 1 { scores.removeLast() }
        let version: String = if case .version(let after) = fault, before >= after { "8" } else { "7" }
        let body =
            isV2
            ? Self.v2(scores, form, fault, version: version) : Self.mlflow(scores, form, fault)
        var response = LoopbackServer.Response(body)
        switch fault {
        case .truncated: response.body = response.body.dropLast(7)
        case .cut: response.cut = response.body.count / 2
        case .plainText: response.headers["content-type"] = "text/plain"
        case .gzip: response.headers["content-encoding"] = "gzip"
        case .trailing: response.body += Data("{}".utf8)
        case .slow(let seconds): response.delay = seconds
        default: break
        }
        return response
    }

    private static func early(
        _ fault: Fault, _ number: Int, _ request: LoopbackServer.Request
    ) -> LoopbackServer.Response? {
        switch fault {
        case .status(let status, let retryAfter, let first) where number <= first:
            var response = LoopbackServer.Response(#"{"error":"busy"}"#, status: status)
            response.headers["retry-after"] = retryAfter
            return response
        case .hang(let first) where number <= first:
            var response = LoopbackServer.Response("")
            response.hangs = true
            return response
        case .html: return .init("<!doctype html><h1>Sign in</h1>", headers: ["content-type": "text/html"])
        case .redirect: return .init("", status: 307, headers: ["location": "http://elsewhere.example/steal?k=1"])
        case .huge: return .init(Data(repeating: 0x20, count: 3 << 20))
        case .deep: return .init(String(repeating: "[", count: 100_000))
        case .echo:
            let key = request.headers["x-api-key"] ?? request.headers["authorization"] ?? ""
            return .init(#"{"error":"row 41.25 of 'pilot' with key \#(key) is bad"}"#, status: 400)
        default: return nil
        }
    }

    private static func v2Rows(_ json: [String: Any]) -> [[Double]] {
        let inputs = json["inputs"] as? [[String: Any]] ?? []
        let columns = inputs.map { input in
            (input["data"] as? [Any] ?? []).map { ($0 as? NSNumber)?.doubleValue ?? Double(("\($0)").utf8.count) }
        }
        guard inputs.count == 1, let shape = inputs[0]["shape"] as? [Int], shape.count == 2 else {
            return (columns.first ?? []).indices.map { row in columns.map { $0[row] } }
        }
        return (0..<shape[0]).map { Array(columns[0][$0 * shape[1]..<($0 + 1) * shape[1]]) }
    }
    private static func mlflowRows(_ json: [String: Any]) -> [[Double]] {
        let split = json["dataframe_split"] as? [String: Any]
        let data = (split?["data"] ?? json["inputs"] ?? json["instances"]) as? [[Any]] ?? []
        return data.map { $0.map { ($0 as? NSNumber)?.doubleValue ?? Double("\($0)".utf8.count) } }
    }

    private static func number(_ value: Double, _ fault: Fault) -> String {
        switch fault {
        case .nan: "NaN"
        case .infinity: "1e999"
        case .texts: "\"0.5\""
        default: "\(value)"
        }
    }

    private static func v2(_ scores: [Double], _ form: Form, _ fault: Fault, version: String) -> String {
        let count = scores.count
        let label = scores.map { fault == .unknownClass ? "5" : $0 >= 0.5 ? "1" : "0" }.joined(separator: ",")
        let both = scores.map { "\(number(1 - $0, fault)),\(number($0, fault))" }.joined(separator: ",")
        let one = scores.map { number($0, fault) }.joined(separator: ",")
        let third = fault == .tooWide ? scores.map { _ in "0.5" }.joined(separator: ",") : ""
        let shape = fault == .wrongShape ? "[\(count),5]" : fault == .tooWide ? "[\(count),3]" : "[\(count),2]"
        func output(_ name: String, _ type: String, _ shape: String, _ data: String) -> String {
            "{\"name\":\"\(name)\",\"datatype\":\"\(type)\",\"shape\":\(shape),\"data\":[\(data)]}"
        }
        let data = third.isEmpty ? both : both + "," + third
        let wide = fault == .missingOutput ? "" : output("probabilities", "FP64", shape, data)
        let narrow = output("label", "INT64", "[\(count)]", label)
        let outputs: [String] =
            switch form {
            case .labelAndScores: [narrow, wide]
            case .scores, .records: [wide]
            case .probability: [output("p", "FP32", "[\(count),1]", one)]
            case .value: [output("value", "FP32", "[\(count)]", scores.map { "\($0 * 1_000)" }.joined(separator: ","))]
            case .label: [narrow]
            case .textLabel:
                [
                    output(
                        "label", "BYTES", "[\(count),1]",
                        scores.map { $0 >= 0.5 ? "\"yes\"" : "\"no\"" }.joined(separator: ","))
                ]
            }
        let shown = outputs.filter { !$0.isEmpty }.joined(separator: ",")
        return "{\"model_name\":\"toy\",\"model_version\":\"\(version)\",\"outputs\":[\(shown)]}"
    }

    private static func mlflow(_ scores: [Double], _ form: Form, _ fault: Fault) -> String {
        let items = scores.map { score -> String in
            let text = number(score, fault)
            return switch form {
            case .labelAndScores, .records: "{\"label\":\(score >= 0.5 ? 1 : 0),\"score\":\(text)}"
            case .scores: fault == .tooWide ? "[\(text),0.1,0.2]" : "[\(number(1 - score, fault)),\(text)]"
            case .probability: text
            case .value: "\(score * 1_000)"
            case .label: score >= 0.5 ? "1" : "0"
            case .textLabel: score >= 0.5 ? "\"yes\"" : "\"no\""
            }
        }
        return "{\"predictions\":[\(items.joined(separator: ","))]}"
    }
}

extension ToyService {
    /// Rows of three numbers, all different.
    static func rows(_ count: Int, from start: Int = 0) -> [Float] {
        var rows: [Float] = []
        for row in start..<start + count { rows += [Float(row) / 16 - 1, Float(row % 7) / 8, Float(row % 3)] }
        return rows
    }
    /// Options for short tests.
    func options(_ path: String = "/v2/models/toy") -> RemoteOptions {
        var options = RemoteOptions(url + path)
        (options.timeout, options.firstWait, options.retries, options.repeats) = (5, 0.01, 3, 0)
        return options
    }
    static let columns = ["a", "b", "c"].map { RemoteDraft.Column($0, isText: false) }

    /// The model, learned from the first rows.
    func model(
        _ options: RemoteOptions? = nil, overrides: ModelOverrides = .init(), labels: [String]? = nil,
        cancellation: Cancellation = Cancellation()
    ) throws -> RemoteModel {
        let endpoint = try RemoteEndpoint(options ?? self.options(), cancellation: cancellation)
        let draft = try endpoint.draft(columns: Self.columns, overrides: overrides, labels: labels)
        _ = try draft.predict(rows: Self.rows(4), count: 4, cancellation: cancellation)
        guard let model = draft.learned else { throw CasemateError(.mismatch, at: "", "nothing learned", help: "") }
        return model
    }
}
