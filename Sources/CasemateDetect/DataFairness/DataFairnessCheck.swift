public import CasemateCore
import CasemateData
import CasemateModels

/// Whether groups are labelled favourably alike: as they are, among comparable rows, and against the reference data.
///
/// Definitions, sources and blind spots: `docs/data/data_fairness.md`.
public struct DataFairnessCheck: DataCheck {
    /// Name in reports.
    public static let identifier = "data_fairness"
    /// Heading in reports.
    public static let title = "Fairness of the data"
    /// A gap that the data hold is learnt; a new one may have been put there.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.availability], specificity: .targeted,
        knowledge: [.labels], atlas: ["AML.T0020"], owasp: ["ML02", "ML08"], nist: ["NISTAML.013", "NISTAML.024"])

    /// Ratios of rates below this are large; 0.8 is the four-fifths rule.
    public var adverseImpact = 0.8
    /// Ratios among comparable rows from this on count as alike.
    public var comparable = 0.9
    /// Changes of the gap below this share are small.
    public var change = 0.05
    /// Level of significance after Holm.
    public var alpha = 0.05
    /// Groups with fewer labelled rows give figures but no finding.
    public var minimumGroup = 30

    /// Creates the check.
    public init() {}

    /// Needs labels, a favourable outcome and a protected attribute.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        guard subject.train != nil else { return "groups are compared in tables" }
        guard !subject.roles.protected.isEmpty else {
            return "no protected attribute is declared: add `protected: [column, …]` under `data:`"
        }
        guard let labels = subject.labels else { return "the labels are no classes" }
        return labels.favourable == nil
            ? "no favourable outcome is declared: add `favourable:` under `data:`" : nil
    }

    /// Compares every group of every attribute.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let train = subject.train else { return DataCheckResult(outcome: outcome(status: .notTested)) }
        var notes: [String] = []
        let columns = try subject.roles.protected.compactMap {
            try ProtectedColumn($0, subject, train, notes: &notes)
        }
        var survey = FairnessSurvey(check: self, subject: subject, notes: notes)
        let isLate = context.deadline.map { ContinuousClock.now >= $0 } ?? false
        let (comparable, reason) =
            isLate || columns.isEmpty ? (nil, "there was no time") : try ComparableRows.make(subject, context: context)
        for column in columns {
            try context.cancellation.check()
            try survey.add(column, comparable, train, seed: context.seed)
        }
        survey.settle()
        if comparable == nil, let reason, !columns.isEmpty {
            survey.notes.append("Not set against comparable rows: \(reason).")
        }
        var result = outcome(
            status: isLate ? .partial : .tested, reason: isLate ? "out of time before comparable rows" : nil)
        result.settings = [
            "adverse impact threshold": "\(adverseImpact)", "alike among comparable rows": "\(self.comparable)",
            "alpha": "\(alpha)", "smallest group": "\(minimumGroup)",
        ]
        survey.fill(&result, compared: comparable?.rows.count)
        return DataCheckResult(outcome: result)
    }
}
