import Foundation
import TestSupport
import Testing

/// What the guard's commands say to somebody who names the wrong thing.
@Suite struct GuardCommandTests {
    private func refused(
        _ arguments: [String], in folder: String, _ parts: String..., source: SourceLocation = #_sourceLocation
    ) throws {
        let run = try Program.run(arguments, folder: folder)
        #expect(run.status == 2 && run.output.isEmpty, "\(run.output)", sourceLocation: source)
        for part in parts {
            #expect(run.error.contains(part), "'\(part)' in: \(run.error)", sourceLocation: source)
        }
    }

    @Test func everyCommandSpeaksOfItself() throws {
        try Repository.withTemporaryFolder { folder in
            try refused(
                ["guard", "fit", "rows.csv", "--output", "p"], in: folder, "name the model", "casemate guard fit")
            try refused(["guard", "fit", "--output", "p"], in: folder, "name the rows", "casemate guard fit")
            try "seed: 1\n".write(toFile: folder + "/c.yaml", atomically: true, encoding: .utf8)
            try refused(
                ["guard", "fit", "--config", "c.yaml", "--output", "p"], in: folder, "c.yaml: lacks 'data.train'")
            try refused(
                ["keys", "add", "--store", "k.sqlite", "--name", "a", "--expires", "soon"], in: folder,
                "'soon' is no time", "2027-01-31")
            try refused(["serve", folder], in: folder, "is a folder", "guard.yaml")
            try refused(["serve", "none.yaml"], in: folder, "there is no such file")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["c.yaml"])
        }
    }

    @Test func logsAreAskedForByWhatTheCommandTakes() throws {
        try Repository.withTemporaryFolder { folder in
            try refused(
                ["log", "query", "audit.sqlite", "--stage", "limit"], in: folder, "unknown stage 'limit'",
                "did you mean 'limits'?", "second_opinion")
            try Data().write(to: URL(fileURLWithPath: folder + "/heads.jsonl"))
            try refused(
                ["log", "verify", "audit.sqlite", "--checkpoint", "heads.jsonl"], in: folder, "heads.jsonl: is empty")
            let keys = try Program.run(["keys", "add", "--store", "keys.sqlite", "--name", "a"], folder: folder)
            #expect(keys.status == 0, "\(keys.error)")
            for verb in ["verify", "query", "export"] {
                try refused(
                    ["log", verb, "keys.sqlite"], in: folder, "is an SQLite file of something else", "help: name a log")
            }
        }
    }
}
