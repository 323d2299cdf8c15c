public import CasemateCore
public import CasemateData

/// Runs an attack on a problem: checks the settings, lets the attack search, polishes, and checks every adversarial row
/// from scratch.
public struct EvasionRun: Sendable {
    /// What a run may spend. None of these changes what is found, unless it cuts the search short.
    public struct Limits: Hashable, Sendable {
        /// Queries for one sample, the first look at the original and the polish included, the re-check not.
        public var maxQueriesPerSample: Int
        /// When to stop; what was found by then is kept. The re-check still runs.
        public var deadline: ContinuousClock.Instant?
        /// Rows in one call of the oracle at most.
        public var batch: Int
        /// Makes limits; the defaults are no limit at all, and calls that stay in the processor's cache.
        public init(maxQueriesPerSample: Int = .max, deadline: ContinuousClock.Instant? = nil, batch: Int = 4_096) {
            (self.maxQueriesPerSample, self.deadline, self.batch) = (maxQueriesPerSample, deadline, batch)
        }
    }
    /// What a run makes small.
    public enum Objective: String, Hashable, Sendable, Codable, CaseIterable {
        /// The distance in the norm of the run.
        case distance
        /// What the feature space says that the change costs.
        case cost
    }
    /// The attack.
    public let attack: any EvasionAttack
    /// How distances are measured and minimised.
    public let norm: FeatureSpace.Norm
    /// What the run may spend.
    public let limits: Limits
    /// What follows the attack to make its rows sparser and closer; `nil` leaves them as they are.
    public let polish: EvasionPolish?
    /// What the attack may see of the model.
    public let access: EvasionAccess
    /// What is made small.
    public let objective: Objective

    /// Makes a run.
    /// - Parameter access: `nil` is the least that the attack has to see.
    public init(
        attack: any EvasionAttack = HopSkipJump(), norm: FeatureSpace.Norm = .l2, limits: Limits = Limits(),
        polish: EvasionPolish? = EvasionPolish(), access: EvasionAccess? = nil, objective: Objective = .distance
    ) {
        (self.attack, self.norm, self.limits, self.polish) = (attack, norm, limits, polish)
        (self.access, self.objective) = (access ?? type(of: attack).access, objective)
    }

    /// Attacks every row of the problem.
    ///
    /// The same problem, settings and seed give the same result at any batch size. Work that is out of time (by
    /// `limits.deadline` or a token cancelled as out of time) gives a partial result.
    /// - Parameters:
    ///   - oracle: The model; a `ScoringOracle` where the attack sees scores.
    ///   - gradients: The model's gradients over the same rows, where the attack sees them.
    /// - Throws: `CasemateError` for settings that make no sense, and with `unsupported` for an attack that has to see
    ///   more than it may; `Cancelled` when interrupted; what the oracle throws.
    public func run(
        _ problem: EvasionProblem, oracle: any DecisionOracle, gradients: (any GradientOracle)? = nil,
        context: RunContext = RunContext()
    ) throws -> EvasionResult {
        try check(problem, oracle)
        try checkAccess(oracle, gradients)
        let session = EvasionSession(problem, oracle: oracle, gradients: gradients, run: self, context: context)
        var isPartial = false
        do {
            try session.judgeOriginals()
            try attack.search(in: session)
            if let polish, !type(of: attack).isPolished { try polish.improve(session) }
        } catch is EvasionStop {
            isPartial = true
        } catch let cancelled as Cancelled {
            guard cancelled.reason == .outOfTime else { throw cancelled }
            isPartial = true
        }
        return try recheck(session, isPartial: isPartial)
    }

