/// What a result must meet: no finding of some severity, rules on metrics, and the risks that were accepted.
public struct Policy: Hashable, Sendable {
    /// A finding that somebody answers for until a day.
    public struct Acceptance: Hashable, Sendable {
        /// Fingerprint of the finding.
        public let fingerprint: String
        /// Why the risk is accepted.
        public let reason: String
        /// Last day on which it is.
        public let expires: CalendarDay
        /// Makes an acceptance.
        public init(fingerprint: String, reason: String, expires: CalendarDay) {
            (self.fingerprint, self.reason, self.expires) = (fingerprint, reason, expires)
        }
    }
    /// Findings of this severity or worse fail, unless accepted; `nil` lets all findings pass.
    public var failOn: Severity?
    /// Rules on metrics.
    public var rules: [PolicyRule]
    /// Accepted risks.
    public var accepted: [Acceptance]
    /// Makes a policy; the default fails on findings of severity high or worse.
    public init(failOn: Severity? = .high, rules: [PolicyRule] = [], accepted: [Acceptance] = []) {
        (self.failOn, self.rules, self.accepted) = (failOn, rules, accepted)
    }

    /// What the policy makes of a run.
    public struct Judgement: Hashable, Sendable {
        /// Verdict and the exit status that goes with it.
        public let verdict: Report.Verdict, exitStatus: Int32
        /// One sentence that says why.
        public let reason: String
        /// The severity limit, if there is one, and the rules, each with what became of it.
        public let rules: [Report.Rule]
        /// The outcomes, accepted findings marked as such.
        public let outcomes: [ProbeOutcome]
        /// What the user should know besides: acceptances that expired or match nothing.
        public let warnings: [String]
    }

    /// Judges a run once, for every format.
    ///
    /// Fail and status 1 when a rule is broken or a finding at the limit is not accepted; else undecided and 2 when a
    /// rule could not be decided or a probe failed at its work; else pass and 0.
    /// - Parameter today: The day that acceptances are held against.
    public func judge(_ outcomes: [ProbeOutcome], today: CalendarDay) -> Judgement {
        let marked = outcomes.map { accepting($0, today) }
        let findings = marked.flatMap(\.findings)
        let metrics = marked.flatMap(\.metrics)
        let limit = severityRule(findings, today)
        let judged = (limit.map { [$0] } ?? []) + rules.map { $0.evaluate(metrics: metrics) }
        let broken = judged.filter { $0.status == .broken }
        let undecided = judged.filter { $0.status == .undecided }
        // why: what the time budget cut off is not clean.
        let failed = marked.filter { $0.status == .failed || $0.status == .partial }
        let (verdict, reason): (Report.Verdict, String)
        if !broken.isEmpty {
            (verdict, reason) = (.fail, Self.sentence(broken, "broken"))
        } else if !undecided.isEmpty || !failed.isEmpty {
            let parts = undecided.isEmpty ? [] : [Self.sentence(undecided, "undecided")]
            let failures = failed.map { outcome in
                "the \(outcome.probe) probe \(outcome.status == .failed ? "failed" : "did not finish")"
                    + (outcome.reason.map { ": \($0)" } ?? "")
            }
            (verdict, reason) = (.undecided, (parts + failures).joined(separator: "; "))
        } else {
            (verdict, reason) = (.pass, Self.kept(judged))
        }
        return Judgement(
            verdict: verdict, exitStatus: verdict == .fail ? 1 : verdict == .undecided ? 2 : 0, reason: reason,
            rules: judged, outcomes: marked, warnings: warnings(findings, today))
    }

    private func accepting(_ outcome: ProbeOutcome, _ today: CalendarDay) -> ProbeOutcome {
        var copy = outcome
        copy.findings = outcome.findings.map { finding in
            let acceptance = accepted.first { $0.fingerprint == finding.fingerprint && $0.expires >= today }
            return acceptance.map { finding.accepted(because: "\($0.reason) (until \($0.expires))") } ?? finding
        }
        return copy
    }

    private func severityRule(_ findings: [Finding], _ today: CalendarDay) -> Report.Rule? {
        guard let failOn else { return nil }
        let words = failOn == .critical ? "severity critical" : "severity \(failOn.rawValue) or worse"
        let severe = findings.filter { $0.severity >= failOn }
        let open = severe.filter { $0.accepted == nil }
        let expired = open.count { finding in
            accepted.contains { $0.fingerprint == finding.fingerprint && $0.expires < today }
        }
        var detail = severe.isEmpty ? "none found" : Self.count(open.count, "open finding")
        if open.count < severe.count { detail += ", \(severe.count - open.count) accepted" }
        if expired > 0 { detail += ", of which \(Self.count(expired, "acceptance")) expired" }
        return Report.Rule(
            rule: "no finding of \(words)", status: open.isEmpty ? .kept : .broken, detail: detail)
    }

    private func warnings(_ findings: [Finding], _ today: CalendarDay) -> [String] {
        accepted.compactMap { acceptance in
            guard findings.contains(where: { $0.fingerprint == acceptance.fingerprint }) else {
                return "the accepted risk \(acceptance.fingerprint) (\(acceptance.reason)) matches no finding"
            }
            guard acceptance.expires < today else { return nil }
            return "the acceptance of \(acceptance.fingerprint) (\(acceptance.reason)) expired on \(acceptance.expires)"
        }
    }

    private static func sentence(_ rules: [Report.Rule], _ state: String) -> String {
        let limit = "no finding of "
        let shown = rules.prefix(3).map { rule in
            // why: "no finding of …: 2 open findings" reads as its own opposite.
            rule.rule.hasPrefix(limit)
                ? "\(rule.detail) of \(rule.rule.dropFirst(limit.count))" : "\(rule.rule): \(rule.detail)"
        }.joined(separator: "; ")
        let more = rules.count > 3 ? "; and \(rules.count - 3) more" : ""
        return "\(count(rules.count, "rule")) \(rules.count == 1 ? "is" : "are") \(state): \(shown)\(more)"
    }
    private static func kept(_ rules: [Report.Rule]) -> String {
        switch rules.count {
        case 0: "no rule is set"
        case 1: "the rule is kept: \(rules[0].rule)"
        default: "all \(rules.count) rules are kept"
        }
    }
    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
