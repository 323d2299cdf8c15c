public import CasemateCore
import CasemateData
import Foundation

/// Mines what nearly every row keeps (orderings, sums, implications, functional dependencies, shapes of texts), and names
/// the rows that do not.
///
/// Definitions, sources and blind spots: `docs/data/data_constraints.md`.
public struct DataConstraintsCheck: DataCheck {
    /// Name in reports.
    public static let identifier = "data_constraints"
    /// Heading in reports.
    public static let title = "Rules that the data keep"
    /// Rows that cannot exist, written by an attacker or by a mistake.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .indiscriminate, knowledge: [.trainingData], atlas: ["AML.T0020", "AML.T0059"], owasp: ["ML02"],
        nist: ["NISTAML.013", "NISTAML.024"])

    /// Share of rows that must keep a statement.
    public var support = 0.999
    /// Level of significance, after Holm, at which training rows break a statement oftener than the reference.
    public var alpha = 0.01
    /// Statements that the table lists, and suspects at most.
    public var shown = 40, suspectLimit = 2_000
    /// Fewest rows to mine from.
    public static let leastRows = 200

    /// Creates the check.
    public init() {}

    /// Needs a table with rows enough to tell a rule from chance.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        guard let train = subject.train else { return "rules between columns are for tables" }
        let rows = subject.reference?.count ?? train.count
        return rows < Self.leastRows
            ? "\(rows) rows are too few to tell a rule from chance; \(Self.leastRows) are needed" : nil
    }

    /// Mines, counts, names.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let train = subject.train else { return DataCheckResult(outcome: outcome(status: .notTested)) }
        let (source, base) = (RowSQL(train), RowSQL(subject.reference ?? train))
        let mined = try mine(subject, base, source, context)
        let broken = mined.constraints.filter { $0.trainBroken > 0 }
        try context.cancellation.check()
        let verdicts = BrokenConstraints(
            broken, rows: try ConstraintTally(source: source).rows(breaking: broken, values: base),
            hasReference: subject.reference != nil)
        var result = outcome()
        result.settings = [
            "share that keeps a rule": "\(support)", "alpha": "\(alpha)", "rows mined": "\(mined.sampled)",
        ]
        result.summary = summary(
            subject, mined.constraints, verdicts, leftOut: mined.leftOut)
        result.metrics = metrics(mined.constraints, verdicts, train.count)
        result.headlines = Array(result.metrics.prefix(2))
        result.tables = [table(mined.constraints, subject)]
        result.findings = findings(subject, verdicts)
        return DataCheckResult(outcome: result, suspects: verdicts.suspects(limit: suspectLimit))
    }

    /// What was mined, counted over all rows.
    private struct Mined {
        let constraints: [MinedConstraint], sampled: Int, leftOut: Int
    }

    private func mine(
        _ subject: DataSubject, _ base: RowSQL, _ source: RowSQL, _ context: RunContext
    ) throws -> Mined {
        let names = Set(source.table.columns.map(\.name))
        let others = Set(subject.roles.ignored + [subject.roles.target].compactMap(\.self))
        let columns = base.table.columns.filter { column in
            names.contains(column.name) && !others.contains(column.name) && RowSQL.canName(column.name)
                && column.missing < base.table.count
        }
        let sample = try MiningSample(
            base, columns: columns, shapesOnly: Set(subject.roles.identifiers), context: context)
        let declared = Set(subject.constraints.map(\.text))
        let candidates = try ConstraintMiner(sample: sample, seed: context.seed).candidates(context)
            .filter { candidate in candidate.rule.map { !declared.contains($0) } ?? true }
        let own = try ConstraintTally(source: base).counts(candidates, values: base)
        let isSame = subject.reference == nil
        let trained = isSame ? own : try ConstraintTally(source: source).counts(candidates, values: base)
        var kept: [MinedConstraint] = []
        for (index, candidate) in candidates.enumerated() {
            guard let counts = own[index], let train = trained[index] else { continue }
            let allowed = (1 - support) * Double(counts.applicable) + 1e-9
            guard counts.applicable >= 100, Double(counts.broken) <= allowed,
                candidate.chance * Double(counts.applicable) >= 20
            else { continue }
            var constraint = candidate
            (constraint.applicable, constraint.broken) = counts
            (constraint.trainApplicable, constraint.trainBroken) = train
            kept.append(constraint)
        }
        return Mined(constraints: kept, sampled: sample.count, leftOut: sample.leftOut)
    }
}
