import CasemateGuard
import Foundation
import Testing

@Suite struct BodyDecodingTests {
    private let plain = Array(#"{"inputs":[]}"#.utf8)
    /// The same, compressed by Python's gzip and zlib.
    private let gzip = bytes("1f8b08000000000002ffab56cacc2b282d2956b28a8ead0500a200a9a60d000000")
    private let deflate = bytes("789cab56cacc2b282d2956b28a8ead0500220304d2")

    private static func bytes(_ text: String) -> [UInt8] {
        let digits = Array(text)
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }

    /// A zlib stream that unpacks to `1 + 258 * repeats` zero bytes: one literal and copies of the longest length, in
    /// the fixed code (RFC 1951, 3.2.6).
    private func bomb(repeats: Int) -> [UInt8] {
        var (result, bits): ([UInt8], [UInt8]) = ([0x78, 0x9C], [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0])
        func flush(all: Bool) {
            var at = 0
            while bits.count - at >= 8 || (all && at < bits.count) {
                var byte: UInt8 = 0
                for place in 0..<8 where at + place < bits.count { byte |= bits[at + place] << place }
                result.append(byte)
                at += 8
            }
            bits.removeFirst(min(at, bits.count))
        }
        for _ in 0..<repeats {
            bits += [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
            flush(all: false)
        }
        bits += [0, 0, 0, 0, 0, 0, 0]
        flush(all: true)
        let sum = UInt32((1 + 258 * repeats) % 65_521) << 16 | 1
        return result + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
    }

    @Test func unpacksWhatIsServed() throws {
        for encoding in [nil, "", "identity", " Identity "] {
            #expect(try BodyDecoding.decoded(plain, encoding: encoding, limit: 100) == plain)
        }
        for encoding in ["gzip", "x-gzip", "GZIP", " gzip"] {
            #expect(try BodyDecoding.decoded(gzip, encoding: encoding, limit: 13) == plain)
        }
        #expect(try BodyDecoding.decoded(deflate, encoding: "deflate", limit: 13) == plain)
        let zeros = try BodyDecoding.decoded(bomb(repeats: 10_000), encoding: "deflate", limit: 1 << 24)
        #expect(zeros == [UInt8](repeating: 0, count: 2_580_001))
    }

    @Test(arguments: ["br", "zstd", "compress", "gzip, gzip", "deflate,gzip", "gzip;q=1", "chunked"])
    func refusesOtherEncodings(encoding: String) {
        let refusal = #expect(throws: GuardRefusal.self) {
            try BodyDecoding.decoded(gzip, encoding: encoding, limit: 100)
        }
        #expect(refusal?.kind == .mediaType)
    }

    /// A small body does not become a large one, whatever it claims; nothing is unpacked beyond the limit.
    @Test func refusesBombs() {
        let large = bomb(repeats: 200_000)
        #expect(large.count < 400_000)
        for limit in [0, 1, 12, 1_000_000, 51_600_000] {
            let refusal = #expect(throws: GuardRefusal.self) {
                try BodyDecoding.decoded(large, encoding: "deflate", limit: limit)
            }
            #expect(refusal?.kind == .tooLarge)
        }
        let refusal = #expect(throws: GuardRefusal.self) {
            try BodyDecoding.decoded(gzip, encoding: "gzip", limit: 12)
        }
        #expect(refusal?.kind == .tooLarge)
    }

    /// Every cut, every changed byte that matters, and bytes behind the end.
    @Test func refusesBrokenBodies() {
        for (whole, encoding) in [(gzip, "gzip"), (deflate, "deflate")] {
            for count in 0..<whole.count {
                let refusal = #expect(throws: GuardRefusal.self) {
                    try BodyDecoding.decoded(Array(whole[..<count]), encoding: encoding, limit: 100)
                }
                #expect(refusal?.kind == .malformed)
            }
            for odd in [whole + [0], whole + whole, [0] + whole, plain] {
                #expect(throws: GuardRefusal.self) { try BodyDecoding.decoded(odd, encoding: encoding, limit: 100) }
            }
            var changed = whole
            changed[whole.count - (encoding == "gzip" ? 6 : 1)] ^= 1
            #expect(throws: GuardRefusal.self) { try BodyDecoding.decoded(changed, encoding: encoding, limit: 100) }
        }
        #expect(throws: GuardRefusal.self) { try BodyDecoding.decoded(gzip, encoding: "deflate", limit: 100) }
    }
}
