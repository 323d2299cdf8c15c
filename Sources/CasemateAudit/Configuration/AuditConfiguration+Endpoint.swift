public import CasemateCore
public import CasemateModels
import Foundation

extension AuditConfiguration {
    /// A served model instead of a file. Names secrets, never holds them.
    public struct Endpoint: Hashable, Sendable {
        /// The address; `nil` where the model is a file.
        public var url: String?
        /// The protocol.
        public var dialect = RemoteOptions.Dialect.auto
        /// Name and version of the model on the server.
        public var model: String?, version: String?
        /// Environment variable, or file, that holds a key; the header that carries it.
        public var keyVariable: String?, keyFile: String?, keyHeader: String?
        /// Environment variable, or file, that holds a bearer token.
        public var bearerVariable: String?, bearerFile: String?
        /// Further headers.
        public var headers: [String: String] = [:]
        /// PEM file of authorities that may have signed the server's certificate.
        public var authorities: String?
        /// Most requests under way at a time, and most rows of each.
        public var concurrency = 4, batch = 100
        /// Most requests, and most rows, a second.
        public var rate: Double?, rowRate: Double?
        /// Most rows asked in all.
        public var queries: Int?
        /// Seconds after which a request has failed.
        public var timeout = 30.0
        /// How often a request is tried again, and most rows that are asked a second time.
        public var retries = 4, repeats = 20
        /// SQLite file of kept answers; `nil` keeps them beside the results of probes.
        public var cache: String?
        /// Makes it; the defaults name no endpoint.
        public init() {}
    }

    /// How the endpoint is asked.
    /// - Parameters:
    ///   - environment: Variables that may hold a secret.
    ///   - context: Seed of the jitter.
    ///   - folder: Folder of kept answers where the configuration names none; `nil` keeps them in memory.
    /// - Returns: `nil` where the model is a file.
    /// - Throws: `invalidSetting` for secrets that are not there or named twice, `notFound` for missing files.
    public func endpointOptions(
        environment: [String: String], context: RunContext, folder: String? = nil
    ) throws(CasemateError) -> RemoteOptions? {
        let endpoint = model.endpoint
        guard let url = endpoint.url else { return nil }
        var options = RemoteOptions(url)
        (options.dialect, options.model, options.version) = (endpoint.dialect, endpoint.model, endpoint.version)
        options.credential = try credential(environment)
        (options.headers, options.authorities) = (endpoint.headers, endpoint.authorities)
        (options.concurrency, options.batch) = (endpoint.concurrency, endpoint.batch)
        (options.rate, options.rowRate, options.queries) = (endpoint.rate, endpoint.rowRate, endpoint.queries)
        (options.timeout, options.retries, options.repeats) = (endpoint.timeout, endpoint.retries, endpoint.repeats)
        options.answers =
            cache.isEnabled ? endpoint.cache ?? (cache.folder ?? folder).map { $0 + "/answers.sqlite" } : nil
        options.seed = context.seed
        return options
    }

    private func credential(_ environment: [String: String]) throws(CasemateError) -> RemoteCredential? {
        let endpoint = model.endpoint
        let named = [
            ("key_variable", endpoint.keyVariable), ("key_file", endpoint.keyFile),
            ("bearer_variable", endpoint.bearerVariable), ("bearer_file", endpoint.bearerFile),
        ].filter { $0.1 != nil }
        guard named.count <= 1 else {
            throw CasemateError(
                .invalidSetting, at: place(of: "model.endpoint.\(named[1].0)"),
                "'\(named[0].0)' and '\(named[1].0)' both name a secret", help: "name one")
        }
        guard let (key, name) = named.first, let name else { return nil }
        let place = place(of: "model.endpoint.\(key)")
        let secret =
            key.hasSuffix("file")
            ? try Self.secret(file: name) : try Self.secret(variable: name, environment, at: place)
        if key.hasPrefix("bearer") { return .bearer(secret) }
        return .key(secret, header: endpoint.keyHeader?.lowercased() ?? "x-api-key")
    }

