import CasemateAttacks
import CasemateCore
import CasemateReport

extension SurrogateReport {
    /// Sentences and findings.
    func tell(_ outcome: inout ProbeOutcome) {
        outcome.summary = summary
        if let equations, equations.exact.isExact {
            outcome.findings.append(equationFinding(equations))
            outcome.attacker.append(
                "Somebody who asks for \(Numerals.count(equations.exact.queries)) chosen answers with scores gets an "
                    + "exact copy of the model: every weight of it.")
        }
        let sure = sureCopies
        if let cheapest = sure.main.last {
            outcome.findings.append(copyFinding(cheapest, sure.others))
            // why not both: an exact copy is worse news than one that is nearly right.
            if equations?.exact.isExact != true { outcome.attacker.append(threat(cheapest)) }
            outcome.attacker += sure.others.filter { $0.access == .labels }.map(threat)
        }
    }

    // MARK: Sentences

    private var summary: [String] {
        var lines: [String] = []
        if let shown { lines.append(sentence(shown) + rest(shown)) }
        for access in probe.seen where access != shown?.access {
            if let copy = best(access) { lines.append(sentence(copy)) }
        }
        for distribution in QueryDistribution.allCases where distribution != shown?.distribution {
            if let copy = best(shown?.access, distribution) { lines.append(sentence(copy)) }
        }
        if let equations {
            lines.append(
                equations.exact.isExact
                    ? "The model is linear in its inputs: \(Numerals.count(equations.exact.queries)) answers are as many "
                        + "equations as it has unknowns, and their solution is the model."
                    : "The model is not linear in its inputs: solving equations gives no copy.")
        }
        if result.asked[.natural] != nil, let most = probe.budgets.last, most > result.naturalRows {
            lines.append(
                "Real rows end at \(Numerals.count(result.naturalRows)): what an attacker with more of them could do "
                    + "was not measured.")
        }
        if result.repeated > 0 {
            lines.append(
                "\(Words.count(result.repeated, "row")) equal to a held-out row \(result.repeated == 1 ? "was" : "were") "
                    + "not asked about.")
        }
        if result.isShared {
            lines.append(
                "The table has too few different rows to hold some out: rows that judge copies were asked about too.")
        }
        return lines
    }

    /// One copy in one sentence.
    func sentence(_ copy: Copy) -> String {
        let start =
            "The best copy from \(Numerals.count(copy.queries)) \(copy.distribution.title), seeing "
            + "\(copy.access.title) (\(Self.title(copy.student))), "
        guard let decisions = copy.natural.decisions else {
            return start + "explains \(Words.percent(copy.natural.scores?.r2)) of the variance of the model's values."
        }
        return start
            + "decides \(Words.percent(decisions.share)) of \(Numerals.count(decisions.count)) held-out rows as the "
            + "model does (kappa \(Words.number(decisions.kappa, digits: 2)))."
    }

    private func rest(_ copy: Copy) -> String {
        guard let natural = copy.natural.decisions, let uniform = copy.uniform.decisions else { return "" }
        return " A constant agrees on \(Words.percent(natural.majority)). On uniform rows, which real cases seldom "
            + "resemble, the copy agrees on \(Words.percent(uniform.share)) (a constant on "
            + "\(Words.percent(uniform.majority)))."
    }

    private func threat(_ copy: Copy) -> String {
        let what: String
        switch copy.access {
        case .labels: what = "only the decisions on \(Numerals.count(copy.queries)) cases"
        case .scores: what = "the scores of \(Numerals.count(copy.queries)) cases"
        case .rounded(let decimals):
            what = "the scores of \(Numerals.count(copy.queries)) cases, rounded to \(decimals) decimals,"
        }
        guard let decisions = copy.natural.decisions else {
            return
                "Somebody who asks for \(what) gets a copy that explains \(Words.percent(copy.natural.scores?.r2)) of "
                + "the model's values."
        }
        return
            "Somebody who asks for \(what) gets a copy that decides \(Words.percent(decisions.share)) of new cases as "
            + "the model does; guessing the usual decision gets \(Words.percent(decisions.majority))."
    }

