public import CasemateCore
import CasemateModels
import Crypto
import Foundation
import Synchronization

/// Watches what each client asks over time, and acts on those whose requests look like a search.
public struct PatternStage: GuardStage {
    /// `patterns`.
    public static let identifier = "patterns"
    /// Heading on pages.
    public static let title = "Patterns over time"
    /// What it does.
    public static let purpose = "finds clients whose requests, taken together, copy the model or search its boundary"
    /// The threats that it stands against.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity, .privacy], specificity: .indiscriminate,
        knowledge: [.labels, .scores], atlas: ["AML.T0024.002", "AML.T0024.000", "AML.T0043.001"],
        owasp: ["ML01", "ML04", "ML05"], nist: ["NISTAML.031", "NISTAML.033", "NISTAML.022"])
    /// Keys under `stages.patterns`.
    public static let keys = PatternSettings.keys

    private let settings: PatternSettings
    private let monitor: ClientMonitor
    private let standings: ClientStandings
    private let memory: PatternMemory
    private let key: SymmetricKey
    private let clock: any GuardClock
    private let model: String
    private let alarms: MetricsRegistry.Cell
    private let layout: ProfileLayout

    /// Reads the profile; a monitor of the same profile and settings goes on where it was before a reload.
    /// - Throws: `CasemateError` for a missing or unusable profile, and for one that does not fit the model.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        let own = try PatternSettings(settings)
        guard let description = setup.model, !description.features.isEmpty else {
            throw CasemateError(
                .invalidSetting, at: settings?.place ?? "stages.patterns", "the model takes no rows of columns",
                help: "switch the stage off for this model")
        }
        self.settings = own
        (model, clock) = (description.name, setup.clock)
        standings = setup.memory.object(ClientStandings.memoryName) { ClientStandings() }
        memory = setup.memory.object("patterns.\(description.name)") { PatternMemory() }
        key = setup.secret.key(for: "patterns")
        alarms = setup.metrics.counter(
            "casemate_pattern_alarms_total", "Clients that raised an alarm.", [("model", description.name)])
        let folder = setup.path(own.profile)
        let profile = try GuardProfile(folder: folder)
        layout = try ProfileLayout(profile, model: description, allowOther: own.allowsOther, at: own.profilePlace)
        monitor = try memory.monitor(for: own, file: profile.files.reference) {
            let reference = try PatternReference(
                try ProfileRows.read(profile, folder: folder), place: "\(folder)/\(GuardProfile.referenceFile)",
                tolerance: own.tolerance, context: setup.context)
            return ClientMonitor(reference, falseAlarms: own.falseAlarms, capacity: own.clients)
        }
    }

    /// Acts on what is known of the client from earlier requests.
    public func examine(_ request: InferenceRequest, _ exchange: inout Exchange) async throws -> StageVerdict {
        let id = exchange.client.id
        if memory.mustClear(id, standings.clearings(of: id)) { monitor.clear(id) }
        guard let verdict = monitor.verdict(of: id), verdict.level > .calm, !standings.isExempt(id) else {
            return .pass
        }
        let action = verdict.level == .alarm ? settings.alarm : settings.watched
        let asked = memory.countSince(verdict.level, id)
        guard asked > lag(of: id, verdict.level) else { return .pass }
        return StageVerdict(
            consequence(action, exchange), score: verdict.score, reasons: verdict.reasons)
    }

    /// Shows the answered rows to the monitor. What it finds counts from the next request on.
    public func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws -> StageVerdict {
        guard let values = layout.rows(of: request) else { return .pass }
        let width = layout.features.count
        let (client, answers) = (exchange.client, AnsweredBatch(answer.predictions, rows: request.rows))
        let before = monitor.verdict(of: client.id)
        var verdict: PatternVerdict?
        for row in 0..<request.rows {
            verdict = monitor.observe(
                PatternQuery(
                    client: client.id, owner: client.owner ?? "", network: client.network,
                    row: layout.profileOrder(values[row * width..<(row + 1) * width]),
                    prediction: answers.prediction(row),
                    top: answers.top(row), second: answers.second(row)))
        }
        if let verdict { note(verdict, before: before, client.id) }
        return .pass
    }

    private func note(_ verdict: PatternVerdict, before: PatternVerdict?, _ id: String) {
        let now = clock.wall
        if verdict.level == .alarm, before?.level != .alarm { alarms.add() }
        let requests = memory.countRequest(id, isAlarm: verdict.level == .alarm, now: now)
        standings.update(
            ClientStanding(
                id: id, score: verdict.score, level: verdict.level, reasons: verdict.reasons,
                requests: requests.count, rows: verdict.rows, firstAlarm: requests.firstAlarm, lastSeen: now),
            model: model)
    }

    /// How many requests pass before anything is done: drawn with the guard's secret, so that it cannot be foreseen.
    private func lag(of id: String, _ level: ClientStanding.Level) -> Int {
        settings.lag == 0 ? 0 : Int(keyed("lag:\(level.rawValue):\(id)") % UInt64(settings.lag + 1))
    }

    private func keyed(_ text: String) -> UInt64 {
        HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key)
            .prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func consequence(_ action: PatternSettings.Action, _ exchange: Exchange) -> StageVerdict.Consequence {
        switch action {
        case .flag: return .flag
        case .delay: return .delay(settings.delay)
        case .degrade: return .degrade
        case .withhold: return .withhold
        case .hold: return .hold
        case .sample:
            // why the input: asking again does not help, and honest repeats get what they got before.
            let draw = Double(keyed("sample:" + exchange.inputHash) >> 11) * 0x1p-53
            return draw < settings.share ? .withhold : .flag
        }
    }
}

/// Answers of a batch as the monitor takes them.
struct AnsweredBatch {
    private let predictions: Predictions?

    init(_ predictions: Predictions?, rows: Int) {
        self.predictions = predictions.flatMap { $0.count == rows ? $0 : nil }
    }

    func prediction(_ row: Int) -> Double? {
        guard let predictions else { return nil }
        return predictions.task == .regression ? Double(predictions.scores[row]) : Double(predictions.labels[row])
    }
    func top(_ row: Int) -> Double? { predictions?.topTwo(row).map { Double($0.0) } }
    func second(_ row: Int) -> Double? { predictions?.topTwo(row).map { Double($0.1) } }
}
