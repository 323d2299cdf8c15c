import CasemateAudit
import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// Whatever a delimited file looks like, its records go to one of two files and none is split or lost.
@Suite struct SanitizePropertyTests {
    typealias Support = SanitizeSupport

    /// A random file with one kind of line end: its header and its pieces, which are rows or blank lines.
    private struct RandomFile {
        var header = "", pieces: [(text: String, isRow: Bool)] = []

        init(seed: UInt64, rows: Int) {
            var generator = SeededGenerator(seed: seed)
            func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &generator)] }
            let (delimiter, end, columns) = (pick([",", ";", "\t", "|"]), pick(["\n", "\r\n"]), pick([1, 2, 3, 7]))
            header = (0..<columns).map { "c\($0)" }.joined(separator: delimiter) + end
            if pick([true, false]) { header = "\u{feff}" + header }
            let letters = Array("ab01 é漢")
            func plain() -> String {
                // why never blank first: a blank before a quote may stay, one cell that is all blank is fine too.
                String((0..<pick([0, 1, 2, 5])).map { _ in pick(letters) })
            }
            func cell() -> String {
                guard pick([true, false, false]) else { return plain() }
                let inner = (0..<pick([0, 1, 3, 40])).map { _ in
                    pick(letters.map(String.init) + ["\"\"", "\n", "\r\n", delimiter])
                }
                return pick(["", " "]) + "\"" + inner.joined() + "\""
            }
            for row in 0..<rows {
                // why a first letter: a record without any is a blank line, and of one column a missing value.
                let cells =
                    [columns == 1 ? "x" + plain() : cell() + (columns == 1 ? "x" : "")]
                    + (1..<max(1, columns)).map { _ in cell() }
                let isLast = row == rows - 1
                pieces.append((cells.joined(separator: delimiter) + (isLast && pick([true, false]) ? "" : end), true))
                if columns > 1, !isLast, pick([true, false, false, false]) { pieces.append((end, false)) }
            }
        }
        var text: String { header + pieces.map(\.text).joined() }
    }

    @Test(arguments: 0..<8) func cleanAndQuarantineAreTheInput(part: Int) throws {
        for seed in UInt64(part) * 40..<UInt64(part) * 40 + 40 {
            var generator = SeededGenerator(seed: seed, stream: 1)
            let file = RandomFile(seed: seed, rows: Int.random(in: 1...40, using: &generator))
            let rows = file.pieces.count { $0.isRow }
            var scores: [Int: Double] = [:]
            for row in 0..<rows where Bool.random(using: &generator) {
                scores[row] = (generator.uniformDouble() * 1e6).rounded() / 1e6
            }
            try Repository.withTemporaryFolder { folder in
                let data = try Support.write(file.text, "train.csv", in: folder)
                let result = try Support.run(data, try Support.suspects(scores, in: folder), in: folder)
                var (clean, quarantine) = (file.header, file.header)
                var row = 0
                for piece in file.pieces {
                    let isRemoved = piece.isRow && (scores[row] ?? 0) >= 0.5
                    if isRemoved { quarantine += piece.text } else { clean += piece.text }
                    if piece.isRow { row += 1 }
                }
                #expect(result.rows == rows, "seed \(seed)")
                #expect(try Support.bytes("clean.csv", in: folder) == Array(clean.utf8), "seed \(seed)")
                #expect(try Support.bytes("quarantine.csv", in: folder) == Array(quarantine.utf8), "seed \(seed)")
            }
        }
    }

    /// The rows of the divided file are the rows that checks see: those of the data engine.
    @Test(.enabled(if: SanitizeSupport.hasEngine)) func rowsAreThoseOfTheEngine() throws {
        let engine = try DataEngine(Repository.engines)
        var agreed = 0
        for seed in 1_000..<1_060 as Range<UInt64> {
            let file = RandomFile(seed: seed, rows: 25)
            try Repository.withTemporaryFolder { folder in
                let data = try Support.write(file.text, "train.csv", in: folder)
                // why not all: cells with two kinds of line breaks are refused by the reader of data files.
                guard let table = try? engine.open(data, name: "t") else { return }
                let rows = [3, 11, 24]
                let suspects = try Support.suspects(Dictionary(uniqueKeysWithValues: rows.map { ($0, 1) }), in: folder)
                let result = try Support.run(data, suspects, in: folder)
                #expect(result.rows == table.count, "seed \(seed)")
                let quarantine = try engine.open(folder + "/out/quarantine.csv", name: "q", types: ["c0": .text])
                let whole = try engine.open(data, name: "w", types: ["c0": .text])
                let expected = try whole.texts("c0")
                #expect(try quarantine.texts("c0") == rows.map { expected[$0] }, "seed \(seed)")
                agreed += 1
            }
        }
        #expect(agreed >= 40)
    }

    /// Blocks end anywhere: in a quote, between the halves of a line end, in a character.
    @Test func largeFilesAreDividedAtRecords() throws {
        try Repository.withTemporaryFolder { folder in
            var (clean, quarantine) = ("id,note,label\r\n", "id,note,label\r\n")
            var (text, scores) = (clean, [Int: Double]())
            for row in 0..<100_000 {
                let record = "\(row),\"n\(row % 97)\r\n\(row % 13 == 0 ? "\"\"q\"\"" : "é")\",\(row % 2)\r\n"
                text += record
                if row % 9 == 4 { (scores[row], quarantine) = (0.8, quarantine + record) } else { clean += record }
            }
            let data = try Support.write(text, "train.csv", in: folder)
            let result = try Support.run(data, try Support.suspects(scores, in: folder), in: folder) {
                $0.target = "label"
            }
            #expect(result.rows == 100_000 && result.removed == scores.count)
            #expect(result.shares.map(\.rows) == [50_000, 50_000])
            #expect(try Support.bytes("clean.csv", in: folder) == Array(clean.utf8))
            #expect(try Support.bytes("quarantine.csv", in: folder) == Array(quarantine.utf8))
        }
    }
}
