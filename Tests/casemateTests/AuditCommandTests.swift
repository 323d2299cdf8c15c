import Foundation
import TestSupport
import Testing

/// The built program on the bundled examples, as a user runs it.
@Suite(.serialized) struct AuditCommandTests {
    @Test func theMortgageExampleFailsForTheReasonsItIsMeantTo() throws {
        try Repository.withTemporaryFolder { folder in
            let run = try Program.run(["audit", "Examples/mortgage/casemate.yaml", "--output", folder, "--json"])
            #expect(run.status == 1, "\(run.error)")
            let report = try Figures(json: Data(run.output.utf8))
            #expect(report["verdict"].text == "fail" && report["exitStatus"].int == 1)
            #expect(report["findings"].list.contains { $0["id"].text == "fairness.adverse_impact" })
            let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            #expect(files == ["report.html", "report.json", "report.junit.xml", "report.sarif"])
            let written = try Data(contentsOf: URL(fileURLWithPath: folder + "/report.json"))
            #expect(String(decoding: written, as: UTF8.self) == run.output)
            let html = try Data(contentsOf: URL(fileURLWithPath: folder + "/report.html"))
            #expect(html.count < 2 << 20)
            let schema = URL(fileURLWithPath: Repository.path("docs/reference/report.schema.json"))
            #expect(try JSONSchema(Data(contentsOf: schema)).violations(in: written) == [])
        }
    }

    /// Performance and fairness against figures that scikit-learn and NumPy gave for the same files.
    @Test(arguments: [("gbm.onnx", "casemate.yaml"), ("pipeline.onnx", "pipeline.yaml")])
    func figuresAgreeWithTheSourceLibraries(model: String, file: String) throws {
        let expected = try Figures(
            json: Data(contentsOf: URL(fileURLWithPath: Repository.path("Examples/mortgage/expected.json"))))["models"][
                model]
        let report = try audit("Examples/mortgage/\(file)", ["CASEMATE_PROBES_EVASION_ENABLED": "false"])
        func metric(_ name: String, group: String? = nil) -> Figures {
            report["metrics"].list.first { $0["name"].text == name && $0["group"].text == group } ?? report["absent"]
        }
        #expect(agree(metric("performance.accuracy")["value"].double, expected["accuracy"].double))
        // Scores are float32 from ONNX Runtime here and double from the library there.
        #expect(agree(metric("performance.auc")["value"].double, expected["roc_auc"].double, tolerance: 1e-4))
        #expect(agree(metric("performance.log_loss")["value"].double, expected["log_loss"].double, tolerance: 1e-5))
        let calibration = expected["calibration_error_10_equal_width_bins"].double
        #expect(agree(metric("performance.calibration_error")["value"].double, calibration, tolerance: 1e-4))
        let counts = expected["confusion_at_0.5"]
        for (name, key) in [("true_positives", "tp"), ("false_positives", "fp"), ("true_negatives", "tn")] {
            #expect(metric("performance.\(name)")["value"].int == counts[key].int)
        }
        for (attribute, figures) in expected["fairness"].members {
            for (group, values) in figures["against_reference"].members {
                let air = metric("fairness.air", group: "\(attribute)=\(group)")
                #expect(agree(air["value"].double, values["adverse_impact_ratio"].double), "\(attribute)=\(group)")
                if air["note"].text == "Katz 95 %" {
                    #expect(agree(air["low"].double, values["katz_95"][0].double), "\(attribute)=\(group)")
                    #expect(agree(air["high"].double, values["katz_95"][1].double), "\(attribute)=\(group)")
                }
                let smd = metric("fairness.smd", group: "\(attribute)=\(group)")["value"].double
                #expect(agree(smd, values["standardised_mean_difference"].double, tolerance: 1e-5))
            }
        }
    }

    private func audit(_ file: String, _ environment: [String: String]) throws -> Figures {
        try Repository.withTemporaryFolder { folder in
            let run = try Program.run(
                ["audit", file, "--output", folder, "--json", "--quiet"], environment: environment)
            #expect([0, 1].contains(run.status), "\(run.error)")
            return try Figures(json: Data(run.output.utf8))
        }
    }

    @Test func theDigitsExampleReadsPixelsAsAnImage() throws {
        let report = try audit("Examples/digits/casemate.yaml", ["CASEMATE_PROBES_EVASION_SAMPLES": "10"])
        let accuracy = report["metrics"].list.first { $0["name"].text == "performance.accuracy" }
        #expect(agree(accuracy?["value"].double, 0.9777777777777777))
        #expect(report["coverage"].list.contains { $0["probe"].text == "evasion" && $0["status"].text == "tested" })
    }

    /// Flags alone do what the file does.
    @Test func flagsReplaceTheFile() throws {
        try Repository.withTemporaryFolder { folder in
            let run = try Program.run([
                "audit", "--model", "Examples/mortgage/pipeline.onnx", "--train", "Examples/mortgage/train.csv",
                "--test",
                "Examples/mortgage/test.csv", "--target", "approve", "--favourable", "1", "--protected", "race,sex",
                "--output", folder, "--json",
            ])
            #expect(run.status == 1, "\(run.error)")
            let report = try Figures(json: Data(run.output.utf8))
            // No flag gave rules, and what was not tested says why.
            let tested = report["coverage"].list.filter { $0["status"].text == "tested" }.compactMap {
                $0["probe"].text
            }
            #expect(tested.contains("evasion") && tested.contains("fairness") && !tested.contains("constraints"))
            #expect(report["coverage"].list.allSatisfy { $0["status"].text == "tested" || $0["reason"].text != nil })
        }
    }

