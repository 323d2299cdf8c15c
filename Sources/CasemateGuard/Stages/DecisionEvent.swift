public import Foundation

/// What was decided about one request: the one event that the audit log, the monitors and the pages read.
public struct DecisionEvent: Sendable, Hashable {
    /// How it ended.
    public enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
        /// The model's answer went out, changed or not.
        case answered
        /// The guard refused.
        case refused
        /// The model, its server or the guard failed.
        case failed
        /// The caller went away.
        case gone
    }
    /// The guard's identifier of the request.
    public var id: String
    /// Time of day of the decision.
    public var time: Date
    /// Trace identifier.
    public var trace: String
    /// Who asked.
    public var client: ClientIdentity
    /// Face that took it.
    public var face: String
    /// Name, version and SHA-256 of the model; empty where none was found.
    public var model: String, version: String, modelHash: String
    /// SHA-256 of the configuration in force, in hexadecimal digits.
    public var policy: String
    /// Number of rows; 0 where the request could not be read.
    public var rows: Int
    /// SHA-256 over the names, types, shapes and values of the inputs, keyed with the guard's secret; empty where there
    /// are none.
    public var inputHash: String
    /// Labels of the answer as indices, at most 16 of them; empty where there are none.
    public var labels: [Int32]
    /// What the stages said, those that had nothing to say left out.
    public var verdicts: [Exchange.Verdict]
    /// How it ended.
    public var outcome: Outcome
    /// Status that went out.
    public var status: Int
    /// Reason of a refusal or failure, a stable word; empty for an answer.
    public var reason: String
    /// Nanoseconds from arrival to decision, and of these in the model.
    public var nanoseconds: UInt64, modelNanoseconds: UInt64
    /// Whether a person is to look at it.
    public var isHeld: Bool

    /// Makes an event.
    public init(
        id: String, time: Date, trace: String, client: ClientIdentity, face: String, model: String, version: String,
        modelHash: String, policy: String, rows: Int, inputHash: String, labels: [Int32],
        verdicts: [Exchange.Verdict], outcome: Outcome, status: Int, reason: String, nanoseconds: UInt64,
        modelNanoseconds: UInt64, isHeld: Bool
    ) {
        (self.id, self.time, self.trace, self.client, self.face) = (id, time, trace, client, face)
        (self.model, self.version, self.modelHash, self.policy) = (model, version, modelHash, policy)
        (self.rows, self.inputHash, self.labels, self.verdicts) = (rows, inputHash, labels, verdicts)
        (self.outcome, self.status, self.reason, self.isHeld) = (outcome, status, reason, isHeld)
        (self.nanoseconds, self.modelNanoseconds) = (nanoseconds, modelNanoseconds)
    }
}

/// Where decisions are kept before they go out.
public protocol DecisionLog: Sendable {
    /// Keeps an event; returns when it is as durable as configured.
    /// - Throws: `GuardRefusal` with `storage` (507) or `unavailable` (503) when it cannot be kept and the log fails closed.
    func append(_ event: DecisionEvent) async throws
    /// Whether decisions are being kept; `false` lets `/v2/health/ready` answer 503 when the log fails closed.
    var isWriting: Bool { get }
    /// Keeps that an operator cleared a client, so that its evidence starts anew.
    /// - Parameters:
    ///   - client: Its name, as `ClientIdentity.id`.
    ///   - standing: How it stood; `nil` where no detector had anything to say.
    ///   - who: Who cleared it.
    /// - Throws: `GuardRefusal` when it cannot be kept.
    func noteClearing(of client: String, standing: ClientStanding?, who: String) throws
    /// Writes what is left and closes.
    func close() async
}

extension DecisionLog {
    /// A log that cannot keep it lets nobody be cleared.
    public func noteClearing(of client: String, standing: ClientStanding?, who: String) throws {
        throw GuardRefusal(.unavailable, "this log does not keep who was cleared", retryAfter: 60)
    }
}

/// Somebody who looks at decisions as they go out: metrics, pages. Called after the log has kept the event; must not wait.
public protocol DecisionObserver: Sendable {
    /// Takes note of an event.
    func observe(_ event: DecisionEvent)
}
