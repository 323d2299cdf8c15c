import Foundation
import TestSupport
import Testing

/// `casemate init` as a user runs it.
@Suite struct InitCommandTests {
    static let model = Repository.path("Examples/mortgage/gbm.onnx")
    static let data = Repository.path("Examples/mortgage/test.csv")
    static let train = Repository.path("Examples/mortgage/train.csv")

    @Test func writesAFileAndTheNextCommand() throws {
        try Repository.withTemporaryFolder { folder in
            let run = try Program.run(["init", Self.model, Self.data, "--train", Self.train], folder: folder)
            #expect(run.status == 0 && run.error.isEmpty, "\(run.error)")
            #expect(
                run.output.hasPrefix("wrote casemate.yaml\n") && run.output.contains("casemate audit casemate.yaml\n"))
            #expect(run.output.contains("target      approve"))
            let shown = try Program.run(["config", "show", "casemate.yaml"], folder: folder)
            #expect(shown.status == 0, "\(shown.error)")
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(names == ["casemate.yaml"])
        }
    }

    @Test func auditRunsOnItAsItIs() throws {
        try Repository.withTemporaryFolder { folder in
            let made = try Program.run(["init", Self.model, Self.data, "--output", "first.yaml"], folder: folder)
            #expect(made.status == 0, "\(made.error)")
            let text = try String(contentsOfFile: folder + "/first.yaml", encoding: .utf8)
            let quick = text + "probes: {evasion: {samples: 5, iterations: 2}}\nbudget: 20s\n"
            try quick.write(toFile: folder + "/quick.yaml", atomically: true, encoding: .utf8)
            let run = try Program.run(["audit", "quick.yaml", "--json", "--fail-on", "never"], folder: folder)
            let report = try Figures(json: Data(run.output.utf8))
            #expect(report["schema"].text == "casemate.report/1", "\(run.error)")
            let tested = report["coverage"].list.filter { $0["status"].text == "tested" }.compactMap {
                $0["probe"].text
            }
            #expect(tested.contains("performance") && tested.contains("file"))
        }
    }

    @Test func neverReplacesAFileUnlessForced() throws {
        try Repository.withTemporaryFolder { folder in
            try "mine".write(toFile: folder + "/casemate.yaml", atomically: true, encoding: .utf8)
            let refused = try Program.run(["init", Self.model, Self.data], folder: folder)
            #expect(
                refused.status == 2 && refused.error.contains("casemate.yaml: is already there"), "\(refused.error)")
            #expect(try String(contentsOfFile: folder + "/casemate.yaml", encoding: .utf8) == "mine")
            let forced = try Program.run(["init", Self.model, Self.data, "--force"], folder: folder)
            #expect(forced.status == 0, "\(forced.error)")
            #expect(try String(contentsOfFile: folder + "/casemate.yaml", encoding: .utf8).contains("target: approve"))
        }
    }

    @Test func jsonIsOneDocument() throws {
        try Repository.withTemporaryFolder { folder in
            let run = try Program.run(["init", Self.model, Self.data, "--json"], folder: folder)
            let document = try Figures(json: Data(run.output.utf8))
            #expect(document["schema"].text == "casemate.init/1" && document["exitStatus"].int == 0)
            #expect(document["target"].text == "approve" && document["features"].list.count == 36)
            #expect(document["next"].text == "casemate audit casemate.yaml")
            let failed = try Program.run(["init", "none.onnx", Self.data, "--json", "--force"], folder: folder)
            #expect(failed.status == 2)
            #expect(try Figures(json: Data(failed.output.utf8))["error"]["code"].text == "not-found")
        }
    }

    @Test func whatCannotBeDoneIsSaid() throws {
        try Repository.withTemporaryFolder { folder in
            let cases: [([String], String)] = [
                ([Self.model, "none.csv"], "none.csv"), (["none.onnx", Self.data], "none.onnx"),
                ([Self.data, Self.data], "test.csv"),
                ([Self.model, Self.data, "--target", "aprove"], "did you mean 'approve'?"),
                ([Self.model, Self.data, "--target", "race"], "the target has 3 values that do not fit"),
            ]
            for (arguments, message) in cases {
                let run = try Program.run(["init"] + arguments, folder: folder)
                #expect(run.status == 2 && run.output.isEmpty, "\(arguments)")
                #expect(run.error.hasPrefix("error: ") && run.error.contains(message), "\(run.error)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            }
        }
    }
}
