import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The reader on broken bytes: an error or a file, never a trap, never much memory.
@Suite struct OnnxFuzzTests {
    private static func mutated(_ files: [Data], seed: UInt64) -> Data {
        var generator = SeededGenerator(seed: seed)
        func below(_ bound: Int) -> Int { Int(generator.next() % UInt64(max(1, bound))) }
        var bytes = files[below(files.count)]
        switch seed % 5 {
        case 0: bytes = bytes.prefix(below(bytes.count))
        case 1: bytes[below(bytes.count)] ^= UInt8(1 << below(8))
        case 2: for _ in 0...below(8) { bytes[below(bytes.count)] = UInt8(below(256)) }
        case 3:
            let other = files[below(files.count)]
            bytes = bytes.prefix(below(bytes.count)) + other.dropFirst(below(other.count)).prefix(below(4_096))
        default:
            // Within values: most stay readable, which brings the mutation behind the decoder.
            for _ in 0...below(3) {
                let at = below(bytes.count)
                if bytes[at] > 32, bytes[at] < 127 { bytes[at] = UInt8(33 + below(94)) }
            }
        }
        return Data(bytes)
    }

    @Test func brokenFilesNeverTrap() throws {
        let files = try OnnxFixtures.good.map { try Data(contentsOf: URL(fileURLWithPath: $0.path)) }
        let path = Repository.path("Tests/Fixtures/models/mutated.onnx")
        var read = 0
        for seed in 0..<3_000 as Range<UInt64> {
            let bytes = Self.mutated(files, seed: seed)
            if failure({ _ = try OnnxFile(bytes: bytes, path: path) }) == nil { read += 1 }
        }
        #expect(read > 50 && read < 2_950)
    }

    @Test func randomBytesNeverTrap() {
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed, stream: 1)
            let count = Int(generator.next() % 300)
            let start: [UInt8] = seed % 2 == 0 ? [8, 8, 0x3A] : []
            let bytes = Data(start + (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 20) })
            _ = failure { _ = try OnnxFile(bytes: bytes, path: "random.onnx") }
        }
    }

    /// Two bytes a node would take hundreds of megabytes once decoded.
    @Test func aFloodOfEmptyMessagesIsRefusedBeforeDecoding() throws {
        let nodes =
            Data(repeating: 0, count: 0)
            + Data([UInt8](repeating: 0, count: 8_000_000).enumerated().map { $0.offset % 2 == 0 ? 0x0A : 0 })
        var bytes: [UInt8] = [8, 8, 0x3A]
        var length = nodes.count
        while length > 127 {
            bytes.append(UInt8(length & 127 | 128))
            length >>= 7
        }
        bytes.append(UInt8(length))
        let error = failure { _ = try OnnxFile(bytes: Data(bytes) + nodes, path: "flood.onnx") }
        #expect(error?.code == .limitExceeded)
    }
}
