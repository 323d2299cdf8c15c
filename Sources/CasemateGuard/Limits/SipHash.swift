import Crypto
import Foundation

/// A short keyed hash: names of clients become 64 bits that nobody can make collide without the key, and that are the
/// same after a restart.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012; SipHash-2-4.
package struct SipHash: Sendable {
    private let k0: UInt64, k1: UInt64

    /// Takes a key of two words.
    package init(_ k0: UInt64, _ k1: UInt64) { (self.k0, self.k1) = (k0, k1) }
    /// Takes the first 16 bytes of a key.
    init(_ key: SymmetricKey) {
        let words = key.withUnsafeBytes { bytes in
            (0..<2).map { word in
                bytes.count >= 16 ? bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self) : 0
            }
        }
        (k0, k1) = (UInt64(littleEndian: words[0]), UInt64(littleEndian: words[1]))
    }

    /// The hash of bytes.
    func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var state = State(k0, k1)
        var at = 0
        while at + 8 <= bytes.count {
            state.absorb(Self.word(bytes, at, 8))
            at += 8
        }
        state.absorb(Self.word(bytes, at, bytes.count - at) | UInt64(truncatingIfNeeded: bytes.count) << 56)
        return state.finish()
    }

    /// The hash of a client: how it was known and its name.
    package func of(_ client: ClientIdentity) -> UInt64 {
        var (id, prefix) = (client.id, UInt64(0))
        switch client.method {
        case .apiKey: prefix = 1
        case .token: prefix = 2
        case .certificate: prefix = 3
        case .anonymous: prefix = 4
        }
        let hash = id.withUTF8 { of($0) }
        // why mixed in behind: a name of one method can never be that of another, whatever it holds.
        var state = State(k0 ^ prefix, k1)
        state.absorb(hash)
        return state.finish()
    }

    /// The hash of bytes.
    package func of(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBufferPointer { of($0) } }

    /// The hash of a text.
    func of(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { of($0) }
    }

    private static func word(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, _ count: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in 0..<count { word |= UInt64(bytes[at + index]) << (UInt64(index) * 8) }
        return word
    }

    private struct State {
        var v0: UInt64, v1: UInt64, v2: UInt64, v3: UInt64
        package init(_ k0: UInt64, _ k1: UInt64) {
            v0 = k0 ^ 0x736f_6d65_7073_6575
            v1 = k1 ^ 0x646f_7261_6e64_6f6d
            v2 = k0 ^ 0x6c79_6765_6e65_7261
            v3 = k1 ^ 0x7465_6462_7974_6573
        }
        mutating func round() {
            v0 &+= v1
            v1 = (v1 << 13 | v1 >> 51) ^ v0
            v0 = v0 << 32 | v0 >> 32
            v2 &+= v3
            v3 = (v3 << 16 | v3 >> 48) ^ v2
            v0 &+= v3
            v3 = (v3 << 21 | v3 >> 43) ^ v0
            v2 &+= v1
            v1 = (v1 << 17 | v1 >> 47) ^ v2
            v2 = v2 << 32 | v2 >> 32
        }
        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }
        mutating func finish() -> UInt64 {
            v2 ^= 0xFF
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }
    }
}