    private static func secret(
        variable: String, _ environment: [String: String], at place: String
    ) throws(CasemateError) -> String {
        guard let secret = environment[variable], !secret.isEmpty else {
            throw CasemateError(
                .invalidSetting, at: place, "the environment variable '\(variable.prefix(80))' is not set",
                help: "put the secret itself into that variable, or name a file of it")
        }
        return secret
    }

    /// The first line of a small file.
    private static func secret(file path: String) throws(CasemateError) -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw CasemateError(.notFound, at: path, "cannot be read", help: "name the file that holds the secret")
        }
        defer { try? handle.close() }
        let data = (try? handle.read(upToCount: 65_537)) ?? Foundation.Data()
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard data.count <= 65_536, !text.isEmpty, !text.contains(where: \.isNewline) else {
            throw CasemateError(.invalidSetting, at: path, "holds no secret on one line", help: "put it there alone")
        }
        return text
    }

    static let endpointSettings: [Setting<AuditConfiguration>] = [
        Setting(
            "model.endpoint.url", .text, "address of a served model, instead of a file",
            apply: { $0.model.endpoint.url = $1.text },
            // why: a query may hold secrets, and this is shown.
            show: { $0.model.endpoint.url.map { .text(String($0.prefix { $0 != "?" })) } }),
        .choice("model.endpoint.protocol", \.model.endpoint.dialect, "how to ask; found out where `auto`"),
        .text("model.endpoint.model", \.model.endpoint.model, "name of the model; the only one where left out"),
        .text("model.endpoint.version", \.model.endpoint.version, "its version; what is served where left out"),
        .text("model.endpoint.key_variable", \.model.endpoint.keyVariable, "environment variable that holds the key"),
        .path("model.endpoint.key_file", \.model.endpoint.keyFile, "file that holds the key"),
        .text("model.endpoint.key_header", \.model.endpoint.keyHeader, "header of the key; `x-api-key` where left out"),
        .text(
            "model.endpoint.bearer_variable", \.model.endpoint.bearerVariable,
            "environment variable that holds a bearer token"),
        .path("model.endpoint.bearer_file", \.model.endpoint.bearerFile, "file that holds a bearer token"),
        Setting(
            "model.endpoint.headers", .table(.text, of: "headers"), "further headers; values are never shown",
            apply: { configuration, node in
                configuration.model.endpoint.headers = [:]
                for entry in node.entries { configuration.model.endpoint.headers[entry.key] = entry.value.text ?? "" }
            },
            show: { configuration in
                let names = configuration.model.endpoint.headers.keys.sorted()
                return names.isEmpty ? nil : .list(names.map { .text($0) })
            }),
        .path("model.endpoint.ca_file", \.model.endpoint.authorities, "PEM file of the authority behind the server"),
        .integer(
            "model.endpoint.concurrency", \.model.endpoint.concurrency, 1...256, "requests under way at a time"),
        .integer("model.endpoint.batch", \.model.endpoint.batch, 1...100_000, "most rows of a request"),
        .number(
            "model.endpoint.rate", \.model.endpoint.rate, .number(0...1e9, isLowExcluded: true),
            "most requests a second"),
        .number(
            "model.endpoint.rows_rate", \.model.endpoint.rowRate, .number(0...1e9, isLowExcluded: true),
            "most rows a second"),
        .integer("model.endpoint.queries", \.model.endpoint.queries, 1...Int.max, "most rows asked in all"),
        Setting(
            "model.endpoint.timeout", .duration, "time after which a request has failed",
            apply: { if let value = $1.number { $0.model.endpoint.timeout = value } },
            show: { .text(SettingScalar.duration($0.model.endpoint.timeout)) }),
        .integer(
            "model.endpoint.retries", \.model.endpoint.retries, 0...100,
            "how often a request is tried again after 429, a 5xx or a lost connection"),
        .integer(
            "model.endpoint.repeats", \.model.endpoint.repeats, 0...1_000_000,
            "most rows asked a second time, to see whether answers stay"),
        .path(
            "model.endpoint.cache", \.model.endpoint.cache,
            "SQLite file of kept answers; `answers.sqlite` in the cache folder where left out"),
    ]
}
