import CasemateCore
import CasemateData

/// What the check says: metrics, findings, suspects.
struct FlipStory {
    /// What labels were compared with.
    enum Comparison: String { case reference, previous = "the release before", sources = "other sources" }
    let check: CoherentFlipsCheck
    let subject: DataSubject
    let rows: DataRows
    /// Whether time ran out before all classes were looked at.
    var isLate = false
    private var findings: [Finding] = [], notes: [String] = []
    private var strengths: [Int: (strength: Double, reason: String)] = [:]
    private var counts: [Comparison: Int] = [:]

    init(check: CoherentFlipsCheck, subject: DataSubject, rows: DataRows) {
        (self.check, self.subject, self.rows) = (check, subject, rows)
    }

    mutating func skip(_ note: String) { if !notes.contains(note) { notes.append(note) } }

    mutating func take(
        _ found: [FoundFlip], _ expectation: FlipExpectation, _ label: Int, against comparison: Comparison
    ) {
        counts[comparison, default: 0] += found.count
        for flip in found {
            findings.append(finding(flip, label, comparison))
            for place in flip.places {
                let isClass = Int(rows.labels?[place] ?? -1) == label
                let strength = flip.estimate.strength(probability: expectation.train[place], isClass: isClass)
                guard strength >= 0.05, strength > strengths[rows.indices[place]]?.strength ?? 0 else { continue }
                let reason = "label \(name(Int(rows.labels?[place] ?? 0))) in \(flip.words)"
                strengths[rows.indices[place]] = (strength, reason)
            }
        }
    }

    private func name(_ label: Int) -> String { (subject.labels?.classes[label] ?? "\(label)").clipped(to: 40) }

    /// Which way labels moved, in the words of an attacker.
    private func direction(_ flip: FoundFlip, _ label: Int) -> String {
        guard let labels = subject.labels, let favourable = labels.favourable else {
            return flip.estimate.isUp ? "labels moved to '\(name(label))'" : "labels moved away from '\(name(label))'"
        }
        let isFavoured = flip.estimate.isUp == (label == favourable)
        return isFavoured
            ? "integrity: rows got the favourable label that should not"
            : "availability: rows lost the favourable label"
    }

    private func finding(_ flip: FoundFlip, _ label: Int, _ comparison: Comparison) -> Finding {
        let difference = abs(flip.observed - flip.expected)
        let isHigh = difference >= 0.15 || comparison == .sources && difference >= 0.08
        let rate = Self.percent(flip.observed), expected = Self.percent(flip.expected)
        let moved = Int((difference * Double(flip.places.count)).rounded())
        return check.finding(
            comparison == .sources ? "source" : "segment", isHigh ? .high : .medium,
            "Labels changed together in \(flip.words): \(rate) are '\(name(label))' where \(expected) are expected",
            evidence: [
                .pattern(flip.pattern),
                .text(
                    "Beside \(comparison.rawValue), about \(moved) of \(flip.places.count) labels moved; "
                        + "\(direction(flip, label))."),
            ],
            remedy: "label a sample of these rows again, ask who labelled them, and train without them until then",
            about: subject, feature: flip.words)
    }

    private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }

    var result: DataCheckResult {
        var outcome = check.outcome(
            status: isLate ? .partial : .tested, reason: isLate ? "the time budget ran out before all classes" : nil)
        let hasReference = subject.referenceLabels != nil, hasPrevious = subject.previous != nil
        if !hasReference && !hasPrevious {
            outcome.summary.append("Not seen here: \(CoherentFlipsCheck.unseen).")
        }
        for comparison in [Comparison.reference, .previous, .sources] {
            guard let count = counts[comparison] else { continue }
            let what = comparison == .sources ? "source" : "segment"
            outcome.summary.append(
                "Beside \(comparison.rawValue), labels of \(count == 0 ? "no" : "\(count)") \(what)\(count == 1 ? "" : "s")"
                    + " were changed together.")
            outcome.metrics.append(
                Metric(
                    "data_flips.\(what)s", Double(count), n: rows.count,
                    group:
                        "comparison=\(comparison == .previous ? "previous" : comparison == .sources ? "sources" : "reference")"
                ))
        }
        outcome.summary += notes.map { $0.prefix(1).uppercased() + $0.dropFirst() + "." }
        let moved = strengths.values.reduce(0) { $0 + $1.strength }
        outcome.metrics.append(
            Metric(
                "data_flips.moved", moved / Double(max(1, rows.count)), n: rows.count,
                note: "estimate; intervals stand with the segments"))
        outcome.headlines = Array(outcome.metrics.suffix(1))
        outcome.findings = findings
        let suspects = strengths.sorted { $0.key < $1.key }.map { row, entry in
            Suspect(row: row, strength: entry.strength, reason: entry.reason)
        }
        return DataCheckResult(outcome: outcome, suspects: suspects)
    }
}
