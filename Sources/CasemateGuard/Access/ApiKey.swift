import CZlib
import Crypto
import Foundation

/// An API key: `cmk_<id>_<secret>_<checksum>`, 57 characters.
///
/// Identifier (60 bits), secret (160 random bits) and checksum (CRC-32 of what stands before it) are written in
/// Crockford's base 32, lower case. Scanners for secrets find it by
/// `cmk_[0-9a-hjkmnp-tv-z]{12}_[0-9a-hjkmnp-tv-z]{32}_[0-9a-hjkmnp-tv-z]{7}`, and a mistyped one is known as such
/// without a look-up.
package struct ApiKey: Sendable {
    /// What keys begin with.
    package static let prefix = "cmk_"
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()
    private static let length = 57, secretStart = 17, secretEnd = 49, checksumStart = 50

    /// The identifier as a number.
    package let id: UInt64
    /// SHA-256 of the secret.
    package let hash: KeyHash

    /// Makes a new key.
    /// - Returns: Its text, shown once and kept nowhere, and what is kept.
    package static func make() -> (text: String, key: ApiKey) {
        var generator = SystemRandomNumberGenerator()
        func digits(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in alphabet[Int(generator.next() & 31)] }
        }
        var text = Array(prefix.utf8) + digits(12)
        text.append(UInt8(ascii: "_"))
        text += digits(32)
        text.append(UInt8(ascii: "_"))
        let sum = text[..<(checksumStart - 1)].withUnsafeBufferPointer { checksum($0) }
        for place in (0..<7).reversed() { text.append(alphabet[Int(sum >> (UInt32(place) * 5)) & 31]) }
        let hash = text[secretStart..<secretEnd].withUnsafeBytes { KeyHash(SHA256.hash(data: $0)) }
        let id = text[4..<16].reduce(UInt64(0)) { $0 << 5 | UInt64(values[Int($1)]) }
        return (String(decoding: text, as: UTF8.self), ApiKey(id: id, hash: hash))
    }

    /// Reads a key; `nil` for what is none, such as one with a mistyped character.
    package static func parse(_ text: String) -> ApiKey? {
        var text = text
        return text.withUTF8 { parse($0) }
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> ApiKey? {
        guard text.count == length, text[3] == UInt8(ascii: "_"), text[16] == UInt8(ascii: "_"),
            text[secretEnd] == UInt8(ascii: "_"), text.starts(with: prefix.utf8)
        else { return nil }
        var (id, sum, isKnown) = (UInt64(0), UInt64(0), UInt8(0))
        for place in 4..<16 {
            let value = values[Int(text[place])]
            isKnown |= value
            id = id << 5 | UInt64(value & 31)
        }
        for place in secretStart..<secretEnd { isKnown |= values[Int(text[place])] }
        for place in checksumStart..<length {
            let value = values[Int(text[place])]
            isKnown |= value
            sum = sum << 5 | UInt64(value & 31)
        }
        guard isKnown < 32, sum == UInt64(checksum(.init(rebasing: text[..<(checksumStart - 1)]))) else { return nil }
        let secret = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(text)[secretStart..<secretEnd])
        return ApiKey(id: id, hash: KeyHash(SHA256.hash(data: secret)))
    }

    private static func checksum(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32(0, bytes.baseAddress, UInt32(bytes.count)))
    }

    /// An identifier as its 12 characters.
    package static func text(ofID id: UInt64) -> String {
        String(decoding: (0..<12).reversed().map { alphabet[Int(id >> (UInt64($0) * 5)) & 31] }, as: UTF8.self)
    }
    /// The number of 12 characters; `nil` for anything else.
    package static func id(_ text: String) -> UInt64? {
        let digits = text.utf8.map { values[Int($0)] }
        guard digits.count == 12, digits.allSatisfy({ $0 < 32 }) else { return nil }
        return digits.reduce(0) { $0 << 5 | UInt64($1) }
    }
}

/// A SHA-256, compared in constant time.
package struct KeyHash: Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(_ digest: SHA256.Digest) {
        words = digest.withUnsafeBytes { bytes in
            func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
            return (word(0), word(1), word(2), word(3))
        }
    }
    /// Takes 32 bytes; `nil` for another number of them.
    init?(_ data: Data) {
        guard data.count == 32 else { return nil }
        words = data.withUnsafeBytes { bytes in
            func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
            return (word(0), word(1), word(2), word(3))
        }
    }
    /// A hash that no secret has, for keys that are not there.
    static let random: KeyHash = KeyHash(SHA256.hash(data: SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }))

    /// The 32 bytes.
    var data: Data {
        withUnsafeBytes(of: words) { Data($0) }
    }
    /// Whether two hashes are equal; takes the same time wherever they differ.
    @inline(never)
    package func matches(_ other: KeyHash) -> Bool {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        return difference == 0
    }
}
