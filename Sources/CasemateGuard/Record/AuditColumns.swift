/// What stands beside a record for searching. All of it follows from the record; `log verify` checks that it does.
struct AuditColumns: Hashable, Sendable {
    /// Microseconds since 1970.
    var time: Int64
    /// Kind of the record: `decision`, `opened`, `gap`, `review`, `retention`.
    var kind: String
    /// Identifier of the request; empty for records about none.
    var id = ""
    /// Who asked, as the record says it, control characters replaced.
    var client = ""
    /// The model that was asked.
    var model = ""
    /// How it ended; for a review what was decided.
    var outcome = ""
    /// Status that went out.
    var status: Int64 = 0
    /// Reason of a refusal or failure.
    var reason = ""
    /// What the stages said: `,rate=refuse,range~flag,`, with `~` where it was only observed.
    var stages = ""
    /// Whether a person is to look at it.
    var isHeld = false

    /// The columns of a record; `nil` where it is no record.
    init?(record: AuditJSON) {
        guard let kind = record["kind"]?.text, let time = record["time"]?.text.flatMap(AuditTime.microseconds)
        else { return nil }
        self.init(time: time, kind: kind)
        id = Self.plain(record["id"]?.text ?? "")
        client = Self.plain(record["client"]?["id"]?.text ?? "")
        model = Self.plain(record["model"]?["name"]?.text ?? "")
        outcome = record["outcome"]?.text ?? record["decision"]?.text ?? ""
        status = record["status"]?.integer ?? 0
        reason = Self.plain(record["reason"]?.text ?? "")
        isHeld = record["held"]?.flag ?? false
        stages = Self.stages(
            record["verdicts"]?.list.map { verdict in
                (verdict["stage"]?.text ?? "", verdict["consequence"]?.text ?? "", verdict["enforced"]?.flag ?? false)
            } ?? [])
    }
    /// Columns with a time and a kind.
    init(time: Int64, kind: String) { (self.time, self.kind) = (time, kind) }

    /// The text of what stages said.
    static func stages(_ verdicts: some Collection<(stage: String, consequence: String, isEnforced: Bool)>) -> String {
        guard !verdicts.isEmpty else { return "" }
        return verdicts.reduce(into: ",") { text, verdict in
            text += plain(verdict.stage) + (verdict.isEnforced ? "=" : "~") + plain(verdict.consequence) + ","
        }
    }

    /// The text with control characters replaced.
    ///
    /// why: a NUL would end the text for SQLite, and whoever looks at the table with another program is not steered.
    static func plain(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return text }
        return String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "\u{FFFD}" : $0 }))
    }
}
