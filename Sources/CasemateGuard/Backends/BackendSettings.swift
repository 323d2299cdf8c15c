import CasemateCore
import CasemateModels
import Foundation

/// What stands under an entry of `models` besides its name: which model, and how it is run.
struct BackendSettings: Sendable {
    /// The file; empty for an upstream.
    var path = ""
    /// What the file must be; `nil` takes what its bytes show.
    var format: ModelFile.Format?
    /// Runs at a time.
    var threads = max(1, ProcessInfo.processInfo.activeProcessorCount)
    /// Longest time of a call in seconds, waiting included.
    var timeout = 10.0
    /// How calls are gathered into runs.
    var batching = BatchSettings()
    /// Names of the columns of a row, and the levels of those that hold texts; empty leaves what the model says.
    var features: [(name: String, levels: [String]?)] = []
    /// Names of the classes in column order.
    var classes: [String]?
    /// The server of the model; `nil` for a file.
    var upstream: UpstreamSettings?
    /// Where the entry stands.
    let place: String

    /// Names of the columns; `nil` where none are set.
    var names: [String]? { features.isEmpty ? nil : features.map(\.name) }

    /// Settings that hold by default.
    init(at place: String) { self.place = place }

    /// Reads an entry that was checked against `keys`.
    /// - Throws: `invalidSetting` for settings that do not go together; what reading a token's file throws.
    init(_ node: SettingNode, setup: StageSetup) throws {
        place = node.place
        if let path = node["path"]?.text { self.path = setup.path(path) }
        if let name = node["format"]?.text { format = ModelFile.Format.allCases.first { $0.name == name } }
        threads = node["threads"]?.integer ?? threads
        timeout = node["timeout"]?.number ?? timeout
        if let batching = node["batching"] { self.batching = BatchSettings(batching) }
        features = (node["features"]?.items ?? []).map { item in
            (item["name"]?.text ?? item.text ?? "", item["levels"]?.texts)
        }
        classes = node["classes"]?.texts
        if let upstream = node["upstream"] { self.upstream = try UpstreamSettings(upstream, setup: setup) }
        guard Set(features.map(\.name)).count == features.count, Set(classes ?? []).count == classes?.count ?? 0 else {
            throw CasemateError(
                .invalidSetting, at: place, "`features` or `classes` name one thing twice", help: "name each once")
        }
        let odd = upstream == nil ? nil : ["format", "threads", "batching"].first { node[$0] != nil }
        if let odd {
            throw CasemateError(
                .invalidSetting, at: node[odd]?.place ?? place, "`\(odd)` is for a model file, not for an upstream",
                help: "leave it out: the model's server decides that")
        }
    }

    static let keys: [SettingKey] = [
        SettingKey("path", .path, "ONNX, XGBoost (JSON, UBJSON) or LightGBM file; read by our own reader first"),
        SettingKey(
            "upstream", .mapping(UpstreamSettings.keys, short: "url"),
            "the model's server instead of a file; an address alone is short for `url`"),
        SettingKey(
            "format", .choice(ModelFile.Format.allCases.map(\.name)),
            "what the file must be; left out, its bytes decide"),
        SettingKey("threads", .integer(1...256), "runs of the model at a time; left out, one a core"),
        SettingKey(
            "timeout", .duration, "longest time of a call, waiting included; then 503 in the queue, 504 in a run",
            fallback: .text("10s")),
        SettingKey("batching", .mapping(BatchSettings.keys), "how calls that wait are gathered into one run"),
        SettingKey(
            "features",
            .list(
                .either([
                    .text,
                    .mapping([
                        SettingKey("name", .text, "name of the column", isRequired: true),
                        SettingKey("levels", .list(.text), "texts that the column may hold"),
                    ]),
                ])), "names of the columns of a row, in order; left out, those of the file, else f0, f1, …"),
        SettingKey("classes", .list(.text, minimum: 2), "names of the classes in the order of the scores"),
    ]
}

/// How calls are gathered into runs.
package struct BatchSettings: Sendable, Hashable {
    /// Most rows of several calls in one run; a single call may have more.
    package var maxBatch = 64
    /// Seconds that a call may wait for others; 0 takes only what is waiting already.
    package var maxWait = 0.0
    /// Most rows that wait; more are refused at once.
    package var queue = 1_024
    /// Runs that are expected to take less than this many nanoseconds are made on the caller's thread.
    package var inlineLimit: UInt64 = 200_000

    /// Settings that hold by default.
    package init() {}
    /// Reads them.
    init(_ node: SettingNode) {
        maxBatch = node["max_batch"]?.integer ?? maxBatch
        maxWait = node["max_wait"]?.number ?? maxWait
        queue = node["queue"]?.integer ?? queue
    }

    static let keys: [SettingKey] = [
        SettingKey(
            "max_batch", .integer(1...65_536), "most rows of several calls in one run; 1 runs each alone",
            fallback: .integer(64)),
        SettingKey(
            "max_wait", .either([.integer(0...0), .duration]),
            "how long a call waits for others; 0 takes only what waits already", fallback: .integer(0)),
        SettingKey(
            "queue", .integer(1...1_000_000), "most rows that wait; more are refused with 503",
            fallback: .integer(1_024)
        ),
    ]
}
