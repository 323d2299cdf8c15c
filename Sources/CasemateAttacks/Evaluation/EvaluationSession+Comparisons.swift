import CasemateCore

extension EvaluationSession {
    /// A way for checks that ask the model as it is, without what masking called for.
    private var plain: EvaluationLedger.Way {
        var options = options
        options.evaluations = 1
        return .init(oracle: subject.oracle, options: options, role: .check)
    }
    /// A way for checks that take masking into account.
    private func adapted(_ variant: String? = nil, seedOffset: UInt64 = 0) -> EvaluationLedger.Way {
        .init(
            oracle: oracle, options: options, role: .check, variant: variant, seedOffset: seedOffset,
            gradientCost: gradientCost)
    }
    private func serves(_ attack: any WhiteBoxAttack) -> Bool { type(of: attack).norms.contains(norm) }

    /// Tries attacks that know or do less than gradient attacks on what those left over.
    func compare() throws {
        guard subject.hasGradients, !gradientMembers.isEmpty else { return }
        let chosen = Set(checked)
        let left = gradientSurvivors.filter(chosen.contains)
        func tally(_ attack: any WhiteBoxAttack) throws -> EvaluationMeasurements.Tally? {
            guard serves(attack) else { return nil }
            return .init(broken: try ledger.run(attack, plain, on: left).count, of: checked.count)
        }
        if gradientMembers.contains(where: { !($0 is FastGradientSign) }) {
            facts.singleStep = try tally(FastGradientSign())
        }
        facts.noise = try tally(UniformNoise())
        let blind = facts.members.filter { !$0.isGradient }
        if let square = blind.first(where: { $0.identifier == SquareAttack.identifier }) {
            facts.blackBox = .init(broken: square.broken.count, of: ledger.right.count)
        } else {
            facts.blackBox = try tally(SquareAttack(queries: blackBoxQueries(left.count), isScheduleRescaled: true))
        }
    }

    /// About as many queries as gradient attacks had passes, in bounds.
    private func blackBoxQueries(_ samples: Int) -> Int {
        let passes = ledger.summaries.filter { $0.role == .attack }
            .reduce(0) { $0 + $1.forwardPasses + $1.backwardPasses }
        return min(max(passes / max(1, samples), 200), 1_000)
    }

    /// Attacks what is left for longer, from other starts, and watches the loss.
    func converge() throws {
        guard subject.hasGradients else { return }
        let left = ledger.standing(checked)
        let attack = gradientMembers.reversed().lazy.compactMap { $0.doubled }.first ?? AutoPGDLogitsRatio()
        guard serves(attack), !checked.isEmpty else { return }
        let broken = try ledger.run(attack, adapted("twice the steps", seedOffset: 1), on: left)
        var found = EvaluationMeasurements.Convergence()
        found.attack = type(of: attack).identifier
        found.extra = .init(broken: broken.count, of: checked.count)
        // why: losses of a model with randomness inside never settle.
        if !facts.isRandom, norm != .l0 { try watch(ledger.standing(left), &found) }
        facts.convergence = found
    }

    /// Follows the loss of Auto-PGD on samples that nothing broke.
    private func watch(_ samples: [Int], _ found: inout EvaluationMeasurements.Convergence) throws {
        var left = samples
        // why: a row that leaves on the way has no whole history; mostly none does.
        for _ in 0..<3 where !left.isEmpty && left.count <= 512 {
            let recorder = LossRecorder(oracle)
            var way = adapted("loss watched")
            way.oracle = recorder
            way.options.batch = 512
            let broken = try ledger.run(AutoPGDLogitsRatio(steps: steps, restarts: 1), way, on: left)
            found.extra.broken += broken.count
            if broken.isEmpty, let movement = recorder.movement(rows: left.count) {
                (found.movement, found.isFlat) = (movement.share, movement.isFlat)
                return
            }
            left.removeAll { broken.contains($0) }
        }
    }

    /// Steps of the gradient attacks that were asked for.
    private var steps: Int {
        gradientMembers.compactMap { $0.settings["steps"].flatMap { Int($0) } }.max().map { min(max($0, 20), 100) }
            ?? 100
    }

    /// Tries adversarial points of another model.
    func carryOver() throws {
        guard let surrogate = subject.surrogate else { return }
        let attack: any WhiteBoxAttack = norm == .l1 ? AutoPGDLogitsRatio() : MomentumIterative()
        guard serves(attack) else { return }
        var way = plain
        (way.oracle, way.variant) = (surrogate, "from the surrogate")
        let left = ledger.standing(checked)
        facts.transfer = .init(broken: try ledger.run(attack, way, on: left).count, of: left.count)
    }

    /// Attacks without a bound that means anything, with plain gradients and losses that do not saturate.
    func unbind() throws {
        guard subject.hasGradients, !checked.isEmpty else { return }
        let widest = widest
        var left = checked
        let attacks: [any WhiteBoxAttack] = [
            ProjectedGradientDescent(steps: 40, restarts: 1, loss: .margin), AutoPGDLogitsRatio(steps: 50, restarts: 1),
            FastMinimumNorm(),
        ]
        for attack in attacks where serves(attack) {
            let radius = type(of: attack).needsRadius ? widest : nil
            let broken = try ledger.run(attack, plain, on: left, epsilon: radius)
            left.removeAll { broken.contains($0) }
        }
        facts.unbounded = .init(broken: checked.count - left.count, of: checked.count)
    }

    /// The distance of the two points of the box, or of the data's range, that are furthest apart.
    var widest: Double {
        var (low, high) = (problem.set.low, problem.set.high)
        if !low.isFinite || !high.isFinite {
            (low, high) = (problem.rows.min() ?? 0, problem.rows.max() ?? 0)
        }
        return norm.diameter(width: Double(high) - Double(low), count: problem.size)
    }
}

extension WhiteBoxAttack {
    /// The attack with twice its steps; `nil` for attacks of another kind.
    fileprivate var doubled: (any WhiteBoxAttack)? {
        switch self {
        case is ProjectedGradientDescent, is MomentumIterative, is AutoPGDCrossEntropy, is AutoPGDLogitsRatio,
            is AutoPGDTargeted, is FastMinimumNorm:
            return (self as? any StepwiseAttack)?.stepping { min($0, .max / 2) * 2 }
        case is FastGradientSign: return ProjectedGradientDescent()
        default: return nil
        }
    }
}
