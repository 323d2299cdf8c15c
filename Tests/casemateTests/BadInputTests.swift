import Foundation
import TestSupport
import Testing

/// Every wrong input gives one clear message, status 2, and leaves nothing half-written.
@Suite struct BadInputTests {
    /// A folder with small data, a model that fits them, and the flags that name them.
    private func attempt(
        files: [String: String] = [:], model: String? = nil, arguments: [String] = [],
        environment: [String: String] = [:]
    ) throws -> (outcome: Program.Outcome, left: [String]) {
        try Repository.withTemporaryFolder { folder in
            var all = ["train.csv": Self.data, "test.csv": Self.data]
            all.merge(files) { $1 }
            for (name, text) in all {
                try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            }
            let path = Repository.path("Tests/Fixtures/" + (model ?? "models/sk_logistic_zipmap_int.onnx"))
            let given = ["--model", path, "--train", "train.csv", "--test", "test.csv", "--target", "y"]
            let outcome = try Program.run(
                ["audit"] + (arguments.contains { $0.hasSuffix(".yaml") } ? [] : given) + arguments, folder: folder,
                environment: environment)
            let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter { all[$0] == nil }
            return (outcome, left)
        }
    }

    private static let data: String = {
        let rows = (0..<40).map { "\(Double($0) / 10 - 2),\(Double($0 % 7)),\(Double($0 % 5) / 2),1.5,\($0 % 2)" }
        return "a,b,c,d,y\n" + rows.joined(separator: "\n") + "\n"
    }()

    private func expectRefused(
        _ result: (outcome: Program.Outcome, left: [String]), _ parts: String...,
        source: SourceLocation = #_sourceLocation
    ) {
        let error = result.outcome.error
        #expect(result.outcome.status == 2, "\(error)", sourceLocation: source)
        #expect(error.hasPrefix("error: "), "\(error)", sourceLocation: source)
        for part in parts { #expect(error.contains(part), "'\(part)' in: \(error)", sourceLocation: source) }
        #expect(error.components(separatedBy: "error: ").count == 2, "one message: \(error)", sourceLocation: source)
        #expect(result.left.isEmpty, "left behind: \(result.left)", sourceLocation: source)
    }

    @Test func soundInputPasses() throws {
        let result = try attempt(arguments: ["--fail-on", "never"])
        #expect(result.outcome.status == 0, "\(result.outcome.error)")
        #expect(result.left == ["casemate-report"])
    }

    @Test func missingFile() throws {
        expectRefused(try attempt(arguments: ["--test", "nowhere.csv"]), "nowhere.csv", "help:")
    }
    @Test func emptyTable() throws {
        expectRefused(try attempt(files: ["test.csv": ""]), "test.csv", "empty")
    }
    @Test func headerOnly() throws { expectRefused(try attempt(files: ["test.csv": "a,b,c,d,y\n"]), "test.csv") }
    @Test func raggedTable() throws {
        expectRefused(try attempt(files: ["test.csv": Self.data + "1,2,3\n"]), "test.csv", "42")
    }
    @Test func absentTarget() throws {
        expectRefused(try attempt(arguments: ["--target", "yy"]), "'yy'", "did you mean 'y'?")
    }
    @Test func constantTarget() throws {
        let constant = Self.data.split(separator: "\n").enumerated()
            .map { $0.offset == 0 ? String($0.element) : $0.element.dropLast() + "1" }
        expectRefused(try attempt(files: ["test.csv": constant.joined(separator: "\n") + "\n"]), "y", "test.csv")
    }
    @Test func notANumber() throws {
        expectRefused(try attempt(files: ["test.csv": Self.data + "nan,1,1,1,1\n"]), "'a'", "41")
    }
    @Test func infinite() throws {
        expectRefused(try attempt(files: ["test.csv": Self.data + "1,inf,1,1,1\n"]), "'b'", "41")
    }
    @Test func modelWithoutOutputs() throws {
        expectRefused(try attempt(model: "bad-models/no-outputs.onnx"), "no-outputs.onnx", "output")
    }
    @Test func modelWithUnknownOutputs() throws {
        expectRefused(try attempt(model: "bad-models/unknown-output.onnx"), "num_detections", "boxes")
    }
    @Test func widthMismatch() throws {
        let wide = Self.data.split(separator: "\n").map { $0.hasPrefix("a") ? "extra," + $0 : "7," + $0 }
        let text = wide.joined(separator: "\n") + "\n"
        expectRefused(try attempt(files: ["train.csv": text, "test.csv": text]), "extra", "4", "5")
    }
    @Test func truncatedModel() throws {
        expectRefused(try attempt(model: "bad-models/truncated.onnx"), "truncated.onnx")
    }
    @Test func unknownCustomOperator() throws {
        expectRefused(try attempt(model: "bad-models/unknown-op.onnx"), "ScoreCard", "com.example.risk")
    }
    @Test func misspeltKey() throws {
        let yaml = "model: m.onnx\ndata: {test: test.csv, taregt: y}\n"
        let result = try attempt(files: ["c.yaml": yaml], arguments: ["c.yaml"])
        expectRefused(result, "c.yaml:2", "'taregt'", "did you mean 'target'?")
    }
    @Test func unwritableFolder() throws {
        expectRefused(try attempt(arguments: ["--output", "/proc/casemate"]), "/proc/casemate", "--output")
    }
    @Test func missingEngine() throws {
        let result = try attempt(environment: ["CASEMATE_ONNXRUNTIME": "/no/such/library.so"])
        expectRefused(result, "CASEMATE_ONNXRUNTIME", "/no/such/library.so")
    }
    @Test func aMissingEngineBreaksNothingElse() throws {
        let run = try Program.run(
            [
                "audit", "--model", "Examples/mortgage/gbm.onnx", "--test", "Examples/mortgage/test.csv", "--target",
                "approve",
                "--protected", "race,sex,marital,age", "--ignore", "application,min30,occ,prop,mortg,cons", "--output",
                "/tmp/casemate-\(UUID().uuidString)", "--fail-on", "never",
            ],
            environment: [
                "CASEMATE_LIGHTGBM": "/no/such/library.so", "CASEMATE_PROBES_EVASION_SAMPLES": "2",
            ])
        #expect(run.status == 0, "\(run.error)")
        let doctor = try Program.run(["doctor", "--json"], environment: ["CASEMATE_LIGHTGBM": "/no/such/library.so"])
        #expect(doctor.status == 2)
        let engines = try Figures(json: Data(doctor.output.utf8))["engines"].list
        #expect(engines.filter { $0["isFound"].bool == false }.map { $0["name"].text } == ["lightgbm"])
    }

    /// A full disk: a file system of a few pages in a mount namespace of its own.
    @Test func fullDisk() throws {
        let probe = try Program.run(["unshare", "-rm", "true"], program: "/usr/bin/env")
        guard probe.status == 0 else { return }
        try Repository.withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/disk", withIntermediateDirectories: true)
            let script = """
                mount -t tmpfs -o size=64k tmpfs \(folder)/disk || exit 77
                '\(Program.casemate)' audit Examples/mortgage/casemate.yaml --output \(folder)/disk/report
                status=$?; ls -A \(folder)/disk; exit $status
                """
            let run = try Program.run(
                ["unshare", "-rm", "sh", "-c", script], program: "/usr/bin/env",
                environment: ["CASEMATE_PROBES_EVASION_SAMPLES": "2"])
            guard run.status != 77 else { return }
            #expect(run.status == 2, "\(run.error)")
            #expect(run.error.contains("no space left on device"), "\(run.error)")
            #expect(run.output.isEmpty, "left behind: \(run.output)")
        }
    }

