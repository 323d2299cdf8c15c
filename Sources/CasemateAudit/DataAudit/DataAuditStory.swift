import CasemateCore
import CasemateData
import CasemateDetect

/// Facts about audited data for the head of a report.
struct DataAuditStory {
    let subject: DataSubject
    /// Rows of the list that a report shows.
    static let shown = 25

    /// The data at a glance.
    var facts: [EvidenceTable] {
        var rows: [[String]] = []
        let columns = subject.train?.columns.count ?? subject.features.count
        rows.append(["training data", "\(Words.count(subject.count, "row")), \(Words.count(columns, "column"))"])
        rows.append([
            "reference", subject.reference.map { Words.count($0.count, "row") } ?? "none: see what cannot be seen",
        ])
        if let test = subject.test { rows.append(["test data", Words.count(test.count, "row")]) }
        rows.append(["features", features])
        if let labels = subject.labels { rows.append(["labels", shares(labels)]) }
        if let favourable = subject.labels.flatMap({ labels in labels.favourable.map { labels.classes[$0] } }) {
            rows.append(["favourable outcome", favourable])
        }
        let roles = subject.roles
        if let source = roles.source { rows.append(["source of rows", source]) }
        if let time = roles.time { rows.append(["time of rows", time]) }
        rows += subject.notes.map { ["note", $0] }
        return [EvidenceTable(title: "Data", columns: ["fact", "value"], rows: rows)]
    }

    private var features: String {
        let categories = subject.features.count { $0.levels != nil }
        let parts = [
            Words.count(subject.features.count - categories, "number"),
            categories == 1 ? "1 category" : "\(categories) categories", Words.count(subject.texts.count, "text"),
        ]
        return parts.joined(separator: ", ")
    }

    private func shares(_ labels: DataSubject.Labels) -> String {
        var counts = [Int](repeating: 0, count: labels.classes.count)
        for value in labels.values where value >= 0 { counts[Int(value)] += 1 }
        let order = counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
        let shown = order.prefix(6).map { "\(labels.classes[$0].clipped(to: 30)): \(counts[$0])" }
        return shown.joined(separator: ", ") + (order.count > 6 ? " and \(order.count - 6) more" : "")
    }

    /// The first rows of the list, for the report.
    static func queue(_ suspects: [RankedSuspect]) -> EvidenceTable {
        let rows = suspects.prefix(shown).map { suspect in
            [
                "\(suspect.row)", String((suspect.score * 1000).rounded() / 1000),
                suspect.checks.map { $0.replacing("data_", with: "") }.joined(separator: ", "), suspect.reason,
            ]
        }
        let title =
            suspects.isEmpty
            ? "Rows to look at: none"
            : "Rows to look at first: \(rows.count) of \(suspects.count)"
        return EvidenceTable(
            title: title, columns: ["row (from 0)", "score", "checks", "reason"], rows: rows,
            personal: ["row (from 0)", "reason"])
    }
}
