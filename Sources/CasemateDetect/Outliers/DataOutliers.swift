public import CasemateCore
import CasemateData

/// Looks for rows that are unlike the others, alone or in how their columns go together.
///
/// With a reference, rows are compared with it; without, each third of the rows with the others. Rows are suspects only
/// as far as there are more odd ones than are to be expected: some row is always the oddest.
public struct DataOutliers: DataCheck {
    /// Its name.
    public static let identifier = "data_outliers"
    /// Its heading.
    public static let title = "Rows unlike the others"
    /// Made-up rows in training data.
    public static let taxonomy = Taxonomy(
        stages: [.data], influence: .causative, violations: [.integrity, .availability], specificity: .targeted,
        knowledge: [.trainingData], atlas: ["AML.T0020"], owasp: ["ML02"], nist: ["NISTAML.013", "NISTAML.024"])

    /// Settings of the detectors; `rate` is the share of usual rows that may be called odd.
    public var settings = OutlierSettings()
    /// Fewest reference rows that say what is usual.
    public static let fewestReferenceRows = 300
    /// What an odd row counts at most: with a reference, and without one. Odd rows are often rare and right.
    private static let trust = (reference: 0.7, alone: 0.5)

    /// With the default settings.
    public init() {}

    /// Fewer rows than say what is usual, or no columns.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        if subject.features.isEmpty { return "the data have no columns of numbers or categories" }
        if subject.count < OutlierDetector.fewestRows {
            return "\(subject.count) rows are too few to say what is usual; \(OutlierDetector.fewestRows) are needed"
        }
        return nil
    }

    /// Scores the rows, all or a sample; see the type.
    /// - Throws: what reading and training throw; `Cancelled`.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        let rows = try subject.rows(context: context)
        let reference = try usual(subject, context)
        let review: OutlierReview
        do {
            if let reference {
                review = try OutlierReview(
                    rows.matrix, reference: reference.matrix, settings: settings, runtime: subject.runtime,
                    context: context)
            } else {
                review = try OutlierReview(
                    rows.matrix, settings: settings, runtime: subject.runtime, context: context)
            }
        } catch let error as CasemateError where error.code == .unusableData {
            return DataCheckResult(outcome: outcome(status: .notTested, reason: error.what))
        }
        let trust = review.hasReference ? Self.trust.reference : Self.trust.alone
        let suspects = review.suspects.map { row in
            Suspect(
                row: rows.indices[row.place], strength: trust * (1 - row.expected),
                reason: "\(Self.oddness(row.probability)) usual rows is as odd: \(values(row, rows))")
        }
        return DataCheckResult(outcome: outcome(review, rows, subject, suspects.count), suspects: suspects)
    }

    /// The reference, where it has all columns and rows enough.
    private func usual(_ subject: DataSubject, _ context: RunContext) throws -> DataRows? {
        guard let reference = subject.reference, reference.count >= Self.fewestReferenceRows else { return nil }
        let names = Set(reference.columns.map(\.name))
        guard subject.features.allSatisfy({ names.contains($0.name) }) else { return nil }
        return try subject.referenceRows(context: context)
    }

    /// `1 in 5,000`.
    static func oddness(_ probability: Double) -> String {
        guard probability > 1e-6 else { return "fewer than 1 in 1,000,000" }
        let count = 1 / probability
        let step = [1.0, 10, 100, 1_000, 10_000, 100_000].last { $0 * 10 <= count } ?? 1
        let rounded = Int((count / step).rounded() * step)
        let digits = String(rounded)
        let head = digits.count % 3
        let groups = stride(from: head, to: digits.count, by: 3).map { String(digits.dropFirst($0).prefix(3)) }
        return "1 in " + ((head > 0 ? [String(digits.prefix(head))] : []) + groups).joined(separator: ",")
    }

    /// The columns that make a row odd with its own values: `AGE 79, LIMIT_BAL 10000`.
    func values(_ row: OutlierReview.Row, _ rows: DataRows) -> String {
        guard !row.columns.isEmpty else { return "no column stands out" }
        return row.columns.map { column in
            let name = rows.matrix.features[column.feature].name.clipped(to: 40)
            return "\(name) \(rows.matrix.text(row: row.place, feature: column.feature).clipped(to: 40))"
        }.joined(separator: ", ")
    }
}
