extension EvaluationTopic {
    /// What to distrust when the check failed, and what to do.
    var remedy: String {
        switch self {
        case .threatModel:
            "distrust every rate until the radius is settled: give eps in the units of the model's own input"
        case .cleanAccuracy:
            "distrust attack rates: the gradients belong to another function than the file computes; report the file"
        case .radiusZero:
            "distrust accuracy at every eps: attacks fail even where any image can be reached; look at the checks on "
                + "gradients"
        case .strongerIsBetter:
            "distrust the gradient attacks: weaker ones found what they missed; add Square and HopSkipJump, use margin "
                + "losses, more starts, or averaged gradients"
        case .convergence:
            "distrust the robust accuracy as too high: double steps and restarts until it no longer falls"
        case .gradients:
            "distrust attacks on cross-entropy: use losses on the logits' differences (apgd-dlr, apgd-t, pgd with the "
                + "margin loss)"
        case .probabilities:
            "distrust gradient attacks: export the model so that it shows its logits, or use attacks by scores"
        case .roughOperators:
            "distrust plain gradients: attack with straight-through gradients (steps: .straightThrough) and with Square"
        case .randomness:
            "distrust single answers: average gradients over 20 runs, judge by most of 10, and fix seeds"
        case .statefulGraph:
            "distrust the absence of gradient attacks: attack the graph without its branches, or by scores and labels"
        case .bestPoint: "report this as a defect of Casemate"
        case .recheck:
            "distrust the points left out: run on one machine with one version of ONNX Runtime, and report this"
        case .unbounded:
            "distrust every robust sample: an attack that fails without a bound fails for reasons of its own; look at "
                + "the checks on gradients"
        case .localNoise:
            "distrust single gradients: average them over small random changes, and use attacks by scores"
        case .lossChoice: "use the margin loss"
        case .diversity:
            "distrust the rate as that of one kind of attack: add Square (scores), HopSkipJump (labels), and where "
                + "gradients are denied an attack carried over from a surrogate"
        case .intervals: "use more samples"
        case .domain:
            "distrust the number of successes as too low: the search did not know the domain; use the evasion search of "
                + "'casemate audit' for tables"
        case .detectors: "attack model and detector together and report the ROC curve"
        case .wording: "call samples robust only where a proof says so"
        case .reproduction: "keep the report"
        case .smoothing: "certify by sampling, with a stated failure probability"
        }
    }
}
