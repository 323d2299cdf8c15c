public import CasemateCore

/// Runs a white-box attack on a problem: checks the settings, has the originals judged, lets the attack search.
public struct RobustnessRun: Sendable {
    /// How oracle and judge are asked.
    public struct Options: Hashable, Sendable {
        /// Rows in one call of the oracle at most.
        public var batch: Int
        /// Gradients averaged for each step: more than one for models with randomness inside (expectation over
        /// transformation). Source: Athalye, Carlini, Wagner, ICML 2018.
        public var evaluations: Int
        /// How often each point is judged; it counts when most judgements reach the goal. Ten for models with
        /// randomness inside.
        public var judgements: Int
        /// Makes options; the defaults suit models without randomness.
        public init(batch: Int = 512, evaluations: Int = 1, judgements: Int = 1) {
            (self.batch, self.evaluations, self.judgements) = (batch, evaluations, judgements)
        }
        /// For models that answer the same row differently.
        public static let randomised = Options(evaluations: 20, judgements: 10)
    }
    /// The attack.
    public let attack: any WhiteBoxAttack
    /// How oracle and judge are asked.
    public let options: Options

    /// Makes a run.
    public init(attack: any WhiteBoxAttack, options: Options = Options()) {
        (self.attack, self.options) = (attack, options)
    }

    /// Attacks every sample of the problem.
    ///
    /// The oracle may be another model than the judge: what breaks a surrogate counts only when the judge agrees
    /// (transfer). Work that is out of time gives a partial result. The same problem, settings and seed give the same
    /// result wherever oracle and judge answer a row alike in every batch.
    /// - Throws: `CasemateError` for settings that make no sense or do not fit the model; `Cancelled` when interrupted;
    ///   what oracle and judge throw.
    public func run(
        _ problem: RobustnessProblem, oracle: any GradientOracle, judge: any Judge,
        context: RunContext = RunContext()
    ) throws -> RobustnessResult {
        try check(problem, oracle)
        let session = WhiteBoxSession(problem, oracle: oracle, judge: judge, options: options, context: context)
        var isPartial = false
        do {
            try session.judgeOriginals()
            // why: at radius 0 nothing can move, and the answer is the clean accuracy.
            if problem.set.epsilon != 0 { try session.run(attack) }
        } catch is RobustnessStop {
            isPartial = true
        } catch let cancelled as Cancelled {
            guard cancelled.reason == .outOfTime else { throw cancelled }
            isPartial = true
        }
        return result(session, isPartial: isPartial)
    }

    private func check(_ problem: RobustnessProblem, _ oracle: any GradientOracle) throws(CasemateError) {
        func refuse(_ place: String, _ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: place, what, help: help)
        }
        guard options.batch >= 1, options.evaluations >= 1, options.judgements >= 1 else {
            throw refuse("run", "\(options) makes no sense", "give numbers of at least 1")
        }
        guard oracle.sampleShape.reduce(1, *) == problem.size else {
            throw CasemateError(
                .mismatch, at: "data",
                "the model takes samples of \(oracle.sampleShape), the data have \(problem.shape)",
                help: "use the data that the model was made for")
        }
        let classes = 0..<Int32(clamping: oracle.classCount)
        guard oracle.classCount >= 2 else {
            throw refuse("model", "has \(oracle.classCount) classes", "give a classifier with two classes at least")
        }
        for (name, labels) in [("label", problem.labels), ("target", problem.targets ?? [])] {
            guard let wrong = labels.firstIndex(where: { !classes.contains($0) }) else { continue }
            throw CasemateError(
                .mismatch, at: "row \(wrong)",
                "\(name) \(labels[wrong]) is none of the model's \(oracle.classCount) classes",
                help: "number classes from 0 in the order of the model's outputs")
        }
    }

    private func result(_ session: WhiteBoxSession, isPartial: Bool) -> RobustnessResult {
        let problem = session.problem
        let wasJudged = session.predicted.count == problem.count
        let samples = (0..<problem.count).map { sample in
            let record = session.records[sample]
            let outcome = RobustnessResult.Outcome(
                isWrong: wasJudged && !session.isRight[sample], isBroken: record.row != nil, isPartial: isPartial,
                wasRefused: record.wasRefused)
            return RobustnessResult.Sample(
                identifier: problem.identifiers[sample], label: problem.labels[sample],
                predicted: wasJudged ? session.predicted[sample] : nil, outcome: outcome, brokenBy: record.brokenBy,
                adversarial: record.row, adversarialLabel: record.label,
                distance: outcome == .alreadyMisclassified ? 0 : record.distance,
                forwardPasses: record.forwardPasses, backwardPasses: record.backwardPasses,
                judgements: record.judgements)
        }
        let disagreements = wasJudged ? (0..<problem.count).count { disagrees(session, $0) } : 0
        return RobustnessResult(
            samples: samples, set: problem.set, disagreements: disagreements, isPartial: isPartial,
            settings: describe(session.context))
    }

    private func disagrees(_ session: WhiteBoxSession, _ sample: Int) -> Bool {
        guard session.cleanLogits.count == session.problem.count * session.classCount else { return false }
        return Logits.label(session.cleanLogits, sample, session.classCount) != session.predicted[sample]
    }

    private func describe(_ context: RunContext) -> [String: String] {
        var all = attack.settings
        all["attack"] = type(of: attack).identifier
        all["seed"] = String(context.seed)
        if options.evaluations != 1 { all["evaluations"] = String(options.evaluations) }
        if options.judgements != 1 { all["judgements"] = String(options.judgements) }
        return all
    }
}
