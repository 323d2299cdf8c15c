import CasemateCore
import CasemateScan
import Dispatch
import Foundation
import TestSupport
import Testing

/// Appending, mending, trust, other kinds of files.
@Suite struct LedgerTests {
    @Test func anEntryHoldsWhatWasSaid() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder), key = SigningKey(.ed25519)
            try bench.write(LedgerBench.table(rows: 50))
            let raw = try bench.register(key: key) { $0.source = "CRM \"é\"\n" }
            try FileManager.default.createDirectory(atPath: folder + "/a", withIntermediateDirectories: true)
            try bench.write(LedgerBench.table(rows: 40), to: folder + "/a/clean.csv")
            let path = bench.data
            let clean = try bench.register(folder + "/a/clean.csv", key: key, minute: 1) {
                ($0.transformation, $0.parents) = (
                    "dropped ten", [path, "sha256:" + String(repeating: "0", count: 64)]
                )
            }
            let entries = try bench.review([key.verifying]).entries.map(\.entry)
            #expect(entries == [raw, clean])
            #expect(raw.previous == LedgerEntry.genesis && clean.previous == raw.hash && raw.ledger == clean.ledger)
            #expect(clean.path == "a/clean.csv" && raw.path == "train.csv" && raw.source == "CRM \"é\"\n")
            #expect(clean.parents == [.entry(raw.hash), .content(String(repeating: "0", count: 64))])
            #expect(raw.time == "2026-09-21T14:13:20Z" && raw.who == "ada" && raw.digest.columns.count == 5)
            #expect(raw.digest.rows?.count == 50 && raw.isSignedConsistently == true)
            let sha256 = try FileDigest(of: bench.data).sha256
            #expect(raw.digest.content.hexadecimal == sha256)
            // What `sed -n 1p | tr -d '\n' | sha256sum` says.
            let line = try bench.lines()[0]
            #expect(FileDigest.sha256(Data(line.utf8)) == raw.hash)
            #expect(bench.location.path(of: "a/clean.csv").hasSuffix("a/clean.csv"))
        }
    }

    @Test func concurrentAppendsMakeOneChain() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            for index in 0..<12 { try bench.write(LedgerBench.table(rows: 5 + index), to: folder + "/f\(index).csv") }
            DispatchQueue.concurrentPerform(iterations: 12) { index in
                _ = try? bench.register(folder + "/f\(index).csv", minute: index)
            }
            let review = try bench.review()
            #expect(review.entries.count == 12 && review.problems.isEmpty)
            #expect(Set(review.entries.map(\.entry.path)).count == 12)
        }
    }

    /// Every beginning of the last line: reported, refused, mended, never taken for an entry.
    @Test func halfWrittenLinesAreMended() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            try bench.write(LedgerBench.table(rows: 5))
            try bench.register()
            let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.ledger)))
            try bench.register(minute: 1)
            let both = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.ledger)))
            for length in [whole.count + 1, whole.count + 50, both.count - 2, both.count - 1] {
                try Data(both[..<length]).write(to: URL(fileURLWithPath: bench.ledger))
                let review = try bench.review()
                #expect(review.problems.map(\.kind) == [.torn] && review.entries.count == 1)
                let error = #expect(throws: CasemateError.self) { try bench.register() }
                #expect(error?.code == .refused && error?.help.contains("--mend") == true)
                #expect(try bench.store.mend() != nil)
                let mended = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.ledger)))
                #expect(mended == (length == both.count - 1 ? both : whole))
                #expect(try bench.review().problems.isEmpty)
                if length < both.count - 1 {
                    let torn = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.ledger + ".torn")))
                    #expect(torn == Array(both[whole.count..<length]))
                    try FileManager.default.removeItem(atPath: bench.ledger + ".torn")
                }
            }
            #expect(try bench.store.mend() == nil)
        }
    }

    @Test func anAlteredLedgerIsNotAppendedTo() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            try bench.write(LedgerBench.table(rows: 5))
            for minute in 0..<3 { try bench.register(minute: minute) }
            var lines = try bench.lines()
            lines.remove(at: 1)
            try bench.writeLines(lines)
            let error = #expect(throws: CasemateError.self) { try bench.register() }
            #expect(error?.code == .refused)
            #expect(try bench.lines() == lines)
        }
    }

    /// A forger without a key can write a whole new ledger: only keys that are named tell.
    @Test func trustComesFromNamedKeysOnly() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder), mine = SigningKey(.p256), other = SigningKey(.ed25519)
            try bench.write(LedgerBench.table(rows: 5))
            try bench.register(key: mine)
            try bench.register(key: other, minute: 1)
            try bench.register(minute: 2)
            let review = try bench.review([mine.verifying])
            #expect(review.problems.isEmpty && review.unsigned.map(\.position) == [2])
            #expect(review.unknownSigners.map(\.position) == [1])
            #expect(try bench.review().unknownSigners.isEmpty)
        }
    }

    @Test func orderMayBeDeclaredNotToMatter() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            var lines = LedgerBench.table(rows: 400)
            lines.append(lines[17])
            try bench.write(lines)
            try bench.register { $0.isOrderIndependent = true }
            var generator = SeededGenerator(seed: 3)
            try bench.write([lines[0]] + lines.dropFirst().shuffled(using: &generator))
            guard case .sameRows = try bench.check().verdict else {
                Issue.record("the same rows in another order are not seen as such")
                return
            }
            // A duplicate more or less is another set of rows.
            try bench.write(lines.dropLast())
            guard case .changed(let difference) = try bench.check().verdict else {
                Issue.record("a missing duplicate is not seen")
                return
            }
            #expect(difference.rowCounts == ["removed": 1])
        }
    }

    /// Line ends and blank lines are no rows, and still part of the file.
    @Test func changedLineEndsAreNamedAsSuch() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder), lines = LedgerBench.table(rows: 30)
            try bench.write(lines)
            try bench.register()
            let text = try String(contentsOfFile: bench.data, encoding: .utf8)
            try text.replacing("\n5,", with: "\r\n5,").write(toFile: bench.data, atomically: false, encoding: .utf8)
            var difference = try #require(try bench.difference())
            #expect(difference.rows.map(\.kind) == ["line end"] && difference.rows.map(\.row) == [4])
            try text.replacing("\n5,", with: "\n\n5,").write(toFile: bench.data, atomically: false, encoding: .utf8)
            difference = try #require(try bench.difference())
            #expect(difference.rows.map(\.kind) == ["line end"] && difference.rows.map(\.row) == [4])
            try String(text.dropLast()).write(toFile: bench.data, atomically: false, encoding: .utf8)
            difference = try #require(try bench.difference())
            #expect(difference.rows.map(\.kind) == ["line end"] && difference.rows.map(\.row) == [29])
            try text.replacing("id,amount", with: "id,Amount").write(
                toFile: bench.data, atomically: false, encoding: .utf8)
            difference = try #require(try bench.difference())
            #expect(difference.isHeaderChanged && difference.columnsAdded == ["Amount"] && difference.rows.isEmpty)
        }
    }

    /// Without the file of short hashes, the ledger alone places a change in a part of 1,024 rows.
    @Test func theLedgerAlonePlacesAChange() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            var lines = LedgerBench.table(rows: 5000)
            try bench.write(lines)
            try bench.register()
            lines[3001] += "0"
            try bench.write(lines)
            #expect(try bench.difference()?.rows.map(\.row) == [3000])
            let side = folder + "/casemate-data.rows"
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: side).first)
            let handle = try #require(FileHandle(forWritingAtPath: side + "/" + name))
            try handle.seek(toOffset: 5000)
            try handle.write(contentsOf: Data([1, 2, 3]))
            try handle.close()
            var difference = try #require(try bench.difference())
            #expect(difference.rowParts == [2048..<3072] && difference.rows.isEmpty)
            #expect(difference.notes.contains { $0.contains("altered") })
            try FileManager.default.removeItem(atPath: side)
            difference = try #require(try bench.difference())
            #expect(difference.rowParts == [2048..<3072])
        }
    }

    @Test func filesThatAreNoTablesArePlacedByBlocks() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder), path = folder + "/m.bin"
            var bytes = [UInt8](repeating: 0, count: 1_000_000)
            var generator = SeededGenerator(seed: 5)
            for index in bytes.indices { bytes[index] = UInt8.random(in: 0...255, using: &generator) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let entry = try bench.register(path)
            #expect(entry.digest.form.kind == .bytes && entry.digest.rows == nil)
            bytes[700_001] ^= 8
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let block = 700_001 / 65_536 * 65_536
            #expect(try bench.difference(path)?.byteParts == [block..<block + 65_536])
            try Data(bytes[..<999_999]).write(to: URL(fileURLWithPath: path))
            #expect(try bench.difference(path)?.byteParts.last == 983_040..<1_000_000)
        }
    }

    @Test func compressedTextIsComparedByRows() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            var lines = LedgerBench.table(rows: 900)
            func pack() throws {
                try bench.write(lines)
                #expect(
                    try Program.run(["-n", "-k", "-f", bench.data], program: "/bin/gzip", folder: folder).status == 0)
            }
            try pack()
            let entry = try bench.register(bench.data + ".gz")
            #expect(entry.digest.form.isCompressed && entry.digest.rows?.count == 900)
            lines[500] += "1"
            try pack()
            #expect(try bench.difference(bench.data + ".gz")?.rows.map(\.row) == [499])
            // Damaged: rows cannot be read, the block of bytes is named.
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.data + ".gz")))
            bytes[bytes.count / 2] ^= 0xff
            try Data(bytes).write(to: URL(fileURLWithPath: bench.data + ".gz"))
            let difference = try #require(try bench.difference(bench.data + ".gz"))
            #expect(!difference.byteParts.isEmpty && difference.notes.contains { $0.contains("cannot be read") })
        }
    }

    @Test func missingUnregisteredAndOlderFilesAreToldApart() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            try bench.write(LedgerBench.table(rows: 10))
            let first = try bench.register()
            try bench.write(LedgerBench.table(rows: 11))
            try bench.register(minute: 1)
            try bench.write(LedgerBench.table(rows: 10))
            let older = try bench.check()
            #expect(older.twin?.hash == first.hash)
            guard case .changed = older.verdict else {
                Issue.record("an older state is not seen as a change")
                return
            }
            try bench.write(LedgerBench.table(rows: 11), to: folder + "/copy.csv")
            let copy = try bench.check(folder + "/copy.csv")
            guard case .unregistered = copy.verdict else {
                Issue.record("a copy is taken for a registered file")
                return
            }
            #expect(copy.twin?.entry.sequence == 1)
            try FileManager.default.removeItem(atPath: bench.data)
            guard case .missing = try bench.check().verdict else {
                Issue.record("a missing file is not seen")
                return
            }
            #expect(throws: CasemateError.self) { try bench.check(folder + "/nothing") }
        }
    }

    @Test func lineageEndsAtTheSourcesAndNeverGoesRound() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            var sha = "sha256:" + String(repeating: "a", count: 64)
            for index in 0..<4 {
                let path = folder + "/f\(index).csv"
                try bench.write(LedgerBench.table(rows: 10 + index), to: path)
                try bench.register(path, minute: index) { facts in
                    // The first one is said to be made from the last one: a circle by content.
                    facts.parents = index == 0 ? [sha] : ["\(index - 1)", "0"]
                }
                sha = "sha256:" + (try FileDigest(of: path).sha256)
            }
            try bench.register(folder + "/f0.csv", minute: 9) { $0.parents = [sha] }
            try bench.write(LedgerBench.table(rows: 99), to: folder + "/f1.csv")
            let entries = try bench.review().entries
            let verifier = DataVerifier(
                bench.location, entries: entries, search: Repository.engines, context: RunContext())
            let lineage = DataLineage(bench.location, entries: entries, verifier: verifier)
            let tree = try lineage.tree(of: lineage.entry(folder + "/f3.csv"))
            var seen: [Int] = [], unknown = 0, changed: [Int] = []
            func walk(_ node: DataLineage.Node) {
                switch node {
                case .entry(let placed, let checked, let parents):
                    seen.append(placed.entry.sequence)
                    if case .changed? = checked?.verdict { changed.append(placed.entry.sequence) }
                    parents.forEach(walk)
                case .seen: break
                case .unknown: unknown += 1
                }
            }
            walk(tree)
            #expect(seen == [3, 2, 1, 0] && unknown == 1 && changed == [1])
            walk(try lineage.tree(of: lineage.entry("#4")))
            #expect(seen.suffix(5) == [4, 3, 2, 1, 0])
            #expect(throws: CasemateError.self) { try lineage.entry("nothing.csv") }
        }
    }
}

