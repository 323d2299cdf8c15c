import CasemateCore
import CasemateData
import Foundation
import TestSupport
import Testing

/// Broken files: an error or a set, never a trap, never much memory.
@Suite struct ArrayFuzzTests {
    private static func seeds() throws -> [(name: String, bytes: [UInt8])] {
        let figures = try ArraySupport.figures.get()
        var seeds = try figures["npy"].list.prefix(6).map { ("x.npy", try ArraySupport.bytes($0["hex"])) }
        seeds += try figures["refused"].list.map { ("x.npy", try ArraySupport.bytes($0["hex"])) }
        seeds += try figures["npz"]["files"].list.map { ("x.npz", try ArraySupport.bytes($0["hex"])) }
        seeds.append(("x.idx", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3] + (0..<12)))
        seeds += try figures["images"]["files"].list.map {
            ("c/" + ($0["name"].text ?? ""), try ArraySupport.bytes($0["hex"]))
        }
        return seeds
    }

    private static func mutated(_ seed: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = seed
        func place() -> Int { Int.random(in: 0..<max(1, bytes.count), using: &generator) }
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: bytes = Array(bytes.prefix(place()))
        case 1: for _ in 0..<4 { bytes[place()] = UInt8.random(in: 0...255, using: &generator) }
        case 2: bytes[place()] ^= UInt8(1 << Int.random(in: 0..<8, using: &generator))
        case 3:
            // Lengths: the values that overflow.
            let at = place()
            for offset in 0..<min(4, bytes.count - at) { bytes[at + offset] = 0xff }
        case 4: bytes.insert(contentsOf: bytes[place()...].prefix(40), at: place())
        default:
            let from = place()
            bytes.removeSubrange(from..<min(bytes.count, from + 9))
        }
        return bytes
    }

    @Test func brokenFilesNeverTrap() throws {
        let seeds = try Self.seeds()
        var limits = SampleLimits()
        limits.values = 1 << 20
        limits.fileBytes = 1 << 22
        limits.pixels = 1 << 18
        let reader = SampleReader(limits: limits)
        var (read, refused) = (0, 0)
        try Repository.withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/i/c", withIntermediateDirectories: true)
            for number in 0..<4_000 {
                var generator = SeededGenerator(seed: UInt64(number), stream: 4)
                let seed = seeds[number % seeds.count]
                let isImage = seed.name.hasPrefix("c/")
                let path = folder + "/" + (isImage ? "i/" : "") + seed.name
                try Data(Self.mutated(seed.bytes, &generator)).write(to: URL(fileURLWithPath: path))
                do {
                    _ = try reader.read(SampleSource(isImage ? folder + "/i" : path))
                    read += 1
                } catch is CasemateError { refused += 1 }
                try FileManager.default.removeItem(atPath: path)
            }
        }
        #expect(read > 100 && refused > 1_000, "\(read) read, \(refused) refused")
    }

    @Test func randomBytesBehindASignatureNeverTrap() throws {
        let signs: [[UInt8]] = [
            [0x93] + Array("NUMPY".utf8) + [1, 0, 40, 0] + Array("{'descr': ".utf8), Array("PK\u{3}\u{4}".utf8),
            [0, 0, 8, 2], [0x1f, 0x8b, 8, 0],
        ]
        try Repository.withTemporaryFolder { folder in
            for number in 0..<800 {
                var generator = SeededGenerator(seed: UInt64(number), stream: 5)
                var bytes = signs[number % signs.count]
                bytes += (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                if number % 8 == 1 { bytes += Array("PK\u{5}\u{6}".utf8) + [UInt8](repeating: 0, count: 18) }
                let path = folder + "/x"
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                _ = SampleReader.serves(path)
                do { _ = try SampleReader().read(SampleSource(path)) } catch is CasemateError {}
            }
        }
    }
}
