import Foundation
import TestSupport
import Testing

/// `keygen`, `data register`, `data verify` and `data lineage` as a user runs them.
@Suite struct ProvenanceCommandTests {
    @Test func aChangedCellIsFoundFromTheCommandLine() throws {
        try Repository.withTemporaryFolder { folder in
            func run(_ arguments: String...) throws -> Program.Outcome { try Program.run(arguments, folder: folder) }
            let rows = ["a,b"] + (0..<100).map { "\($0),\($0 * 3)" }
            try (rows.joined(separator: "\n") + "\n").write(
                toFile: folder + "/t.csv", atomically: false, encoding: .utf8)
            let keys = try run("keygen", "--output", "me.pem")
            #expect(keys.status == 0 && keys.output.hasPrefix("wrote me.pem"), "\(keys.error)")
            #expect(try run("keygen", "--output", "me.pem").status == 2)
            let made = try run("data", "register", "t.csv", "--key", "me.pem", "--checkpoint", "head.json", "--json")
            let entry = try Figures(json: Data(made.output.utf8))
            #expect(made.status == 0 && entry["rows"].int == 100 && entry["sequence"].int == 0, "\(made.error)")
            let clean = try run("data", "verify", "--key", "me.pem.pub", "--checkpoint", "head.json")
            #expect(clean.status == 0, "\(clean.error)")
            try (rows.joined(separator: "\n") + "\n").replacing("\n57,171", with: "\n57,172").write(
                toFile: folder + "/t.csv", atomically: false, encoding: .utf8)
            let changed = try run("data", "verify", "t.csv", "--key", "me.pem.pub", "--json")
            let report = try Figures(json: Data(changed.output.utf8))
            #expect(changed.status == 1 && report["findings"][0]["id"].text == "provenance.row_changed")
            #expect(report["files"][0]["difference"]["rows"][0]["row"].int == 57)
            let lineage = try run("data", "lineage", "t.csv")
            #expect(lineage.status == 1 && lineage.output.contains("CHANGED since"), "\(lineage.error)")
            chmod(folder + "/me.pem", 0o644)
            let refused = try run("data", "register", "t.csv", "--key", "me.pem")
            #expect(refused.status == 2 && refused.error.contains("chmod 600"), "\(refused.error)")
            #expect(try run("data", "verify", "--ledger", "nothing.jsonl").status == 2)
        }
    }
}
