import CasemateAttacks
import CasemateCore
import CasemateDetect

/// Figures, pictures, sentences and findings about poisoning.
struct PoisoningStory {
    let study: PoisoningStudy
    /// Name, heading and place of the findings.
    let probe: String, title: String, taxonomy: Taxonomy
    /// What is judged, for fingerprints.
    let subject: String

    private var problem: PoisoningProblem { study.material.problem }

    /// An outcome of this study.
    var outcome: ProbeOutcome {
        var outcome = ProbeOutcome(
            probe: probe, title: title, taxonomy: taxonomy, status: study.isPartial ? .partial : .tested,
            reason: study.isPartial ? "the time budget ran out before every share was measured" : nil)
        outcome.settings = [
            "victim": study.result.victim, "training samples": "\(problem.train.count)",
            "test samples": "\(problem.test.count)",
        ]
        let curves = study.attacks.map { ($0, PoisoningCurve(attack: $0.attack, gain: study.gain)) }
        outcome.summary = [opening] + curves.map { sentence($0, $1) }
        outcome.summary += study.result.skipped.map { "Left out: \($0.identifier), since \($0.reason)." }
        for (examined, curve) in curves {
            outcome.metrics += metrics(examined, curve)
            outcome.findings += findings(examined, curve)
            if let smallest = curve.smallestWorking { outcome.attacker.append(threat(curve, smallest)) }
        }
        outcome.headlines =
            outcome.metrics.filter { $0.name == "poisoning.working_share" && $0.value != nil }
            .min { ($0.value ?? 1) < ($1.value ?? 1) }.map { [$0] } ?? []
        outcome.tables = [table(curves)] + [rounds, checks].compactMap { $0 }
        outcome.plots = plots(curves)
        return outcome
    }

    /// Success of every attack without poison, and at the smallest share that works or the largest: what stands on top
    /// where poisoning is all that was asked for.
    var headlines: [Metric] {
        study.attacks.flatMap { examined -> [Metric] in
            let curve = PoisoningCurve(attack: examined.attack, gain: study.gain)
            let shown = [0, curve.smallestWorking ?? examined.attack.shares.last].compactMap(\.self)
            return shown.flatMap { figures(curve, at: $0) }
                .filter { $0.name.hasPrefix("poisoning.attack_success_rate") }
        }
    }

    // MARK: Sentences

    private var opening: String {
        let accuracy = study.result.clean?.accuracy
        let what = problem.train.medium == .table ? "row" : problem.train.medium == .texts ? "text" : "picture"
        return
            "Trained on \(Words.count(problem.train.count, "clean \(what)")), the victim (\(study.result.victim)) decides "
            + "\(Words.percent(accuracy?.value)) of \(Words.count(problem.test.count, "test \(what)")) rightly."
    }

    private func sentence(_ examined: PoisoningStudy.Examined, _ curve: PoisoningCurve) -> String {
        let attack = examined.attack
        let head = "\(attack.title) (\(attack.aims.first?.words ?? ""))"
        guard let last = attack.shares.last else { return "\(head): not measured." }
        guard let share = curve.smallestWorking else {
            let now = curve.value({ $0.success }, at: last), before = curve.value({ $0.success }, at: 0)
            return "\(head) does not work up to \(share(last)) of the rows: success \(Words.percent(before?.value)) "
                + "without, \(Words.percent(now?.value)) with \(Words.count(curve.rows(at: last), "planted row"))."
        }
        let (before, now) = (curve.value({ $0.success }, at: 0), curve.value({ $0.success }, at: share))
        let accuracy = curve.value({ $0.accuracy }, at: share)
        return
            "\(head) works from \(self.share(share)) of the rows on (\(Words.count(curve.rows(at: share), "row"))): success "
            + "rises from \(Words.percent(before?.value)) to \(Words.percent(now?.value)) of \(now?.count ?? 0), accuracy is "
            + "\(Words.percent(accuracy?.value)). \(seen(examined, curve))"
    }

