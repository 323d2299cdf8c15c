import Foundation
import TestSupport
import Testing

/// The command line itself.
@Suite struct CommandLineTests {
    @Test(arguments: [[], ["audit"], ["attack"], ["attack", "evasion"], ["doctor"], ["config"], ["config", "show"]])
    func everyVerbHasHelpWithAnExample(verb: [String]) throws {
        let run = try Program.run(verb + ["--help"])
        #expect(run.status == 0 && run.error.isEmpty)
        #expect(run.output.contains("casemate "), "\(run.output)")
    }

    @Test func versionIsPrinted() throws {
        let run = try Program.run(["--version"])
        #expect(run.status == 0)
        #expect(run.output.split(separator: ".").count == 3)
    }

    @Test func wrongUseIsStatusTwo() throws {
        for arguments in [["no-such-verb"], ["audit", "--format", "pdf"], ["audit"], ["audit", "--seed", "minus"]] {
            let run = try Program.run(arguments)
            #expect(run.status == 2, "\(arguments)")
            #expect(run.output.isEmpty, "\(arguments): \(run.output)")
            #expect(run.error.hasPrefix("error: "), "\(run.error)")
        }
    }

    @Test func doctorFindsWhatSetupFetched() throws {
        let run = try Program.run(["doctor", "--json"])
        let document = try Figures(json: Data(run.output.utf8))
        let engines = document["engines"].list
        #expect(engines.map { $0["name"].text } == ["onnxruntime", "lightgbm", "duckdb"])
        for engine in engines {
            #expect(engine["isFound"].bool == true, "\(engine["problem"].text ?? "")")
            #expect(engine["version"].text?.isEmpty == false)
        }
        #expect(run.status == 0)
    }

    /// Variables win over the file, options over variables; each says so.
    @Test func settingsSayWhereTheyComeFrom() throws {
        let run = try Program.run(
            ["config", "show", "Examples/mortgage/casemate.yaml", "--json"], environment: ["CASEMATE_SEED": "11"])
        let settings = try Figures(json: Data(run.output.utf8))["settings"].list
        func origin(_ key: String) -> String? { settings.first { $0["key"].text == key }?["origin"].text }
        #expect(origin("seed") == "variable CASEMATE_SEED")
        #expect(origin("data.target")?.contains("casemate.yaml:") == true)
        #expect(origin("probes.fairness.alpha") == "default")
        let wrong = try Program.run(["config", "show"], environment: ["CASEMATE_SEED": "many"])
        #expect(wrong.status == 2 && wrong.error.contains("CASEMATE_SEED"), "\(wrong.error)")
    }

    /// Every row of an attack by itself; distances never below the exact ones of a linear model.
    @Test func attackEvasionListsEveryRow() throws {
        let figures = try Figures("figures/hopskipjump.json")
        let model = try #require(figures["models"].list.first { $0["file"].text == "models/linear_2.onnx" })
        try Repository.withTemporaryFolder { folder in
            let points = model["points"].list
            let rows = points.map { point in
                point["x"].doubles.map { "\($0)" }.joined(separator: ",") + ",\(point["label"].int ?? 0)"
            }
            try ("x0,x1,y\n" + rows.joined(separator: "\n") + "\n")
                .write(toFile: folder + "/points.csv", atomically: true, encoding: .utf8)
            for (norm, key) in [("l2", "l2Box"), ("linf", "linfBox")] {
                let run = try Program.run([
                    "attack", "evasion", Repository.path("Tests/Fixtures/models/linear_2.onnx"), "--data",
                    folder + "/points.csv", "--target", "y", "--norm", norm, "--scale", "raw", "--bounds", "0:1",
                    "--json",
                ])
                #expect(run.status == 0, "\(run.error)")
                let document = try Figures(json: Data(run.output.utf8))
                #expect(document["rows"].list.count == points.count)
                for (row, point) in zip(document["rows"].list, points) {
                    guard let exact = point[key].double else { continue }
                    let distance = try #require(row["distance"].double)
                    #expect(distance >= exact - 1e-6 && distance <= exact * 1.05 + 1e-6, "\(norm) \(distance) \(exact)")
                }
            }
        }
    }
}
