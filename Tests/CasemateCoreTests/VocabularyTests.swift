import CasemateCore
import Testing

@Suite struct VocabularyTests {
    @Test func suggestionsFindSlipsAndNothingElse() {
        #expect(Suggestion.nearest(to: "favorable", among: ["favourable", "target"]) == "favourable")
        #expect(Suggestion.nearest(to: "taregt", among: ["favourable", "target"]) == "target")
        #expect(Suggestion.nearest(to: "zzzzzz", among: ["favourable", "target"]) == nil)
        #expect(Suggestion.clause(for: "polcy", among: ["policy"]) == ", did you mean 'policy'?")
    }

    private func finding(subject: String, feature: String, title: String) -> Finding {
        Finding(
            id: "probe.rule", probe: "probe", severity: .high, title: title,
            evidence: [
                .change(
                    RowChange(
                        row: 12, steps: [.init(feature: "income", before: "1234", after: "5678")],
                        decisionBefore: "0", decisionAfter: "1", distance: 0.1))
            ], remedy: "mend it", taxonomy: Taxonomy(stages: [.inference]), subject: subject, feature: feature)
    }

    @Test func fingerprintsDependOnRuleSubjectAndFeatureOnly() {
        let one = finding(subject: "m.onnx", feature: "a", title: "0.81")
        #expect(one.fingerprint == finding(subject: "m.onnx", feature: "a", title: "0.79").fingerprint)
        #expect(one.fingerprint != finding(subject: "m.onnx", feature: "b", title: "0.81").fingerprint)
        #expect(one.fingerprint != finding(subject: "n.onnx", feature: "a", title: "0.81").fingerprint)
        #expect(one.fingerprint.count == 16)
    }

    @Test func redactionMasksValuesAndRowNumbers() throws {
        let masked = finding(subject: "m", feature: "", title: "t").redacted()
        guard case .change(let change)? = masked.evidence.first else {
            Issue.record("the change is gone")
            return
        }
        #expect(change.isRedacted && change.row == 0)
        #expect(!"\(masked)".contains("1234") && !"\(masked)".contains("5678"))
        #expect(change.steps.map(\.feature) == ["income"])
    }

    @Test func metricsHoldNoNumberThatIsNone() {
        let metric = Metric("x", .nan, low: -.infinity, high: 1, n: 3)
        #expect(metric.value == nil && metric.low == nil && metric.high == 1)
    }

    @Test func cancellationCallsHandlersOnceAndTellsWhy() throws {
        let cancellation = Cancellation()
        try cancellation.check()
        nonisolated(unsafe) var calls = 0
        cancellation.whileRunning(onCancel: { calls += 1 }) {
            cancellation.cancel(.outOfTime)
            cancellation.cancel(.interrupted)
        }
        #expect(calls == 1)
        #expect(cancellation.reason == .outOfTime)
        #expect(throws: Cancelled(reason: .outOfTime)) { try cancellation.check() }
    }
}
