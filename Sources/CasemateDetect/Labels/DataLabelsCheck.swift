public import CasemateCore

/// Looks for rows whose label is probably wrong: confident learning, neighbours and residuals over learners that did
/// not see the row.
public struct DataLabelsCheck: DataCheck {
    /// See `DataCheck`.
    public static let identifier = "data_labels"
    /// See `DataCheck`.
    public static let title = "Wrong labels"
    /// See `DataCheck`.
    public static let taxonomy = Taxonomy(
        stages: [.data], influence: .causative, violations: [.integrity, .availability], specificity: .indiscriminate,
        knowledge: [.labels], atlas: ["AML.T0020", "AML.T0059"], owasp: ["ML02"],
        nist: ["NISTAML.013", "NISTAML.024"])
    /// Share of the rows that are listed at most where noise cannot be told from overlap.
    public var queueShare = 0.05
    /// Rows shown in the report.
    public var shown = 10
    /// Fewest rows with a label.
    public static let fewestRows = 60

    /// See `DataCheck`.
    public init() {}

    /// See `DataCheck`.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        guard let labels = subject.labels else { return "needs labels of at least two classes: name a target column" }
        if subject.train == nil { return "pictures and arrays have no columns to learn from" }
        if subject.features.isEmpty && subject.texts.isEmpty { return "needs features or texts beside the labels" }
        if !subject.features.isEmpty, subject.boosting == nil {
            return "LightGBM is not installed: run 'make setup'"
        }
        var counts = [Int](repeating: 0, count: labels.classes.count)
        for value in labels.values where value >= 0 { counts[Int(value)] += 1 }
        let usable = counts.filter { $0 >= LabelRows.fewest }
        if usable.count < 2 || usable.reduce(0, +) < Self.fewestRows {
            return "needs \(Self.fewestRows) labelled rows, \(LabelRows.fewest) of each of two classes"
        }
        if usable.count > LabelRows.classLimit { return "more than \(LabelRows.classLimit) classes" }
        return nil
    }

    /// See `DataCheck`.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let rows = try LabelRows(subject, context: context), rows.count >= Self.fewestRows else {
            let reason = "too few rows of two classes were read"
            return DataCheckResult(outcome: outcome(status: .notTested, reason: reason))
        }
        let ensemble = try LabelEnsemble(rows, engine: subject.boosting, context: context)
        let story = try LabelStory(check: self, subject: subject, rows: rows, ensemble: ensemble)
        return story.result()
    }
}
