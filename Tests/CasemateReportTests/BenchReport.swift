import CasemateCore
import Foundation

extension Sample {
    /// As many probes as an audit of a credit model runs: 13 that ran, some of them from the cache, and 4 that did not.
    static let bench: Report = {
        let names = [
            ("performance", "Performance"), ("fairness", "Disparate impact"), ("constraints", "Declared rules"),
            ("residuals", "Rows decided against the odds"), ("evasion", "Evasion with labels only"),
            ("sensitivity", "Sensitivity to single features"), ("benchmark_model", "Comparison with a simple model"),
            ("insiders", "Self-reflection on insiders"), ("surrogate", "Copying by questions"),
            ("membership", "Membership inference"), ("leaf_shift", "Shift between two releases"),
            ("random_testing", "Random testing"), ("file", "Gate on the file"),
        ]
        let tested = names.enumerated().map { index, name in ran(name.0, title: name.1, index: index) }
        let missing = ["backdoor", "poisoning", "drift", "certification"].map {
            ProbeOutcome(
                probe: $0, title: "Threat of \($0)", taxonomy: artefact, status: .notTested,
                reason:
                    "needs rows that the configuration does not name: add `data.\($0)` with a file, and say what it is")
        }
        return Report(
            version: "0.1.0", verb: "audit", subject: "mortgage-gbm.onnx", facts: facts, verdict: .fail, exitStatus: 1,
            reason: "1 of 4 rules is broken.", policy: policy, probes: tested + missing, inputs: inputs,
            reproduction: reproduction)
    }()

    private static func ran(_ name: String, title: String, index: Int) -> ProbeOutcome {
        var outcome = ProbeOutcome(probe: name, title: title, taxonomy: [evasion, fairness, quality][index % 3])
        outcome.seconds = 0.4 + Double(index) / 3
        outcome.isCached = index % 4 == 1
        outcome.summary = [
            "\(title) was measured on 597 rows of the test table with the seed of the run.",
            "What it means for the people behind the rows stands in the findings.",
        ]
        outcome.attacker = (0..<index % 3).map {
            "Somebody who asks for \(100 + index * 10) answers gets what `\(name)` guards in \(90 - $0) of 100 cases."
        }
        outcome.headlines = [Metric("\(name).a", 0.9, low: 0.8, high: 0.95, n: 597), Metric("\(name).b", 0.1, n: 597)]
        outcome.metrics =
            outcome.headlines + (0..<20).map { Metric("\(name).c", 0.5, low: 0.4, high: 0.6, n: 60, group: "g\($0)") }
        outcome.plots = [lowRates, robustness, calibration]
        outcome.tables = [
            EvidenceTable(
                title: "Rows", columns: ["Row", "Score", "Expected"],
                rows: (0..<30).map { ["\($0 * 17)", "0.\($0 + 10)", "0.\(90 - $0)"] })
        ]
        outcome.changes = index % 5 == 4 ? changes : []
        outcome.settings = ["rows": "597", "repeats": "20"]
        outcome.findings = (0..<index % 4).map {
            Finding(
                id: "\(name).rule\($0)", probe: name, severity: Severity.allCases[(index + $0) % 5],
                title: "\(title): \(20 + index) of 100 rows are not decided as the rule asks",
                evidence: [.metric(outcome.metrics[0])], remedy: "Train again without `feature_\($0)`.",
                taxonomy: outcome.taxonomy, subject: "mortgage-gbm.onnx", feature: "feature_\($0)")
        }
        return outcome
    }
}
