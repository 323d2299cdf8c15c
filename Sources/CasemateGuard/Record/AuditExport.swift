import CasemateCore
import Foundation

/// Forms in which records leave the log.
package enum AuditExport: String, Sendable, CaseIterable {
    /// One JSON object a line: `hash`, `number` and the record as it was hashed.
    case jsonl
    /// A table; texts that a spreadsheet would take for a formula begin with an apostrophe.
    case csv

    /// The first line; empty where there is none.
    package var header: String {
        switch self {
        case .jsonl: ""
        case .csv: "number,time,kind,id,client,model,outcome,status,reason,stages,held,hash\n"
        }
    }

    /// The line of a record, its end included.
    package func line(_ row: AuditRow) -> String {
        switch self {
        case .jsonl:
            // why quoted otherwise: a record that somebody altered must not end the line it stands in.
            var quoted = AuditText(capacity: 64)
            if AuditJSON(Array(row.record.utf8)) == nil { quoted.quoted(row.record) }
            let record =
                quoted.bytes.count == 1 ? row.record : String(decoding: quoted.bytes.dropFirst(), as: UTF8.self)
            return "{\"hash\":\"\(row.hash)\",\"number\":\(row.number),\"record\":\(record)}\n"
        case .csv:
            let stages = row.stages.map { "\($0.stage)\($0.isEnforced ? "=" : "~")\($0.consequence)" }
            let cells = [
                "\(row.number)", AuditTime.text(AuditTime.microseconds(row.time)), row.kind, row.id, row.client,
                row.model, row.outcome, row.status == 0 ? "" : "\(row.status)", row.reason,
                stages.joined(separator: " "), row.isHeld ? "true" : "false", row.hash,
            ]
            return cells.map(Self.cell).joined(separator: ",") + "\n"
        }
    }

    /// A cell that neither ends its row nor is taken for a formula. Source: OWASP, CSV Injection.
    static func cell(_ text: String) -> String {
        var text = text
        if let first = text.unicodeScalars.first, "=+-@\t\r|%".unicodeScalars.contains(first) { text = "'" + text }
        let isPlain = !text.utf8.contains { $0 == 0x22 || $0 == 0x2c || $0 == 0x0a || $0 == 0x0d }
        return isPlain ? text : "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
