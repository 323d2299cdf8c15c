public import CasemateCore
import Foundation
import NIOHTTP1
import Synchronization

/// A server that was found and answers: its protocol, its model, and what it says about the inputs.
///
/// Asked with GET only (and once for the list of models), so that no row has been sent yet. `draft` goes on from here.
public final class RemoteEndpoint: Sendable {
    /// The address without its query, which may hold secrets.
    public let address: String
    /// The protocol that it speaks.
    public let dialect: RemoteOptions.Dialect
    /// Name of the model; `nil` for MLflow, which serves one without a name.
    public let model: String?
    let exchange: RemoteExchange
    let cache: AnswerCache
    /// Inputs and versions by its metadata; empty where it says nothing.
    let inputs: [OpenInferenceWire.Input]
    let version: String?
    let path: String

    /// Connects.
    /// - Parameters:
    ///   - options: How to ask.
    ///   - cancellation: Stops the waiting.
    /// - Throws: `invalidSetting` for options that make no sense; `endpointFailed`, `endpointLies`; what the file of kept
    ///   answers is refused for; `Cancelled`.
    public init(_ options: RemoteOptions, cancellation: Cancellation) throws {
        try Self.check(options)
        let address = try RemoteAddress(options.address)
        let exchange = try RemoteExchange(address, options)
        let finder = RemoteFinder(exchange: exchange, cancellation: cancellation)
        self.exchange = exchange
        dialect = try finder.dialect()
        if dialect == .mlflow {
            try finder.checkMLflow()
            (model, version, inputs, path) = (nil, options.version, [], "/invocations")
        } else {
            let found = try finder.openInference()
            (model, version, inputs, path) = (found.model, found.version, found.inputs, found.path)
        }
        self.address = address.base + path
        cache = try AnswerCache(path: options.answers, limit: options.answersLimit)
    }

    private static func check(_ options: RemoteOptions) throws(CasemateError) {
        func invalid(_ key: String, _ what: String) -> CasemateError {
            CasemateError(.invalidSetting, at: "model.endpoint.\(key)", what, help: "correct it or leave it out")
        }
        guard (1...256).contains(options.concurrency) else { throw invalid("concurrency", "must be 1 to 256") }
        guard (1...100_000).contains(options.batch) else { throw invalid("batch", "must be 1 to 100,000 rows") }
        guard options.timeout > 0, options.timeout <= 86_400 else { throw invalid("timeout", "must be 0 to 86,400 s") }
        guard (0...100).contains(options.retries) else { throw invalid("retries", "must be 0 to 100") }
        for (key, rate) in [("rate", options.rate), ("rows_rate", options.rowRate)] {
            guard rate.map({ $0 >= 1e-6 && $0 <= 1e9 }) ?? true else { throw invalid(key, "must be above 0") }
        }
        guard options.queries ?? 1 > 0 else { throw invalid("queries", "must be at least 1") }
        guard options.repeats >= 0, options.firstWait >= 0, options.longestWait >= options.firstWait,
            options.longestWait <= 86_400, (1...(1 << 31)).contains(options.responseLimit)
        else { throw invalid("retries", "waits and limits must not be negative") }
    }

    /// What asking has shown so far.
    public var observations: RemoteObservations { exchange.traffic.observations }
}

/// Finds out what a server speaks and serves.
struct RemoteFinder {
    let exchange: RemoteExchange
    let cancellation: Cancellation

    private var options: RemoteOptions { exchange.options }
    private func get(_ path: String) throws -> RemoteClient.Response {
        try exchange.fetch(.GET, path, cancellation: cancellation)
    }

