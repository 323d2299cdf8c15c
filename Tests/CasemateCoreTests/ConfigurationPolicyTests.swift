import CasemateCore
import Testing

@Suite("Rules of the policy")
struct ConfigurationPolicyRuleTests {
    @Test func readsEveryPart() throws {
        let rule = try PolicyRule(" lower( fairness.air[race=black or brown] ) >=80 % ", at: "c.yaml:1:1")
        #expect(rule.metric == "fairness.air")
        #expect(rule.group == "race=black or brown")
        #expect(rule.side == .lower)
        #expect(rule.comparison == .atLeast)
        #expect(rule.limit == 0.8)
        #expect(rule.text == "lower( fairness.air[race=black or brown] ) >=80 %")
        let robust = try PolicyRule("evasion.robust_accuracy@0.1>0.6", at: "")
        #expect(robust.distance == 0.1)
        #expect(robust.comparison == .above)
        #expect(try PolicyRule("fairness.smd[sex] < -1e-2", at: "").limit == -0.01)
        #expect(try PolicyRule("file.opset == 17", at: "").comparison == .equal)
    }

    @Test(arguments: [
        ("", "expected the name of a metric, found the end"),
        ("performance.acuracy > 0.5", "unknown metric 'performance.acuracy', did you mean 'performance.accuracy'?"),
        ("zzz > 0.5", "unknown metric 'zzz'"),
        ("performance.auc => 0.5", "expected one of >=, <=, >, <, ==, found '=> 0.5'"),
        ("performance.auc 0.5", "expected one of >=, <=, >, <, ==, found '0.5'"),
        ("performance.auc >=", "expected a number or percentage, found the end"),
        ("performance.auc >= high", "expected a number or percentage, found 'high'"),
        ("performance.auc >= 0.5 or so", "expected a number or percentage, found '0.5 or so'"),
        ("performance.auc@0.1 >= 0.5", "'performance.auc' has no distance behind '@'"),
        (
            "evasion.robust_accuracy >= 0.5",
            "'evasion.robust_accuracy' needs a distance, such as 'evasion.robust_accuracy@0.1'"
        ),
        ("evasion.robust_accuracy@x >= 0.5", "expected a distance above 0 behind '@', found 'x >= 0.5'"),
        ("performance.auc[sex] >= 0.5", "'performance.auc' has no groups"),
        ("fairness.air[sex >= 0.5", "expected a group and ']' behind '[', found 'sex >= 0.5'"),
        ("fairness.air[ ] >= 0.5", "expected a group between the brackets, found nothing"),
        ("lower(performance.auc >= 0.5", "expected ')' behind the metric, found '>= 0.5'"),
    ])
    func refuses(text: String, expected: String) {
        #expect(
            message { _ = try PolicyRule(text, at: "c.yaml:4:7") }
                == "c.yaml:4:7: rule '\(text)': \(expected) [invalid-setting]\n  help: write rules such as "
                + "`performance.auc >= 0.75` or `lower(fairness.air[sex=female]) >= 80 %`")
    }

    private let metrics = [
        Metric("performance.auc", 0.8, low: 0.7, high: 0.9, n: 100),
        Metric("evasion.robust_accuracy@0.1", 0.5, low: 0.4, high: 0.6, n: 100, group: "norm=l2"),
        Metric("evasion.robust_accuracy@0.1", 0.3, low: 0.2, high: 0.4, n: 100, group: "norm=linf"),
        Metric("fairness.air", 0.9, low: 0.8, high: 1, n: 60, group: "race=a"),
        Metric("fairness.air", 0.7, low: 0.5, high: 0.9, n: 20, group: "race=b"),
        Metric("fairness.air", nil, n: 2, group: "race=c", note: "an empty cell"),
        Metric("fairness.air", 1.1, n: 50, group: "sex=f"),
    ]

    @Test(arguments: [
        ("performance.auc >= 0.8", Report.Rule.Status.kept, "0.8 [0.7, 0.9], n = 100"),
        ("performance.auc > 0.8", .broken, "0.8 [0.7, 0.9], n = 100"),
        ("lower(performance.auc) >= 0.75", .broken, "0.8 [0.7, 0.9], n = 100"),
        ("upper(performance.auc) <= 0.9", .kept, "0.8 [0.7, 0.9], n = 100"),
        ("performance.auc == 80 %", .kept, "0.8 [0.7, 0.9], n = 100"),
        ("evasion.robust_accuracy@0.1 >= 0.4", .broken, "0.3 [0.2, 0.4], n = 100 (norm=linf)"),
        ("evasion.robust_accuracy@0.10[norm=l2] >= 0.4", .kept, "0.5 [0.4, 0.6], n = 100 (norm=l2)"),
        ("evasion.robust_accuracy@0.2 >= 0.4", .undecided, "not measured at 0.2, only at 0.1"),
        ("fairness.air[race] >= 0.8", .broken, "0.7 [0.5, 0.9], n = 20 (race=b)"),
        ("fairness.air[race] >= 0.6", .undecided, "no value (race=c): an empty cell"),
        ("fairness.air[race=a] >= 0.8", .kept, "0.9 [0.8, 1], n = 60 (race=a)"),
        ("fairness.air[rac] >= 0.8", .undecided, "no group 'rac', only race=a, race=b, race=c, sex=f"),
        ("lower(fairness.air[sex]) >= 0.8", .undecided, "no interval (sex=f)"),
        ("fairness.air <= 1", .broken, "1.1, n = 50 (sex=f)"),
        ("performance.brier <= 0.2", .undecided, "'performance.brier' was not measured"),
    ])
    func evaluates(text: String, status: Report.Rule.Status, detail: String) throws {
        let result = try PolicyRule(text, at: "").evaluate(metrics: metrics)
        #expect(result == Report.Rule(rule: text, status: status, detail: detail))
    }

    @Test func neverTrapsOnRandomText() {
        var generator = SeededGenerator(seed: 5)
        let parts = [
            "lower(", "fairness.air", "[", "]", "@", "0.1", ">=", " ", "é", "performance.auc", "%", "-", "e", "\t",
        ]
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                parts.randomElement(using: &generator) ?? ""
            }.joined()
            if let rule = try? PolicyRule(text, at: "") { _ = rule.evaluate(metrics: metrics) }
        }
    }

    @Test func namesAreUniqueAndInSnakeCase() {
        #expect(Set(MetricCatalogue.names).count == MetricCatalogue.names.count)
        for name in MetricCatalogue.names {
            #expect(name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" || $0 == "." }, "\(name)")
        }
    }
}

