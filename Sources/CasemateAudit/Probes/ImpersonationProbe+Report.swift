import CasemateAttacks
import CasemateCore
import CasemateData

/// Figures, tables, sentences and findings of a search for imitations.
struct ImpersonationReport {
    let probe: ImpersonationProbe
    let subject: AuditSubject
    let problem: ImpersonationProblem
    /// Row of each identity in its file, from 0.
    let identityRows: [Int]
    let result: ImpersonationResult
    let seed: UInt64

    /// The cheapest imitation of each row that has one, the cheapest first.
    private var best: [ImpersonationResult.Imitation] {
        result.samples.compactMap(\.best).sorted { ($0.cost, $0.row) < ($1.cost, $1.row) }
    }
    private var total: Int { result.samples.count }
    private func isCheap(_ imitation: ImpersonationResult.Imitation) -> Bool { imitation.cost <= probe.cheap }

    /// Fills the outcome.
    func append(to outcome: inout ProbeOutcome) {
        appendMetrics(to: &outcome)
        outcome.changes = best.prefix(5).map(change)
        outcome.tables = [sizes(), copied(), donorTable()].compactMap { $0 }
        if let plot { outcome.plots.append(plot) }
        guard !result.isPartial else { return }
        outcome.summary = summary
        outcome.attacker = attacker
        outcome.findings = [fewAttributes(), cheapIdentity()].compactMap { $0 }
        outcome.headlines = outcome.metrics.filter {
            ["impersonation.cheap_rate", "impersonation.median_cost"].contains($0.name)
        }
    }

    // MARK: Figures

    private func share(_ name: String, _ hits: Int, confidence: Double = 0.95, note: String? = nil) -> Metric {
        let span = Intervals.wilson(successes: hits, trials: total, confidence: confidence)
        return Metric(
            name, total == 0 ? nil : Double(hits) / Double(total), low: span?.low, high: span?.high, n: total,
            note: note ?? "Wilson 95 %; a lower bound: an imitation not found proves nothing")
    }

    private func median(_ name: String, _ values: [Double]) -> Metric {
        guard !values.isEmpty else { return Metric(name, nil, n: 0, note: "no row passes") }
        let span = Bootstrap.interval(strata: [Array(values.indices)], replicates: 500, seed: seed) { rows in
            Bootstrap.quantile(rows.map { values[$0] }.sorted(), 0.5)
        }
        return Metric(
            name, Bootstrap.quantile(values.sorted(), 0.5), low: span?.low, high: span?.high, n: values.count,
            note: "bootstrap 95 %, of the rows that pass")
    }

    /// Confidence for the identity that was chosen among all that some row passed with (Bonferroni).
    private var chosenConfidence: Double { 1 - 0.05 / Double(max(1, result.candidates)) }
    private var topHits: Int { result.donors.map { $0.imitations.count(where: isCheap) }.max() ?? 0 }

    private func appendMetrics(to outcome: inout ProbeOutcome) {
        guard !result.isPartial else {
            let open = result.samples.count(where: \.isUnfinished)
            let names = ["rate", "cheap_rate", "few_rate", "median_cost", "median_attributes", "top_identity_rate"]
            outcome.metrics = names.map {
                Metric(
                    "impersonation.\($0)", nil, n: total,
                    note: "stopped by the time budget: \(open) of \(total) rows unfinished")
            }
            return
        }
        let queries = result.samples.map { Double($0.queries) }
        outcome.metrics = [
            share("impersonation.rate", best.count),
            share("impersonation.cheap_rate", best.count(where: isCheap)),
            share("impersonation.few_rate", fewHits),
            median("impersonation.median_cost", best.map(\.cost)),
            median("impersonation.median_attributes", best.map { Double($0.attributes.count) }),
            share(
                "impersonation.top_identity_rate", topHits, confidence: chosenConfidence,
                note: "Wilson, 95 % over all \(result.candidates) identities that some row passed with"),
            Metric(
                "impersonation.mean_queries",
                queries.isEmpty ? nil : queries.reduce(0, +) / Double(queries.count), n: queries.count),
            Metric(
                "impersonation.discarded", Double(result.discarded), n: total,
                note: "found by the search, refused by the re-check"),
        ]
    }

    private var fewHits: Int { best.count { isCheap($0) && $0.attributes.count <= 2 } }

