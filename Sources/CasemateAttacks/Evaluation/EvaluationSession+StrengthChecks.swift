import CasemateCore

extension EvaluationSession {
    var strongerIsBetter: EvaluationCheck {
        var parts: [String] = []
        var isMissed = false
        for (name, tally) in [("one step (fgsm)", facts.singleStep), ("random points", facts.noise)] {
            guard let tally else { continue }
            parts.append("\(name) break \(tally.broken)")
            isMissed = isMissed || tally.broken > 0
        }
        if let tally = facts.blackBox {
            parts.append("attacks by scores (square) \(tally.broken)")
            // why: AutoAttack's own flag, 0.2 points.
            isMissed = isMissed || Double(tally.broken) > 0.002 * Double(max(1, tally.of))
        }
        guard !parts.isEmpty else { return missing(.strongerIsBetter) }
        let detail =
            "of the \(gradientSurvivors.count) right samples that gradient attacks as asked left over, "
            + parts.joined(separator: ", ")
        return EvaluationCheck(.strongerIsBetter, isMissed ? .failed : .passed, detail)
    }

    var convergence: EvaluationCheck {
        guard let found = facts.convergence else { return missing(.convergence) }
        let points = Double(found.extra.broken) / Double(max(1, found.extra.of))
        var detail =
            "\(found.attack) with twice the steps from other starts, and Auto-PGD, break \(found.extra.broken) more "
            + "of \(found.extra.of) samples"
        var hasMoved = false
        if let movement = found.movement {
            hasMoved = movement >= 0.05 || found.isFlat
            detail +=
                found.isFlat
                ? "; the loss never moves on what is left"
                : "; in its last ten steps the loss moves \(Self.percent(movement)) of its range"
        } else if ledger.standing(checked).isEmpty {
            detail += "; nothing is left that more steps could break"
        }
        return EvaluationCheck(.convergence, points >= 0.005 || hasMoved ? .failed : .passed, detail)
    }

    var unbounded: EvaluationCheck {
        guard let tally = facts.unbounded else { return missing(.unbounded) }
        return EvaluationCheck(
            .unbounded, tally.broken == tally.of ? .passed : .failed,
            "gradient attacks without a bound that matters (eps \(Self.short(widest))) break \(tally.broken) of \(tally.of) "
                + "samples")
    }

    var diversity: EvaluationCheck {
        let hasScores =
            facts.members.contains { !$0.isGradient } || facts.blackBox != nil
        var parts: [String] = []
        var lacks: [String] = []
        if hasScores { parts.append("square asks for scores only") } else { lacks.append("an attack by scores") }
        if let decision = facts.decision {
            let closest = decision.median.map { ", median distance \(Self.short($0))" } ?? ""
            parts.append(
                "hop_skip_jump asks for labels only: it breaks \(decision.tally.broken) of \(decision.tally.of) samples "
                    + "within eps in \(decision.queries) queries\(closest)")
        } else {
            lacks.append("an attack by labels")
        }
        if let transfer = facts.transfer {
            parts.append("points of the surrogate break \(transfer.broken) of \(transfer.of)")
        } else if !subject.hasGradients {
            lacks.append("points carried over from a surrogate, where gradients are denied")
        }
        guard plan.runsChecks, epsilon > 0, !facts.isCut else { return missing(.diversity) }
        // why: no attack by labels or scores serves the number of changed values.
        if norm == .l0 || norm == .l1, facts.decision == nil, hasScores || norm == .l0 { lacks = [] }
        if parts.isEmpty { parts = ["no attack of another kind serves the norm \(norm.rawValue)"] }
        let detail =
            parts.joined(separator: "; ") + (lacks.isEmpty ? "" : "; missing: " + lacks.joined(separator: ", "))
        return EvaluationCheck(.diversity, lacks.isEmpty ? .passed : .failed, detail)
    }
}
