import CasemateCore
import CasemateData
import Foundation

/// A trigger that was found.
struct FoundTrigger: Sendable {
    /// What it is.
    enum Form: Sendable {
        case conditions(TriggerPattern)
        case token(TokenSearch.Kind, String, column: String)
        case patch(PatchPattern)
    }
    let form: Form
    /// The class that its rows have.
    let target: Int
    /// Rows that hold it, of those searched.
    let rows: [Int]
    /// Rows of them with the target.
    let hits: Int
    /// Mean probability of the target by the rest of these rows.
    let expected: Double
    /// Corrected p-value.
    let pValue: Double
    /// Estimated share of the rows that were planted.
    let planted: Double
}

/// Looks at candidates one after the other, those with most evidence first, with models that did not see them.
struct TriggerHunt {
    let data: TriggerData
    let evidence: LabelEvidence
    let settings: TriggerSettings
    let context: RunContext
    /// Whether time ran out.
    private(set) var isCut = false
    /// Candidates that were looked at.
    private(set) var examined = 0
    /// Combinations of three: whether all were counted.
    private(set) var notes: [String] = []
    private var fewest: Int { settings.fewest(of: data.count) }
    private var most: Int { settings.most(of: data.count) }
    private var families: Double { TriggerSettings.families(withTexts: !data.stores.isEmpty) }

    init(_ data: TriggerData, settings: TriggerSettings, context: RunContext) throws {
        (self.data, self.settings, self.context) = (data, settings, context)
        evidence = LabelEvidence(
            probabilities: try data.expectation.outOfFold(context: context), labels: data.labels,
            classes: data.classes, settings: settings)
    }

    /// One thing to look at.
    private struct Lead {
        let form: FoundTrigger.Form
        let target: Int
        let rows: [Int]
        let evidence: Double
        let choices: Double
        let columns: Set<Int>
    }

    mutating func run() throws -> [FoundTrigger] {
        var leads = try combinations()
        for store in data.stores {
            let search = TokenSearch(
                store: store, evidence: evidence, fewest: fewest, most: most, purity: settings.purity,
                columns: data.stores.count, families: families)
            leads += try search.run(context: context).prefix(200).map { candidate in
                Lead(
                    form: .token(candidate.kind, candidate.text, column: store.column), target: candidate.target,
                    rows: candidate.rows, evidence: candidate.evidence, choices: candidate.choices, columns: [])
            }
        }
        let order = leads.indices.sorted {
            let (one, other) = (leads[$0], leads[$1])
            return ((other.evidence - other.choices).rounded(), one.rows.count, $0)
                < ((one.evidence - one.choices).rounded(), other.rows.count, $1)
        }
        return try examine(order.map { leads[$0] })
    }

    private mutating func examine(_ leads: [Lead]) throws -> [FoundTrigger] {
        var found: [FoundTrigger] = []
        var gone: Set<Int> = []
        var refuted: [Lead] = []
        let limit = settings.examined(of: data.count)
        for lead in leads where found.count < settings.named && examined < limit {
            try context.cancellation.check()
            if let deadline = context.deadline, ContinuousClock.now >= deadline {
                isCut = true
                break
            }
            let rows = lead.rows.filter { !gone.contains($0) }
            // why not the bound itself: the first models are rough, the second ones decide.
            guard rows.count >= fewest, evidence.sum(rows, lead.target) >= lead.choices - 3,
                Double(rows.count { Int(data.labels[$0]) == lead.target }) >= settings.purity * Double(rows.count),
                !refuted.contains(where: { Self.isAlike(lead, $0) })
            else { continue }
            examined += 1
            if let trigger = try confirmed(lead, rows, gone) {
                found.append(trigger)
                gone.formUnion(lead.rows)
            } else {
                refuted.append(lead)
            }
        }
        return found
    }

