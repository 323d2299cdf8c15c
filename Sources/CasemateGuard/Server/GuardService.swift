import CasemateCore
import Foundation
import Logging

/// Everything that `casemate serve` runs: the guard of a configuration, its server, and reloads.
public struct GuardService: Sendable {
    /// What somebody asks of a service that runs.
    public enum Signal: Sendable {
        /// Read configuration, models and certificates again.
        case reload
        /// End.
        case stop
    }
    private let loader: GuardLoader
    private let logger: Logger
    private let generation: GuardGeneration

    /// Loads a configuration: opens models and stages, checks certificates. Nothing listens yet.
    /// - Throws: `CasemateError` with the place.
    public init(configuration path: String, loader: GuardLoader) async throws {
        (self.loader, logger) = (loader, loader.context.logger)
        generation = try await loader.load(try GuardConfiguration(contentsOf: path))
        guard let encryption = generation.server.encryption else { return }
        do { _ = try TransportSecurity(encryption) } catch {
            await close(generation, nil)
            throw error
        }
    }

    /// What was loaded, one line a model and one for the server, for people.
    public var summary: [String] {
        generation.models.map { served in
            let model = served.backend.description
            return "model \(model.name) version \(model.version): \(model.platform), sha256 \(model.sha256.prefix(16))"
        } + ["policy \(generation.configuration.policy.prefix(16))"]
    }

    /// Serves until it is told to stop; then requests on their way are done, models are let go and the log is closed.
    /// - Parameters:
    ///   - signals: What is asked of it.
    ///   - onReady: Called with the address when connections are taken.
    public func run(
        signals: AsyncStream<Signal>, onReady: @escaping @Sendable (String) async -> Void
    ) async throws {
        let edge = GuardEdge(generation, faces: builtInFaces.map { $0.init() }, logger: logger)
        let server = GuardServer(edge: edge, logger: logger, onReady: onReady)
        let reloader = GuardReloader(loader: loader, edge: edge, logger: logger)
        let helpers = Task {
            await withTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    for await signal in signals {
                        switch signal {
                        case .stop: server.stop()
                        case .reload:
                            server.refreshCertificates()
                            await reloader.reload()
                        }
                    }
                }
                tasks.addTask {
                    while !Task.isCancelled {
                        try? await Task.sleep(for: .seconds(1))
                        await reloader.look()
                    }
                }
            }
        }
        let result: Result<Void, any Error>
        do {
            try await server.run()
            result = .success(())
        } catch { result = .failure(error) }
        helpers.cancel()
        await helpers.value
        await close(edge.generation, reloader)
        try result.get()
    }

    /// Lets go of everything that a service holds which was only checked.
    public func close() async { await close(generation, nil) }

    private func close(_ generation: GuardGeneration, _ reloader: GuardReloader?) async {
        await reloader?.settle()
        for served in generation.models { await served.backend.shutDown() }
        await generation.log.close()
    }
}
