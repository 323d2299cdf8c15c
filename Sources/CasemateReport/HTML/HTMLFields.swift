import CasemateCore
import Mustache

/// Markup that we made and escaped ourselves, the only thing that a template may take unescaped.
package struct TrustedMarkup: MustacheCustomRenderable {
    package let renderText: String
    package let isNull = false
    /// Takes markup that is safe already.
    package init(renderText: String) { self.renderText = renderText }
}

/// What templates are filled with: members by name, lists of members, text, truth values.
///
/// Every member that a template asks for is set, since Mustache would else look for it further out.
package enum HTMLFields {
    /// Members by name.
    package typealias Members = [String: Any]

    /// The same values with every text in one line, harmless, and at most `limit` characters long.
    package static func inert(_ value: Any, limit: Int) -> Any {
        switch value {
        case let text as String: text.shortened(to: limit).inert.withoutFusedMarkup
        case let members as Members: members.mapValues { inert($0, limit: limit) }
        case let list as [Members]: list.map { $0.mapValues { inert($0, limit: limit) } }
        default: value
        }
    }

    /// A sentence in parts, so that names in backticks can be set as code.
    static func parts(_ sentence: String) -> [Members] {
        let pieces = sentence.split(separator: "`", omittingEmptySubsequences: false)
        guard pieces.count > 2, pieces.count % 2 == 1 else { return [["text": sentence, "isCode": false]] }
        return pieces.enumerated().filter { !$0.element.isEmpty }
            .map { ["text": String($0.element), "isCode": $0.offset % 2 == 1] }
    }

    /// A list of sentences.
    static func sentences(_ sentences: [String]) -> [Members] { sentences.map { ["parts": parts($0)] } }

    /// A table with its first rows, and a note about the others.
    static func table(_ table: EvidenceTable, limit: Int) -> Members {
        let note =
            "The first \(Numerals.count(limit)) of \(Numerals.count(table.rows.count, "row")); report.json holds all."
        return Self.table(
            title: table.title, columns: table.columns, rows: Array(table.rows.prefix(limit)),
            note: table.rows.count > limit ? note : nil)
    }

    /// A table; cells that read as numbers stand on the right.
    static func table(title: String, columns: [String], rows: [[String]], note: String? = nil) -> Members {
        let numeric = columns.indices.map { column in
            !rows.isEmpty && rows.allSatisfy { column < $0.count && isNumeric($0[column]) }
        }
        func cells(_ row: [String]) -> [Members] {
            row.enumerated().map { index, text in
                ["text": text, "isNumber": index < numeric.count && numeric[index], "isLong": hasLongWord(text)]
            }
        }
        return [
            "title": title, "hasTitle": !title.isEmpty, "columns": cells(columns),
            "rows": rows.map { ["cells": cells($0)] as Members }, "note": note ?? "", "hasNote": note != nil,
        ]
    }

    private static func isNumeric(_ text: String) -> Bool {
        if text == "no value" { return true }
        guard text.count <= 24, let first = text.first, first.isNumber || "−-–+[".contains(first) else { return false }
        let isVersion = !text.hasPrefix("[") && text.split(separator: ".", omittingEmptySubsequences: false).count > 2
        let signs = " ,.%−-–+[]e".unicodeScalars
        return !isVersion && text.unicodeScalars.allSatisfy { ("0"..."9").contains($0) || signs.contains($0) }
    }

    private static func hasLongWord(_ text: String) -> Bool {
        text.split { $0 == " " || $0 == "-" }.contains { $0.count > 30 }
    }

    /// The metrics as a table.
    static func metrics(_ metrics: [Metric], title: String, limit: Int) -> Members {
        let hasGroups = metrics.contains { $0.group != nil }
        let hasNotes = metrics.contains { $0.note != nil }
        let columns =
            ["Measure"] + (hasGroups ? ["Group"] : []) + ["Value", "Interval", "n"] + (hasNotes ? ["Note"] : [])
        let rows = metrics.map { metric in
            [metric.name] + (hasGroups ? [metric.group ?? "all rows"] : [])
                + [metric.valueInWords, metric.intervalInWords ?? "–", Numerals.count(metric.n)]
                + (hasNotes ? [metric.note ?? ""] : [])
        }
        return table(EvidenceTable(title: title, columns: columns, rows: rows), limit: limit)
    }

    /// Changed rows, each a list of moves in words.
    static func changes(_ changes: [RowChange]) -> [Members] {
        changes.map { change in
            [
                "row": change.rowName, "before": change.decisionBefore, "after": change.decisionAfter,
                "distance": Numerals.distance(change.distance) + change.costInWords,
                "steps": change.steps.map { step -> Members in
                    [
                        "verb": step.verb(isMasked: change.isRedacted), "feature": step.feature,
                        "from": step.before, "to": step.after, "isMasked": change.isRedacted,
                    ]
                },
            ]
        }
    }
}
