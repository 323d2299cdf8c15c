import CasemateCore
import CasemateModels
import Foundation
public import Logging

/// Puts a changed configuration or model file in force while the server runs. What cannot be used is refused with its
/// reason, counted, and what was in force stays.
public actor GuardReloader {
    private let path: String
    private let load: @Sendable (GuardConfiguration) async throws -> GuardGeneration
    private let edge: GuardEdge
    private let logger: Logger
    private var watch: FileWatch
    private var retired: [Task<Void, Never>] = []

    /// Makes a reloader of the configuration that is in force in `edge`.
    public init(loader: GuardLoader, edge: GuardEdge, logger: Logger) {
        self.init(edge: edge, logger: logger) { try await loader.load($0) }
    }

    /// Makes a reloader with something else that makes generations.
    package init(
        edge: GuardEdge, logger: Logger, load: @escaping @Sendable (GuardConfiguration) async throws -> GuardGeneration
    ) {
        (self.load, self.edge, self.logger) = (load, edge, logger)
        path = edge.generation.configuration.path
        watch = FileWatch(Self.files(edge.generation.configuration))
    }

    /// Looks at the files; loads when one of them changed and stands still.
    public func look() async {
        let before = watch
        let looked = try? await Blocking.run {
            var watch = before
            return (watch.hasChanged(), watch)
        }
        guard let (hasChanged, watch) = looked else { return }
        self.watch = watch
        if hasChanged { await reload() }
    }

    /// Loads whatever the files say now.
    /// - Returns: whether it is in force.
    @discardableResult
    public func reload() async -> Bool {
        do {
            let path = path
            let configuration = try await Blocking.run { try GuardConfiguration(contentsOf: path) }
            let generation = try await load(configuration)
            // why before it is in force: a certificate that cannot be used must not come with the rest.
            if let encryption = generation.server.encryption {
                _ = try await Blocking.run { try TransportSecurity(encryption) }
            }
            let old = edge.replace(with: generation)
            tell(old, generation)
            count("loaded")
            retire(old, keeping: generation)
            let files = Self.files(configuration)
            if files != watch.paths { watch = try await Blocking.run { FileWatch(files) } }
            return true
        } catch {
            logger.error(
                "the configuration is refused, the old one serves on",
                metadata: ["error": "\(error)", "file": "\(path)"])
            count("refused")
            return false
        }
    }

    /// Waits until back ends that were replaced are shut down; at once where `cancelling`.
    public func settle(cancelling: Bool = true) async {
        for task in retired {
            if cancelling { task.cancel() }
            await task.value
        }
        retired = []
    }

    private func tell(_ old: GuardGeneration, _ new: GuardGeneration) {
        logger.notice(
            "a new configuration is in force",
            metadata: ["policy": "\(new.configuration.policy)", "models": .stringConvertible(new.models.count)])
        let isMoved = old.server.listen != new.server.listen
        if isMoved || (old.server.encryption == nil) != (new.server.encryption == nil) {
            logger.warning("another address, or encryption on or off, needs a restart")
        }
    }

    private func count(_ result: String) {
        edge.generation.metrics.counter(
            "casemate_reloads_total", "Configurations that were loaded while running.", [("result", result)]
        ).add()
    }

    /// Shuts down what only the old configuration used, once its requests are over.
    private func retire(_ old: GuardGeneration, keeping new: GuardGeneration) {
        let kept = new.models.map { $0.backend as AnyObject }
        let gone = old.models.map(\.backend).filter { backend in !kept.contains { $0 === backend as AnyObject } }
        let wait = old.server.requestTimeout + 5
        retired.append(
            Task {
                try? await Task.sleep(for: .seconds(wait))
                for backend in gone { await backend.shutDown() }
                // why harmless: a log that both use stays open for the other.
                await old.log.close()
            })
    }

    /// Keys whose files the guard writes itself.
    private static let own: Set<String> = ["quota_store", "record"]

    /// The configuration, the model files, and whatever file or profile a stage names.
    private static func files(_ configuration: GuardConfiguration) -> [String] {
        var found: Set<String> = [configuration.path]
        func take(_ node: SettingNode, isCertain: Bool) {
            for entry in node.entries where !own.contains(entry.key) { take(entry.value, isCertain: isCertain) }
            for item in node.items { take(item, isCertain: isCertain) }
            guard let text = node.text, text.utf8.count < 4_096, !text.contains("\n"), !text.contains("://") else {
                return
            }
            let path = text.hasPrefix("/") || configuration.folder.isEmpty ? text : "\(configuration.folder)/\(text)"
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            // why the one file: it is written last and holds the digests of the others.
            let profile = path + "/" + GuardProfile.profileFile
            if isThere, isFolder.boolValue {
                if FileManager.default.fileExists(atPath: profile) { found.insert(profile) }
            } else if isCertain || isThere {
                found.insert(path)
            }
        }
        for model in configuration.models {
            if let path = model.node["path"] { take(path, isCertain: true) }
            if let stages = model.node["stages"] { take(stages, isCertain: false) }
        }
        if let stages = configuration.root["stages"] { take(stages, isCertain: false) }
        return found.sorted()
    }
}
