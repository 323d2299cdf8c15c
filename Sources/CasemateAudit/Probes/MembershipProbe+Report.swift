import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// One attack and how well it did; `evaluation` is `nil` when the evidence lacked what it needs.
struct MembershipResult {
    let identifier: String, title: String
    let evaluation: MembershipEvaluation?
    /// At 1 in 100 and at 1 in 1,000.
    let points: [MembershipPoint]

    static let rates = [(0.01, "membership.tpr_at_1_in_100", "100"), (0.001, "membership.tpr_at_1_in_1000", "1,000")]

    /// Runs every attack.
    static func all(_ evidence: MembershipEvidence, isMember: [Bool]) -> [MembershipResult] {
        builtInMembershipAttacks.map { attack in
            let evaluation = attack.init().scores(evidence).map {
                MembershipEvaluation(scores: $0, isMember: isMember)
            }
            return MembershipResult(
                identifier: attack.identifier, title: attack.title, evaluation: evaluation,
                points: rates.compactMap { evaluation?.point(atFalsePositiveRate: $0.0) })
        }
    }
    var group: String { "attack=\(identifier)" }
}

/// Figures, pictures, sentences and findings.
struct MembershipReport {
    let probe: MembershipProbe
    let subject: AuditSubject
    let attacked: MembershipCase
    let shift: DistributionShift?
    let results: [MembershipResult]
    /// Why the shadows did not finish.
    let stopped: String?

    var isShifted: Bool { shift?.isFound() ?? false }

    func append(to outcome: inout ProbeOutcome) {
        outcome.metrics += general + results.flatMap(metrics)
        outcome.tables.append(table)
        if let plot { outcome.plots.append(plot) }
        outcome.headlines = headline.map { [$0] } ?? []
        let leak = best
        outcome.summary += sentences(leak)
        outcome.attacker += attacker(leak)
        outcome.findings += [leak.map(recognised) ?? average, shiftFinding, sharedFinding].compactMap { $0 }
    }

    // MARK: Figures

    private var accuracies: (train: Int, test: Int) {
        (
            attacked.isRight.prefix(attacked.members).count { $0 },
            attacked.isRight.suffix(attacked.nonMembers).count { $0 }
        )
    }

    private var general: [Metric] {
        let (members, others) = (attacked.members, attacked.nonMembers)
        let gap = Intervals.newcombeDifference(
            successes: accuracies.train, trials: members, referenceSuccesses: accuracies.test, referenceTrials: others)
        let rows = attacked.rows
        return [
            Metric(
                "membership.accuracy_gap",
                Double(accuracies.train) / Double(members) - Double(accuracies.test) / Double(others),
                low: gap?.low, high: gap?.high, n: members + others, note: "Newcombe 95 %"),
            Metric(
                "membership.shift_auc", shift?.ranks.area, low: shift?.interval?.low, high: shift?.interval?.high,
                n: shift?.count ?? 0, note: shift == nil ? stopped : "DeLong 95 %, features only, cross-validated"),
            Metric(
                "membership.shared_rows", Double(rows.sharedNonMembers), n: subject.test.count,
                note: "left out of the attack, with \(Words.count(rows.sharedMembers, "training row")); "
                    + "\(rows.repeatedMembers + rows.repeatedNonMembers) more repeat a row of their own file"),
        ]
    }

    private func metrics(_ result: MembershipResult) -> [Metric] {
        guard let evaluation = result.evaluation else {
            let note = stopped ?? missing(result)
            return (["membership.auc", "membership.balanced_accuracy"] + MembershipResult.rates.map(\.1)).map {
                Metric($0, nil, n: attacked.pool.labels.count, group: result.group, note: note)
            }
        }
        let (area, balanced) = (evaluation.areaInterval, evaluation.balancedAccuracyInterval)
        let all = evaluation.members + evaluation.nonMembers
        return [
            Metric(
                "membership.auc", evaluation.area, low: area?.low, high: area?.high, n: all, group: result.group,
                note: "DeLong 95 %"),
            Metric(
                "membership.balanced_accuracy", evaluation.balancedAccuracy, low: balanced?.low, high: balanced?.high,
                n: all, group: result.group, note: "Newcombe 95 %, threshold from the other half of the rows"),
        ]
            + zip(MembershipResult.rates, result.points).map { rate, point in
                Metric(
                    rate.1, point.truePositiveRate, low: point.interval?.low, high: point.interval?.high,
                    n: evaluation.members, group: result.group, note: point.note)
            }
    }

