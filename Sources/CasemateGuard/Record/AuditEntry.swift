import CasemateCore
import Foundation

/// A record that is to go into the log, with its columns.
struct AuditEntry: Sendable {
    /// The record: JSON in its one spelling.
    let record: [UInt8]
    /// What stands beside it.
    let columns: AuditColumns
    /// The schema of records.
    static let schema = "casemate.audit/1"

    private init(_ columns: AuditColumns, _ text: consuming AuditText) {
        (record, self.columns) = (text.finished(), columns)
    }

    /// The record of a decision.
    init(_ event: DecisionEvent, fields: AuditFields) {
        let microseconds = AuditTime.microseconds(event.time)
        let client = fields.kept(event.client.id, .client)
        let verdicts = event.verdicts.prefix(64)
        var columns = AuditColumns(time: microseconds, kind: "decision")
        let id = AuditText.clipped(event.id, 64), model = AuditText.clipped(event.model, 128)
        let reason = AuditText.clipped(event.reason, 128)
        columns.id = AuditColumns.plain(id)
        columns.client = AuditColumns.plain(client)
        columns.model = AuditColumns.plain(model)
        columns.outcome = event.outcome.rawValue
        columns.status = Int64(event.status)
        columns.reason = AuditColumns.plain(reason)
        columns.isHeld = event.isHeld
        columns.stages = AuditColumns.stages(
            verdicts.map { ($0.stage, $0.verdict.consequence.name, $0.isEnforced) })

        var text = AuditText()
        text.object("client") { text in
            if !fields.names.isEmpty { text.list("hashed", fields.names) { $0.quoted($1) } }
            text.member("id", client)
            text.member("method", event.client.method.rawValue)
            text.memberUnlessEmpty("network", fields.kept(event.client.network, .network))
            if let owner = event.client.owner { text.member("owner", fields.kept(owner, .owner)) }
        }
        text.member("face", event.face)
        text.member("held", event.isHeld)
        text.member("id", id)
        text.memberUnlessEmpty("input", event.inputHash)
        text.member("kind", "decision")
        text.list("labels", event.labels.prefix(16)) { $0.integer(Int64($1)) }
        text.object("model") { text in
            text.memberUnlessEmpty("hash", event.modelHash)
            text.member("name", model)
            text.member("version", AuditText.clipped(event.version, 128))
        }
        text.member("model_nanoseconds", Int64(clamping: event.modelNanoseconds))
        text.member("nanoseconds", Int64(clamping: event.nanoseconds))
        text.member("outcome", event.outcome.rawValue)
        text.member("policy", event.policy)
        text.memberUnlessEmpty("reason", reason)
        text.member("rows", Int64(event.rows))
        text.member("status", Int64(event.status))
        text.member("time", AuditTime.text(microseconds))
        text.member("trace", AuditText.clipped(event.trace, 64))
        text.list("verdicts", verdicts) { text, verdict in text.nested { Self.write(verdict, to: &$0) } }
        self.init(columns, text)
    }

    private static func write(_ said: Exchange.Verdict, to text: inout AuditText) {
        text.member("consequence", said.verdict.consequence.name)
        text.member("enforced", said.isEnforced)
        if !said.verdict.reasons.isEmpty {
            text.list("reasons", said.verdict.reasons.prefix(32)) { $0.quoted(AuditText.clipped($1, 128)) }
        }
        if let score = said.verdict.score { text.member("score", score) }
        if case .delay(let seconds) = said.verdict.consequence { text.member("seconds", seconds) }
        text.member("stage", said.stage)
        if case .refuse(let refusal) = said.verdict.consequence { text.member("status", Int64(refusal.kind.status)) }
    }

    /// The record that a guard writes when it opens the log.
    /// - Parameters:
    ///   - log: Identifier of the log: 32 hexadecimal digits, drawn when it is made.
    ///   - records: Number of the last record before this one.
    ///   - isClean: Whether the guard before closed the log.
    static func opened(log: String, records: Int64, isClean: Bool, time: Date) -> AuditEntry {
        let columns = AuditColumns(time: AuditTime.microseconds(time), kind: "opened")
        var text = AuditText()
        text.member("clean", isClean)
        text.member("kind", "opened")
        text.member("log", log)
        text.member("records", records)
        text.member("schema", schema)
        text.member("time", AuditTime.text(columns.time))
        return AuditEntry(columns, text)
    }

    /// The record of decisions that are not in the log.
    /// - Parameters:
    ///   - gap: How many went out unrecorded, how many were refused for it, and between which times.
    static func gap(_ gap: AuditGap, time: Date) -> AuditEntry {
        let columns = AuditColumns(time: AuditTime.microseconds(time), kind: "gap")
        var text = AuditText()
        text.member("answered", gap.answered)
        text.member("cause", gap.cause.rawValue)
        text.member("first", AuditTime.text(gap.first))
        text.member("kind", "gap")
        text.member("last", AuditTime.text(gap.last))
        text.member("refused", gap.refused)
        text.member("time", AuditTime.text(columns.time))
        return AuditEntry(columns, text)
    }

