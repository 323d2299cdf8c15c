public import CasemateCore
import CasemateData

/// Compares training data with a reference, or a saved profile of it, column by column; sources and windows of time with
/// one another; and rows with the rules that are declared for them.
///
/// A difference is reported only where it is unlikely to be chance, after control of the false-discovery rate, and large
/// enough to matter. Method, settings and blind spots: `docs/data/data_profile.md`.
public struct DataProfileCheck: DataCheck {
    /// Name in reports.
    public static let identifier = "data_profile"
    /// Heading.
    public static let title = "Profile: columns, values and rules"
    /// Rows that were added, changed or collected otherwise than those of the reference.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .indiscriminate, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0059"],
        owasp: ["ML02", "ML08"], nist: ["NISTAML.013", "NISTAML.024"])

    /// A saved profile to compare with, where the subject has no reference table.
    public var profile: DataProfile?
    /// False-discovery rate within each family of tests.
    public var alpha = 0.01
    /// Effects from which a shift of a column is low and medium: gap or Cramér's V, and stability index beyond chance.
    public var effect = (low: 0.1, medium: 0.25), stability = (low: 0.1, medium: 0.25)
    /// Differences of shares of missing values that are low and medium.
    public var missing = (low: 0.01, medium: 0.05)
    /// Shares of rows outside the range, or with new values, that are low and medium.
    public var unseen = (low: 0.001, medium: 0.01)
    /// Changes of a rank correlation that are low and medium.
    public var correlation = (low: 0.1, medium: 0.3)
    /// Total variation of labels between data and reference that is low and medium.
    public var label = (low: 0.02, medium: 0.1)
    /// Total variation of a source's labels that is low and medium, and gap of its columns.
    public var sourceLabels = (low: 0.05, medium: 0.1), sourceColumns = (low: 0.2, medium: 0.4)
    /// How many times the median effect of the other groups a group must reach where there are four groups or more.
    public var outlying = 3.0
    /// Shares of rows that break a rule from which a finding is medium and high, by the lower end of the interval.
    public var rules = (medium: 0.01, high: 0.1)
    /// Findings of one kind at most; the rest is told in one sentence.
    public var mostFindings = 10

    /// Creates the check with its published settings.
    public init() {}

    /// Needs a table.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        subject.train == nil ? "it compares columns of a table, and these data are no table" : nil
    }

    /// Profiles, compares, and lists the rows that cannot be.
    /// - Throws: what reading throws; `Cancelled`.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let table = subject.train else { return DataCheckResult(outcome: outcome(status: .notTested)) }
        var story = DataProfileStory(check: self, subject: subject)
        if !subject.constraints.isEmpty { story.rules = try RuleBreaks(subject.constraints, table) }
        guard !isOver(context) else { return try story.result(unfinished: "the columns") }
        let train = try ProfileMaker(table: table, roles: subject.roles, context: context).measured()
        story.train = train
        let outside = Set(
            [subject.roles.target, subject.roles.time, subject.roles.source].compactMap(\.self)
                + subject.roles.identifiers + subject.roles.ignored)
        if let groups = train.profile.sources, let codes = train.sources {
            story.sources = try GroupComparison(groups, codes: codes, train, outside: outside, context: context)
        }
        if let groups = train.profile.windows, let codes = train.windows {
            story.windows = try GroupComparison(groups, codes: codes, train, outside: outside, context: context)
        }
        guard !isOver(context) else { return try story.result(unfinished: "the comparison with the reference") }
        if let reference = try reference(of: subject, context) {
            story.comparison = try ProfileComparison(train, reference, roles: subject.roles, context: context)
        }
        return try story.result()
    }

    private func isOver(_ context: RunContext) -> Bool {
        context.deadline.map { ContinuousClock.now >= $0 } ?? false
    }

    private func reference(of subject: DataSubject, _ context: RunContext) throws -> ProfileReference? {
        if let table = subject.reference {
            var roles = subject.roles
            // why: a reference may lack the columns that only say where and when.
            let names = Set(table.columns.map(\.name))
            roles.source = roles.source.flatMap { names.contains($0) ? $0 : nil }
            roles.time = roles.time.flatMap { names.contains($0) ? $0 : nil }
            let measured = try ProfileMaker(table: table, roles: roles, context: context).measured()
            return ProfileReference(profile: measured.profile, measured: measured)
        }
        return profile.map { ProfileReference(profile: $0, measured: nil) }
    }
}