    private var plot: Plot? {
        guard best.count > 1, let most = best.last?.cost, most > 0 else { return nil }
        let points = (0...60).map { step -> Plot.Point in
            let cost = most * Double(step) / 60
            let hits = best.count { $0.cost <= cost }
            let span = Intervals.wilson(successes: hits, trials: total)
            return Plot.Point(x: cost, y: Double(hits) / Double(total), low: span?.low, high: span?.high)
        }
        return Plot(
            id: "impersonation.cost", title: "Rejected rows that pass as somebody accepted, by cost",
            x: Plot.Axis("cost of the change", low: 0),
            y: Plot.Axis("share of rejected rows", low: 0, high: 1, isPercent: true),
            series: [Plot.Series(name: "cheapest imitation found", style: .step, points: points)],
            summary: "\(best.count) of \(total) rejected rows pass; half of those for at most "
                + "\(RowChange.text(ofCost: best[(best.count - 1) / 2].cost)).")
    }

    // MARK: Tables

    private func sizes() -> EvidenceTable? {
        guard !best.isEmpty else { return nil }
        let sizes = Set(best.map { $0.attributes.count }).sorted()
        let rows = sizes.map { size -> [String] in
            let those = best.filter { $0.attributes.count == size }
            let exact = those.count { $0.method == .exhaustive }
            let span = Intervals.wilson(successes: those.count, trials: total)
            return [
                "\(size)", "\(those.count)",
                "\(Words.percent(Double(those.count) / Double(total))) "
                    + "[\(Words.percent(span?.low)), \(Words.percent(span?.high))]",
                RowChange.text(ofCost: those[(those.count - 1) / 2].cost), "\(exact)",
            ]
        }
        return EvidenceTable(
            title: "How many attributes of one accepted identity suffice for \(Words.count(total, "rejected row"))",
            columns: ["attributes copied", "rows", "share [95 %]", "median cost", "proved smallest for that identity"],
            rows: rows + [
                [
                    "none found", "\(total - best.count)", Words.percent(Double(total - best.count) / Double(total)),
                    "–",
                    "–",
                ]
            ])
    }

    private func name(_ attribute: [Int]) -> String {
        guard attribute.count > 1 else { return subject.space.features[attribute[0]].name }
        return subject.space.oneHotGroups.firstIndex(of: attribute).map { subject.space.groupName($0) } ?? "group"
    }

    /// Names of attributes by how many rows copy them, the most copied first.
    private var byAttribute: [(name: String, rows: Int)] {
        var counts: [String: Int] = [:]
        for imitation in best { for attribute in imitation.attributes { counts[name(attribute), default: 0] += 1 } }
        return counts.map { (name: $0.key, rows: $0.value) }.sorted { ($1.rows, $0.name) < ($0.rows, $1.name) }
    }

    private func copied() -> EvidenceTable? {
        guard !best.isEmpty else { return nil }
        return EvidenceTable(
            title: "Attributes copied in the cheapest imitations", columns: ["attribute", "rows"],
            rows: byAttribute.prefix(10).map { [$0.name, "\($0.rows)"] })
    }

    private func donorTable() -> EvidenceTable? {
        guard !result.donors.isEmpty else { return nil }
        let rows = result.donors.map { donor -> [String] in
            let cheap = donor.imitations.filter(isCheap)
            let span = Intervals.wilson(successes: cheap.count, trials: total, confidence: chosenConfidence)
            let sizes = cheap.map { $0.attributes.count }.sorted()
            return [
                "\(identityRows[donor.identity] + 1)", "\(donor.imitations.count)",
                "\(Words.percent(Double(cheap.count) / Double(total))) "
                    + "[\(Words.percent(span?.low)), \(Words.percent(span?.high))]",
                sizes.isEmpty ? "–" : "\(sizes[(sizes.count - 1) / 2])",
                cheap.isEmpty ? "–" : RowChange.text(ofCost: cheap.map(\.cost).sorted()[(cheap.count - 1) / 2]),
            ]
        }
        return EvidenceTable(
            title: "The accepted identities that most of \(Words.count(total, "rejected row")) can imitate",
            columns: [
                "row of the \(subject.train == nil ? "test" : "training") data", "rows that can imitate it",
                "for cost up to \(RowChange.text(ofCost: probe.cheap))", "attributes (median)", "cost (median)",
            ], rows: rows, personal: ["row of the \(subject.train == nil ? "test" : "training") data"])
    }

    // MARK: Words