    /// With --json, standard output is one JSON document in failure too.
    @Test func failureIsOneDocument() throws {
        for arguments in [["--test", "nowhere.csv"], ["--no-such-option"], ["--target", "zz"]] {
            let result = try attempt(arguments: arguments + ["--json"])
            let document = try Figures(json: Data(result.outcome.output.utf8))
            #expect(document["exitStatus"].int == 2 && document["verdict"].text == "undecided")
            #expect(!(document["error"]["message"].text ?? "").isEmpty)
            #expect(result.outcome.status == 2)
        }
    }

    /// Interrupted in the middle of the search: status 130 within a second, nothing half-written.
    @Test func interruption() throws {
        try Repository.withTemporaryFolder { folder in
            nonisolated(unsafe) var began = ContinuousClock.now
            let run = try Program.run(
                ["audit", "Examples/mortgage/casemate.yaml", "--output", folder + "/report"],
                environment: [
                    "CASEMATE_PROBES_EVASION_SAMPLES": "597", "CASEMATE_PROBES_EVASION_EVALUATIONS": "10000",
                    "CASEMATE_PROBES_EVASION_ITERATIONS": "200",
                ]
            ) { process in
                Thread.sleep(forTimeInterval: 1.5)
                began = ContinuousClock.now
                process.interrupt()
            }
            #expect(run.status == 130, "\(run.error)")
            #expect(ContinuousClock.now - began < .seconds(1.5))
            #expect(!FileManager.default.fileExists(atPath: folder + "/report"))
        }
    }
}