    /// The trigger behind a lead, when models without its rows do not explain its labels either.
    private func confirmed(_ lead: Lead, _ rows: [Int], _ gone: Set<Int>) throws -> FoundTrigger? {
        let probabilities = try data.expected(
            rows, columns: lead.columns, target: lead.target, leaving: gone, context: context)
        let hits = rows.map { Int(data.labels[$0]) == lead.target }
        // why: a rule of the data that no other row shows moves the odds too; a trigger must do more than that.
        let tempered = probabilities.map { Self.tempered($0, by: settings.tolerance) }
        let sum = LabelEvidence.sum(hits, tempered, settings: settings)
        let against = zip(hits, probabilities).count { $0 && $1 < 0.5 }
        let count = hits.count { $0 }
        let expected = probabilities.reduce(0, +) / Double(rows.count)
        let share = Double(count) / Double(rows.count)
        guard sum - lead.choices >= log(1 / settings.alpha), share >= settings.purity,
            share - expected >= settings.excess, against >= 3
        else { return nil }
        var (form, planted, held) = (lead.form, 1.0, rows)
        switch lead.form {
        case .conditions(let pattern):
            (form, held, planted) = named(pattern, lead, rows, gone)
        case .token(let kind, let text, let column):
            guard let store = data.stores.first(where: { $0.column == column }) else { break }
            let search = TokenSearch(
                store: store, evidence: evidence, fewest: fewest, most: most, purity: settings.purity,
                columns: data.stores.count, families: families)
            let candidate = TokenSearch.Candidate(
                kind: kind, text: text, target: lead.target, rows: rows, evidence: 0, choices: 0)
            let (token, holders) = search.grown(candidate)
            (form, held) = (.token(kind, token, column: column), holders)
        case .patch: break
        }
        return FoundTrigger(
            form: form, target: lead.target, rows: held,
            hits: held.count { Int(data.labels[$0]) == lead.target }, expected: expected,
            pValue: min(1, exp(lead.choices - sum)), planted: planted)
    }

    /// A probability whose logarithm of the odds is raised.
    static func tempered(_ probability: Double, by tolerance: Double) -> Double {
        let odds = probability / max(1e-12, 1 - probability) * exp(tolerance)
        return odds / (1 + odds)
    }

    /// The whole pattern, its rows, and the share of them that do not meet its conditions by accident.
    private func named(
        _ pattern: TriggerPattern, _ lead: Lead, _ rows: [Int], _ gone: Set<Int>
    ) -> (FoundTrigger.Form, rows: [Int], planted: Double) {
        let refinement = PatternRefinement(
            columns: data.columns, views: [], evidence: evidence, settings: settings, fewest: fewest, most: most,
            rows: (0..<data.count).filter { !gone.contains($0) }, families: families)
        let whole = refinement.closed(
            .init(
                pattern: pattern, target: lead.target, rows: rows, evidence: evidence.sum(rows, lead.target),
                choices: 0))
        let inside = Set(whole.rows)
        let outside = refinement.rows.filter { !inside.contains($0) }
        let natural = whole.pattern.parts.reduce(Double(outside.count)) { product, part in
            let held = outside.count { part.holds(data.columns.values[part.column][$0]) }
            return product * Double(held) / Double(max(1, outside.count))
        }
        return (.conditions(whole.pattern), whole.rows, max(0.5, 1 - natural / Double(max(1, whole.rows.count))))
    }

    /// Whether a lead is about the rows of one that was refuted, or about a part of them that is no purer.
    private static func isAlike(_ lead: Lead, _ refuted: Lead) -> Bool {
        guard lead.target == refuted.target else { return false }
        let known = Set(refuted.rows)
        let shared = lead.rows.count { known.contains($0) }
        if shared * 2 > known.count + lead.rows.count - shared { return true }
        let density = lead.evidence / Double(lead.rows.count), other = refuted.evidence / Double(known.count)
        return Double(shared) >= 0.8 * Double(lead.rows.count) && density < 1.25 * other
    }
}

