public import Crypto
public import Foundation

/// Secret bytes of a guard, from which a key for each purpose is derived (HKDF, RFC 5869). Never printed.
public struct GuardSecret: Sendable, CustomStringConvertible {
    private let key: SymmetricKey
    /// Says nothing of the secret.
    public var description: String { "secret" }

    /// Takes bytes, at least 16 of them.
    public init(_ bytes: some ContiguousBytes) { key = SymmetricKey(data: bytes) }
    /// Makes a new one from the system's randomness.
    public init() { key = SymmetricKey(size: .bits256) }

    /// A key of 32 bytes for a purpose, such as `watermark` or `client-hash`.
    public func key(for purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Data(purpose.utf8), outputByteCount: 32)
    }
}
