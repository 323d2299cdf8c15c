public import CasemateCore

/// One check or change between a caller and a model. One file, one catalogue line, one page.
///
/// A stage is made for each model that it is on for, and again at each reload; what must outlive a reload is kept in
/// `StageSetup.memory`. Hooks are called from many threads at a time. A stage never sees the protocol of a request.
public protocol GuardStage: Sendable {
    /// Stable name under `stages` in `guard.yaml`, in records and in metrics, in snake case.
    static var identifier: String { get }
    /// Heading on pages.
    static var title: String { get }
    /// What it does, a clause for the page of settings.
    static var purpose: String { get }
    /// The threats that it stands against.
    static var taxonomy: Taxonomy { get }
    /// Keys under `stages.<identifier>` besides `mode` and `on_failure`.
    static var keys: [SettingKey] { get }
    /// Mode where the configuration says nothing of the stage.
    static var defaultMode: StageMode { get }
    /// Whether it also stands in front of what is no call of a model: unknown models, metadata, malformed paths. Only its
    /// `admit` and `finish` are called there.
    static var standsAtTheEdge: Bool { get }
    /// Creates the stage.
    /// - Parameters:
    ///   - settings: What stands under `stages.<identifier>`, checked against `keys`; `nil` when nothing does.
    ///   - setup: The model and what stages share.
    /// - Throws: `CasemateError` for settings that do not fit the model, with the place and what to do.
    init(_ settings: SettingNode?, setup: StageSetup) throws

    /// Looks at who asks for what, before the body is read.
    func admit(_ exchange: inout Exchange) async throws -> StageVerdict
    /// Looks at a checked request, before the model runs.
    func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict
    /// Looks at the answer, and may change it.
    func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws -> StageVerdict
    /// Called once for every exchange that was admitted or refused by the stage, when all is over.
    func finish(_ exchange: Exchange) async
}

extension GuardStage {
    /// No settings of its own.
    public static var keys: [SettingKey] { [] }
    /// Off.
    public static var defaultMode: StageMode { .off }
    /// Only calls of models.
    public static var standsAtTheEdge: Bool { false }
    /// Lets it pass.
    public func admit(_ exchange: inout Exchange) async throws -> StageVerdict { .pass }
    /// Lets it pass.
    public func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict { .pass }
    /// Lets it pass.
    public func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws -> StageVerdict { .pass }
    /// Nothing to do.
    public func finish(_ exchange: Exchange) async {}
}

/// Whether what a stage says is carried out.
public enum StageMode: String, Sendable, Hashable, CaseIterable {
    /// The stage is not there.
    case off
    /// What it says is recorded and has no consequence.
    case observe
    /// What it says is carried out.
    case enforce
}

/// What a stage is made with.
public struct StageSetup: Sendable {
    /// The model; `nil` for a stage at the edge.
    public let model: ModelDescription?
    /// Folder that relative paths of the configuration are taken from.
    public let folder: String
    /// Clocks.
    public let clock: any GuardClock
    /// What outlives reloads and is shared between models.
    public let memory: GuardMemory
    /// Counters and histograms.
    public let metrics: MetricsRegistry
    /// Secret of this guard, for keyed noise, hashing and watermarks; the same after a restart.
    public let secret: GuardSecret
    /// Opens a further model, such as a benchmark model, by path or address.
    public let openBackend: @Sendable (_ path: String, _ name: String) throws -> any ModelBackend
    /// Randomness, time budget and logger.
    public let context: RunContext
    /// Whether the configuration is only checked: files are read, and none is made or changed.
    public let isCheck: Bool

    /// Makes a setup.
    public init(
        model: ModelDescription?, folder: String, clock: any GuardClock, memory: GuardMemory,
        metrics: MetricsRegistry, secret: GuardSecret,
        openBackend: @escaping @Sendable (_ path: String, _ name: String) throws -> any ModelBackend,
        context: RunContext, isCheck: Bool = false
    ) {
        (self.model, self.folder, self.clock, self.memory) = (model, folder, clock, memory)
        (self.metrics, self.secret, self.openBackend, self.context) = (metrics, secret, openBackend, context)
        self.isCheck = isCheck
    }
    /// A path of the configuration, taken from its folder.
    public func path(_ path: String) -> String {
        path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)"
    }
}