    /// A changed row as the report shows it.
    func change(_ imitation: ImpersonationResult.Imitation) -> RowChange {
        let row = result.samples[imitation.row].identifier
        let original = Array(problem.rows[row: imitation.row])
        return subject.space.rowChange(
            row: row + 1, from: original, to: imitation.values,
            decisionBefore: decision(subject.decisions[row]), decisionAfter: decision(problem.wanted),
            distance: subject.space.distance(.l1, from: original, to: imitation.values))
    }

    private func decision(_ label: Int32) -> String {
        DecisionRule.name(label, of: subject.decision?.classes ?? [], favourable: Int(problem.wanted))
    }

    private var summary: [String] {
        guard let first = best.first else {
            return [
                "None of \(Words.count(total, "rejected row")) passes with attributes of the accepted identities tried. "
                    + "That is no proof that none can."
            ]
        }
        var lines = [
            "\(best.count) of \(Words.count(total, "rejected row")) pass with attributes copied from one accepted case; "
                + "\(best.count(where: isCheap)) of them for a cost of at most \(RowChange.text(ofCost: probe.cheap)). "
                + "The cheapest costs \(RowChange.text(ofCost: first.cost)), the median \(RowChange.text(ofCost: medianCost))."
        ]
        if topHits > 0 {
            lines.append(
                "The same accepted case serves \(topHits) of \(total) rejected rows for a cost of at most "
                    + "\(RowChange.text(ofCost: probe.cheap)).")
        }
        if result.discarded > 0 {
            lines.append("\(result.discarded) imitations did not survive the re-check and do not count.")
        }
        return lines
    }

    private var medianCost: Double { Bootstrap.quantile(best.map(\.cost), 0.5) }

    private var attacker: [String] {
        guard !best.isEmpty else { return [] }
        let size = Int(Bootstrap.quantile(best.map { Double($0.attributes.count) }.sorted(), 0.5).rounded())
        let names = byAttribute.prefix(3).map { "`\($0.name)`" }.joined(separator: ", ")
        return [
            "Who knows accepted cases, from friends, brokers or a leak, passes \(best.count) of \(total) rejected rows by "
                + "writing down \(Words.count(size, "attribute")) of one of them (median), most often \(names). Finding out "
                + "which ones took \(Int(meanQueries.rounded())) questions a row."
        ]
    }

    private var meanQueries: Double {
        result.samples.map { Double($0.queries) }.reduce(0, +) / Double(max(1, result.samples.count))
    }

    private func severity(_ hits: Int, confidence: Double = 0.95) -> Severity? {
        guard hits > 0, let span = Intervals.wilson(successes: hits, trials: total, confidence: confidence) else {
            return nil
        }
        return span.low > 0.25 ? .high : span.low > 0.05 ? .medium : .low
    }

    private func fewAttributes() -> Finding? {
        guard let severity = severity(fewHits) else { return nil }
        let few = best.filter { isCheap($0) && $0.attributes.count <= 2 }
        let names = byAttribute.prefix(3).map { "`\($0.name)`" }.joined(separator: ", ")
        return probe.finding(
            "few_attributes", severity,
            "\(Words.percent(Double(fewHits) / Double(total))) of the rejected pass with one or two attributes of an "
                + "accepted case, for a cost of at most \(RowChange.text(ofCost: probe.cheap))",
            evidence: [.metric(share("impersonation.few_rate", fewHits))] + few.prefix(3).map { .change(change($0)) },
            remedy: "Verify \(names) at their source for every case near the threshold, declare what applicants cannot "
                + "change and what a change costs them under `feature_space`, and train against these rows.",
            about: subject)
    }

    private func cheapIdentity() -> Finding? {
        guard let severity = severity(topHits, confidence: chosenConfidence), severity > .low,
            let table = donorTable()
        else { return nil }
        return probe.finding(
            "one_identity_serves_many", severity,
            "One accepted case can be imitated by \(Words.percent(Double(topHits) / Double(total))) of the rejected for a "
                + "cost of at most \(RowChange.text(ofCost: probe.cheap))",
            evidence: [
                .metric(
                    share(
                        "impersonation.top_identity_rate", topHits, confidence: chosenConfidence,
                        note: "Wilson, 95 % over all identities that some row passed with")), .table(table),
            ],
            remedy:
                "Compare new cases with accepted ones and look at close copies by hand; a case that is known outside "
                + "is a template for everybody.", about: subject)
    }
}
