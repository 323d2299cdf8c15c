import CasemateCore
import CasemateScan

extension ProvenanceReport {
    var changed: [(file: DataVerifier.Checked, difference: DataDifference)] {
        checked.compactMap { file in
            if case .changed(let difference) = file.verdict { (file, difference) } else { nil }
        }
    }
    private var missing: Int { checked.count { if case .missing = $0.verdict { true } else { false } } }
    private var unregistered: Int { checked.count { if case .unregistered = $0.verdict { true } else { false } } }
    private var same: Int { checked.count - changed.count - missing - unregistered }

    var metrics: [Metric] {
        let rows = changed.map(\.difference.rowCount).reduce(0, +)
        let total = checked.compactMap { $0.entry?.entry.digest.rows?.count }.reduce(0, +)
        return [
            Metric("provenance.files", Double(checked.count), n: checked.count),
            Metric("provenance.changed_files", Double(changed.count), n: checked.count),
            Metric("provenance.changed_rows", Double(rows), n: total),
            Metric("provenance.missing_files", Double(missing), n: checked.count),
            Metric("provenance.unregistered_files", Double(unregistered), n: checked.count),
            Metric("provenance.entries", Double(review.entries.count), n: review.entries.count),
            Metric("provenance.ledger_problems", Double(problems.count), n: review.entries.count),
            Metric("provenance.unsigned_entries", Double(review.unsigned.count), n: review.entries.count),
        ]
    }

    var summary: [String] {
        var sentences: [String] = []
        if !checked.isEmpty {
            sentences.append(
                "\(Words.count(same, "file")) of \(checked.count) \(same == 1 ? "is" : "are") what the ledger says; "
                    + "\(changed.count) changed, \(missing) missing, \(unregistered) not registered.")
        }
        for file in checked {
            if case .sameRows = file.verdict {
                sentences.append(
                    "'\(file.path)' holds the same rows in another order, which was declared not to matter.")
            }
        }
        let signed = review.entries.count - review.unsigned.count
        sentences.append(
            "The ledger has \(Words.count(review.entries.count, "sound entry", "sound entries")), \(signed) signed"
                + (problems.isEmpty
                    ? "; its chain is whole."
                    : "; \(Words.count(problems.count, "thing")) in it \(problems.count == 1 ? "is" : "are") not right.")
        )
        if !hasKeys, signed > 0 {
            sentences.append("No key was named: signatures fit the keys in the entries, whoever these belong to.")
        }
        return sentences
    }

    var attacker: [String] {
        var sentences: [String] = []
        if !changed.isEmpty {
            sentences.append(
                "Have the model trained on \(Words.count(changed.count, "file")) that somebody changed after registration."
            )
        }
        if !review.entries.isEmpty, review.unsigned.count == review.entries.count {
            sentences.append("Whoever can write to the ledger can rewrite it unseen: no entry is signed.")
        }
        return sentences
    }

    var filesTable: EvidenceTable {
        EvidenceTable(
            title: "Files", columns: ["file", "entry", "registered", "by", "signed", "rows", "now"],
            rows: checked.map { file in
                let entry = file.entry?.entry
                return [
                    file.path, entry.map { "\($0.sequence)" } ?? "–", entry.map { String($0.time.prefix(10)) } ?? "–",
                    entry?.who ?? "–", entry.map { $0.signer == nil ? "no" : "yes" } ?? "–",
                    entry?.digest.rows.map { Words.grouped($0.count) } ?? "–", file.verdict.inWords,
                ]
            })
    }
}

extension Words {
    /// `1 entry`, `2 entries`.
    static func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}

extension LedgerReview.Problem.Kind {
    /// What happened, as the end of a sentence.
    var inWords: String {
        switch self {
        case .altered: "was altered"
        case .removed: "was removed"
        case .reordered: "stands out of order"
        case .repeated: "is repeated"
        case .truncated: "and what follows is cut off"
        case .torn: "was never finished"
        }
    }
}

extension DataVerifier.Verdict {
    /// One or two words.
    var inWords: String {
        switch self {
        case .same: "unchanged"
        case .sameRows: "same rows, other order"
        case .changed: "CHANGED"
        case .missing: "MISSING"
        case .unregistered: "NOT REGISTERED"
        }
    }
    /// For programs.
    var word: String {
        switch self {
        case .same: "same"
        case .sameRows: "same_rows"
        case .changed: "changed"
        case .missing: "missing"
        case .unregistered: "unregistered"
        }
    }
}

extension DataDifference {
    /// `2 changed (row 7, row 9), 1 removed (row 3 before)`; without the rows where those are masked.
    func rowsInWords(isRedacted: Bool) -> String {
        let order = ["changed", "inserted", "duplicated", "removed", "moved"]
        let parts = order.compactMap { kind -> String? in
            guard let count = rowCounts[kind], count > 0 else { return nil }
            let known = rows.filter { $0.kind == kind }.prefix(3).compactMap { edit in
                edit.row.map { "row \($0)" } ?? edit.oldRow.map { "row \($0) before" }
            }
            let more = count > known.count ? ", …" : ""
            let places = isRedacted || known.isEmpty ? "" : " (\(known.joined(separator: ", "))\(more))"
            return "\(Words.grouped(count)) \(kind)\(places)"
        }
        return parts.isEmpty ? "their contents differ" : parts.joined(separator: ", ")
    }
    /// What besides rows changed.
    var restInWords: String {
        var parts: [String] = []
        if isHeaderChanged { parts.append("the header changed") }
        if !rowParts.isEmpty { parts.append("rows changed that cannot be named one by one") }
        if let ends = rowCounts["line end"], ends > 0 {
            parts.append("\(Words.grouped(ends)) line ends or blank lines changed")
        }
        if !byteParts.isEmpty, parts.isEmpty { parts.append("bytes changed from \(byteParts[0].lowerBound) on") }
        return parts.isEmpty ? "its content differs" : parts.joined(separator: ", ")
    }
}
