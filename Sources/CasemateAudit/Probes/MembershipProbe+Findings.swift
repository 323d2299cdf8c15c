import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

/// The attack and rate at which most is given away, relative to chance.
struct MembershipLeak {
    let result: MembershipResult
    let point: MembershipPoint
    /// Name of the metric, and the rate in words: `1,000` for 1 in 1,000.
    let metric: String, oneIn: String
    /// Holm's adjusted p-value over all attacks and rates.
    let adjusted: Double
    let interval: Interval

    /// How many times the rate of chance is surely exceeded.
    var lift: Double { interval.low / point.rate }
}

extension MembershipReport {
    /// What was found significantly and above chance, the largest sure excess first.
    var best: MembershipLeak? {
        var found: [(MembershipResult, MembershipPoint, String, String, Double)] = []
        for result in results {
            for (rate, point) in zip(MembershipResult.rates, result.points) {
                if let p = point.pValue { found.append((result, point, rate.1, rate.2, p)) }
            }
        }
        let adjusted = HypothesisTests.holm(found.map(\.4))
        let leaks = zip(found, adjusted).compactMap { found, adjusted -> MembershipLeak? in
            guard adjusted < probe.alpha, let interval = found.1.interval, interval.low > found.1.rate else {
                return nil
            }
            return MembershipLeak(
                result: found.0, point: found.1, metric: found.2, oneIn: found.3, adjusted: adjusted,
                interval: interval)
        }
        return leaks.max { $0.lift < $1.lift }
    }

    // MARK: Sentences

    func sentences(_ leak: MembershipLeak?) -> [String] {
        var lines: [String] = []
        if let stopped { lines.append("LiRA is missing: \(stopped).") }
        if let leak {
            lines.append(
                "\(leak.result.title) recognises \(Words.percent(leak.point.truePositiveRate)) of "
                    + "\(leak.point.members) training rows while \(leak.point.falsePositives) of "
                    + "\(leak.point.nonMembers) test rows \(leak.point.falsePositives == 1 ? "is" : "are") wrongly accused."
            )
        } else {
            lines.append(
                "No attack recognises training rows better than chance where few others may be accused. That is no "
                    + "proof of privacy: shadow models unlike the real training see less than a better attacker would.")
        }
        if let refused = MembershipResult.rates.last, let point = results.compactMap(\.points.last).first,
            !point.isCarried
        {
            lines.append(
                "No figure at 1 in \(refused.2) accused: it needs at least \(point.neededNonMembers) test rows that "
                    + "are in one file only, there are \(point.nonMembers).")
        }
        if attacked.losses == nil {
            lines.append("The model gives labels only: all that was tested is whether right answers betray members.")
        } else if attacked.confidences == nil {
            lines.append("The model's scores are no probabilities: no shadow model can be held against them.")
        }
        let rows = attacked.rows
        if rows.sharedNonMembers > 0 {
            lines.append(
                "\(Words.count(rows.sharedNonMembers, "test row")) also \(rows.sharedNonMembers == 1 ? "stands" : "stand") "
                    + "in the training data and took no part.")
        }
        if rows.repeatedMembers + rows.repeatedNonMembers > 0 {
            let repeated = rows.repeatedMembers + rows.repeatedNonMembers
            lines.append(
                "\(Words.count(repeated, "row")) that \(repeated == 1 ? "repeats" : "repeat") another row of the same file "
                    + "took no part.")
        }
        if isShifted { lines.append(shiftSentence) }
        return lines
    }

    private var shiftSentence: String {
        "Training and test rows differ without the model (AUC \(Words.number(shift?.ranks.area, shift?.interval))): "
            + "these figures may come from shift, not memory."
    }

    func attacker(_ leak: MembershipLeak?) -> [String] {
        guard let leak else { return [] }
        let means: String
        switch leak.result.identifier {
        case GapAttack.identifier: means = "Somebody who knows a person's record and sees only decisions"
        case LossThreshold.identifier: means = "Somebody who knows a person's record and sees the model's scores"
        default:
            means = "Somebody who knows a person's record, sees the model's scores and has data like the training data"
        }
        let doubt = isShifted ? " The two sets of records differ by themselves, which may account for a part." : ""
        return [
            "\(means) can tell for \(Words.percent(leak.point.truePositiveRate)) of the training records that they were "
                + "used, while being wrong about only 1 in \(leak.oneIn) others.\(doubt)"
        ]
    }

