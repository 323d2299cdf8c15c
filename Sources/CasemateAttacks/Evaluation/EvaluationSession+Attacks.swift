import CasemateCore

extension EvaluationSession {
    /// The attacks as they run: AutoAttack taken apart, so that each member's share is known.
    var members: [any WhiteBoxAttack] {
        (plan.attacks ?? standard).flatMap { attack in (attack as? AutoAttack)?.members ?? [attack] }
    }

    private var standard: [any WhiteBoxAttack] {
        if !subject.hasGradients { return [SquareAttack()] }
        if !AutoAttack.norms.contains(norm) { return [FastMinimumNorm()] }
        return [AutoAttack(version: facts.isRandom ? .randomised : .standard)]
    }

    /// The members that use gradients.
    var gradientMembers: [any WhiteBoxAttack] { members.filter { type(of: $0).access == .gradients } }

    /// Runs the attacks that were asked for, each on what those before left over.
    func attack() throws {
        let way = EvaluationLedger.Way(oracle: oracle, options: options)
        for member in members {
            let broken = try ledger.run(member, way, on: ledger.standing(ledger.right))
            facts.members.append(
                .init(
                    identifier: type(of: member).identifier, isGradient: type(of: member).access == .gradients,
                    usesCrossEntropy: Self.usesCrossEntropy(member), broken: broken))
        }
    }

    /// Right samples that the gradient attacks asked for left over, whatever others did with them.
    var gradientSurvivors: [Int] {
        let broken = facts.members.filter(\.isGradient).reduce(into: Set<Int>()) { $0.formUnion($1.broken) }
        return ledger.right.filter { !broken.contains($0) }
    }

    private static func usesCrossEntropy(_ attack: any WhiteBoxAttack) -> Bool {
        switch attack {
        case let descent as ProjectedGradientDescent: descent.loss == .crossEntropy
        case is AutoPGDCrossEntropy, is FastGradientSign, is MomentumIterative: true
        default: false
        }
    }

    /// Attacks again where the model hides its gradients, each way taking into account what was seen.
    func adapt() throws {
        guard subject.hasGradients else { return }
        if facts.gradients?.blindsCrossEntropy == true { try useScaleFreeLosses() }
        if !subject.steps.isEmpty { try letStepsThrough() }
        if facts.isRandom {
            try averageGradients()
        } else if facts.isNoisy {
            try smoothGradients()
        }
    }

    /// Cross-entropy is blind where the softmax is saturated: differences of logits are not.
    private func useScaleFreeLosses() throws {
        let blind = facts.members.filter(\.usesCrossEntropy)
        let broken = blind.reduce(into: Set<Int>()) { $0.formUnion($1.broken) }
        let left = ledger.right.filter { !broken.contains($0) }
        guard !blind.isEmpty, !left.isEmpty else { return }
        let attacks: [any WhiteBoxAttack] = [
            AutoPGDLogitsRatio(), ProjectedGradientDescent(steps: 40, loss: .margin),
        ]
        try compareAttacks(attacks, check: .gradients, change: "losses on differences of logits", on: left)
    }

    /// Lets gradients straight through operators that move in steps.
    private func letStepsThrough() throws {
        guard let load = subject.straightThrough else { return }
        do {
            oracle = try load()
        } catch let error as CasemateError {
            facts.straightThroughError = error.what
            return
        }
        try compareAttacks(
            adaptedMembers, check: .roughOperators, change: "straight-through gradients", on: gradientSurvivors)
    }

    /// Averages gradients over the model's randomness.
    private func averageGradients() throws {
        let left = ledger.standing(gradientSurvivors)
        options = .randomised
        try compareAttacks(
            adaptedMembers, check: .randomness, change: "\(options.evaluations) gradients averaged", on: left)
    }

    /// Averages gradients over small changes of the samples, where single ones say little.
    private func smoothGradients() throws {
        let norms = [PerturbationSet.Norm.linf: 1.0, .l2: 1 / Double(problem.size).squareRoot()]
        guard let share = norms[norm] else { return }
        let smoothed = SmoothedOracle(inner: oracle, spread: Float(epsilon * share / 10))
        (oracle, gradientCost) = (smoothed, smoothed.times)
        try compareAttacks(
            adaptedMembers, check: .localNoise, change: "gradients averaged over small changes",
            on: ledger.standing(gradientSurvivors))
    }

    /// Gradient attacks with a radius that were asked for; Auto-PGD where there is none.
    private var adaptedMembers: [any WhiteBoxAttack] {
        let asked = gradientMembers.filter { type(of: $0).needsRadius && !($0 is FastGradientSign) }
        if !asked.isEmpty { return asked }
        return [AutoPGDCrossEntropy(), AutoPGDLogitsRatio()]
    }

    /// Runs changed attacks on samples that withstood the unchanged ones, and notes both figures.
    private func compareAttacks(
        _ attacks: [any WhiteBoxAttack], check: EvaluationTopic, change: String, on samples: [Int]
    ) throws {
        let served = attacks.filter { type(of: $0).norms.contains(norm) }
        guard !served.isEmpty, !samples.isEmpty else { return }
        let way = EvaluationLedger.Way(
            oracle: oracle, options: options, role: .adapted, variant: change, gradientCost: gradientCost)
        var left = samples
        for attack in served {
            let broken = try ledger.run(attack, way, on: left)
            left.removeAll { broken.contains($0) }
        }
        facts.adaptations.append(
            EvaluationResult.Adaptation(
                check: check.rawValue, change: change, attacks: served.map { type(of: $0).identifier },
                samples: ledger.right.count, withstoodBefore: samples.count, withstoodAfter: left.count))
    }
}