@Suite("The policy judges a run")
struct ConfigurationPolicyTests {
    private static let taxonomy = Taxonomy(stages: [.data])
    private static let today = CalendarDay("2026-06-30")
    private func finding(_ severity: Severity) -> Finding {
        Finding(
            id: "probe.\(severity.rawValue)", probe: "probe", severity: severity, title: "t", evidence: [], remedy: "r",
            taxonomy: Self.taxonomy, subject: "m")
    }
    private func outcome(
        _ findings: [Severity] = [], _ metrics: [Metric] = [], _ status: ProbeOutcome.Status = .tested
    ) -> ProbeOutcome {
        var outcome = ProbeOutcome(
            probe: "probe", title: "Probe", taxonomy: Self.taxonomy, status: status,
            reason: status == .failed ? "the engine gave up" : nil)
        outcome.findings = findings.map { finding($0) }
        outcome.metrics = metrics
        return outcome
    }
    private func judge(_ policy: Policy, _ outcomes: [ProbeOutcome]) throws -> Policy.Judgement {
        policy.judge(outcomes, today: try #require(Self.today))
    }

    @Test func withoutRulesHighFindingsFail() throws {
        #expect(try judge(Policy(), [outcome([.medium])]).exitStatus == 0)
        let bad = try judge(Policy(), [outcome([.high, .critical, .low])])
        #expect(bad.exitStatus == 1)
        #expect(bad.verdict == .fail)
        #expect(bad.reason == "1 rule is broken: 2 open findings of severity high or worse")
        #expect(try judge(Policy(failOn: nil), [outcome([.critical])]).exitStatus == 0)
        #expect(try judge(Policy(failOn: .low), [outcome([.low])]).exitStatus == 1)
    }

    @Test func brokenBeatsUndecidedBeatsPass() throws {
        let kept = try PolicyRule("performance.auc >= 0.5", at: "")
        let broken = try PolicyRule("performance.auc >= 0.9", at: "")
        let open = try PolicyRule("performance.brier <= 0.9", at: "")
        let outcomes = [outcome([], [Metric("performance.auc", 0.8, n: 10)])]
        #expect(try judge(Policy(rules: [kept]), outcomes).reason == "all 2 rules are kept")
        #expect(try judge(Policy(rules: [kept, open]), outcomes).exitStatus == 2)
        #expect(try judge(Policy(rules: [kept, open, broken]), outcomes).exitStatus == 1)
        let undecided = try judge(Policy(rules: [open]), outcomes)
        #expect(undecided.verdict == .undecided)
        #expect(
            undecided.reason == "1 rule is undecided: performance.brier <= 0.9: 'performance.brier' was not measured")
    }

    @Test func aFailedProbeIsNeverCalledClean() throws {
        let failed = try judge(Policy(), [outcome([], [], .failed)])
        #expect(failed.exitStatus == 2)
        #expect(failed.reason == "the probe probe failed: the engine gave up")
        #expect(try judge(Policy(), [outcome([.high], [], .failed)]).exitStatus == 1)
        #expect(try judge(Policy(), [outcome([], [], .notTested)]).exitStatus == 0)
        #expect(try judge(Policy(), [outcome([], [], .partial)]).exitStatus == 2)
    }

    @Test func acceptedRisksPassUntilTheyExpire() throws {
        let fingerprint = finding(.high).fingerprint
        func policy(_ day: String) throws -> Policy {
            let expires = try #require(CalendarDay(day))
            return Policy(accepted: [.init(fingerprint: fingerprint, reason: "known", expires: expires)])
        }
        let accepted = try judge(policy("2026-06-30"), [outcome([.high])])
        #expect(accepted.exitStatus == 0)
        #expect(accepted.outcomes[0].findings[0].accepted == "known (until 2026-06-30)")
        #expect(accepted.rules[0].detail == "0 open findings, 1 accepted")
        #expect(accepted.warnings.isEmpty)
        let expired = try judge(policy("2026-06-29"), [outcome([.high])])
        #expect(expired.exitStatus == 1)
        #expect(expired.outcomes[0].findings[0].accepted == nil)
        #expect(expired.rules[0].detail == "1 open finding, of which 1 acceptance expired")
        #expect(expired.warnings == ["the acceptance of \(fingerprint) (known) expired on 2026-06-29"])
        let idle = try judge(policy("2027-01-01"), [outcome([.low])])
        #expect(idle.warnings == ["the accepted risk \(fingerprint) (known) matches no finding"])
    }

    @Test func daysFollowTheCalendar() {
        for text in [
            "2027-2-01", "2027-02-30", "2100-02-29", "0000-01-01", "2027-13-01", "2027-01-31 ", "", "----------",
        ] {
            #expect(CalendarDay(text) == nil, "\(text)")
        }
        #expect(CalendarDay("2000-02-29")?.description == "2000-02-29")
    }
}
