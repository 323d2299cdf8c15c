import CasemateCore
import CasemateScan
import Foundation
import Testing

/// The one spelling of JSON that is hashed and signed.
@Suite struct CanonicalTests {
    private func random(_ generator: inout SeededGenerator, depth: Int) -> CanonicalJSON {
        let texts = ["", "a", "\"\\\u{8}\u{c}\n\r\t\u{1}\u{1f}", "é", "e\u{301}", "\u{1F600}", "/", "\u{7f}\u{2028}"]
        switch Int.random(in: 0...(depth > 3 ? 2 : 4), using: &generator) {
        case 0: return .text(texts.randomElement(using: &generator) ?? "")
        case 1:
            let edge = CanonicalJSON.largest
            return .integer([0, 1, -1, 42, edge, -edge].randomElement(using: &generator) ?? 0)
        case 2: return .flag(Bool.random(using: &generator))
        case 3:
            return .list(
                (0..<Int.random(in: 0...3, using: &generator)).map { _ in random(&generator, depth: depth + 1) })
        default:
            var members: [String: CanonicalJSON] = [:]
            for name in ["a", "b", "ab", "B", "10", "9"].prefix(Int.random(in: 0...6, using: &generator)) {
                members[name] = random(&generator, depth: depth + 1)
            }
            return .object(members)
        }
    }

    /// What is read spells itself as it was read, and one changed byte is another value or none.
    @Test func everyValueHasOneSpelling() throws {
        for seed in 0..<200 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let value = random(&generator, depth: 0)
            let bytes = value.bytes
            let read = try CanonicalJSON(canonical: bytes)
            #expect(read.bytes == bytes, "seed \(seed)")
            for _ in 0..<20 where !bytes.isEmpty {
                var changed = bytes
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                changed[index] = UInt8.random(in: 0...255, using: &generator)
                guard let other = try? CanonicalJSON(canonical: changed) else { continue }
                #expect(other.bytes == changed, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [
        "", " {}", "{} ", "{ }", "{\"b\":1,\"a\":1}", "{\"a\":1,\"a\":1}", "[1,]", "[1 ,2]", "01", "-0", "1.0", "1e3",
        "null",
        "\"\\u0041\"", "\"\\/\"", "\"\\u000a\"", "\"\\u001F\"", "\"\n\"", "\"\\ud800\"", "9007199254740992", "\"a",
        "{\"a\"}",
        "{\"é\":1}", "{\"\":1}", "tru", "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "\u{FEFF}{}",
    ]) func otherSpellingsAreRefused(text: String) {
        #expect(throws: CanonicalFault.self) { try CanonicalJSON(canonical: Array(text.utf8)) }
    }

    @Test func faultsNameTheirByte() {
        let fault = #expect(throws: CanonicalFault.self) { try CanonicalJSON(canonical: Array("{\"a\": 1}".utf8)) }
        #expect(fault?.offset == 5)
        let bad: [UInt8] = [0x22, 0xc3, 0x28, 0x22]
        #expect(throws: CanonicalFault.self) { try CanonicalJSON(canonical: bad) }
    }

    @Test func randomBytesNeverTrap() {
        for seed in 0..<500 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let alphabet = Array("{}[]\":,\\u0019-truefals ".utf8)
            let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            if let value = try? CanonicalJSON(canonical: bytes) { #expect(value.bytes == bytes) }
            #expect((try? LedgerEntry(line: bytes)) == nil)
        }
    }
}