    /// The record of what a person decided about a held request.
    static func review(
        id: String, number: Int64, decision: HeldRequest.Decision, note: String, who: String, time: Date
    ) -> AuditEntry {
        var columns = AuditColumns(time: AuditTime.microseconds(time), kind: "review")
        let id = AuditText.clipped(id, 64)
        (columns.id, columns.outcome) = (AuditColumns.plain(id), decision.rawValue)
        var text = AuditText()
        text.member("decision", decision.rawValue)
        text.member("id", id)
        text.member("kind", "review")
        text.member("note", note)
        text.member("record", number)
        text.member("time", AuditTime.text(columns.time))
        text.member("who", who)
        return AuditEntry(columns, text)
    }

    /// The record of an operator who cleared a client: its evidence starts anew.
    /// - Parameter standing: How the client stood; `nil` where no detector had anything to say.
    static func clearing(
        _ client: String, _ standing: ClientStanding?, who: String, fields: AuditFields, time: Date
    ) -> AuditEntry {
        var columns = AuditColumns(time: AuditTime.microseconds(time), kind: "clearing")
        let client = fields.kept(client, .client)
        columns.client = AuditColumns.plain(client)
        var text = AuditText()
        text.object("client") { text in
            if !fields.names.isEmpty { text.list("hashed", fields.names) { $0.quoted($1) } }
            text.member("id", client)
        }
        text.member("kind", "clearing")
        text.member("level", standing?.level.rawValue ?? ClientStanding.Level.calm.rawValue)
        text.list("reasons", (standing?.reasons ?? []).prefix(32)) { $0.quoted(AuditText.clipped($1, 128)) }
        text.member("score", standing?.score ?? 0)
        text.member("time", AuditTime.text(columns.time))
        text.member("who", AuditText.clipped(who, ReviewQueue.longestName))
        return AuditEntry(columns, text)
    }

    /// The record of old records that were deleted; it carries the chain over them.
    /// - Parameters:
    ///   - from: Number of the first and the last deleted record.
    ///   - hash: Hash of the last of them.
    ///   - cutoff: All of them were older, in microseconds since 1970.
    ///   - key: Signs the record; `nil` leaves it unsigned.
    static func retention(
        log: String, from: Int64, through: Int64, hash: [UInt8], cutoff: Int64, key: SigningKey?, time: Date
    ) throws -> AuditEntry {
        let columns = AuditColumns(time: AuditTime.microseconds(time), kind: "retention")
        let fields = Retention(
            cutoff: cutoff, from: from, through: through, hash: Hexadecimal.text(of: hash),
            key: key?.verifying.identifier ?? "", log: log, time: columns.time)
        guard let key else { return AuditEntry(columns, fields.text("")) }
        let signature = try key.signature(for: fields.text("").finished())
        return AuditEntry(columns, fields.text(Hexadecimal.text(of: signature)))
    }

    /// What a signature under the record of a deletion was made over; `nil` where the record is none.
    static func retentionMessage(_ json: AuditJSON) -> [UInt8]? {
        guard let cutoff = json["cutoff"]?.text.flatMap(AuditTime.microseconds), let from = json["from"]?.integer,
            let through = json["through"]?.integer, through >= from, let hash = json["hash"]?.text,
            let key = json["key"]?.text, let log = json["log"]?.text,
            let time = json["time"]?.text.flatMap(AuditTime.microseconds)
        else { return nil }
        return Retention(cutoff: cutoff, from: from, through: through, hash: hash, key: key, log: log, time: time)
            .text("").finished()
    }

    private struct Retention {
        let cutoff: Int64, from: Int64, through: Int64
        let hash: String, key: String, log: String
        let time: Int64

        func text(_ signature: String) -> AuditText {
            var text = AuditText()
            text.member("count", through - from + 1)
            text.member("cutoff", AuditTime.text(cutoff))
            text.member("from", from)
            text.member("hash", hash)
            text.member("key", key)
            text.member("kind", "retention")
            text.member("log", log)
            text.memberUnlessEmpty("signature", signature)
            text.member("through", through)
            text.member("time", AuditTime.text(time))
            return text
        }
    }
}

/// Decisions that are not in the log.
struct AuditGap: Sendable, Hashable {
    /// Why.
    var cause: AuditFailure
    /// How many went out unrecorded, and how many were refused because they could not be recorded.
    var answered: Int64 = 0, refused: Int64 = 0
    /// Times of the first and the last, in microseconds since 1970.
    var first: Int64, last: Int64
}