    /// The same bytes at any number of threads, but for what says how long it took and how it was called.
    @Test func threadsChangeNothing() throws {
        func stable(_ threads: String) throws -> [String] {
            try Repository.withTemporaryFolder { folder in
                let run = try Program.run(
                    ["audit", "Examples/mortgage/casemate.yaml", "--output", folder, "--json", "--threads", threads],
                    environment: ["CASEMATE_PROBES_EVASION_SAMPLES": "20"])
                let volatile = ["\"seconds\"", "\"started\"", "\"command\"", "\"threads\""]
                return run.output.split(separator: "\n").map(String.init)
                    .filter { line in !volatile.contains { line.contains($0) } }
            }
        }
        #expect(try stable("1") == stable("2"))
    }

    @Test func redactionHidesValuesInEveryFormat() throws {
        try Repository.withTemporaryFolder { folder in
            let arguments = ["audit", "Examples/mortgage/casemate.yaml", "--output", folder]
            let few = ["CASEMATE_PROBES_EVASION_SAMPLES": "40"]
            let open = try Figures(json: Data(Program.run(arguments + ["--json"], environment: few).output.utf8))
            let changes = open["probes"].list.flatMap { $0["changes"].list }
            #expect(!changes.isEmpty)
            _ = try Program.run(arguments + ["--redact", "--json"], environment: few)
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
                for step in changes.flatMap({ $0["steps"].list }) {
                    let (before, after) = (step["before"].text ?? "", step["after"].text ?? "")
                    // Short numbers stand anywhere by chance; long ones do not.
                    for value in [before, after] where value.count > 5 { #expect(!text.contains(value), "\(name)") }
                }
            }
        }
    }

    @Test func aShortBudgetLeavesRulesUndecided() throws {
        try Repository.withTemporaryFolder { folder in
            let run = try Program.run([
                "audit", "Examples/mortgage/pipeline.yaml", "--output", folder, "--json", "--budget", "1ms",
                "--fail-on",
                "never", "--rule", "evasion.robust_accuracy@0.1 >= 0.1",
            ])
            #expect(run.status == 2, "\(run.error)")
            let report = try Figures(json: Data(run.output.utf8))
            #expect(report["verdict"].text == "undecided")
            #expect(report["coverage"].list.contains { $0["reason"].text?.contains("time budget") == true })
        }
    }

    @Test(.enabled(if: Repository.shared != nil)) func taiwanAgreesWithPublishedFigures() throws {
        let shared = try #require(Repository.shared)
        let figures = try Figures("figures/taiwan.json")
        try Repository.withTemporaryFolder { folder in
            try Taiwan.write(shared, figures, into: folder)
            let run = try Program.run([
                "audit", folder + "/casemate.yaml", "--output", folder + "/report", "--json",
            ])
            #expect([0, 1].contains(run.status), "\(run.error)")
            let report = try Figures(json: Data(run.output.utf8))
            let air = report["metrics"].list.first { $0["name"].text == "fairness.air" }
            let expected = figures["fairness"]["comparison"]["groups"][0]
            #expect(agree(air?["value"].double, expected["air"].double))
            #expect(agree(air?["low"].double, expected["airInterval"][0].double))
            #expect(agree(air?["high"].double, expected["airInterval"][1].double))
            #expect(abs((air?["value"].double ?? 0) - 1.036) < 0.001)
            let smd = report["metrics"].list.first { $0["name"].text == "fairness.smd" }?["value"].double ?? 0
            #expect(abs(smd + 0.07) < 0.005)
        }
    }
}

/// The Taiwan data cut into training and test rows by the rule that the figures state.
enum Taiwan {
    static func write(_ shared: String, _ figures: Figures, into folder: String) throws {
        let unpacked = try Program.run(
            ["gzip", "-dc", shared + "/data/tabular/taiwan_credit_default.csv.gz"], program: "/usr/bin/env")
        let lines = unpacked.output.split(whereSeparator: \.isNewline)
        let remainders = Set(figures["split"]["testRemainders"].ints)
        let modulus = figures["split"]["modulus"].int ?? 10
        let header = lines.first.map(String.init) ?? ""
        let rows = lines.dropFirst().enumerated()
        let test = rows.filter { remainders.contains($0.offset % modulus) }.map(\.element)
        let text = ([header] + test.map(String.init)).joined(separator: "\n") + "\n"
        try text.write(toFile: folder + "/test.csv", atomically: true, encoding: .utf8)
        let columns = figures["model"]["columns"].texts.joined(separator: ", ")
        let yaml = """
            model: {path: \(Repository.path("Tests/Fixtures/models/taiwan_monotone.onnx")), features: [\(columns)]}
            data:
              test: test.csv
              target: default_payment_next_month
              favourable: 0
              protected: [{column: SEX, reference: 1}]
            decision: {threshold: 0.28}
            probes: {evasion: {enabled: false}}
            """
        try yaml.write(toFile: folder + "/casemate.yaml", atomically: true, encoding: .utf8)
    }
}