    private func seen(_ examined: PoisoningStudy.Examined, _ curve: PoisoningCurve) -> String {
        guard !examined.verdicts.isEmpty else { return "No check looked." }
        let shares = examined.verdicts.keys.sorted()
        guard let first = shares.first(where: { examined.verdicts[$0]?.contains(where: \.isSeen) ?? false }) else {
            return "No check sees it."
        }
        let names = (examined.verdicts[first] ?? []).filter(\.isSeen).map(\.check)
        return "Seen from \(share(first)) on, by \(names.joined(separator: ", "))."
    }

    private func threat(_ curve: PoisoningCurve, _ share: Double) -> String {
        let now = curve.value({ $0.success }, at: share), before = curve.value({ $0.success }, at: 0)
        let aim = curve.attack.aims.first
        let effect: String
        switch (curve.attack.direction(favourable: problem.favourable), aim?.target) {
        case (_, nil): effect = "makes \(Words.percent(now?.value)) of all decisions wrong"
        case (.availability, _): effect = "has \(Words.percent(now?.value)) of the good that he aims at turned away"
        default: effect = "gets \(Words.percent(now?.value)) of what he aims at through"
        }
        return "Somebody who can change \(self.share(share)) of the training data (\(curve.attack.title.lowercased())) "
            + "\(effect), instead of \(Words.percent(before?.value))."
    }

    private func share(_ share: Double) -> String { Self.percent(share) }

    /// A share of rows in words: `0.1 %`, `10 %`.
    static func percent(_ share: Double) -> String {
        let text = Words.fixed(share * 100, digits: 4)
        let bare = text.contains(".") ? text.reversed().drop { $0 == "0" }.reversed().map(String.init).joined() : text
        return (bare.hasSuffix(".") ? String(bare.dropLast()) : bare) + " %"
    }

    // MARK: Findings

    private func findings(_ examined: PoisoningStudy.Examined, _ curve: PoisoningCurve) -> [Finding] {
        guard let smallest = curve.smallestWorking else { return [] }
        let attack = examined.attack
        let direction = attack.direction(favourable: problem.favourable)
        let isBreach = direction == .availability
        let now = curve.value({ $0.success }, at: smallest), before = curve.value({ $0.success }, at: 0)
        var found = [
            finding(
                isBreach ? "availability_breach" : "integrity_breach", smallest, attack,
                "\(attack.title): \(share(smallest)) poisoned training data raise the attacker's success from "
                    + "\(Words.percent(before?.value)) to \(Words.percent(now?.value))",
                evidence: evidence(curve, smallest),
                remedy: "Control who can add or change training rows, prove where rows come from, and run "
                    + "`casemate data audit` with data that are known to be good before each training.")
        ]
        // why the last: an attacker plants as much as goes unseen.
        let unseen = examined.verdicts.keys.sorted().last { share in
            curve.works(at: share) && !(examined.verdicts[share]?.contains(where: \.isSeen) ?? true)
                && !(examined.verdicts[share]?.isEmpty ?? true)
        }
        if let unseen {
            found.append(
                finding(
                    "unseen", unseen, attack,
                    "\(attack.title) works with \(share(unseen)) poisoned training data, and no check on the data sees it",
                    evidence: evidence(curve, unseen)
                        + [
                            .text(
                                "Checks that looked: \((examined.verdicts[unseen] ?? []).map(\.check).joined(separator: ", "))."
                            )
                        ],
                    remedy:
                        "Give the checks a reference (`--reference`, or `data: {reference: …}`) or the source of each "
                        + "row; where that does not help, sign rows at their source and let two people approve labels.")
            )
        }
        return found
    }

