import CasemateCore
import Foundation

/// Fixed reports that the tests render.
enum Sample {
    static let evasion = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity], specificity: .targeted,
        knowledge: [.labels], atlas: ["AML.T0015", "AML.T0043.001"], owasp: ["ML01"],
        nist: ["NISTAML.022", "NISTAML.025"])
    static let quality = Taxonomy(stages: [.training], nist: [])
    static let fairness = Taxonomy(stages: [.data, .training], violations: [.availability], owasp: ["ML08"])
    static let artefact = Taxonomy(
        stages: [.artefact], influence: .causative, violations: [.integrity, .availability],
        atlas: ["AML.T0010.003", "AML.T0018.002"], owasp: ["ML06"], nist: ["NISTAML.05"])

    /// A credit model that fails its policy.
    static func report(isRedacted: Bool = false) -> Report {
        Report(
            version: "0.1.0", verb: "audit", subject: "mortgage-gbm.onnx", facts: facts, verdict: .fail, exitStatus: 1,
            reason: "2 of 4 rules are broken: `evasion.robust_accuracy@0.1 >= 0.6` is 0.412; no finding of severity "
                + "high or worse is allowed and there are 2.",
            policy: policy, probes: [performance, evasionProbe, disparity, file, membership, gradients], inputs: inputs,
            reproduction: reproduction, isRedacted: isRedacted)
    }

    static let facts = [
        EvidenceTable(
            title: "Model", columns: ["Fact", "Value"],
            rows: [
                ["Task", "binary classification"], ["Inputs", "48 numbers in one tensor"],
                ["Operators", "TreeEnsembleClassifier, Cast, ZipMap"], ["Parameters", "12,840"],
                ["Opset", "ai.onnx.ml 3, ai.onnx 15"],
            ]),
        EvidenceTable(
            title: "Data", columns: ["Table", "Rows", "Columns", "Favourable share"],
            rows: [["train", "1,326", "59", "87.6 %"], ["test", "663", "59", "88.1 %"]]),
    ]

    static let policy = [
        Report.Rule(rule: "fail_on: high", status: .broken, detail: "2 findings of severity high or worse"),
        Report.Rule(
            rule: "evasion.robust_accuracy@0.1 >= 0.6", status: .broken, detail: "0.412 [0.351, 0.476], n = 240"),
        Report.Rule(rule: "performance.auc >= 0.8", status: .kept, detail: "0.871 [0.842, 0.896], n = 663"),
        Report.Rule(
            rule: "membership.advantage <= 0.1", status: .undecided, detail: "the probe `membership` was not run"),
    ]

    static let inputs = [
        Report.Input(
            role: "model", path: "/srv/credit/models/mortgage-gbm.onnx",
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", bytes: 482_113),
        Report.Input(
            role: "test", path: "data/test.csv",
            sha256: "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752", bytes: 91_204),
        Report.Input(
            role: "configuration", path: "casemate.yaml",
            sha256: "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13", bytes: 1_412),
    ]

    static let reproduction = Report.Reproduction(
        command: "casemate audit casemate.yaml --seed 7 --output casemate-report", seed: 7, threads: 2,
        engines: ["ONNX Runtime": "1.22.0", "DuckDB": "1.3.2"], platform: "Debian GNU/Linux 12, x86_64",
        started: "2026-01-31T12:00:05Z", seconds: 18.42)

    static let performance: ProbeOutcome = {
        var outcome = ProbeOutcome(probe: "performance", title: "Performance", taxonomy: quality)
        outcome.seconds = 0.31
        outcome.summary = ["The model ranks 87 of 100 pairs of a granted and a refused application rightly."]
        outcome.metrics = [
            Metric("performance.accuracy", 0.902, low: 0.877, high: 0.922, n: 663, note: "Wilson 95 %"),
            Metric("performance.auc", 0.871, low: 0.842, high: 0.896, n: 663, note: "DeLong 95 %"),
            Metric("performance.log_loss", 0.2713, low: 0.2392, high: 0.3061, n: 663, note: "bootstrap 95 %"),
            Metric("performance.calibration_error", 0.0181, n: 663, note: "15 bins, no interval"),
        ]
        outcome.plots = [roc, lowRates, calibration]
        outcome.tables = [
            EvidenceTable(
                title: "Confusion at threshold 0.5", columns: ["", "Decided granted", "Decided refused"],
                rows: [["Was granted", "571", "13"], ["Was refused", "52", "27"]])
        ]
        outcome.settings = ["threshold": "0.5", "bins": "15"]
        return outcome
    }()

    static let roc: Plot = {
        let points = (0...60).map { step -> Plot.Point in
            let x = Double(step) / 60
            return Plot.Point(x: x, y: (pow(x, 0.28) * 500).rounded() / 500)
        }
        return Plot(
            id: "performance.roc", title: "Receiver operating characteristic",
            x: Plot.Axis("False-positive rate", low: 0, high: 1, isPercent: true),
            y: Plot.Axis("True-positive rate", low: 0, high: 1, isPercent: true),
            series: [Plot.Series(name: "model", style: .step, points: points)],
            references: [Plot.Reference(.diagonal, label: "chance")],
            summary: "The area under the curve is 0.871; at a false-positive rate of 10 % the model finds 53 % of the "
                + "applications that were granted.")
    }()

    static let lowRates: Plot = {
        let points = (0...30).map { step -> Plot.Point in
            let x = pow(10, Double(step) / 10 - 3)
            return Plot.Point(x: x, y: pow(x, 0.6), low: pow(x, 0.6) * 0.5, high: min(1, pow(x, 0.6) * 1.8))
        }
        return Plot(
            id: "performance.low_rates", title: "The same at low rates",
            x: Plot.Axis("False-positive rate", low: 1e-3, high: 1, isPercent: true, isLogarithmic: true),
            y: Plot.Axis("True-positive rate", low: 1e-3, high: 1, isPercent: true, isLogarithmic: true),
            series: [Plot.Series(name: "model", style: .line, points: [Plot.Point(x: 0, y: 0.002)] + points)],
            references: [Plot.Reference(.diagonal, label: "chance")],
            summary: "At a false-positive rate of 0.1 % the model finds 1.6 % of the applications that were granted.")
    }()

    static let calibration: Plot = {
        let shares = [0.08, 0.21, 0.28, 0.49, 0.62, 0.81, 0.93]
        let points = shares.enumerated().map { index, share in
            Plot.Point(
                x: 0.05 + Double(index) * 0.15, y: share, low: max(0, share - 0.09 + Double(index) * 0.008),
                high: min(1, share + 0.09 - Double(index) * 0.008))
        }
        return Plot(
            id: "performance.calibration", title: "Calibration",
            x: Plot.Axis("Predicted probability", low: 0, high: 1), y: Plot.Axis("Observed share", low: 0, high: 1),
            series: [Plot.Series(name: "bins with 95 % intervals", style: .points, points: points)],
            references: [Plot.Reference(.diagonal, label: "perfectly calibrated")],
            summary: "Predicted probabilities and observed shares differ by 1.8 points on average.")
    }()
}