    private func check(_ problem: EvasionProblem, _ oracle: any DecisionOracle) throws(CasemateError) {
        func refuse(_ place: String, _ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: place, what, help: help)
        }
        guard limits.maxQueriesPerSample >= 1 else {
            throw refuse("queries", "a sample may make \(limits.maxQueriesPerSample) queries", "allow at least one")
        }
        guard (1...32_768).contains(limits.batch) else {
            throw refuse("batch", "a call of \(limits.batch) rows is not served", "give 1 to 32768")
        }
        guard oracle.featureCount == problem.space.features.count else {
            throw CasemateError(
                .mismatch, at: "model",
                "takes \(oracle.featureCount) features, the rows have \(problem.space.features.count)",
                help: "use the columns that the model was trained on")
        }
        try polish?.check()
    }

    private func checkAccess(
        _ oracle: any DecisionOracle, _ gradients: (any GradientOracle)?
    ) throws(CasemateError) {
        let type = type(of: attack)
        func refuse(_ what: String, _ help: String) -> CasemateError {
            CasemateError(.unsupported, at: type.identifier, what, help: help)
        }
        guard type.access <= access else {
            throw refuse(
                "needs \(type.access.rawValue), and access is declared as '\(access.rawValue)'",
                "declare access to \(type.access.rawValue), or use an attack by \(access.rawValue)")
        }
        guard type.access != .scores || oracle is any ScoringOracle else {
            throw refuse("needs scores, and the model answers labels only", "use an attack by labels")
        }
        guard type.access < .gradients || gradients != nil else {
            throw refuse("needs gradients, and the model gives none", "use an attack by scores or labels")
        }
        guard type.norms.contains(norm) else {
            throw CasemateError(
                .invalidSetting, at: "\(type.identifier).norm", "'\(norm.rawValue)' is not served",
                help: "use \(type.norms.map { "'\($0.rawValue)'" }.joined(separator: " or "))")
        }
    }

    /// Scores every best row anew in a call of its own, tests its constraints with the independent checker, measures
    /// it, and drops what does not survive.
    private func recheck(_ session: EvasionSession, isPartial: Bool) throws -> EvasionResult {
        let problem = session.problem
        let width = problem.space.features.count
        let found = (0..<session.count).filter { session.bestDistance[$0].isFinite }
        var labels: [Int: Int32] = [:]
        for start in stride(from: 0, to: found.count, by: limits.batch) {
            let part = found[start..<min(start + limits.batch, found.count)]
            let answers = try session.oracle.decide(
                part.flatMap { Array(session.bestRow.row($0, width)) }, count: part.count)
            for (sample, answer) in zip(part, answers) { labels[sample] = answer }
        }
        let samples = (0..<session.count).map { sample in
            let before = Array(problem.originals[row: sample])
            let row = Array(session.bestRow.row(sample, width))
            var outcome = EvasionResult.Outcome.notFound
            if session.reachedAtStart.contains(sample) { return judgedAtStart(session, sample, before) }
            if isPartial { outcome = .unfinished }
            if session.hasJudgedOriginals, !session.canMove(sample) { outcome = .notFound }
            if session.bestDistance[sample].isFinite {
                let isReached = labels[sample].map { problem.goals[sample].isReached(by: $0) } ?? false
                let isLawful = problem.space.violations(of: row, from: before).isEmpty
                outcome = isReached && isLawful ? .found : .discarded
            }
            let isFound = outcome == .found
            return EvasionResult.Sample(
                identifier: problem.identifiers[sample], outcome: outcome,
                distance: isFound ? problem.space.distance(norm, from: before, to: row) : .infinity,
                changed: isFound ? problem.space.changes(from: before, to: row).count : 0,
                cost: isFound ? problem.space.cost(from: before, to: row) : .infinity,
                queries: session.queries[sample], unrepairable: session.unrepairable[sample],
                row: isFound ? row : nil, label: isFound ? labels[sample] : nil)
        }
        return EvasionResult(
            samples: samples, norm: norm, objective: objective, access: access, sharedQueries: session.sharedQueries,
            recheckQueries: found.count,
            isPartial: isPartial, settings: describe(context: session.context))
    }

    private func judgedAtStart(_ session: EvasionSession, _ sample: Int, _ before: [Float]) -> EvasionResult.Sample {
        EvasionResult.Sample(
            identifier: session.problem.identifiers[sample], outcome: .alreadyReached, distance: 0, changed: 0,
            cost: 0, queries: session.queries[sample], unrepairable: 0, row: before, label: nil)
    }

    private func describe(context: RunContext) -> [String: String] {
        var all = attack.settings
        all["attack"] = type(of: attack).identifier
        all["norm"] = norm.rawValue
        all["access"] = access.rawValue
        if objective == .cost { all["objective"] = objective.rawValue }
        all["seed"] = String(context.seed)
        if limits.maxQueriesPerSample != .max { all["maxQueriesPerSample"] = String(limits.maxQueriesPerSample) }
        let polish = type(of: attack).isPolished ? nil : polish
        all["polishQueries"] = polish.map { String($0.maxQueries) } ?? "off"
        return all
    }
}
