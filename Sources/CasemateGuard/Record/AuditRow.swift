import CasemateCore
public import Foundation
import GRDB

/// A record of the log as it is shown. Texts that came from outside may hold anything but control characters: escape them.
public struct AuditRow: Sendable, Hashable, Identifiable {
    /// What a stage said.
    public struct Stage: Sendable, Hashable {
        /// Identifier of the stage.
        public let stage: String
        /// Name of the consequence.
        public let consequence: String
        /// Whether it was carried out, or only observed.
        public let isEnforced: Bool
    }
    /// Number in the log, from 1 without gaps.
    public let number: Int64
    /// When.
    public let time: Date
    /// Kind: `decision`, `opened`, `gap`, `review`, `retention`.
    public let kind: String
    /// Identifier of the request; empty for records about none.
    public let id: String
    /// Who asked, or the keyed hash of that.
    public let client: String
    /// The model that was asked.
    public let model: String
    /// How it ended; what was decided for a review.
    public let outcome: String
    /// Status that went out.
    public let status: Int
    /// Reason of a refusal or failure.
    public let reason: String
    /// What the stages said.
    public let stages: [Stage]
    /// Whether it is held for a person.
    public let isHeld: Bool
    /// The record: one JSON object.
    public let record: String
    /// Hash of the chain up to this record: 64 hexadecimal digits.
    public let hash: String

    static let columns = "number, time, kind, id, client, model, outcome, status, reason, stages, held, record, hash"

    /// Reads a row of `columns`; what does not fit its type reads as empty, which `log verify` reports.
    init(_ row: Row) {
        func text(_ index: Int) -> String { String.fromDatabaseValue(row[index]) ?? "" }
        func number(_ index: Int) -> Int64 { Int64.fromDatabaseValue(row[index]) ?? 0 }
        (self.number, time, kind, id) = (number(0), AuditTime.date(number(1)), text(2), text(3))
        (client, model, outcome, status) = (text(4), text(5), text(6), Int(clamping: number(7)))
        (reason, stages, isHeld) = (text(8), Self.stages(text(9)), number(10) == 1)
        (record, hash) = (text(11), Hexadecimal.text(of: Data.fromDatabaseValue(row[12]) ?? Data()))
    }

    private static func stages(_ text: String) -> [Stage] {
        text.split(separator: ",").compactMap { word in
            guard let mark = word.firstIndex(where: { $0 == "=" || $0 == "~" }) else { return nil }
            return Stage(
                stage: String(word[..<mark]), consequence: String(word[mark...].dropFirst()),
                isEnforced: word[mark] == "=")
        }
    }

    /// The reasons that the stages gave, such as `rate` or `range:age`.
    public var reasons: [String] {
        AuditJSON(Array(record.utf8))?["verdicts"]?.list.flatMap { $0["reasons"]?.list.compactMap(\.text) ?? [] } ?? []
    }
}

/// How many decisions there were of each kind.
public struct AuditCounts: Sendable, Hashable {
    /// Decisions that were counted.
    public var total = 0
    /// By outcome.
    public var outcomes: [String: Int] = [:]
    /// By stage and consequence.
    public var stages: [String: [String: Int]] = [:]
    /// By model.
    public var models: [String: Int] = [:]
    /// Whether there were more than were looked at.
    public var isCut = false
    /// Makes counts of nothing.
    public init() {}
}
