public import CasemateCore
import CasemateModels
import Foundation

/// Opens what runs a model.
public struct BackendOpener: Sendable {
    /// Keys under each of `models`, besides `name`, `version` and `stages`.
    public static let keys: [SettingKey] = BackendSettings.keys
    /// Where native engines are looked for.
    public let search: EngineSearch
    /// Makes an opener.
    public init(search: EngineSearch) { self.search = search }

    /// Opens the model of an entry. Files pass our own reader before an engine sees them.
    ///
    /// A server that does not answer is asked again in the background; until it has, the model is not ready.
    /// - Throws: what reading and loading throw, with the place.
    public func open(_ entry: GuardConfiguration.ModelEntry, setup: StageSetup) async throws -> any ModelBackend {
        let settings = try BackendSettings(entry.node, setup: setup)
        if let upstream = settings.upstream {
            let backend = try UpstreamBackend(
                name: entry.name, version: entry.version, settings: settings, upstream: upstream, setup: setup)
            try await backend.start(patience: upstream.patience)
            return backend
        }
        // why a thread of its own: reading and optimising a large model takes seconds, and callers of others wait on
        // the shared threads.
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        try local(settings, name: entry.name, version: entry.version, setup: setup)
                    })
            }
        }
    }

    /// Opens a further model by path or address, with the settings that hold by default.
    public func open(path: String, name: String, setup: StageSetup) throws -> any ModelBackend {
        let isAddress = path.hasPrefix("http://") || path.hasPrefix("https://")
        var settings = BackendSettings(at: name)
        guard isAddress else {
            settings.path = setup.path(path)
            return try local(settings, name: name, version: "1", setup: setup)
        }
        let backend = try UpstreamBackend(
            name: name, version: "1", settings: settings, upstream: try UpstreamSettings(path, at: name), setup: setup)
        backend.startInBackground()
        return backend
    }

    private func local(
        _ settings: BackendSettings, name: String, version: String, setup: StageSetup
    ) throws -> LocalBackend {
        let file = try ServedFile(path: settings.path, format: settings.format, classes: settings.classes) {
            try setup.memory.object("guard.onnxruntime") { try OnnxRuntime(search) }
        }
        return try LocalBackend(file, settings: settings, name: name, version: version, setup: setup)
    }
}