    // MARK: Findings

    func recognised(_ leak: MembershipLeak) -> Finding {
        let measured: Severity = leak.lift >= 10 ? .high : leak.lift >= 3 ? .medium : .low
        var evidence: [Evidence] = [
            .metric(
                Metric(
                    leak.metric, leak.point.truePositiveRate, low: leak.interval.low, high: leak.interval.high,
                    n: leak.point.members, group: leak.result.group, note: leak.point.note)),
            .text("p \(Words.pValue(leak.adjusted)), exact, after Holm over attacks and rates"),
        ]
        if isShifted { evidence.append(.text(shiftSentence)) }
        return probe.finding(
            "members_recognised", isShifted ? min(measured, .medium) : measured,
            "\(Words.percent(leak.point.truePositiveRate)) of the training rows can be recognised while 1 in "
                + "\(leak.oneIn) others is accused (\(leak.result.title))",
            evidence: evidence,
            remedy: "Make the model remember less: fewer or smaller trees, larger leaves, early stopping, or training "
                + "with differential privacy. Round scores or give labels only to those who need no more.",
            about: subject)
    }

    /// Members stand out on average, but no single one surely.
    var average: Finding? {
        let found = results.compactMap { result -> (MembershipResult, Double)? in
            result.evaluation?.areaPValue.map { (result, $0) }
        }
        let adjusted = HypothesisTests.holm(found.map(\.1))
        let leaks = zip(found, adjusted).filter { found, adjusted in
            adjusted < probe.alpha && (found.0.evaluation?.area ?? 0) > 0.55
        }
        guard let worst = leaks.max(by: { ($0.0.0.evaluation?.area ?? 0) < ($1.0.0.evaluation?.area ?? 0) })?.0.0,
            let evaluation = worst.evaluation
        else { return nil }
        let span = evaluation.areaInterval
        return probe.finding(
            "members_stand_out", .low,
            "Training rows stand out on average (AUC \(Words.number(evaluation.area, span)), \(worst.title)), "
                + "though no single one for sure",
            evidence: [
                .metric(
                    Metric(
                        "membership.auc", evaluation.area, low: span?.low, high: span?.high,
                        n: evaluation.members + evaluation.nonMembers, group: worst.group, note: "DeLong 95 %"))
            ] + (isShifted ? [.text(shiftSentence)] : []),
            remedy: "Compare the loss on training and test rows, and regularise until they are alike.", about: subject)
    }

    /// Members and non-members come from different distributions.
    var shiftFinding: Finding? {
        guard isShifted, let shift else { return nil }
        return probe.finding(
            "shift", .low,
            "Training and test rows can be told apart without the model (AUC "
                + "\(Words.number(shift.ranks.area, shift.interval))): membership figures may come from shift, not memory",
            evidence: [
                .metric(
                    Metric(
                        "membership.shift_auc", shift.ranks.area, low: shift.interval?.low, high: shift.interval?.high,
                        n: shift.count, note: "DeLong 95 %"))
            ],
            remedy:
                "Split training and test rows at random for this probe, or give test rows of the same time and source.",
            about: subject)
    }

    /// Rows that stand in both files.
    var sharedFinding: Finding? {
        let shared = attacked.rows.sharedNonMembers
        guard shared > 0 else { return nil }
        return probe.finding(
            "shared_rows", .info,
            "\(Words.count(shared, "test row")) of \(subject.test.count) also "
                + "\(shared == 1 ? "stands" : "stand"), label and all, in the training data",
            evidence: [
                .metric(Metric("membership.shared_rows", Double(shared), n: subject.test.count))
            ],
            remedy: "Check how the files were split; what was measured on these test rows is too good.", about: subject)
    }
}