extension TriggerHunt {
    /// Combinations of values and ranges of columns, refined.
    private mutating func combinations() throws -> [Lead] {
        let columns = data.columns
        guard columns.count > 0, data.count >= 2 * fewest else { return [] }
        var views: [ColumnView] = []
        let ranges = min(32, max(4, data.count / (2 * fewest)))
        for column in 0..<columns.count {
            if column.isMultiple(of: 64) { try context.cancellation.check() }
            views += ColumnView.views(
                of: columns.values[column], column: column, fewest: fewest, ranges: ranges,
                isCategory: columns.categorical.contains(column))
        }
        let refinement = PatternRefinement(
            columns: columns, views: views, evidence: evidence, settings: settings, fewest: fewest, most: most,
            rows: Array(0..<data.count), families: families)
        var patterns = try singles(refinement)
        let plain = CombinationSearch(
            views: views, evidence: evidence, fewest: fewest, most: most, purity: settings.purity - 0.1, isDeep: false)
        let values = try plain.singles(context: context)
        patterns += try ParallelTasks.map(min(60, values.count), threads: context.threads) {
            refinement.refined(values[$0])
        }.compactMap { $0 }
        let searched = bounded(views, patterns)
        let search = CombinationSearch(
            views: searched.views, evidence: evidence, fewest: fewest, most: most, purity: settings.purity - 0.1,
            isDeep: searched.isDeep)
        let inner = PatternRefinement(
            columns: columns, views: searched.views, evidence: evidence, settings: settings, fewest: fewest,
            most: most, rows: refinement.rows, families: families)
        let candidates = try search.run(context: context)
        patterns += try ParallelTasks.map(min(120, candidates.count), threads: context.threads) {
            inner.refined(candidates[$0])
        }.compactMap { $0 }
        var seen: Set<TriggerPattern> = []
        return patterns.filter { seen.insert($0.pattern.sorted).inserted }.map { refined in
            Lead(
                form: .conditions(refined.pattern.sorted), target: refined.target, rows: refined.rows,
                evidence: refined.evidence, choices: refined.choices,
                columns: Set(refined.pattern.parts.map(\.column)))
        }
    }

    /// The best range of each column for each class.
    private func singles(_ refinement: PatternRefinement) throws -> [PatternRefinement.Refined] {
        let columns = data.columns
        guard data.classes <= LabelExpectation.classLimit else { return [] }
        return try ParallelTasks.map(columns.count, threads: context.threads) { column in
            try context.cancellation.check()
            guard !columns.categorical.contains(column) else { return [PatternRefinement.Refined]() }
            let scan = IntervalScan(
                values: columns.values[column], rows: refinement.rows, fewest: fewest, most: most)
            return (0..<data.classes).compactMap { target in
                guard let best = scan.best(evidence, target), best.evidence > 10 else { return nil }
                let part = TriggerPattern.Part(column: column, meaning: .range(best.low, best.high))
                return refinement.measured(TriggerPattern(parts: [part]), target)
            }
        }.flatMap(\.self)
    }

    /// As many views as the budget allows, those of the most suspicious columns first, and whether combinations of
    /// three are counted.
    private mutating func bounded(
        _ views: [ColumnView], _ singles: [PatternRefinement.Refined]
    ) -> (views: [ColumnView], isDeep: Bool) {
        let budget = settings.searchBudget / max(1, data.count)
        func triples(_ count: Int) -> Int { count * max(0, count - 1) / 2 * max(0, count - 2) / 3 }
        if views.count < 100_000, triples(views.count) <= budget { return (views, true) }
        var best = [Double](repeating: -.infinity, count: data.columns.count)
        for single in singles {
            for part in single.pattern.parts { best[part.column] = max(best[part.column], single.evidence) }
        }
        // why: a column is as suspicious as its most telling value.
        for view in views {
            for target in 0..<min(data.classes, LabelExpectation.classLimit) {
                var sums = [Double](repeating: 0, count: view.size)
                for (row, code) in view.codes.enumerated() where code > 0 {
                    sums[Int(code)] += Double(evidence.scores[target * data.count + row])
                }
                best[view.column] = max(best[view.column], sums.dropFirst().max() ?? -.infinity)
            }
        }
        let order = views.indices.sorted { (best[views[$1].column], $0) < (best[views[$0].column], $1) }
        var deep = views.count
        while deep > 3, triples(deep) > budget { deep -= 1 }
        if deep >= 24 {
            notes.append(
                "Combinations of columns were searched among the most suspicious \(Set(order.prefix(deep).map { views[$0].column }).count) of \(data.columns.count) columns; single values in all."
            )
            return (order.prefix(deep).sorted().map { views[$0] }, true)
        }
        var wide = min(views.count, 4_096)
        while wide > 2, wide * (wide - 1) / 2 > budget { wide -= 1 }
        notes.append(
            "Combinations of two columns were searched among the most suspicious \(Set(order.prefix(wide).map { views[$0].column }).count) of \(data.columns.count) columns, combinations of three not; single values in all."
        )
        return (order.prefix(wide).sorted().map { views[$0] }, false)
    }
}
