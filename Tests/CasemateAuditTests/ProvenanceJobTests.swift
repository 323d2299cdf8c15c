import CasemateAudit
import CasemateCore
import CasemateScan
import Foundation
import TestSupport
import Testing

/// The jobs behind `data register`, `verify` and `lineage`, over text and SQLite.
@Suite struct ProvenanceJobTests {
    private func write(_ rows: Int, to path: String, changing row: Int? = nil) throws {
        var lines = (0..<rows).map { "\($0),\($0 * 7 % 1000),\($0 % 2)" }
        if let row { lines[row] += "1" }
        try (["id,amount,y"] + lines).joined(separator: "\n").write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func register(_ file: String, _ ledger: String, key: String?, minute: Int = 0, parents: [String] = [])
        throws
    {
        var plan = DataRegisterJob.Plan(file: file, who: "ada")
        (plan.ledger, plan.key, plan.parents) = (ledger, key, parents)
        let time = Date(timeIntervalSince1970: 1_790_000_000 + Double(60 * minute))
        _ = try DataRegisterJob(plan, search: Repository.engines).run(context: RunContext(), time: time)
    }

    private func verify(
        _ ledger: String, keys: [String] = [], _ change: (inout DataVerifyJob.Plan) -> Void = { _ in }
    ) throws -> DataVerifyJob.Result {
        var plan = DataVerifyJob.Plan()
        (plan.ledger, plan.keys) = (ledger, keys)
        change(&plan)
        return try DataVerifyJob(plan, search: Repository.engines)
            .run(context: RunContext(), command: "test", started: Date())
    }

    @Test(arguments: ["ledger.jsonl", "ledger.sqlite"]) func changedRowsAreNamedWithStatusOne(name: String) throws {
        try Repository.withTemporaryFolder { folder in
            let (data, ledger, key) = (folder + "/a.csv", folder + "/" + name, folder + "/k")
            try SigningKey(.ed25519).write(to: key)
            try write(300, to: data)
            try register(data, ledger, key: key)
            let clean = try verify(ledger, keys: [key + ".pub"])
            #expect(clean.report.exitStatus == 0 && clean.report.findings.isEmpty)
            try write(300, to: data, changing: 41)
            let found = try verify(ledger, keys: [key + ".pub"])
            #expect(found.report.exitStatus == 1 && found.report.verdict == .fail)
            #expect(found.report.findings.map(\.id) == ["provenance.row_changed"])
            #expect(found.report.findings[0].title.contains("1 changed (row 41)"))
            let json = try Figures(json: found.json())
            let rows = json["files"][0]["difference"]["rows"]
            #expect(rows.list.count == 1 && rows[0]["row"].int == 41 && rows[0]["line"].int == 43)
            let schema = try JSONSchema(Repository.schema())
            #expect(try schema.violations(in: found.json()) == [])
            // Masked, nothing tells the row.
            let masked = try verify(ledger, keys: [key + ".pub"]) { $0.isRedacted = true }
            #expect(!masked.report.findings[0].title.contains("row 41"))
            #expect(try Figures(json: masked.json())["files"][0]["difference"]["rows"].isNull)
        }
    }

    @Test func signersAreAskedForOnlyWhereKeysAreNamed() throws {
        try Repository.withTemporaryFolder { folder in
            let (data, ledger) = (folder + "/a.csv", folder + "/l.jsonl")
            for name in ["mine", "other"] { try SigningKey(.p256).write(to: folder + "/" + name) }
            try write(20, to: data)
            try register(data, ledger, key: nil)
            #expect(try verify(ledger).report.findings.map(\.severity) == [.low])
            #expect(try verify(ledger).report.exitStatus == 0)
            let named = try verify(ledger, keys: [folder + "/mine.pub"]).report
            #expect(named.findings.map(\.id) == ["provenance.unsigned"] && named.exitStatus == 1)
            try register(data, ledger, key: folder + "/other", minute: 1)
            let foreign = try verify(ledger, keys: [folder + "/mine.pub"]) { $0.files = [data] }.report
            #expect(foreign.findings.map(\.id) == ["provenance.unknown_key"] && foreign.exitStatus == 1)
            #expect(try verify(ledger, keys: [folder + "/other.pub"]) { $0.files = [data] }.report.exitStatus == 0)
        }
    }

    @Test func missingThingsAreFindingsOrErrors() throws {
        try Repository.withTemporaryFolder { folder in
            let (data, ledger) = (folder + "/a.csv", folder + "/l.jsonl")
            let error = #expect(throws: CasemateError.self) { try verify(ledger) }
            #expect(error?.code == .notFound)
            try write(20, to: data)
            try register(data, ledger, key: nil)
            try write(20, to: folder + "/b.csv")
            let report = try verify(ledger) { $0.files = [folder + "/b.csv"] }.report
            #expect(report.findings.map(\.id) == ["provenance.unregistered"] && report.exitStatus == 1)
            try FileManager.default.removeItem(atPath: data)
            #expect(try verify(ledger).report.findings.first?.id == "provenance.file_missing")
            #expect(throws: CasemateError.self) { try verify(ledger) { $0.files = [folder + "/nothing.csv"] } }
            #expect(throws: CasemateError.self) { try verify(ledger) { $0.expectedHead = "12" } }
            let cut = try verify(ledger) { $0.expectedHead = String(repeating: "a", count: 64) }.report
            #expect(cut.findings.contains { $0.id == "provenance.ledger_altered" })
        }
    }

    /// Another program's database is left alone; rows of ours cannot be changed by accident.
    @Test func databasesOfOthersAreLeftAlone() throws {
        try Repository.withTemporaryFolder { folder in
            let (data, ledger) = (folder + "/a.csv", folder + "/l.db")
            try write(20, to: data)
            try "no database, only text that is long enough to be read as one".write(
                toFile: ledger, atomically: false, encoding: .utf8)
            let before = try Data(contentsOf: URL(fileURLWithPath: ledger))
            #expect(throws: CasemateError.self) { try register(data, ledger, key: nil) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: ledger)) == before)
        }
    }

    @Test func lineageShowsTheSourceAndWhatChanged() throws {
        try Repository.withTemporaryFolder { folder in
            let (raw, train, ledger) = (folder + "/raw.csv", folder + "/train.csv", folder + "/l.jsonl")
            try write(50, to: raw)
            try register(raw, ledger, key: nil)
            try write(40, to: train)
            try register(train, ledger, key: nil, minute: 1, parents: [raw])
            func lineage() throws -> DataLineageJob.Result {
                try DataLineageJob(train, ledger: ledger, keys: [], search: Repository.engines)
                    .run(context: RunContext(), command: "test", started: Date())
            }
            let clean = try lineage()
            #expect(clean.report.exitStatus == 0 && clean.text.contains("└─ raw.csv  entry 0"))
            try write(50, to: raw, changing: 3)
            let changed = try lineage()
            #expect(changed.report.exitStatus == 1 && changed.text.contains("CHANGED since"))
            let node = try Figures(json: changed.json())["lineage"]
            #expect(node["status"].text == "same" && node["parents"][0]["status"].text == "changed")
        }
    }
}

extension Repository {
    /// The schema of reports.
    fileprivate static func schema() throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path("docs/reference/report.schema.json")))
    }
}
