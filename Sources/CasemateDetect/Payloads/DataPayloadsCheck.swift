public import CasemateCore
import CasemateData

/// Finds cells and column names that are more than data: formulas, scripts, serialised objects, unseen signs, giants.
///
/// Nothing is carried out. Definitions, sources and blind spots: `docs/data/data_payloads.md`.
public struct DataPayloadsCheck: DataCheck {
    /// Name in reports.
    public static let identifier = "data_payloads"
    /// Heading in reports.
    public static let title = "Hidden payloads"
    /// A cell that acts on those who open the data, or hides a trigger in what a model reads.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .targeted, atlas: ["AML.T0020", "AML.T0010.002", "AML.T0011.000"], owasp: ["ML02", "ML06"],
        nist: ["NISTAML.05", "NISTAML.023"])

    /// Rows that a finding lists.
    public var shown = 10

    /// Creates the check.
    public init() {}

    /// Needs a table.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        subject.train == nil ? "payloads are sought in the cells of tables" : nil
    }

    /// Looks into every text cell and every name.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let train = subject.train else { return DataCheckResult(outcome: outcome(status: .notTested)) }
        let scan = PayloadScan(source: RowSQL(train))
        let texts = train.columns.filter { $0.type == .text && RowSQL.canName($0.name) }.map(\.name)
        var found = FoundPayloads(rows: subject.count, columns: texts.count)
        found.names = try scan.names(train.columns.map(\.name))
        var skipped = 0
        let hit = try scan.columns(texts, context)
        for (done, column) in hit.enumerated() {
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline {
                skipped = hit.count - done
                break
            }
            if column.cells > PayloadScan.cellLimit { found.cut.append(column.name) }
            found.add(try scan.hits(column.name))
        }
        found.oversized = try scan.oversized(texts)
        let reason = skipped > 0 ? "out of time before \(RowWords.count(skipped, "column"))" : nil
        var result = outcome(status: skipped > 0 ? .partial : .tested, reason: reason)
        result.summary = found.summary
        result.metrics = found.metrics
        result.headlines = Array(found.metrics.prefix(1))
        result.findings = findings(found, subject)
        return DataCheckResult(outcome: result, suspects: found.suspects)
    }

    private func findings(_ found: FoundPayloads, _ subject: DataSubject) -> [Finding] {
        var findings = PayloadKind.allCases.compactMap { kind -> Finding? in
            let hits = found.hits.filter { $0.kinds.contains(kind) }
            return hits.isEmpty ? nil : cellFinding(kind, hits, subject)
        }
        if let largest = found.oversized.first {
            let rows = found.oversized.map {
                [RowWords.rows([$0.row]), $0.column.clipped(to: 60), RowWords.count($0.length)]
            }
            findings.append(
                finding(
                    "oversized_field", largest.length > 1_000_000 ? .medium : .low,
                    "\(RowWords.count(found.oversized.count, "cell")) "
                        + "\(found.oversized.count == 1 ? "is" : "are") far longer than the others of the column",
                    evidence: [
                        .table(
                            EvidenceTable(
                                title: "Oversized fields", columns: ["row (from 0)", "column", "characters"],
                                rows: Array(rows.prefix(shown)), personal: ["row (from 0)"]))
                    ],
                    remedy:
                        "Set a limit where the data come in: giants exhaust what reads them and hide what is in them.",
                    about: subject))
        }
        for (name, kinds) in found.names {
            findings.append(
                finding(
                    "column_name", kinds.map(\.severity).max() ?? .low,
                    "The name of a column holds a \(kinds.map(\.rawValue).joined(separator: " and "))",
                    evidence: [
                        .text(
                            "Column \((subject.train?.columns.firstIndex { $0.name == name } ?? 0) + 1) from the left.")
                    ],
                    remedy: "Rename the column; names reach reports, spreadsheets, SQL and logs.", about: subject,
                    feature: name))
        }
        return findings
    }

    private func cellFinding(_ kind: PayloadKind, _ hits: [PayloadScan.Hit], _ subject: DataSubject) -> Finding {
        let columns = Dictionary(grouping: hits, by: \.column).sorted {
            ($1.value.count, $0.key) < ($0.value.count, $1.key)
        }
        let rows = columns.prefix(shown).map { column, hits in
            [
                column.clipped(to: 60), RowWords.count(hits.count), RowWords.rows(hits.map(\.row), shown: shown),
                Set(hits.compactMap(\.detail)).sorted().joined(separator: ", "),
            ]
        }
        return finding(
            Self.rule(kind), kind.severity,
            "\(RowWords.count(hits.count, "cell")) hold\(hits.count == 1 ? "s" : "") \(Self.words(kind))",
            evidence: [
                .table(
                    EvidenceTable(
                        title: "Where (the contents are not shown)",
                        columns: ["column", "cells", "row (from 0)", "format"], rows: rows, personal: ["row (from 0)"]))
            ],
            remedy: Self.remedy(kind), about: subject)
    }

    private static func rule(_ kind: PayloadKind) -> String {
        switch kind {
        case .activeFormula: "active_formula"
        case .bidirectional: "bidirectional_control"
        case .control: "control_characters"
        case .invisible: "invisible_characters"
        case .lookalike: "lookalike_letters"
        case .object: "serialised_object"
        case .oversized: "oversized_field"
        case .prompt: "prompt_injection"
        case .shell: "shell_command"
        case .sql: "sql_injection"
        case .template: "template_expression"
        case .formula, .program, .script: kind.rawValue
        }
    }

    private static func words(_ kind: PayloadKind) -> String {
        switch kind {
        case .bidirectional, .invisible, .control, .lookalike, .sql:
            kind == .bidirectional ? "bidirectional controls" : kind.rawValue
        case .activeFormula, .formula, .script, .template, .shell, .object, .program, .oversized: "a \(kind.rawValue)"
        case .prompt: "an \(kind.rawValue)"
        }
    }

    private static func remedy(_ kind: PayloadKind) -> String {
        switch kind {
        case .activeFormula, .formula:
            "Ask who wrote these cells. Put an apostrophe before such cells wherever data are exported to spreadsheets."
        case .script, .template, .sql, .shell:
            "Ask who wrote these cells, and see that whatever shows or passes on the texts escapes them."
        case .object, .program:
            "Never load it. Find out who wrote the cell; texts of training data have no reason to carry objects or programs."
        case .bidirectional, .invisible, .control, .lookalike:
            "Normalise texts before training and scoring (strip unseen signs, fold look-alikes); they hide triggers from "
                + "people and split words from filters."
        case .prompt: "Do not give these texts to a language model as instructions; mark them as data."
        case .oversized: "Set a limit where the data come in."
        }
    }
}
