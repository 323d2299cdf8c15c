import CasemateCore
public import Foundation
import GRDB

/// Which records are asked for; all terms must hold.
public struct AuditFilter: Sendable, Hashable {
    /// Who asked, exactly as the log keeps it.
    public var client: String?
    /// The model that was asked.
    public var model: String?
    /// From this time on, and before that one.
    public var since: Date?, until: Date?
    /// How it ended.
    public var outcome: DecisionEvent.Outcome?
    /// A stage that had something to say.
    public var stage: String?
    /// Reason of the refusal or failure, or of a stage.
    public var reason: String?
    /// Identifier of the request.
    public var id: String?
    /// Kind of the record, such as `decision` or `gap`; `nil` for all.
    public var kind: String?
    /// Only requests that are held for a person.
    public var isHeld = false
    /// Only records behind this number.
    public var after: Int64?

    /// Makes a filter that everything passes.
    public init() {}

    /// The condition in SQL, and its arguments.
    var condition: (sql: String, arguments: StatementArguments) {
        var terms: [String] = []
        var arguments = StatementArguments()
        func add(_ term: String, _ value: (any DatabaseValueConvertible)?) {
            guard let value else { return }
            terms.append(term)
            arguments += [value]
        }
        add("number > ?", after)
        add("client = ?", client.map { AuditColumns.plain($0) })
        add("model = ?", model)
        add("time >= ?", since.map { AuditTime.microseconds($0) })
        add("time < ?", until.map { AuditTime.microseconds($0) })
        add("outcome = ?", outcome?.rawValue)
        add("id = ?", id)
        add("kind = ?", kind)
        if let stage {
            terms.append("(instr(stages, ?) > 0 OR instr(stages, ?) > 0)")
            arguments += [",\(stage)=", ",\(stage)~"]
        }
        if let reason {
            // why LIKE on the record as well: reasons of stages stand in it alone; a colon may follow them.
            terms.append("(reason = ? OR instr(record, ?) > 0 OR instr(record, ?) > 0)")
            var quoted = AuditText(capacity: 64)
            quoted.quoted(reason)
            let text = String(decoding: quoted.bytes.dropFirst(), as: UTF8.self)
            arguments += [reason, text, String(text.dropLast()) + ":"]
        }
        if isHeld { terms.append("held = 1") }
        return (terms.isEmpty ? "1" : terms.joined(separator: " AND "), arguments)
    }

    /// A time as people give it: `2026-11-21`, `2026-11-21T05:00:00Z`, or an age before `now` such as `2h` or `7d`.
    package static func time(_ text: String, now: Date) -> Date? {
        if let day = CalendarDay(text) { return AuditTime.microseconds("\(day)T00:00:00.000000Z").map(AuditTime.date) }
        if text.hasSuffix("Z") {
            let whole = text.dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            let fraction = whole.count > 1 ? String(whole[1]) : ""
            guard let start = whole.first, fraction.utf8.count <= 6 else { return nil }
            let padded = fraction + String(repeating: "0", count: 6 - fraction.utf8.count)
            return AuditTime.microseconds("\(start).\(padded)Z").map(AuditTime.date)
        }
        let isDays = text.hasSuffix("d")
        let age =
            isDays ? SettingScalar.number(String(text.dropLast())).map { $0 * 86_400 } : SettingScalar.seconds(text)
        // why: a number without a unit is more likely a mistake than an age.
        guard let age, age >= 0, age < 1e11, text.last?.isLetter == true else { return nil }
        return now - age
    }
}
