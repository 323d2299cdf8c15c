public import CasemateCore

/// Makes a generation of a configuration: opens models, stages, credentials and the log.
public struct GuardLoader: Sendable {
    /// Opens models.
    public let opener: BackendOpener
    /// What outlives reloads.
    public let memory: GuardMemory
    /// Counters and histograms.
    public let metrics: MetricsRegistry
    /// Clocks.
    public let clock: any GuardClock
    /// Randomness and logger.
    public let context: RunContext
    /// Whether it is only looked whether all could be opened: nothing is written.
    public let isCheck: Bool

    /// Makes a loader; it is kept for reloads.
    public init(
        opener: BackendOpener, memory: GuardMemory = .init(), metrics: MetricsRegistry = .init(),
        clock: any GuardClock = SystemClock(), context: RunContext = .init(), isCheck: Bool = false
    ) {
        (self.opener, self.memory, self.metrics) = (opener, memory, metrics)
        (self.clock, self.context, self.isCheck) = (clock, context, isCheck)
    }

    /// Opens everything that a configuration names. Nothing of it is in force when this throws.
    /// - Throws: `CasemateError` with the place in the file.
    public func load(_ configuration: GuardConfiguration) async throws -> GuardGeneration {
        let shared = try setup(nil, configuration)
        var models: [(backend: any ModelBackend, pipeline: GuardPipeline)] = []
        for entry in configuration.models {
            let backend = try await opener.open(entry, setup: shared)
            let own = try setup(backend.description, configuration)
            models.append((backend, try pipeline(entry, configuration, own)))
        }
        let clock = clock
        let traffic = memory.object("guard.traffic") { TrafficMonitor(clock: clock) }
        guard let audit = configuration.root["audit_log"] else {
            throw CasemateError(
                .invalidSetting, at: configuration.path, "'audit_log' is missing", help: "add `audit_log: audit.sqlite`"
            )
        }
        let log: any DecisionLog =
            isCheck ? try AuditCheck(audit, setup: shared) : try AuditLog(audit, setup: shared)
        return GuardGeneration(
            configuration: configuration, server: try ServerSettings(configuration),
            authenticator: try Authenticator(configuration.root["auth"], setup: shared), models: models,
            edge: try pipeline(nil, configuration, shared), log: log,
            observers: [traffic],
            setup: shared)
    }

    private func setup(_ model: ModelDescription?, _ configuration: GuardConfiguration) throws -> StageSetup {
        let secret = try secret(configuration)
        let base = StageSetup(
            model: model, folder: configuration.folder, clock: clock, memory: memory, metrics: metrics,
            secret: secret,
            openBackend: { path, name in
                throw CasemateError(.unsupported, at: path, "no further models are opened here", help: "")
            }, context: context, isCheck: isCheck)
        let opener = opener
        return StageSetup(
            model: model, folder: configuration.folder, clock: clock, memory: memory, metrics: metrics,
            secret: secret, openBackend: { path, name in try opener.open(path: path, name: name, setup: base) },
            context: context, isCheck: isCheck)
    }

    private func pipeline(
        _ entry: GuardConfiguration.ModelEntry?, _ configuration: GuardConfiguration, _ setup: StageSetup
    ) throws -> GuardPipeline {
        var steps: [GuardPipeline.Step] = []
        for type in builtInStages where entry != nil || type.standsAtTheEdge {
            let settings = configuration.settings(of: type.identifier, for: entry)
            let mode = settings?["mode"]?.text.flatMap(StageMode.init(rawValue:)) ?? type.defaultMode
            guard mode != .off else { continue }
            let latency = metrics.histogram(
                "casemate_stage_duration_seconds", "Time in a stage.", [("stage", type.identifier)])
            steps.append(
                .init(
                    stage: try type.init(settings, setup: setup), mode: mode,
                    failsOpen: settings?["on_failure"]?.text == "open", latency: latency))
        }
        return GuardPipeline(steps: steps, clock: clock, metrics: metrics)
    }

    /// The secret of the file that is named, else of `guard.secret` beside the audit log; made where there is none.
    private func secret(_ configuration: GuardConfiguration) throws -> GuardSecret {
        let named = configuration.root["secret"]?.text
        let log = configuration.root["audit_log"]?["path"]?.text ?? ""
        let beside =
            log.contains("/") ? log[..<(log.lastIndex(of: "/") ?? log.startIndex)] + "/guard.secret" : "guard.secret"
        let path = named ?? String(beside)
        let isRooted = path.hasPrefix("/") || configuration.folder.isEmpty
        let place = isRooted ? path : "\(configuration.folder)/\(path)"
        if isCheck, FileFacts(path: place) == nil { return GuardSecret() }
        return try GuardSecret.opened(at: place)
    }
}