    // MARK: Findings

    /// Copies that surely stand in for the model: those that see most, from the largest cheap number of queries down to
    /// the smallest that still does; and with the largest, those that see less.
    ///
    /// Two sequences of tests, each stopped at its first failure, share the level of significance, and so do the students
    /// within a test. A finding needs the first test of the first sequence.
    var sureCopies: (main: [Copy], others: [Copy]) {
        guard let shown else { return ([], []) }
        let own = strongest.filter { $0.access == shown.access && $0.distribution == shown.distribution }
        let down = own.filter { $0.queries <= min(shown.queries, probe.cheap) }.sorted { $0.queries > $1.queries }
        let main = Array(down.prefix(while: isSure))
        guard !main.isEmpty else { return ([], []) }
        let others = probe.seen.filter { $0 != shown.access }.compactMap { best($0, shown.distribution) }
        return (main, Array(others.filter { $0.queries <= probe.cheap }.prefix(while: isSure)))
    }

    private func isSure(_ copy: Copy) -> Bool {
        guard decides else { return (copy.natural.scores?.r2Interval?.low ?? -1) >= probe.r2 }
        let tests = 2 * max(1, Set(result.copies.map(\.student)).count)
        // why twice: only the lower end of the interval is used.
        let interval = copy.natural.decisions?.kappaInterval(confidence: 1 - 2 * probe.alpha / Double(tests))
        return (interval?.low ?? -1) >= probe.kappa
    }

    private func copyFinding(_ first: Copy, _ others: [Copy]) -> Finding {
        let share =
            decides
            ? "decides \(Words.percent(first.natural.decisions?.share)) of new cases as it does"
            : "explains \(Words.percent(first.natural.scores?.r2)) of its values"
        var evidence: [Evidence] = [.text(sentence(first) + rest(first))]
        evidence += others.map { .text(sentence($0)) }
        if decides, let kappa = first.natural.decisions, let interval = kappa.kappaInterval() {
            evidence.append(
                .metric(
                    Metric(
                        "surrogate.kappa", kappa.kappa, low: interval.low, high: interval.high, n: kappa.count,
                        group: Self.group(first), note: "Wilson 95 %, chance held fixed")))
        }
        let hiding =
            others.contains { $0.access == .labels }
            ? "Hiding scores does not prevent it here: decisions alone suffice. "
            : others.isEmpty
                ? "Decisions without scores make it dearer. "
                : "Rounding does not prevent it here; decisions without scores make it dearer. "
        return probe.finding(
            "cheap_copy", .medium,
            "The model can be copied cheaply: a copy from \(Numerals.count(first.queries)) answers \(share)",
            evidence: evidence,
            remedy: hiding + "Limit and log how many cases one client may ask about, look for series of made-up cases, "
                + "and do not let the model's secrecy carry a control.",
            about: subject)
    }

    private func equationFinding(_ equations: SurrogateEquations) -> Finding {
        let exact = equations.exact
        var evidence: [Evidence] = [
            .text(
                "\(Numerals.count(exact.queries)) queries gave \(Numerals.count(exact.copy.parameterCount)) weights and "
                    + "biases; on \(Words.count(exact.natural.scores?.count ?? 0, "fresh row")) the largest error of a "
                    + "score is \(Words.distance(exact.natural.scores?.largestError)).")
        ]
        if let last = equations.rounded.last, let share = last.result.natural.decisions?.share {
            evidence.append(
                .text(
                    "With \(last.access.title), \(Numerals.count(last.result.queries)) queries give a copy that agrees "
                        + "on \(Words.percent(share)) of decisions."))
        }
        return probe.finding(
            "equations_solved", .high,
            "\(Numerals.count(exact.queries)) answers give an exact copy of the model", evidence: evidence,
            remedy:
                "Do not answer with scores: give decisions or broad bands, and limit queries a client. Rounding alone "
                + "costs the attacker more queries, no more. Else treat the weights as public and accept the risk in "
                + "the policy.",
            about: subject)
    }
}
