import Crypto
public import Foundation

/// A public key that checks signatures.
public struct VerifyingKey: Hashable, Sendable {
    /// What it checks.
    public let algorithm: KeyAlgorithm
    /// SubjectPublicKeyInfo as DER; P-256 points are written uncompressed.
    public let der: [UInt8]
    /// Names the key: SHA-256 of `der`, 64 lower-case hexadecimal digits.
    public let identifier: String

    init(_ algorithm: KeyAlgorithm, der: [UInt8]) {
        (self.algorithm, self.der) = (algorithm, der)
        identifier = Hexadecimal.text(of: SHA256.hash(data: der))
    }

    /// Reads a PEM or DER file with a public key.
    /// - Throws: `CasemateError`: `notFound`, `unreadable`, `malformed`, `unsupported` for other kinds of keys,
    ///   `refused` for a private key, which does not belong where a public one is asked for.
    public init(contentsOf path: String) throws(CasemateError) {
        try self.init(KeyDocument(contentsOf: path, isSecret: false), at: path)
    }

    /// Reads PEM text or DER bytes; `place` stands in errors.
    public init(_ bytes: [UInt8], at place: String) throws(CasemateError) {
        try self.init(KeyDocument(bytes, at: place), at: place)
    }

    private init(_ document: KeyDocument, at place: String) throws(CasemateError) {
        switch document.label {
        case nil, "PUBLIC KEY": break
        case "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY":
            throw CasemateError(
                .refused, at: place, "is a private key, a public one is needed",
                help: "name the .pub file; `openssl pkey -in KEY -pubout` writes it")
        case let label?:
            throw CasemateError(
                .unsupported, at: place, "is no public key but '\(label.prefix(40))'",
                help: "give the key alone: `openssl x509 -pubkey -noout` takes it out of a certificate")
        }
        let der = document.der
        if KeyShape.isEd25519(der) {
            guard der.count == KeyShape.ed25519Public.count + 32, der.starts(with: KeyShape.ed25519Public),
                (try? Curve25519.Signing.PublicKey(rawRepresentation: der.suffix(32))) != nil
            else { throw Self.malformed(place) }
            self.init(.ed25519, der: der)
            return
        }
        if let other = KeyShape.otherKind(der) { throw Self.unsupported(other, place) }
        guard let key = Self.p256(der) else { throw Self.malformed(place) }
        self.init(.p256, der: [UInt8](key.derRepresentation))
    }

    /// A key whose point is written whole, or as one coordinate and a sign.
    private static func p256(_ der: [UInt8]) -> P256.Signing.PublicKey? {
        let head = KeyShape.p256Compressed
        guard der.count == head.count + 33, der.starts(with: head) else {
            return try? P256.Signing.PublicKey(derRepresentation: der)
        }
        return try? P256.Signing.PublicKey(compressedRepresentation: der.suffix(33))
    }

    /// The key as PEM, `PUBLIC KEY`.
    public var pem: String { KeyDocument.pem("PUBLIC KEY", der) }

    /// Whether a signature over `message` was made by the private half of this key.
    /// - Parameter signature: Ed25519: 64 bytes; P-256: DER, as OpenSSL writes it.
    public func isValid(_ signature: some DataProtocol, for message: some DataProtocol) -> Bool {
        switch algorithm {
        case .ed25519:
            guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: der.suffix(32)) else { return false }
            return key.isValidSignature(signature, for: message)
        case .p256:
            guard let key = try? P256.Signing.PublicKey(derRepresentation: der),
                let value = try? P256.Signing.ECDSASignature(derRepresentation: signature)
            else { return false }
            return key.isValidSignature(value, for: message)
        }
    }

    static func unsupported(_ kind: String, _ place: String) -> CasemateError {
        CasemateError(.unsupported, at: place, "is \(kind)", help: "use Ed25519 or P-256: `casemate keygen`")
    }
    private static func malformed(_ place: String) -> CasemateError {
        CasemateError(
            .malformed, at: place, "is no public key of Ed25519 or P-256",
            help: "`openssl pkey -in KEY -pubout` writes one")
    }
}
