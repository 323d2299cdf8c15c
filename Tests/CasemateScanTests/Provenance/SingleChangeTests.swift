import CasemateCore
import CasemateScan
import Foundation
import TestSupport
import Testing

/// One change at random, a hundred times: each is found, and its place is named.
@Suite struct SingleChangeTests {
    private static let rows = 1500

    /// A change of the file with the rows that may be named for it.
    private struct Change {
        var content: [UInt8]
        /// Kind and row of one of the edits.
        var isNamed: (DataDifference) -> Bool
        var what: String
    }

    private func edited(_ lines: [String]) -> [UInt8] { Array((lines.joined(separator: "\n") + "\n").utf8) }

    private func has(_ kind: String, row: Int?, oldRow: Int?) -> (DataDifference) -> Bool {
        { difference in difference.rows.contains { $0.kind == kind && $0.row == row && $0.oldRow == oldRow } }
    }

    /// One change to the rows.
    private func change(_ operation: Int, _ lines: [String], _ generator: inout SeededGenerator) -> Change {
        var lines = lines
        let row = Int.random(in: 1..<Self.rows - 1, using: &generator)
        switch operation {
        case 0:
            let cells = lines[row + 1].split(separator: ",", omittingEmptySubsequences: false)
            lines[row + 1] = (cells.dropLast() + [cells.last == "0" ? "1" : "0"]).joined(separator: ",")
            return Change(
                content: edited(lines), isNamed: has("changed", row: row, oldRow: row), what: "cell of row \(row)")
        case 1:
            var other = Int.random(in: 1..<Self.rows - 1, using: &generator)
            if other == row { other = row == 1 ? 2 : row - 1 }
            lines.swapAt(row + 1, other + 1)
            return Change(
                content: edited(lines),
                isNamed: { difference in
                    let pairs = difference.rows.filter { $0.kind == "moved" }.map { [$0.row, $0.oldRow] }
                    return pairs.contains([row, other]) || pairs.contains([other, row])
                }, what: "rows \(row) and \(other) exchanged")
        case 2:
            lines.remove(at: row + 1)
            return Change(
                content: edited(lines), isNamed: has("removed", row: nil, oldRow: row), what: "row \(row) removed")
        case 3:
            lines.insert("7777777,1,new,2,0", at: row + 1)
            return Change(
                content: edited(lines), isNamed: has("inserted", row: row, oldRow: nil), what: "row \(row) inserted")
        default:
            let copy = lines[row + 1]
            let place = Int.random(in: 0..<Self.rows, using: &generator)
            lines.insert(copy, at: place + 1)
            return Change(
                content: edited(lines),
                isNamed: { difference in
                    difference.rows.contains {
                        $0.kind == "duplicated" && $0.oldRow == row
                            && ($0.row == place || $0.row == row || $0.row == row + 1)
                    }
                }, what: "row \(row) again at \(place)")
        }
    }

