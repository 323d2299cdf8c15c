import CasemateCore
import CasemateReport
import CasemateScan
import Foundation

/// Findings, figures and tables about a ledger and the files that it names.
struct ProvenanceReport {
    static let probe = "provenance"
    static let title = "Provenance: data that are what the ledger says"
    /// Tampering with training data where they lie, and with the record of where they came from.
    static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .indiscriminate, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0010.002"],
        owasp: ["ML02", "ML06"], nist: ["NISTAML.013", "NISTAML.024", "NISTAML.051"])

    let ledger: String
    let review: LedgerReview
    let problems: [LedgerReview.Problem]
    /// Where each line begins; empty for SQLite.
    let offsets: [Int]
    let checked: [DataVerifier.Checked]
    /// Whether keys were named, so that unsigned entries and other keys are findings.
    let hasKeys: Bool
    /// Whether every entry is asked about, not only those of the checked files.
    let asksAll: Bool
    /// Rows that a table lists at most.
    var rows = 20
    /// Whether sentences may name single rows.
    var isRedacted = false

    /// The outcome, without seconds.
    func outcome() -> ProbeOutcome {
        var outcome = ProbeOutcome(probe: Self.probe, title: Self.title, taxonomy: Self.taxonomy)
        outcome.summary = summary
        outcome.findings = ledgerFindings + checked.flatMap { fileFindings($0) } + signerFindings
        outcome.metrics = metrics
        outcome.headlines = metrics.filter {
            ["provenance.changed_files", "provenance.changed_rows"].contains($0.name)
        }
        if !checked.isEmpty { outcome.tables.append(filesTable) }
        outcome.attacker = attacker
        return outcome
    }

    private func finding(
        _ rule: String, _ severity: Severity, _ title: String, _ evidence: [Evidence], _ remedy: String,
        _ feature: String
    ) -> Finding {
        Finding(
            id: "\(Self.probe).\(rule)", probe: Self.probe, severity: severity, title: title, evidence: evidence,
            remedy: remedy, taxonomy: Self.taxonomy, subject: (ledger as NSString).lastPathComponent, feature: feature)
    }

    // MARK: Ledger

    private var ledgerFindings: [Finding] {
        problems.prefix(50).map { problem in
            let place = problem.position.map { position in
                Evidence.location(
                    FileLocation(
                        path: ledger, byteOffset: offsets.indices.contains(position) ? offsets[position] : nil,
                        line: offsets.isEmpty ? nil : position + 1))
            }
            let which = problem.sequence.map { "entry \($0)" } ?? problem.position.map { "line \($0 + 1)" } ?? "the end"
            let evidence = [Evidence.text(problem.sentence)] + [place].compactMap { $0 }
            if problem.kind == .torn {
                return finding(
                    "ledger_torn", .medium, "The last line of the ledger was never finished", evidence,
                    "`casemate data verify --mend` keeps the half line apart and mends the ledger; register again what it was about.",
                    which)
            }
            return finding(
                "ledger_altered", .high, "The ledger is not what it was: \(which) \(problem.kind.inWords)", evidence,
                "Restore the ledger from a copy or from version control, and find out who wrote to it; entries that are not damaged still count.",
                "\(problem.kind.rawValue) \(which)")
        }
    }

    private var asked: [LedgerReview.Placed] { asksAll ? review.entries : checked.compactMap(\.entry) }

    private var signerFindings: [Finding] {
        let hashes = Set(asked.map(\.hash))
        let unsigned = review.unsigned.filter { hashes.contains($0.hash) }
        let unknown = review.unknownSigners.filter { hashes.contains($0.hash) }
        func table(_ title: String, _ entries: [LedgerReview.Placed]) -> Evidence {
            .table(
                EvidenceTable(
                    title: title, columns: ["entry", "file", "who", "key"],
                    rows: entries.prefix(rows).map {
                        ["\($0.entry.sequence)", $0.entry.path, $0.entry.who, $0.entry.signer?.identifier ?? "none"]
                    }))
        }
        var findings: [Finding] = []
        if !unsigned.isEmpty {
            findings.append(
                finding(
                    "unsigned", hasKeys ? .medium : .low,
                    "\(Words.count(unsigned.count, "entry", "entries")) of the ledger \(unsigned.count == 1 ? "is" : "are") not signed",
                    [table("Entries without signature", unsigned)],
                    "Register with --key: whoever can write an unsigned ledger can write all of it anew, and nobody would see it.",
                    "unsigned"))
        }
        if !unknown.isEmpty {
            findings.append(
                finding(
                    "unknown_key", .medium,
                    "\(Words.count(unknown.count, "entry", "entries")) of the ledger \(unknown.count == 1 ? "is" : "are") signed with a key that nobody named",
                    [table("Entries of other keys", unknown)],
                    "Ask whose key it is; name it with --key if it is to be trusted, else treat what it signed as unregistered.",
                    "unknown"))
        }
        return findings
    }

    // MARK: Files

    private func fileFindings(_ file: DataVerifier.Checked) -> [Finding] {
        switch file.verdict {
        case .same, .sameRows: return []
        case .missing:
            return [
                finding(
                    "file_missing", .medium, "'\(file.path)' is registered and no longer there",
                    [.text(registered(file)), .location(FileLocation(path: file.path))],
                    "Restore the file, or register what took its place.", file.path)
            ]
        case .unregistered:
            let twin = file.twin.map { " Its content is that of '\($0.entry.path)', entry \($0.entry.sequence)." } ?? ""
            return [
                finding(
                    "unregistered", .medium, "'\(file.path)' is not in the ledger",
                    [.text("No entry is about this file.\(twin)"), .location(FileLocation(path: file.path))],
                    "Find out where it came from, then register it: `casemate data register`.", file.path)
            ]
        case .changed(let difference): return changeFindings(file, difference)
        }
    }

    private func registered(_ file: DataVerifier.Checked) -> String {
        guard let entry = file.entry?.entry else { return "It is not registered." }
        return
            "Registered as entry \(entry.sequence) on \(entry.time.prefix(10)) by \(entry.who.isEmpty ? "nobody named" : entry.who)."
    }

    private func changeFindings(_ file: DataVerifier.Checked, _ difference: DataDifference) -> [Finding] {
        var evidence: [Evidence] = [.text(registered(file))]
        if let twin = file.twin {
            evidence.append(
                .text(
                    "It is exactly what entry \(twin.entry.sequence) says of '\(twin.entry.path)': an older state, or another file."
                ))
        }
        evidence += difference.notes.map { .text($0) }
        let remedy = "Restore the registered file, or find out who changed it and register the change with its reason."
        let edits = difference.rows.filter { $0.kind != "line end" }
        let isRows = !edits.isEmpty || difference.rowCounts.contains { $0.key != "line end" && $0.value > 0 }
        var findings: [Finding] = []
        if isRows {
            findings.append(
                finding(
                    "row_changed", .high,
                    "Rows of '\(file.path)' are not what was registered: \(difference.rowsInWords(isRedacted: isRedacted))",
                    evidence + [.table(rowTable(difference, edits))] + places(file, edits), remedy, file.path))
        }
        let hasMore = difference.isHeaderChanged || !difference.rowParts.isEmpty || !isRows
        if hasMore {
            findings.append(
                finding(
                    "file_changed", .high, "'\(file.path)' is not what was registered: \(difference.restInWords)",
                    evidence + restEvidence(file, difference), remedy, file.path))
        }
        return findings
    }

    private func rowTable(_ difference: DataDifference, _ edits: [DataDifference.RowEdit]) -> EvidenceTable {
        let total = difference.rowCount
        let shown = edits.prefix(rows)
        return EvidenceTable(
            title: "Rows that changed"
                + (total > shown.count ? ", the first \(shown.count) of \(Words.grouped(total))" : ""),
            columns: ["change", "row (from 0)", "row before (from 0)", "line", "byte"],
            rows: shown.map { edit in
                [edit.kind] + [edit.row, edit.oldRow, edit.line, edit.byteOffset].map { $0.map { "\($0)" } ?? "–" }
            }, personal: ["row (from 0)", "row before (from 0)", "line", "byte"])
    }

    private func places(_ file: DataVerifier.Checked, _ edits: [DataDifference.RowEdit]) -> [Evidence] {
        edits.filter { $0.byteOffset != nil }.prefix(5).map {
            .location(
                FileLocation(path: file.path, byteOffset: $0.byteOffset, byteLength: $0.byteLength, line: $0.line))
        }
    }

    private func restEvidence(_ file: DataVerifier.Checked, _ difference: DataDifference) -> [Evidence] {
        var evidence: [Evidence] = []
        if difference.isHeaderChanged {
            var text = "The header changed."
            if !difference.columnsAdded.isEmpty { text += " New: \(Self.names(difference.columnsAdded))." }
            if !difference.columnsRemoved.isEmpty { text += " Gone: \(Self.names(difference.columnsRemoved))." }
            evidence += [.text(text), .location(FileLocation(path: file.path, byteOffset: 0, line: 1))]
        }
        evidence += difference.rowParts.prefix(rows).map {
            .text("Something changed among rows \($0.lowerBound) to \($0.upperBound - 1) (from 0).")
        }
        evidence += difference.byteParts.prefix(rows).map {
            .location(FileLocation(path: file.path, byteOffset: $0.lowerBound, byteLength: $0.count))
        }
        let ends = difference.rows.filter { $0.kind == "line end" }
        if !ends.isEmpty {
            evidence.append(.table(rowTable(difference, ends)))
            evidence += places(file, ends)
        }
        if !difference.isLocated { evidence.append(.location(FileLocation(path: file.path))) }
        return evidence
    }

    private static func names(_ columns: [String]) -> String {
        columns.prefix(8).map { "'\($0.prefix(40))'" }.joined(separator: ", ")
            + (columns.count > 8 ? " and \(columns.count - 8) more" : "")
    }
}
