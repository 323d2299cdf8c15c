import CasemateModels

extension EvaluationSession {
    var gradients: EvaluationCheck {
        guard let found = facts.gradients else { return missing(.gradients) }
        var detail =
            "of \(found.samples) samples \(found.zero) have a zero gradient of the cross-entropy, \(found.broken) "
            + "one that is no number, \(found.zeroMargin) a zero gradient of the margin; for \(found.saturated) the "
            + "label's probability rounds to 1"
        detail += adaptation(to: .gradients)
        let isMasked = found.hasZeros || 2 * found.saturated > found.samples
        let isDead = found.zeroMargin == found.samples
        return EvaluationCheck(
            .gradients, isMasked ? .failed : .passed, detail,
            remedy: isDead
                ? "distrust every gradient attack: none can see anything; let gradients straight through the steps, or use "
                    + "attacks by scores and labels" : nil)
    }

    var probabilities: EvaluationCheck {
        if subject.usesLogarithms || facts.gradients?.areProbabilities == true {
            let what =
                subject.usesLogarithms ? "logarithms of probabilities, as the graph shows no logits" : "probabilities"
            return EvaluationCheck(.probabilities, .failed, "what is attacked are \(what)")
        }
        if !subject.hasGradients {
            let kind = subject.kind?.rawValue ?? "scores"
            return EvaluationCheck(
                .probabilities, .notApplicable, "the model answers with \(kind); no gradient attack uses them")
        }
        if let tail = subject.removedTail {
            return EvaluationCheck(
                .probabilities, .passed, "the graph ends in \(tail); the logits before it are attacked")
        }
        return EvaluationCheck(.probabilities, .passed, "the outputs are logits: not all lie in 0...1 with sum 1")
    }

    var roughOperators: EvaluationCheck {
        guard subject.hasGradients else { return missing(.roughOperators, "no gradient goes through the model") }
        guard !subject.steps.isEmpty else {
            return EvaluationCheck(.roughOperators, .passed, "no operator rounds, compares or picks on the way")
        }
        var detail = "the graph has operators that move in steps: \(Self.list(subject.steps))"
        if let reason = facts.straightThroughError {
            detail += "; gradients could not be let through: \(reason)"
        } else if subject.straightThrough == nil {
            detail += "; gradients were not let through them, only attacks by scores and labels see past them"
        }
        return EvaluationCheck(.roughOperators, .failed, detail + adaptation(to: .roughOperators))
    }

    var randomness: EvaluationCheck {
        guard let difference = facts.randomness else { return missing(.randomness, "not looked at: time was over") }
        var detail = "logits of five runs differ by \(Self.short(difference)) of the largest at most"
        if !subject.randomOperators.isEmpty { detail += "; the graph has \(Self.list(subject.randomOperators))" }
        if facts.isRandom { detail += "; a point counts when most of \(options.judgements) answers are wrong" }
        return EvaluationCheck(
            .randomness, facts.isRandom ? .failed : .passed, detail + adaptation(to: .randomness))
    }

    var localNoise: EvaluationCheck {
        guard let noise = facts.localNoise else { return missing(.localNoise) }
        let detail =
            "at 100 random points within a tenth of eps around each of \(noise.samples) samples the gradient leaves "
            + "\(Self.percent(noise.share)) of the margin unexplained (\(Self.percent(EvaluationMeasurements.noiseLimit)) "
            + "are tolerated)"
        return EvaluationCheck(
            .localNoise, facts.isNoisy ? .failed : .passed, detail + adaptation(to: .localNoise))
    }
}