    @Test func aHundredChangesOfRowsAreNamed() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder), lines = LedgerBench.table(rows: Self.rows)
            try bench.write(lines)
            try bench.register(key: SigningKey(.ed25519))
            #expect(try bench.difference() == nil)
            var named = 0
            for seed in 0..<100 as Range<UInt64> {
                var generator = SeededGenerator(seed: seed)
                let change = change(Int(seed % 5), lines, &generator)
                try Data(change.content).write(to: URL(fileURLWithPath: bench.data))
                let difference = try #require(try bench.difference(), "seed \(seed): \(change.what) is not seen")
                let isNamed = change.isNamed(difference) && difference.rowCount <= 2
                #expect(isNamed, "seed \(seed): \(change.what): \(difference.rows)")
                named += isNamed ? 1 : 0
                for edit in difference.rows {
                    guard let row = edit.row, let offset = edit.byteOffset, let length = edit.byteLength else {
                        continue
                    }
                    let text = String(decoding: change.content[offset..<offset + length], as: UTF8.self)
                    #expect(PlainReader.records(change.content, keepsBlankLines: false)[row + 1] == Array(text.utf8))
                }
            }
            #expect(named == 100)
        }
    }

    /// Any byte to any value: the row that held it, its neighbour when it was a line end, or the header.
    @Test func aHundredChangedBytesAreNamed() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            try bench.write(LedgerBench.table(rows: 300))
            let content = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bench.data)))
            try bench.register(key: SigningKey(.p256))
            for seed in 0..<100 as Range<UInt64> {
                var generator = SeededGenerator(seed: seed)
                var changed = content
                let index = Int.random(in: 0..<content.count, using: &generator)
                let mask = UInt8.random(in: 1...255, using: &generator)
                changed[index] ^= mask
                if seed % 10 == 9, let lineFeed = content[index...].firstIndex(of: 10) {
                    (changed, changed[lineFeed]) = (content, 13)
                }
                let place = zip(content, changed).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
                try Data(changed).write(to: URL(fileURLWithPath: bench.data))
                let difference = try #require(try bench.difference(), "seed \(seed)")
                // Rows before the byte: those of the text up to it.
                let row = PlainReader.records(Array(content[...place]), keepsBlankLines: false).count - 2
                let rows = difference.rows.compactMap { $0.row ?? $0.oldRow }
                let isNamed = row < 0 ? difference.isHeaderChanged : rows.contains { abs($0 - row) <= 1 }
                #expect(isNamed, "seed \(seed), byte \(place), row \(row): \(difference)")
                #expect(rows.allSatisfy { $0 >= row - 1 }, "seed \(seed)")
            }
        }
    }

    /// A ledger of signed entries, one change in it.
    @Test func aHundredChangesOfTheLedgerAreNamed() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder), keys = [SigningKey(.ed25519), SigningKey(.p256)]
            for index in 0..<9 {
                try bench.write(LedgerBench.table(rows: 20 + index))
                try bench.register(key: keys[index % 2], minute: index) { $0.source = "batch \(index)" }
            }
            let lines = try bench.lines(), trusted = keys.map(\.verifying)
            let head = try #require(try LedgerEntry.find("8", among: bench.review(trusted).entries))
            let checkpoint = folder + "/checkpoint"
            try Data(LedgerCheckpoint.document(of: head.entry, key: keys[0]))
                .write(to: URL(fileURLWithPath: checkpoint))
            #expect(try bench.review(trusted).problems.isEmpty)
            for seed in 0..<100 as Range<UInt64> {
                var generator = SeededGenerator(seed: seed)
                let (changed, expected) = LedgerChange.random(Int(seed % 6), lines, &generator)
                try bench.writeLines(changed)
                var problems = try bench.review(trusted).problems
                problems += try bench.review(trusted).problems(
                    with: LedgerCheckpoint(contentsOf: checkpoint, trusted: trusted))
                // Where an altered line has no number that counts, it is called by its place.
                func isPlaced(_ problem: LedgerReview.Problem) -> Bool {
                    let place = problem.kind == .altered ? problem.position : problem.sequence
                    return place.map { expected.places.contains($0) } ?? false
                }
                let isNamed = problems.contains { $0.kind == expected.kind && isPlaced($0) }
                #expect(isNamed, "seed \(seed), \(expected): \(problems)")
                // why: an alarm about an entry that nobody touched would send people to the wrong place.
                let strays = problems.filter { !isPlaced($0) }
                #expect(strays.isEmpty, "seed \(seed), \(expected): \(strays)")
            }
        }
    }

    /// Without signatures the links alone name the entry, but for the last one.
    @Test func linksNameTheEntryWithoutAnyKey() throws {
        try Repository.withTemporaryFolder { folder in
            let bench = LedgerBench(folder)
            for index in 0..<7 {
                try bench.write(LedgerBench.table(rows: 20 + index))
                try bench.register(minute: index) { $0.note = "n\(index)" }
            }
            let lines = try bench.lines()
            for entry in 0..<6 {
                var changed = lines
                changed[entry] = lines[entry].replacing("\"note\":\"n", with: "\"note\":\"m")
                try bench.writeLines(changed)
                #expect(try bench.review().problems.map(\.sequence) == [entry])
                #expect(try bench.review().problems.map(\.kind) == [.altered])
                changed[entry] = lines[entry].replacing(
                    "\"sequence\":\(entry)", with: "\"sequence\":\((entry + 3) % 7)")
                try bench.writeLines(changed)
                let problems = try bench.review().problems
                #expect(problems.map(\.position) == [entry], "\(problems)")
            }
            // The last entry: nobody vouches for it yet. A head that was written down does.
            try bench.writeLines(lines)
            let head = try bench.register(minute: 9).hash
            var changed = try bench.lines()
            changed[7] = changed[7].replacing("\"who\":\"ada\"", with: "\"who\":\"eve\"")
            try bench.writeLines(changed)
            #expect(try bench.review().problems.isEmpty)
            let expected = try #require(LedgerCheckpoint(head: head))
            #expect(try bench.review().problems(with: expected).count == 1)
        }
    }
}

/// One change of a ledger, with the entries that may be named for it.
struct LedgerChange {
    let kind: LedgerReview.Problem.Kind, places: [Int]

    static func random(
        _ operation: Int, _ lines: [String], _ generator: inout SeededGenerator
    ) -> (lines: [String], expected: LedgerChange) {
        var lines = lines
        let entry = Int.random(in: 0..<lines.count, using: &generator)
        switch operation {
        case 0:
            // A field: one digit or letter inside a value becomes another.
            var bytes = Array(lines[entry].utf8)
            let places = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) || (0x61...0x66).contains(bytes[$0]) }
            let place = places.randomElement(using: &generator) ?? 0
            bytes[place] = bytes[place] == 0x31 ? 0x32 : 0x31
            lines[entry] = String(decoding: bytes, as: UTF8.self)
            return (lines, LedgerChange(kind: .altered, places: [entry]))
        case 1:
            let gone = min(entry, lines.count - 2)
            lines.remove(at: gone)
            return (lines, LedgerChange(kind: .removed, places: [gone]))
        case 2:
            let other = (entry + Int.random(in: 1..<lines.count, using: &generator)) % lines.count
            lines.swapAt(entry, other)
            return (lines, LedgerChange(kind: .reordered, places: [entry, other]))
        case 3:
            lines.insert(lines[entry], at: Int.random(in: entry + 1...lines.count, using: &generator))
            return (lines, LedgerChange(kind: .repeated, places: [entry]))
        case 4:
            let other = (entry + 2) % lines.count
            func signature(_ line: String) -> Substring { line.firstMatch(of: /"signature":"([^"]*)"/)?.1 ?? "" }
            let (one, two) = (signature(lines[entry]), signature(lines[other]))
            (lines[entry], lines[other]) = (
                lines[entry].replacing(one, with: two), lines[other].replacing(two, with: one)
            )
            return (lines, LedgerChange(kind: .altered, places: [entry, other]))
        default:
            let cut = max(1, entry)
            return (Array(lines.prefix(cut)), LedgerChange(kind: .truncated, places: [cut]))
        }
    }
}