    private func finding(
        _ rule: String, _ share: Double, _ attack: PoisoningResult.Attack, _ title: String, evidence: [Evidence],
        remedy: String
    ) -> Finding {
        let direction = attack.direction(favourable: problem.favourable)
        let own = Taxonomy(
            stages: taxonomy.stages, influence: .causative, violations: [direction],
            specificity: attack.aims.first?.target == nil || attack.identifier == DictionaryAttack.identifier
                ? .indiscriminate : .targeted, knowledge: taxonomy.knowledge, atlas: taxonomy.atlas,
            owasp: taxonomy.owasp, nist: taxonomy.nist)
        return Finding(
            id: "\(probe).\(rule)", probe: probe, severity: share <= 0.01 ? .medium : .low, title: title,
            evidence: evidence, remedy: remedy, taxonomy: own, subject: subject, feature: attack.identifier)
    }

    private func evidence(_ curve: PoisoningCurve, _ share: Double) -> [Evidence] {
        let wanted = ["poisoning.attack_success_rate", "poisoning.clean_accuracy"]
        let metrics = [0, share].flatMap { share in figures(curve, at: share) }
            .filter { metric in wanted.contains { metric.name.hasPrefix($0) } }
        var all = metrics.map { Evidence.metric($0) }
        if let aim = curve.attack.aims.first {
            all.append(.text("\(aim.words), \(Words.count(curve.rows(at: share), "row"))"))
            if let pattern = aim.pattern { all.append(.pattern(pattern)) }
        }
        return all
    }

    // MARK: Metrics

    private func figures(_ curve: PoisoningCurve, at share: Double) -> [Metric] {
        let named: [(String, (PoisoningMeasure) -> PoisoningRate?)] = [
            ("clean_accuracy", { $0.accuracy }), ("attack_success_rate", { $0.success }),
            ("false_positive_rate", { $0.falsePositives }), ("false_negative_rate", { $0.falseNegatives }),
        ]
        return named.compactMap { name, figure in
            guard let value = curve.value(figure, at: share) else { return nil }
            let repeats = share == 0 ? curve.attack.baselines.count : curve.attack.points(at: share).count
            return Metric(
                "poisoning.\(name)@\(Self.number(share))", value.value, low: value.low, high: value.high,
                n: value.count,
                group: group(curve), note: repeats > 1 ? "Wilson 95 %, over \(repeats) repeats" : "Wilson 95 %")
        }
    }

    private func metrics(_ examined: PoisoningStudy.Examined, _ curve: PoisoningCurve) -> [Metric] {
        var all = ([0] + curve.attack.shares).flatMap { figures(curve, at: $0) }
        for share in examined.verdicts.keys.sorted() {
            guard let best = (examined.verdicts[share] ?? []).max(by: { Self.order($0) < Self.order($1) }) else {
                continue
            }
            for (name, rate) in [("detected_rate", best.detected), ("false_alarm_rate", best.falseAlarms)] {
                all.append(
                    Metric(
                        "poisoning.\(name)@\(Self.number(share))", rate.value, low: rate.interval?.low,
                        high: rate.interval?.high, n: rate.trials, group: group(curve),
                        note: "\(best.check), Wilson 95 %"))
            }
        }
        let unseen = examined.verdicts.keys.sorted().last {
            curve.works(at: $0) && !(examined.verdicts[$0] ?? []).contains(where: \.isSeen)
        }
        let most = curve.attack.shares.last.map { "does not work up to \(share($0))" }
        all.append(
            Metric(
                "poisoning.working_share", curve.smallestWorking, n: problem.train.count, group: group(curve),
                note: curve.smallestWorking == nil ? most : "the smallest of \(curve.attack.shares.count) measured"))
        if !examined.verdicts.isEmpty {
            all.append(
                Metric(
                    "poisoning.unseen_share", unseen, n: problem.train.count, group: group(curve),
                    note: unseen == nil ? "every share that works and was looked at is seen" : "the largest measured"))
        }
        return all
    }

    private static func order(_ verdict: PoisoningVerdict) -> Double {
        (verdict.detected.value ?? 0) - (verdict.falseAlarms.value ?? 0)
    }

    private func group(_ curve: PoisoningCurve) -> String { "attack=\(curve.attack.identifier)" }

    /// A share as metric names have it: `0.01`.
    static func number(_ share: Double) -> String { share == 0 ? "0" : "\(share)" }
}