    /// The protocol: as stated, by the address, else by asking for what only one of them has.
    func dialect() throws -> RemoteOptions.Dialect {
        if options.dialect != .auto { return options.dialect }
        if exchange.address.dialect != .auto { return exchange.address.dialect }
        // why v2 first: MLServer serves /invocations besides.
        let ready = try get("/v2/health/ready")
        if ready.status == 200, !ready.isPage { return .openInference }
        let ping = try get("/ping")
        if ping.status == 200, !ping.isPage { return .mlflow }
        let (one, two) = (ready.status, ping.status)
        throw CasemateError(
            .endpointFailed, at: exchange.address.base,
            "neither /v2/health/ready (status \(one)) nor /ping (status \(two)) is there: the protocol is unknown",
            help: "name `protocol: open_inference` or `mlflow`, and the address in front of /v2 or /invocations")
    }

    /// MLflow says nothing about its model; only whether it is up.
    func checkMLflow() throws {
        let response = try get("/ping")
        guard response.status == 200 || response.status == 404 || response.status == 405 else {
            throw exchange.failure.refused(response, "/ping", request: nil, hiding: [])
        }
    }

    struct Found {
        let model: String, path: String
        let version: String?
        let inputs: [OpenInferenceWire.Input]
    }

    /// The model and its metadata.
    func openInference() throws -> Found {
        let ready = try get("/v2/health/ready")
        guard ready.status == 200 || ready.status == 404 || ready.status == 405 else {
            throw exchange.failure.refused(ready, "/v2/health/ready", request: nil, hiding: [])
        }
        let model = try options.model ?? exchange.address.model ?? onlyModel()
        let version = options.version ?? exchange.address.version
        var path = "/v2/models/" + RemoteAddress.step(model)
        if let version { path += "/versions/" + RemoteAddress.step(version) }
        let response = try get(path)
        guard response.status == 200 else {
            throw exchange.failure.refused(response, path, request: nil, hiding: [])
        }
        do throws(RemoteLie) {
            let json = try response.answer()
            let versions = json["versions"]?.items?.compactMap(\.text) ?? []
            return Found(
                model: model, path: path + "/infer", version: version ?? (versions.isEmpty ? nil : versions.last),
                inputs: try Self.inputs(json))
        } catch { throw exchange.failure.lie(error, path, request: nil) }
    }

    private static func inputs(_ json: RemoteJSON) throws(RemoteLie) -> [OpenInferenceWire.Input] {
        guard json.members != nil else { throw RemoteLie("expected metadata of a model, got \(json.kind)") }
        var inputs: [OpenInferenceWire.Input] = []
        for item in json["inputs"]?.items ?? [] {
            guard let name = item["name"]?.text, let type = item["datatype"]?.text, let shape = item["shape"]?.wholes,
                shape.count <= 8
            else { throw RemoteLie("an input of the metadata lacks its name, its datatype or its shape") }
            inputs.append(OpenInferenceWire.Input(name: name, datatype: type, shape: shape))
        }
        guard inputs.count <= 100_000, Set(inputs.map(\.name)).count == inputs.count else {
            throw RemoteLie("the metadata name one input twice")
        }
        return inputs
    }

    /// The only model of a server that lists its models.
    private func onlyModel() throws -> String {
        var names: Set<String> = []
        let index = try exchange.fetch(
            .POST, "/v2/repository/index", body: Array("{}".utf8), cancellation: cancellation)
        if index.status == 200, let items = try? index.answer().items {
            names = Set(items.filter { $0["state"]?.text ?? "READY" == "READY" }.compactMap { $0["name"]?.text })
        }
        if names.isEmpty {
            let list = try get("/v2/models")
            if list.status == 200, let items = try? list.answer()["models"]?.items {
                names = Set(items.compactMap(\.text))
            }
        }
        guard names.count == 1, let name = names.first else {
            let shown = names.sorted().prefix(20).map { "'\(OnnxLook.printable($0))'" }.joined(separator: ", ")
            throw CasemateError(
                .invalidSetting, at: exchange.address.base,
                names.isEmpty
                    ? "the server does not list its models" : "the server has \(names.count) models: \(shown)",
                help: "name one with `model: {endpoint: {model: …}}`, or give its address: …/v2/models/NAME")
        }
        return name
    }
}
