import CasemateCore
import CasemateScan
import Foundation
import TestSupport
import Testing

/// The tree beside RFC 6962, and records beside a plain reader.
@Suite struct MerkleTests {
    private func leaf(_ bytes: [UInt8]) -> Hash256 {
        bytes.withUnsafeBytes { record in
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { MerkleTree.leaf(record, scratch: $0) }
        }
    }

    /// Roots that the reference implementation of Certificate Transparency publishes for its eight test inputs.
    @Test func rootsAreThoseOfCertificateTransparency() throws {
        let inputs = [
            "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
        ]
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        let leaves = try inputs.map { leaf(try #require(Hexadecimal.bytes($0))) }
        for (count, root) in roots.enumerated() {
            #expect(MerkleTree.root(leaves.prefix(count + 1)).hexadecimal == root)
        }
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(MerkleTree.root([Hash256]()).hexadecimal == nothing)
    }

    private func digest(_ content: [UInt8], _ name: String, threads: Int = 1) throws -> DataDigest {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/" + name
            try Data(content).write(to: URL(fileURLWithPath: path))
            return try DataFileHasher(search: Repository.engines, context: RunContext(threads: threads)).digest(
                of: path)
        }
    }

    @Test func treesDoNotDependOnThreadsOrWindows() throws {
        var text = "id,word,value\n"
        for index in 0..<180_000 { text += "\(index),\"w\(index % 97), x\",\(index * 31 % 1009)\n" }
        let content = Array(text.utf8)
        let one = try digest(content, "a.csv"), four = try digest(content, "a.csv", threads: 4)
        #expect(one == four)
        let rows = text.split(separator: "\n").dropFirst().map { leaf(Array($0.utf8)) }
        let summary = try #require(one.rows)
        #expect(summary.count == rows.count && summary.root == MerkleTree.root(rows))
        #expect(one.header == leaf(Array("id,word,value".utf8)))
        #expect(one.columns == ["id", "word", "value"])
        #expect(one.content.hexadecimal == FileDigest.sha256(Data(content)))
        #expect(
            MerkleSummary(
                count: summary.count, root: summary.root, segment: summary.segment, segments: summary.segments) != nil)
        #expect(
            MerkleSummary(
                count: summary.count, root: summary.root, segment: summary.segment,
                segments: summary.segments.reversed()) == nil)
    }

    /// A record longer than any window is hashed as it comes, quotes and line ends inside included.
    @Test func longRecordsAreHashedAsTheyCome() throws {
        let long = "1,\"" + String(repeating: "abc\n\"\"x\r\n", count: 1_000_000) + "\""
        let rows = ["0,\"a\"", long, "2,b", long + ",z", "3,c"]
        let record = try digest(Array(("n,t\n" + rows.joined(separator: "\n") + "\n").utf8), "a.csv", threads: 3)
        #expect(record.rows?.count == rows.count)
        #expect(record.rows?.root == MerkleTree.root(rows.map { leaf(Array($0.utf8)) }))
        let line = String(repeating: "y\r", count: 3_000_000)
        let lines = try digest(Array("{\"a\":1}\r\n\(line)\n{\"b\":2}".utf8), "a.jsonl")
        #expect(
            lines.rows?.root
                == MerkleTree.root(["{\"a\":1}", String(line.dropLast()), "{\"b\":2}"].map { leaf(Array($0.utf8)) }))
    }

    /// Records of a stream cut at random places are those of the stream as a whole, and those of a plain reader.
    @Test func recordsDoNotDependOnHowTheStreamComes() {
        let alphabet = Array("ab,\"\" \r\n\n".utf8)
        for seed in 0..<400 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let text = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            let keeps = seed % 3 == 0
            let cutting: RecordSplitter.Cutting =
                seed % 4 == 3 ? .lines : .delimited(UInt8(ascii: ","), keepsBlankLines: keeps)
            let whole = split(text, cutting, pieces: [text.count], takingAway: false)
            if case .delimited = cutting {
                #expect(whole.records == PlainReader.records(text, keepsBlankLines: keeps), "seed \(seed)")
            }
            for _ in 0..<4 {
                var pieces: [Int] = [], left = text.count
                while left > 0 {
                    pieces.append(min(left, Int.random(in: 1...9, using: &generator)))
                    left -= pieces[pieces.count - 1]
                }
                for takesAway in [false, true] {
                    let other = split(text, cutting, pieces: pieces, takingAway: takesAway)
                    #expect(other.records == whole.records, "seed \(seed), \(pieces), \(takesAway)")
                    #expect(other.layouts == whole.layouts, "seed \(seed), \(pieces)")
                }
            }
        }
    }

    private func split(
        _ text: [UInt8], _ cutting: RecordSplitter.Cutting, pieces: [Int], takingAway: Bool
    ) -> (records: [[UInt8]], layouts: [UInt8]) {
        var splitter = RecordSplitter(cutting), batch = RecordBatch()
        var rest: [UInt8] = [], records: [[UInt8]] = [], layouts: [UInt8] = [], taken: [UInt8] = []
        var position = 0
        for (index, piece) in pieces.enumerated() {
            rest += text[position..<position + piece]
            position += piece
            batch.removeAll()
            let begin = rest.withUnsafeBufferPointer {
                splitter.scan($0, isLast: index == pieces.count - 1, into: &batch)
            }
            for (start, length) in zip(batch.starts, batch.lengths) {
                records.append(taken + rest[start..<start + length])
                taken = []
            }
            layouts += batch.layouts
            rest.removeFirst(begin)
            if takingAway, index < pieces.count - 1 {
                let count = rest.withUnsafeBufferPointer { splitter.takeAway($0) }
                taken += rest.prefix(count)
                rest.removeFirst(count)
            }
        }
        return (records, layouts)
    }

    @Test func equalRowsCountWhateverTheirOrder() throws {
        let leaves = (0..<5000).map { leaf(Array("row \($0 % 1700)".utf8)) }
        func root(_ leaves: [Hash256], runLength: Int) throws -> Hash256 {
            let sorter = LeafSorter(folder: NSTemporaryDirectory(), runLength: runLength)
            for start in stride(from: 0, to: leaves.count, by: 700) {
                try sorter.append(Array(leaves[start..<min(start + 700, leaves.count)]))
            }
            return try sorter.root()
        }
        let expected = MerkleTree.root(leaves.sorted())
        var generator = SeededGenerator(seed: 1)
        for length in [64, 999, 5000, 100_000] {
            #expect(try root(leaves.shuffled(using: &generator), runLength: length) == expected)
        }
        #expect(try root(leaves + [leaves[0]], runLength: 512) != expected)
        #expect(try root([Hash256](leaves.dropLast()), runLength: 512) != expected)
    }
}

/// RFC 4180 letter by letter, as a test can be sure of it.
enum PlainReader {
    static func records(_ text: [UInt8], keepsBlankLines: Bool) -> [[UInt8]] {
        var records: [[UInt8]] = [], record: [UInt8] = [], isQuoted = false, isFresh = true, index = 0
        func end() { if keepsBlankLines || !record.isEmpty { records.append(record) } }
        while index < text.count {
            let byte = text[index]
            let next = index + 1 < text.count ? text[index + 1] : nil
            if isQuoted {
                record.append(byte)
                if byte == UInt8(ascii: "\"") {
                    if next == byte {
                        record.append(byte)
                        index += 1
                    } else {
                        isQuoted = false
                    }
                }
            } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if byte == UInt8(ascii: "\r"), next == UInt8(ascii: "\n") { index += 1 }
                end()
                (record, isFresh) = ([], true)
            } else {
                record.append(byte)
                if byte == UInt8(ascii: "\""), isFresh {
                    (isQuoted, isFresh) = (true, false)
                } else {
                    isFresh = byte == UInt8(ascii: ",") || isFresh && byte == UInt8(ascii: " ")
                }
            }
            index += 1
        }
        if !record.isEmpty { records.append(record) }
        return records
    }
}
