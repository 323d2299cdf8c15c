import CasemateCore
import CasemateGuard
import Foundation
import Testing

@Suite struct ApiKeyTests {
    @Test func keysAreReadBack() throws {
        var texts: Set<String> = []
        let form = /cmk_[0-9a-hjkmnp-tv-z]{12}_[0-9a-hjkmnp-tv-z]{32}_[0-9a-hjkmnp-tv-z]{7}/
        for _ in 0..<500 {
            let (text, key) = ApiKey.make()
            let read = try #require(ApiKey.parse(text))
            #expect(read.id == key.id && read.hash.matches(key.hash))
            #expect(text.wholeMatch(of: form) != nil && text.utf8.count == 57)
            #expect(ApiKey.id(ApiKey.text(ofID: key.id)) == key.id)
            texts.insert(text)
        }
        #expect(texts.count == 500)
    }

    /// The checksum finds every wrong, swapped, missing and added character.
    @Test func mistypedKeysAreKnownAsSuch() throws {
        let (text, _) = ApiKey.make()
        let bytes = Array(text.utf8)
        for place in bytes.indices {
            for digit in 0...255 as ClosedRange<UInt8> where digit != bytes[place] {
                var wrong = bytes
                wrong[place] = digit
                guard let wrongText = String(validating: wrong, as: UTF8.self) else { continue }
                #expect(ApiKey.parse(wrongText) == nil, "byte \(place) as \(digit)")
            }
            if place > 0, bytes[place] != bytes[place - 1] {
                var swapped = bytes
                swapped.swapAt(place, place - 1)
                #expect(ApiKey.parse(String(decoding: swapped, as: UTF8.self)) == nil)
            }
            #expect(ApiKey.parse(String(decoding: bytes.prefix(place), as: UTF8.self)) == nil)
        }
        for wrong in ["", " ", text + " ", " " + text, text.uppercased(), text + text, "cmk_", "ключ"] {
            #expect(ApiKey.parse(wrong) == nil)
        }
    }

    @Test func randomTextsAreNoKeys() {
        var generator = SeededGenerator(seed: 3)
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz_".utf8)
        for _ in 0..<20_000 {
            let body = (0..<53).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            #expect(ApiKey.parse("cmk_" + String(decoding: body, as: UTF8.self)) == nil)
        }
    }

    @Test(arguments: [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"), ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1:2::/64"), ("::1", "0:0:0:0::/64", "0:0:0:0::/64"),
        ("fe80::1%eth0", "fe80:0:0:0::/64", "fe80:0:0:0::/64"), ("", "unknown", "unknown"),
        ("1.2.3", "unknown", "unknown"), ("1.2.3.256", "unknown", "unknown"), ("1.2.3.4.5", "unknown", "unknown"),
        ("<b>", "unknown", "unknown"), (String(repeating: "1:", count: 90), "unknown", "unknown"),
    ])
    func addressesHaveNetworks(text: String, host: String, network: String) {
        let address = NetworkAddress(text)
        #expect((address.host, address.network) == (host, network))
    }
}
