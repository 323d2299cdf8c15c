/// A kind of signature that Casemate makes and checks.
public enum KeyAlgorithm: String, Hashable, Sendable, CaseIterable, Codable {
    /// Ed25519. Source: RFC 8032; key files: RFC 8410.
    case ed25519
    /// ECDSA over NIST P-256 with SHA-256. Source: FIPS 186-5; key files: RFC 5915, RFC 5480.
    case p256
}

/// What stands in a DER key before anything is trusted: which algorithm its identifier names.
enum KeyShape {
    /// PKCS#8 of Ed25519 up to the 32 bytes of the seed, as RFC 8410, section 7, has it.
    static let ed25519Private: [UInt8] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]
    /// The same with a public key behind the seed (RFC 5958, version 2): 32 bytes of seed, this, 32 bytes of point.
    static let ed25519PrivateWithPublic: [UInt8] = [
        0x30, 0x51, 0x02, 0x01, 0x01, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]
    /// What stands between seed and point there.
    static let ed25519PublicAttribute: [UInt8] = [0x81, 0x21, 0x00]
    /// SubjectPublicKeyInfo of Ed25519 up to the 32 bytes of the point.
    static let ed25519Public: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
    /// SubjectPublicKeyInfo of P-256 up to the 33 bytes of a compressed point.
    static let p256Compressed: [UInt8] = [
        0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce,
        0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
    ]

    private static let identifiers: [(bytes: [UInt8], name: String)] = [
        ([0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], "an RSA key"),
        ([0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], "a P-384 key"),
        ([0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23], "a P-521 key"),
        ([0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], "a secp256k1 key"),
        ([0x06, 0x03, 0x2b, 0x65, 0x71], "an Ed448 key"),
        ([0x06, 0x03, 0x2b, 0x65, 0x6e], "an X25519 key, which cannot sign"),
    ]

    /// What a key of another kind is, in words; `nil` where nothing is known about it.
    static func otherKind(_ der: [UInt8]) -> String? {
        // why 32: behind them stand the bytes of the key, which may look like anything.
        let head = der.prefix(32)
        return identifiers.first { identifier in
            head.indices.contains { head[$0...].starts(with: identifier.bytes) }
        }?.name
    }
    /// Whether the key names Ed25519.
    static func isEd25519(_ der: [UInt8]) -> Bool {
        let identifier: [UInt8] = [0x06, 0x03, 0x2b, 0x65, 0x70]
        let head = der.prefix(16)
        return head.indices.contains { head[$0...].starts(with: identifier) }
    }
}
