import CasemateCore
import Foundation

extension Sample {
    static let changes = [
        RowChange(
            row: 1017,
            steps: [
                RowChange.Step(feature: "duration", before: "12", after: "13"),
                RowChange.Step(feature: "obligation_ratio", before: "38.4", after: "35.9"),
                RowChange.Step(feature: "purpose", before: "car", after: "furniture"),
            ], decisionBefore: "refused", decisionAfter: "granted", distance: 0.0312),
        RowChange(
            row: 44, steps: [RowChange.Step(feature: "loan_to_value", before: "0.91", after: "0.89")],
            decisionBefore: "refused", decisionAfter: "granted", distance: 0.0174),
    ]

    static let smallChange = Finding(
        id: "evasion.small_change_flips", probe: "evasion", severity: .critical,
        title: "A change of 2 % of the usual range turns 59 of 100 refused applications into granted ones",
        evidence: [
            .metric(
                Metric("evasion.robust_accuracy@0.1", 0.412, low: 0.351, high: 0.476, n: 240, note: "Wilson 95 %")),
            .metric(
                Metric("evasion.queries_per_success", 412, low: 371, high: 468, n: 141, note: "median, bootstrap 95 %")),
            .text("Each flip was scored again on the original model and is allowed by the declared feature space."),
        ] + changes.map { .change($0) },
        remedy:
            "Train again with `casemate harden`, or bound how far `obligation_ratio` may move between two applications.",
        taxonomy: evasion, subject: "mortgage-gbm.onnx")

    static let evasionProbe: ProbeOutcome = {
        var outcome = ProbeOutcome(probe: "evasion", title: "Evasion with labels only", taxonomy: evasion)
        outcome.seconds = 12.74
        outcome.summary = [
            "HopSkipJump moved 141 of 240 applications across the decision within a tenth of each feature's usual range.",
            "The median success took 412 queries; the cheapest took 96.",
        ]
        outcome.attacker = [
            "Somebody who sees only the decision can turn 59 of 100 refusals into approvals by changing three entries of the form a little.",
            "It takes about 412 trial applications for each; with 96 the easiest one is through.",
        ]
        outcome.findings = [smallChange]
        outcome.metrics = [
            Metric("evasion.robust_accuracy@0.1", 0.412, low: 0.351, high: 0.476, n: 240, note: "Wilson 95 %"),
            Metric("evasion.median_distance", 0.0461, low: 0.0402, high: 0.0533, n: 240, note: "bootstrap 95 %"),
            Metric("evasion.queries_per_success", 412, low: 371, high: 468, n: 141, note: "median, bootstrap 95 %"),
        ]
        outcome.plots = [robustness]
        outcome.changes = changes
        outcome.settings = ["iterations": "40", "norm": "l2", "samples": "240", "scale": "range"]
        return outcome
    }()

    static let robustness: Plot = {
        func curve(_ name: String, _ rate: Double) -> Plot.Series {
            let points = (0...20).map { step -> Plot.Point in
                let x = Double(step) / 100
                let y = (0.902 * exp(-rate * x) * 1000).rounded() / 1000
                return Plot.Point(x: x, y: y, low: max(0, y - 0.055), high: min(1, y + 0.055))
            }
            return Plot.Series(name: name, style: .line, points: points)
        }
        return Plot(
            id: "evasion.robustness_curve", title: "Robustness curve",
            x: Plot.Axis("Distance, in shares of the training range"),
            y: Plot.Axis("Rows still decided right", low: 0, high: 1, isPercent: true),
            series: [curve("L2", 7.8), curve("L∞", 15)],
            references: [
                Plot.Reference(.vertical, at: 0.1, label: "budget of the policy"),
                Plot.Reference(.horizontal, at: 0.6, label: "least that the policy asks for"),
            ],
            summary: "At a distance of 0.1 the model still decides 41 % of the rows right; the policy asks for 60 %.")
    }()

