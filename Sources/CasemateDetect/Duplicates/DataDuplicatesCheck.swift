public import CasemateCore
import CasemateData

/// Finds rows that occur several times: equal, nearly equal, with different labels, in training and test data, and in
/// floods from one source or time.
///
/// Definitions, sources and blind spots: `docs/data/data_duplicates.md`.
public struct DataDuplicatesCheck: DataCheck {
    /// Name in reports.
    public static let identifier = "data_duplicates"
    /// Heading in reports.
    public static let title = "Repeated rows"
    /// Copies outvote honest rows, contradict them, and fake the figures on test data.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .indiscriminate, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0059"], owasp: ["ML02"],
        nist: ["NISTAML.013", "NISTAML.024"])

    /// Level of significance, after Holm over sources.
    public var alpha = 0.001
    /// Fewest copies of a flood.
    public var floodRows = 20
    /// Rows in conflict that are looked at, and texts among which near ones are sought.
    public var conflictRows = 100_000, textLimit = 100_000
    /// Whether nearly equal rows and texts are sought too.
    public var seeksNear = true

    /// Creates the check.
    public init() {}

    /// Needs a table with columns to compare.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        guard subject.train != nil else { return "repeated rows are sought in tables" }
        return Self.compared(subject).isEmpty ? "there is no column to compare rows by" : nil
    }

    /// Columns in which equal rows agree: features and texts.
    static func compared(_ subject: DataSubject) -> [Column] {
        let names = Set(subject.features.map(\.name) + subject.texts)
        return subject.train?.columns.filter { names.contains($0.name) && RowSQL.canName($0.name) } ?? []
    }

    /// Counts, compares, names.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let train = subject.train else { return DataCheckResult(outcome: outcome(status: .notTested)) }
        let target = subject.roles.target.flatMap { RowSQL.canName($0) && subject.labels != nil ? $0 : nil }
        let equal = EqualRows(source: RowSQL(train), columns: Self.compared(subject), label: target)
        var survey = DuplicateSurvey(check: self, subject: subject, equal: equal, sizes: try equal.sizes())
        let evidence = try RowEvidence(equal, seed: context.seed)
        survey.isCoarse = survey.pairs > 0 && evidence.expectedPairs.exponential > 0.2 * survey.pairs
        survey.reportCopies()
        let steps: [(String, (inout DuplicateSurvey) throws -> Void)] = [
            ("labels of equal rows", { try $0.reportConflicts() }),
            ("test data", { try $0.reportOverlap() }),
            ("floods", { try $0.reportFloods() }),
            ("sources and times", { try $0.reportSources(context) }),
            ("nearly equal rows", { if seeksNear { try $0.reportNear(context) } }),
        ]
        var skipped: [String] = []
        for (name, step) in steps {
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline {
                skipped.append(name)
                continue
            }
            try step(&survey)
        }
        return survey.result(skipped: skipped)
    }
}
