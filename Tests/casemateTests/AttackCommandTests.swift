import Foundation
import TestSupport
import Testing

/// `casemate attack` with gradients and against specifications, as a user runs it.
@Suite struct AttackCommandTests {
    private static let digits = [
        "attack", "Examples/digits/cnn.onnx", "--data", "Examples/digits/test.csv", "--target", "label",
    ]

    @Test func theBundledDigitsFallToGradients() throws {
        try Repository.withTemporaryFolder { folder in
            let saved = folder + "/adv.npz"
            let run = try Program.run(
                Self.digits + ["--eps", "0.1", "--samples", "40", "--json", "--output", folder, "--save", saved])
            #expect(run.status == 0, "\(run.error)")
            let report = try Figures(json: Data(run.output.utf8))
            let attack = report["attack"]
            let robust = try #require(attack["robustAccuracy"]["value"].double)
            let clean = try #require(attack["cleanAccuracy"]["value"].double)
            #expect(robust < clean && clean > 0.9)
            #expect(report["rows"].list.count == 40 && report["checks"].list.count == 22)
            #expect(report["curve"].list.first?["share"]["value"].double == clean)
            #expect(!report["attacks"].list.isEmpty)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: saved))
            #expect(bytes.starts(with: Array("PK".utf8)))
            // The saved samples are read back, in the model's units, and most of them are wrong now.
            let again = try Program.run([
                "attack", "Examples/digits/cnn.onnx", "--data", saved, "--eps", "0", "--no-checks", "--json",
                "--bounds", "0:1", "--divide", "1",
            ])
            #expect(again.status == 0, "\(again.error)")
            let second = try Figures(json: Data(again.output.utf8))
            #expect(agree(second["attack"]["cleanAccuracy"]["value"].double, robust))
        }
    }

    @Test func scoresAndTargetsAndSmallestChangesWork() throws {
        for options in [
            ["--access", "scores", "--eps", "0.2", "--steps", "200", "--no-checks"],
            ["--eps", "0.2", "--target-class", "3", "--attack", "pgd", "--no-checks", "--save", "/dev/null/x.npz"],
            ["--attack", "fmn", "--norm", "l2"],
            ["--eps", "0.1", "--norm", "l1", "--attack", "apgd-ce", "--no-checks"],
        ] {
            let run = try Program.run(Self.digits + ["--samples", "12", "--json"] + options)
            // The second cannot write where it was told to, and says so.
            #expect(run.status == (options.contains("--save") ? 2 : 0), "\(options): \(run.error)")
        }
    }

    @Test(arguments: [
        (["--eps", "2"], "beyond the data"), (["--eps", "abc"], "makes no sense"),
        (["--eps", "0.1", "--steps", "0"], "makes no sense"), (["--eps", "0.1", "--norm", "l9"], "is unknown"),
        (["--eps", "0.1", "--attack", "pdg"], "did you mean 'pgd'"), (["--attack", "autoattack"], "needs a radius"),
        (["--eps", "0.1", "--target-class", "10"], "out of range"), (["--access", "grads"], "is unknown"),
        (["--eps", "0.1", "--access", "scores", "--attack", "pgd"], "needs gradients"),
    ])
    func refusesWhatMakesNoSense(options: [String], message: String) throws {
        let run = try Program.run(Self.digits + ["--samples", "5"] + options)
        #expect(run.status == 2 && run.error.contains(message) && run.error.contains("help:"), "\(run.error)")
    }

    @Test func treesHaveNoGradientAndSaySo() throws {
        let run = try Program.run([
            "attack", "Examples/mortgage/gbm.onnx", "--data", "Examples/mortgage/test.csv", "--target", "approve",
            "--ignore", "application,race,sex,marital,age,min30,occ,prop,mortg,cons", "--eps", "0.1",
        ])
        #expect(run.status == 2 && run.error.contains("--access labels"), "\(run.error)")
    }

    /// A property that every input meets is broken at once; one that none meets is never called proved.
    @Test(arguments: [(-1_000_000.0, "sat"), (1_000_000.0, "unknown")])
    func specificationsAreBrokenWithAWitness(bound: Double, expected: String) throws {
        try Repository.withTemporaryFolder { folder in
            var text = ""
            for index in 0..<64 { text += "(declare-const X_\(index) Real)\n" }
            for index in 0..<10 { text += "(declare-const Y_\(index) Real)\n" }
            for index in 0..<64 { text += "(assert (>= X_\(index) 0))\n(assert (<= X_\(index) 16))\n" }
            text += "(assert (>= Y_3 \(Int(bound))))\n"
            let path = folder + "/p.vnnlib"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let run = try Program.run([
                "attack", "Examples/digits/cnn.onnx", "--spec", path, "--budget", "1s", "--json",
            ])
            #expect(run.status == 0, "\(run.error)")
            let report = try Figures(json: Data(run.output.utf8))
            #expect(report["result"].text == expected)
            #expect(report["witness"]["input"].list.count == (expected == "sat" ? 64 : 0))
            #expect(report["witness"]["output"].list.count == (expected == "sat" ? 10 : 0))
        }
    }
}