    static let disparity: ProbeOutcome = {
        var outcome = ProbeOutcome(probe: "fairness", title: "Disparate impact", taxonomy: fairness)
        outcome.seconds = 0.92
        outcome.isCached = true
        outcome.summary = ["Applications of two groups are granted less often than four fifths of the best rate."]
        let groups: [(String, Double, Double, Double, Int)] = [
            ("race = white", 0.934, 0.91, 0.953, 561), ("race = hispanic", 0.764, 0.636, 0.857, 55),
            ("race = black", 0.638, 0.496, 0.76, 47),
            ("marital status = separated or divorced", 0.871, 0.79, 0.924, 93),
            ("sex = female", 0.908, 0.846, 0.947, 131),
        ]
        outcome.metrics =
            groups.map {
                Metric(
                    "fairness.selection_rate", $0.1, low: $0.2, high: $0.3, n: $0.4, group: $0.0, note: "Wilson 95 %")
            }
            + [
                Metric(
                    "fairness.air", 0.683, low: 0.548, high: 0.851, n: 608, group: "race = black", note: "Katz 95 %"),
                Metric("fairness.air", nil, n: 3, group: "race = other", note: "fewer than 5 rows"),
            ]
        outcome.plots = [
            Plot(
                id: "fairness.selection_rates", title: "Share granted by group", x: Plot.Axis("Group"),
                y: Plot.Axis("Share granted", isPercent: true),
                series: [
                    Plot.Series(
                        name: "share with 95 % interval", style: .bars,
                        points: groups.enumerated().map {
                            Plot.Point(
                                x: Double($0.offset), y: $0.element.1, low: $0.element.2, high: $0.element.3,
                                label: $0.element.0)
                        })
                ], references: [Plot.Reference(.horizontal, at: 0.747, label: "four fifths of the best rate")],
                summary: "64 % of applications with race = black are granted, against 93 % with race = white.")
        ]
        let found = Finding(
            id: "fairness.adverse_impact", probe: "fairness", severity: .high,
            title: "Applications with race = black are granted 0.68 times as often as those with race = white",
            evidence: [.metric(Metric("fairness.air", 0.683, low: 0.548, high: 0.851, n: 608, group: "race = black"))],
            remedy: "Look for features that stand in for race, and compare less discriminatory models.",
            taxonomy: fairness, subject: "mortgage-gbm.onnx", feature: "race")
        let small = Finding(
            id: "fairness.small_group", probe: "fairness", severity: .low,
            title: "3 rows are too few to judge race = other",
            evidence: [], remedy: "Collect more rows of this group.", taxonomy: fairness, subject: "mortgage-gbm.onnx",
            feature: "race=other"
        ).accepted(because: "Known gap, data collection ends in March; R. Officer")
        outcome.findings = [small, found]
        return outcome
    }()

    static let file: ProbeOutcome = {
        var outcome = ProbeOutcome(
            probe: "file", title: "Gate on the file", taxonomy: artefact, status: .partial,
            reason: "the time budget ended before the initialisers were read")
        outcome.seconds = 0.05
        outcome.findings = [
            Finding(
                id: "file.custom_domain", probe: "file", severity: .medium,
                title: "The graph calls an operator of the domain `com.example.ops`",
                evidence: [
                    .location(
                        FileLocation(path: "/srv/credit/models/mortgage-gbm.onnx", byteOffset: 4096, byteLength: 24))
                ],
                remedy: "Ask who made it; export the model with standard operators.", taxonomy: artefact,
                subject: "mortgage-gbm.onnx", feature: "com.example.ops"),
            Finding(
                id: "file.producer", probe: "file", severity: .info, title: "The file was made by onnxmltools 1.14",
                evidence: [
                    .table(
                        EvidenceTable(
                            title: "Operators", columns: ["Domain", "Operator", "Count"],
                            rows: [["ai.onnx.ml", "TreeEnsembleClassifier", "1"]]))
                ],
                remedy: "Nothing to do.", taxonomy: artefact, subject: "mortgage-gbm.onnx"),
        ]
        return outcome
    }()

    static let membership = ProbeOutcome(
        probe: "membership", title: "Membership inference",
        taxonomy: Taxonomy(
            stages: [.inference], influence: .exploratory, violations: [.privacy], knowledge: [.scores],
            atlas: ["AML.T0024.000"], owasp: ["ML04"], nist: ["NISTAML.033"]),
        status: .notTested, reason: "needs the training rows: add `data.train`")

    static let gradients = ProbeOutcome(
        probe: "gradients", title: "Gradient attack", taxonomy: evasion, status: .failed,
        reason: "the operator TreeEnsembleClassifier has no derivative")
}