    private func missing(_ result: MembershipResult) -> String {
        attacked.losses == nil ? "the model gives labels only" : "the model's scores are no probabilities"
    }

    /// What the strongest attacker gets at the lowest rate that the data carry.
    private var headline: Metric? {
        for (_, name, _) in MembershipResult.rates.reversed() {
            let carried = results.flatMap(metrics).filter { $0.name == name && $0.value != nil }
            if let metric = carried.last(where: { $0.group != "attack=gap" }) { return metric }
        }
        return nil
    }

    // MARK: Pictures

    private var table: EvidenceTable {
        EvidenceTable(
            title: "Training rows recognised: \(attacked.members) members, \(attacked.nonMembers) non-members",
            columns: ["attack", "AUC", "balanced accuracy", "at 1 in 100 accused", "at 1 in 1,000 accused"],
            rows: results.map { result in
                guard let evaluation = result.evaluation else {
                    return [result.title] + [String](repeating: "–", count: 4)
                }
                return [
                    result.title, Words.number(evaluation.area, evaluation.areaInterval),
                    Words.number(evaluation.balancedAccuracy, evaluation.balancedAccuracyInterval),
                ]
                    + result.points.map { point in
                        guard let span = point.interval else { return "too few non-members" }
                        return "\(Words.percent(point.truePositiveRate)) "
                            + "[\(Words.percent(span.low)), \(Words.percent(span.high))]"
                    }
            })
    }

    private var plot: Plot? {
        let low = max(1e-4, pow(10, log10(1 / Double(attacked.nonMembers)).rounded(.down)))
        let series = results.filter { $0.identifier != GapAttack.identifier }.compactMap { result in
            result.evaluation.map {
                Plot.Series(name: result.title, style: .step, points: Self.points($0, from: low))
            }
        }
        guard !series.isEmpty else { return nil }
        let said = results.compactMap { result -> String? in
            guard let point = result.points.first, let rate = point.truePositiveRate,
                result.identifier != GapAttack.identifier
            else { return nil }
            return "\(result.title): \(Words.percent(rate))"
        }
        return Plot(
            id: "membership.roc", title: "Training rows recognised, by the share of others accused",
            x: Plot.Axis("share of test rows accused", low: low, high: 1, isPercent: true, isLogarithmic: true),
            y: Plot.Axis("share of training rows recognised", low: low, high: 1, isPercent: true, isLogarithmic: true),
            series: series, references: [Plot.Reference(.diagonal, label: "chance")],
            summary: said.isEmpty
                ? "There are too few test rows for a figure at 1 in 100 accused."
                : "At 1 in 100 test rows accused: \(said.joined(separator: "; ")); chance would be 1 %.")
    }

    /// The curve at numbers of accused that grow by a tenth, each with the most recognised that go with it.
    private static func points(_ evaluation: MembershipEvaluation, from low: Double) -> [Plot.Point] {
        let (curve, total) = (evaluation.ranks.curve, Double(evaluation.nonMembers))
        var (points, index, accused): ([Plot.Point], Int, Int) = ([], 0, 0)
        while accused <= evaluation.nonMembers, !curve.isEmpty {
            while index + 1 < curve.count, curve[index + 1].falsePositiveRate * total < Double(accused) + 0.5 {
                index += 1
            }
            points.append(
                Plot.Point(x: max(low, Double(accused) / total), y: max(low, curve[index].truePositiveRate)))
            if accused == evaluation.nonMembers { break }
            accused = min(evaluation.nonMembers, max(accused + 1, accused * 11 / 10))
        }
        return points
    }
}
