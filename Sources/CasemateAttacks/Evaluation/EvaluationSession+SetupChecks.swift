import CasemateCore

extension EvaluationSession {
    var threatModel: EvaluationCheck {
        let set = problem.set
        let goal = problem.targets == nil ? "any wrong label" : "a given label"
        let knowledge = subject.hasGradients ? "gradients of the file" : "scores and labels"
        let stated =
            "\(norm.rawValue), eps \(Self.short(epsilon)), values in \(set.low)...\(set.high), goal \(goal), the "
            + "attacker knows \(knowledge), queries are not limited"
        func question(_ what: String) -> EvaluationCheck {
            EvaluationCheck(.threatModel, .failed, "\(stated); \(what)")
        }
        let (low, high) = (problem.rows.min() ?? 0, problem.rows.max() ?? 0)
        let range = Double(high) - Double(low)
        let bounds = norm.diameter(width: range, count: problem.size)
        if epsilon > 0, norm != .l0, epsilon >= bounds {
            return question("eps is beyond the data, which span \(low)...\(high)")
        }
        let width = Double(set.high) - Double(set.low)
        guard norm == .linf, width.isFinite, epsilon > 0 else { return passed(stated) }
        if epsilon >= width / 2 { return question("within it every sample can become the middle of the box") }
        let isImage = problem.shape.count > 1 && [1, 2, 255].contains(width)
        if isImage, epsilon < width / 255 * 0.999 {
            return question("eps is less than one grey level (\(Self.short(width / 255)))")
        }
        return passed(stated)
    }

    private func passed(_ stated: String) -> EvaluationCheck {
        EvaluationCheck(.threatModel, .passed, stated + "; a radius beyond the box is refused")
    }

    var cleanAccuracy: EvaluationCheck {
        let (right, disagreements) = (ledger.right.count, ledger.disagreements)
        let asked = ledger.records.count { $0.predicted != nil }
        guard asked > 0 else { return missing(.cleanAccuracy, "not looked at: time was over") }
        let detail =
            "the file itself labels \(right) of \(asked) samples rightly (\(asked - right) count as failed from "
            + "the start), and what is attacked labels \(asked - disagreements) of \(asked) as it does"
        // why: two compiled forms of one graph may break a tie of logits differently, once in a while.
        let isOdd = !facts.isRandom && disagreements > max(1, asked / 100)
        return EvaluationCheck(.cleanAccuracy, isOdd ? .failed : .passed, detail)
    }

    var radiusZero: EvaluationCheck {
        guard let first = curve.first, let last = curve.last else {
            return EvaluationCheck(
                .radiusZero, .passed, "at eps 0 the run gives the clean accuracy by construction; no curve was drawn")
        }
        let detail =
            "accuracy falls from \(first.share.count) of \(first.share.total) at eps \(Self.short(first.epsilon)) "
            + "to \(last.share.count) at \(Self.short(last.epsilon)); every sample counts with its closest point, so the "
            + "curve cannot rise"
        let chance = Double(last.share.total) / Double(max(1, subject.oracle.classCount))
        let isComplete = last.epsilon >= widest || last.share.count == 0
        let isLow = Double(last.share.count) <= chance
        guard isComplete, subject.hasGradients, plan.curveEpsilons == nil, !facts.isCut else {
            return EvaluationCheck(.radiusZero, .passed, detail)
        }
        return EvaluationCheck(.radiusZero, isLow ? .passed : .failed, detail)
    }

    var bestPoint: EvaluationCheck {
        let count = ledger.records.count { $0.point != nil }
        return EvaluationCheck(
            .bestPoint, .passed,
            "every point that an attack asks about is looked at and the first success (in search of the smallest "
                + "perturbation the closest) is kept: \(count) points")
    }

    var recheckFinding: EvaluationCheck {
        guard let tally = facts.recheck else { return missing(.recheck, "not looked at: time was over") }
        let times = options.judgements > 1 ? " \(options.judgements) times" : ""
        let detail =
            "\(tally.of) adversarial points were given to the deployed model once more\(times), in its own number "
            + "format and inside eps and box without slack; \(tally.broken) did not hold and were dropped"
        return EvaluationCheck(.recheck, tally.broken == 0 ? .passed : .failed, detail)
    }

    var lossChoice: EvaluationCheck {
        let classes = subject.oracle.classCount
        let targets = min(9, classes - 1)
        let losses: String
        switch classes {
        case 2: losses = "margin and difference of two logits; the ratio of logits needs three"
        case 3:
            losses = "cross-entropy, margin and DLR; targeted DLR needs four and is replaced by a difference of logits"
        default: losses = "cross-entropy, margin, DLR and targeted DLR"
        }
        return EvaluationCheck(
            .lossChoice, .passed,
            "\(classes) classes: \(losses); \(targets) target\(targets == 1 ? "" : "s") at most")
    }

    var intervals: EvaluationCheck {
        let share = RobustnessResult.Share(ledger.records.count { $0.isRight && $0.point == nil }, of: problem.count)
        let interval = share.interval ?? Interval(0, 1)
        return EvaluationCheck(
            .intervals, .passed,
            "\(share.count) of \(share.total) samples are right under attack, Wilson 95 % interval "
                + "\(Self.percent(interval.low)) to \(Self.percent(interval.high))")
    }

    var domain: EvaluationCheck {
        guard plan.domain != nil else {
            return EvaluationCheck(
                .domain, .notApplicable, "no constraints were given: every value of the box is taken for possible")
        }
        let points = ledger.records.count { $0.point != nil }
        return EvaluationCheck(
            .domain, ledger.unlawful == 0 ? .passed : .failed,
            "\(points) reported points obey the constraints; \(ledger.unlawful) that fooled the model did not and are no "
                + "successes")
    }

    var wording: EvaluationCheck {
        let left = ledger.records.count { $0.isRight && $0.point == nil }
        return EvaluationCheck(
            .wording, .passed,
            "\(left) samples are reported as '\(RobustnessResult.Outcome.notBroken.rawValue)', which proves nothing: rates "
                + "are upper bounds")
    }

    var reproduction: EvaluationCheck {
        let model = subject.settings["model.sha256"].map { ", model SHA-256 \($0.prefix(12))…" } ?? ""
        return EvaluationCheck(
            .reproduction, .passed, "seed \(context.seed), every setting of \(ledger.summaries.count) runs\(model)")
    }

    var statefulGraph: EvaluationCheck {
        if !subject.branches.isEmpty {
            return EvaluationCheck(
                .statefulGraph, .failed,
                "the graph branches or loops: \(Self.list(subject.branches)); gradient attacks are refused")
        }
        guard subject.hasGradients else {
            return EvaluationCheck(.statefulGraph, .notApplicable, "no gradient goes through the model")
        }
        return EvaluationCheck(.statefulGraph, .passed, "the graph has no branches, no loops and no state between rows")
    }
}
