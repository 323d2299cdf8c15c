public import CasemateCore
public import CasemateDetect

/// Runs the checks of the catalogue over training data, within the time of the context.
public struct DataAuditPlan: Sendable {
    /// Checks in the order they run.
    public let checks: [any DataCheck]
    /// How far reviewers agreed with each check, by identifier; a check that nobody judged counts in full.
    public let reliability: [String: Double]

    /// What became of an audit of data.
    public struct Result: Sendable {
        /// One outcome a check.
        public let outcomes: [ProbeOutcome]
        /// Rows to look at, the likeliest first.
        public let suspects: [RankedSuspect]
    }

    /// Makes a plan.
    public init(checks: [any DataCheck], reliability: [String: Double] = [:]) {
        (self.checks, self.reliability) = (checks, reliability)
    }

    /// The checks with those identifiers, all where none is named.
    /// - Throws: `unknownKey` for a name that no check has.
    public static func checks(
        named names: [String], of catalogue: [any DataCheck.Type] = builtInDataChecks, at place: String
    ) throws(CasemateError) -> [any DataCheck] {
        let known = catalogue.map { $0.identifier }
        for name in names where !known.contains(where: { matches($0, name) }) {
            throw CasemateError(
                .unknownKey, at: place, "there is no check '\(name)'\(Suggestion.clause(for: name, among: known))",
                help: "checks: \(known.joined(separator: ", "))")
        }
        let chosen = catalogue.filter { check in
            names.isEmpty || names.contains { Self.matches(check.identifier, $0) }
        }
        return chosen.map { $0.init() }
    }

    /// Whether a name means a check: `labels` stands for `data_labels`.
    private static func matches(_ identifier: String, _ name: String) -> Bool {
        identifier == name || identifier == "data_" + name
    }

    /// Runs every check that applies; the others are listed with the reason.
    /// - Throws: `Cancelled` when interrupted. A check that fails is an outcome, not an error.
    public func run(on subject: DataSubject, context: RunContext) throws -> Result {
        let clock = ContinuousClock()
        var outcomes: [ProbeOutcome] = []
        var suspects: [(check: String, suspects: [Suspect])] = []
        for (position, check) in checks.enumerated() {
            context.progress("checks", position, checks.count)
            let start = clock.now
            var result = try run(check, on: subject, context: context)
            result.outcome.seconds = (clock.now - start).inSeconds
            if !result.suspects.isEmpty { suspects.append((type(of: check).identifier, result.suspects)) }
            outcomes.append(result.outcome)
        }
        context.progress("checks", checks.count, checks.count)
        return Result(outcomes: outcomes, suspects: SuspectRanking.ranked(suspects, reliability: reliability))
    }

    private func run(_ check: some DataCheck, on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        if let reason = check.reasonNotToRun(on: subject) {
            return DataCheckResult(outcome: check.outcome(status: .notTested, reason: reason))
        }
        if let deadline = context.deadline, ContinuousClock.now >= deadline {
            return DataCheckResult(
                outcome: check.outcome(status: .partial, reason: "the time budget ran out before it began"))
        }
        do {
            return try check.run(on: subject, context: context)
        } catch let cancelled as Cancelled {
            guard cancelled.reason == .outOfTime else { throw cancelled }
            return DataCheckResult(
                outcome: check.outcome(status: .partial, reason: "the time budget ran out before it had a result"))
        } catch let error as CasemateError {
            return DataCheckResult(outcome: check.outcome(status: .failed, reason: error.description))
        }
    }
}
