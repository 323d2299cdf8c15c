import CasemateAttacks
import CasemateCore
import CasemateReport

/// Figures, tables and the plot of one extraction.
struct SurrogateReport {
    typealias Copy = ExtractionResult.Copy

    let probe: SurrogateProbe
    let subject: AuditSubject
    let form: AnswerForm
    let result: ExtractionResult
    let equations: SurrogateEquations?

    var decides: Bool { form.decisions > 1 }

    /// Fills the outcome.
    func append(to outcome: inout ProbeOutcome) throws {
        outcome.metrics = rates + strongest.flatMap(metrics) + equationMetrics
        outcome.tables = [copyTable, studentTable, equationTable].compactMap { $0 }
        outcome.plots = [plot].compactMap { $0 }
        if let shown {
            let group = Self.group(shown)
            let names = decides ? ["surrogate.agreement", "surrogate.kappa"] : ["surrogate.score_r2"]
            outcome.headlines = names.compactMap { name in
                outcome.metrics.first { $0.name == name && $0.group == group }
            }
        }
        tell(&outcome)
    }

    /// The best student of each access, distribution and number of queries.
    var strongest: [Copy] {
        var seen = Set<String>()
        return result.copies.filter { seen.insert(Self.group($0)).inserted }
            .compactMap { result.strongest($0.access, $0.distribution, queries: $0.queries) }
    }
    /// The copy that stands for the others: most is seen, real rows where there are, as many queries as are cheap.
    var shown: Copy? { best(probe.seen.first { $0.shows(form) }) }

    /// The strongest copy of an access with the largest cheap budget on its first distribution.
    func best(_ access: ExtractionAccess?, _ distribution: QueryDistribution? = nil) -> Copy? {
        let own = strongest.filter { copy in
            copy.access == access && copy.distribution == distribution ?? copy.distribution
        }
        let first = own.first.map { one in own.filter { $0.distribution == one.distribution } } ?? []
        return first.last { $0.queries <= probe.cheap } ?? first.first
    }

    /// `copy=scores natural 1000`.
    static func group(_ copy: Copy) -> String {
        "copy=\(copy.access.name) \(copy.distribution.rawValue) \(copy.queries)"
    }
    static func title(_ student: String) -> String {
        studentLearners.first { $0.identifier == student }?.title ?? student
    }

    // MARK: Metrics

    private var rates: [Metric] {
        guard let one = result.copies.first, let natural = one.natural.decisions, let uniform = one.uniform.decisions
        else { return [] }
        return [("surrogate.majority_rate", natural), ("surrogate.uniform_majority_rate", uniform)].map { name, part in
            let wilson = Intervals.wilson(
                successes: Int((part.majority * Double(part.count)).rounded()), trials: part.count)
            return Metric(
                name, part.majority, low: wilson?.low, high: wilson?.high, n: part.count, note: "Wilson 95 %")
        }
    }

    private func metrics(_ copy: Copy) -> [Metric] {
        let (group, learner) = (Self.group(copy), "best of the students: \(Self.title(copy.student))")
        var metrics: [Metric] = []
        let parts = [("", copy.natural.decisions), ("uniform_", copy.uniform.decisions)]
        for (prefix, part) in parts {
            guard let part else { continue }
            let (wilson, kappa) = (part.interval(), part.kappaInterval())
            metrics.append(
                Metric(
                    "surrogate.\(prefix)agreement", part.share, low: wilson?.low, high: wilson?.high, n: part.count,
                    group: group, note: "Wilson 95 %; \(learner)"))
            metrics.append(
                Metric(
                    "surrogate.\(prefix)kappa", part.kappa, low: kappa?.low, high: kappa?.high, n: part.count,
                    group: group,
                    note: part.kappa == nil
                        ? "model and copy make one decision only" : "Wilson 95 %, chance held fixed; \(learner)"))
        }
        if let scores = copy.natural.scores {
            metrics.append(
                Metric(
                    "surrogate.score_r2", scores.r2, low: scores.r2Interval?.low, high: scores.r2Interval?.high,
                    n: scores.count, group: group,
                    note: (scores.r2Interval == nil ? "" : "bootstrap 95 %; ") + learner))
            metrics.append(
                Metric("surrogate.score_error", scores.meanError, n: scores.count, group: group, note: learner))
        }
        return metrics
    }