/// Entries beside their published schema.
@Suite struct LedgerSchemaTests {
    @Test func entriesFollowTheSchema() throws {
        let schema = try JSONSchema(
            Data(contentsOf: URL(fileURLWithPath: Repository.path("docs/reference/ledger.schema.json"))))
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            try bench.write(LedgerBench.table(rows: 3000))
            try bench.register(key: SigningKey(.p256)) { facts in
                (facts.source, facts.transformation, facts.note) = ("a", "b", "c")
                (facts.parents, facts.isOrderIndependent) = (["sha256:" + String(repeating: "f", count: 64)], true)
            }
            try "{\"a\":1}\n".write(toFile: folder + "/a.jsonl", atomically: false, encoding: .utf8)
            try bench.register(folder + "/a.jsonl", key: SigningKey(.ed25519)) { $0.keepsRows = false }
            try Data([0, 1, 2]).write(to: URL(fileURLWithPath: folder + "/b.bin"))
            try bench.register(folder + "/b.bin")
            try "one\n\ntwo\n".write(toFile: folder + "/c.csv", atomically: false, encoding: .utf8)
            try bench.register(folder + "/c.csv")
            for line in try bench.lines() { #expect(try schema.violations(in: Data(line.utf8)) == []) }
            let first = try bench.lines()[0]
            #expect(
                try schema.violations(
                    in: Data(first.replacing("\"parents\":[\"sha256", with: "\"parents\":[\"md5").utf8)) != [])
            #expect(
                try bench.review().entries.map(\.entry.digest.form.kind) == [.delimited, .lines, .bytes, .delimited])
            #expect(try bench.review().entries.last?.entry.digest.rows?.count == 2)
        }
    }
}
