public import CasemateCore
import CasemateModels
import Foundation

/// Compares decisions between protected groups: adverse impact, score gaps, parity of error rates.
///
/// Definitions, sources and blind spots: `docs/probes/fairness.md`.
public struct FairnessProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "fairness"
    /// Heading in reports.
    public static let title = "Disparate impact"
    /// What it examines.
    public static let purpose = "whether groups are treated alike"
    /// A harm to people that the model itself does; no attacker is needed.
    public static let taxonomy = Taxonomy(stages: [.data, .training, .deployment], violations: [.availability])

    /// Its settings.
    public static let settings: [Setting<FairnessProbe>] = [
        .number(
            "thresholds.air", \.adverseImpact, .share,
            "adverse impact ratios below this are large; 0.8 is the four-fifths rule"),
        .number(
            "thresholds.odds_difference", \.oddsDifference, .share,
            "differences of true or false positive rates above this are large"),
        .integer(
            "min_group", \.minimumGroup, 1...1_000_000_000, "groups with fewer rows give figures but no finding"),
        .number("alpha", \.alpha, .share, "level of significance after Holm's adjustment"),
    ]
    /// Adverse impact ratios below this are large (0.8 is the four-fifths rule).
    public var adverseImpact = 0.8
    /// Differences of true or false positive rates above this are large.
    public var oddsDifference = 0.1
    /// Groups with fewer rows give figures but no finding.
    public var minimumGroup = 30
    /// Level of significance after Holm's adjustment.
    public var alpha = 0.05

    /// Creates the probe.
    public init() {}

    /// Protected columns.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] {
        configuration.data.protected.map(\.column)
    }

    /// Needs a classifier (or a threshold on a value), a favourable outcome and a protected column in the test data.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        guard subject.decision != nil else {
            return "a regression without `decision: {threshold: …}` makes no decisions"
        }
        guard subject.favourable != nil else {
            return "no favourable outcome is declared: add `favourable:` under `data:`"
        }
        guard !subject.protected.isEmpty else {
            return "no protected attribute is declared: add `protected: [column, …]` under `data:`"
        }
        return nil
    }

    /// Examines every protected attribute.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        var outcome = outcome()
        outcome.settings = [
            "adverse impact threshold": "\(adverseImpact)", "alpha": "\(alpha)",
            "smallest group": "\(minimumGroup)",
        ]
        for attribute in subject.protected {
            try context.cancellation.check()
            let groups = ProtectedGroups(attribute: attribute, subject: subject)
            FairnessAttribute(groups: groups, probe: self, subject: subject, seed: context.seed)
                .append(to: &outcome)
        }
        let ratios = outcome.metrics.filter { $0.note != "reference group" }.filter {
            $0.name == "fairness.air" && $0.value != nil && $0.n >= minimumGroup
        }
        outcome.headlines = ratios.min { ($0.value ?? 0) < ($1.value ?? 0) }.map { [$0] } ?? []
        return outcome
    }
}

/// Rows of the test data by the value of one protected attribute.
struct ProtectedGroups {
    let column: String
    /// Name of the reference group, `nil` for the one with the highest rate.
    let reference: String?
    /// Group names in the order of their first row, missing values left out.
    let names: [String]
    /// Test rows of each group.
    let rows: [[Int]]
    /// Counts of decisions.
    let counts: [GroupCounts]
    /// Rows whose group is not known.
    let missing: Int

    init(attribute: AuditSubject.Protected, subject: AuditSubject) {
        (column, reference) = (attribute.column, attribute.reference)
        var index: [String: Int] = [:]
        var (names, rows): ([String], [[Int]]) = ([], [])
        var missing = 0
        for (row, value) in attribute.values.enumerated() {
            guard let value else {
                missing += 1
                continue
            }
            if index[value] == nil {
                index[value] = names.count
                names.append(value)
                rows.append([])
            }
            if let group = index[value] { rows[group].append(row) }
        }
        (self.names, self.rows, self.missing) = (names, rows, missing)
        counts = zip(names, rows).map { name, rows in Self.count(name, rows, subject) }
    }

    /// Counts of a resample that kept every group's size; rows in the order of the groups.
    func recounted(_ sample: [Int], _ subject: AuditSubject) -> [GroupCounts] {
        var start = 0
        return zip(names, rows).map { name, rows in
            defer { start += rows.count }
            return Self.count(name, Array(sample[start..<start + rows.count]), subject)
        }
    }

    private static func count(_ name: String, _ rows: [Int], _ subject: AuditSubject) -> GroupCounts {
        var counts = (tp: 0, fp: 0, tn: 0, fn: 0)
        for row in rows {
            switch (subject.isFavourableLabel(row), subject.isFavourableDecision(row)) {
            case (true, true): counts.tp += 1
            case (false, true): counts.fp += 1
            case (false, false): counts.tn += 1
            case (true, false): counts.fn += 1
            }
        }
        return GroupCounts(
            name: name, truePositives: counts.tp, falsePositives: counts.fp, trueNegatives: counts.tn,
            falseNegatives: counts.fn)
    }
}