    private var equationMetrics: [Metric] {
        guard let equations else { return [] }
        let exact = equations.exact
        let rows = exact.natural.scores?.count ?? 0
        let verdict = exact.isExact ? "an exact copy" : "no copy: the model is not linear in its inputs"
        return [
            Metric(
                "surrogate.equations_solved", exact.isExact ? 1 : 0, n: rows,
                note: "\(Numerals.count(exact.queries)) queries gave \(verdict)")
        ]
    }

    // MARK: Tables and plot

    private var copyTable: EvidenceTable? {
        guard !strongest.isEmpty else { return nil }
        let isScored = strongest.contains { $0.natural.scores != nil }
        return EvidenceTable(
            title: "Best copy of each kind; a constant agrees on \(Words.percent(majority))",
            columns: ["answers", "queries", "number", "student"]
                + (decides ? ["agreement", "kappa", "on uniform rows"] : []) + (isScored ? ["R² of scores"] : []),
            rows: strongest.map { copy in
                [copy.access.title, copy.distribution.title, Numerals.count(copy.queries), Self.title(copy.student)]
                    + (decides
                        ? [
                            Words.percent(copy.natural.decisions?.share),
                            Words.number(
                                copy.natural.decisions?.kappa, copy.natural.decisions?.kappaInterval(), digits: 2),
                            Words.percent(copy.uniform.decisions?.share),
                        ] : [])
                    + (isScored ? [Words.number(copy.natural.scores?.r2)] : [])
            })
    }

    /// Students beside each other, with the queries of the copy that stands for the others.
    private var studentTable: EvidenceTable? {
        guard let shown, Set(result.copies.map(\.student)).count > 1 else { return nil }
        let accesses = probe.seen.filter { $0.shows(form) }
        let measure = decides ? "kappa" : "R²"
        return EvidenceTable(
            title: "\(measure) of each student, \(Numerals.count(shown.queries)) \(shown.distribution.title)",
            columns: ["student"] + accesses.map(\.title),
            rows: studentLearners.map { $0.identifier }.filter(probe.students.contains).map { student in
                [Self.title(student)]
                    + accesses.map { access in
                        let copy = result.copies.first {
                            $0.student == student && $0.access == access && $0.queries == shown.queries
                                && $0.distribution == shown.distribution
                        }
                        return Words.number(
                            decides ? copy?.natural.decisions?.kappa : copy?.natural.scores?.r2, digits: 2)
                    }
            })
    }

    private var equationTable: EvidenceTable? {
        guard let equations, equations.exact.isExact else { return nil }
        let tries = [(ExtractionAccess.scores, equations.exact)] + equations.rounded.map { ($0.access, $0.result) }
        return EvidenceTable(
            title: "Solving equations for \(Words.count(equations.exact.copy.parameterCount, "weight"))",
            columns: ["answers", "number", decides ? "agreement" : "R² of scores", "largest error of a score"],
            rows: tries.map { access, result in
                [
                    access.title, Numerals.count(result.queries),
                    decides ? Words.percent(result.natural.decisions?.share) : Words.number(result.natural.scores?.r2),
                    Words.distance(result.natural.scores?.largestError),
                ]
            })
    }

    /// Share of the most frequent decision.
    var majority: Double? { result.copies.first?.natural.decisions?.majority }

    private var plot: Plot? {
        var series: [Plot.Series] = []
        for access in probe.seen {
            for distribution in QueryDistribution.allCases {
                let points = strongest.filter { $0.access == access && $0.distribution == distribution }
                    .compactMap(point)
                guard !points.isEmpty else { continue }
                series.append(Plot.Series(name: "\(access.title), \(distribution.title)", style: .line, points: points))
            }
        }
        guard !series.isEmpty, let shown else { return nil }
        return Plot(
            id: "surrogate.agreement", title: decides ? "Copies of the model" : "Copies of the model's values",
            x: Plot.Axis("queries", isLogarithmic: true),
            y: decides
                ? Plot.Axis("decided as the model does", high: 1, isPercent: true)
                : Plot.Axis("R² of the copy", high: 1),
            series: series,
            references: majority.map { [Plot.Reference(.horizontal, at: $0, label: "always the usual decision")] }
                ?? [],
            summary: sentence(shown) + (majority.map { " A constant agrees on \(Words.percent($0))." } ?? ""))
    }

    private func point(_ copy: Copy) -> Plot.Point? {
        let interval = decides ? copy.natural.decisions?.interval() : copy.natural.scores?.r2Interval
        return (decides ? copy.natural.decisions?.share : copy.natural.scores?.r2).map {
            Plot.Point(x: Double(copy.queries), y: $0, low: interval?.low, high: interval?.high)
        }
    }
}
