import Crypto
public import Foundation

/// A private key that makes signatures. Never printed, logged or put into an error.
public struct SigningKey: Sendable, CustomStringConvertible {
    private enum Secret: Sendable {
        case ed25519(Curve25519.Signing.PrivateKey)
        case p256(P256.Signing.PrivateKey)
    }
    private let secret: Secret
    /// The public half.
    public let verifying: VerifyingKey
    /// Names the key and never its secret.
    public var description: String { "private \(verifying.algorithm.rawValue) key \(verifying.identifier)" }

    private init(_ secret: Secret) {
        self.secret = secret
        switch secret {
        case .ed25519(let key):
            verifying = VerifyingKey(.ed25519, der: KeyShape.ed25519Public + key.publicKey.rawRepresentation)
        case .p256(let key): verifying = VerifyingKey(.p256, der: [UInt8](key.publicKey.derRepresentation))
        }
    }

    /// Makes a new key from the system's randomness.
    public init(_ algorithm: KeyAlgorithm) {
        switch algorithm {
        case .ed25519: self.init(.ed25519(Curve25519.Signing.PrivateKey()))
        case .p256: self.init(.p256(P256.Signing.PrivateKey()))
        }
    }

    /// The Ed25519 key of a seed of 32 bytes; `nil` for another length. For tests with published vectors.
    package init?(ed25519Seed seed: [UInt8]) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else { return nil }
        self.init(.ed25519(key))
    }

    /// Reads a private key: PKCS#8 of Ed25519 or P-256, or a P-256 key as RFC 5915 has it; PEM or DER.
    /// - Throws: `CasemateError`: `refused` when others than the owner can read or write the file, `unsupported` for
    ///   encrypted keys and other kinds, `notFound`, `unreadable`, `malformed`. No error holds any of the content.
    public init(contentsOf path: String) throws(CasemateError) {
        try self.init(KeyDocument(contentsOf: path, isSecret: true), at: path)
    }

    /// Reads PEM text or DER bytes; `place` stands in errors.
    public init(_ bytes: [UInt8], at place: String) throws(CasemateError) {
        try self.init(KeyDocument(bytes, at: place), at: place)
    }

    private init(_ document: KeyDocument, at place: String) throws(CasemateError) {
        try Self.check(document.label, place)
        let der = document.der
        if KeyShape.isEd25519(der) {
            guard let key = Self.ed25519(der) else { throw Self.malformed(place) }
            self.init(.ed25519(key))
            return
        }
        if let other = KeyShape.otherKind(der) { throw VerifyingKey.unsupported(other, place) }
        guard let key = try? P256.Signing.PrivateKey(derRepresentation: der) else { throw Self.malformed(place) }
        self.init(.p256(key))
    }

    private static func check(_ label: String?, _ place: String) throws(CasemateError) {
        switch label {
        case nil, "PRIVATE KEY", "EC PRIVATE KEY": return
        case "ENCRYPTED PRIVATE KEY":
            throw CasemateError(
                .unsupported, at: place, "is protected by a passphrase",
                help: "`openssl pkcs8 -in KEY -out PLAIN` takes it off; keep PLAIN with mode 600")
        case "PUBLIC KEY":
            throw CasemateError(
                .malformed, at: place, "is a public key, the private one is needed", help: "name the file without .pub")
        case "RSA PRIVATE KEY": throw VerifyingKey.unsupported("an RSA key", place)
        case let label?:
            throw CasemateError(
                .unsupported, at: place, "is no private key but '\(label.prefix(40))'",
                help: "write it as PKCS#8: `openssl pkcs8 -topk8 -nocrypt`")
        }
    }

    /// The two forms of RFC 8410, byte by byte: a seed alone, or with the public key that belongs to it.
    private static func ed25519(_ der: [UInt8]) -> Curve25519.Signing.PrivateKey? {
        let head = KeyShape.ed25519Private.count
        if der.count == head + 32, der.starts(with: KeyShape.ed25519Private) {
            return try? Curve25519.Signing.PrivateKey(rawRepresentation: der.suffix(32))
        }
        let attribute = KeyShape.ed25519PublicAttribute
        guard der.count == head + 64 + attribute.count, der.starts(with: KeyShape.ed25519PrivateWithPublic),
            der[(head + 32)...].starts(with: attribute),
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: der[head..<head + 32]),
            key.publicKey.rawRepresentation.elementsEqual(der.suffix(32))
        else { return nil }
        return key
    }

    private static func malformed(_ place: String) -> CasemateError {
        CasemateError(
            .malformed, at: place, "is no private key of Ed25519 or P-256",
            help: "make one with `casemate keygen --output NAME`")
    }

    /// Signs `message`. Ed25519: 64 bytes, the same every time; P-256: DER, another every time.
    /// - Throws: `CasemateError` with code `engineFailed` when the library refuses, which only broken randomness makes.
    public func signature(for message: some DataProtocol) throws(CasemateError) -> Data {
        do {
            switch secret {
            case .ed25519(let key): return try key.signature(for: message)
            case .p256(let key): return try key.signature(for: message).derRepresentation
            }
        } catch {
            throw CasemateError(
                .engineFailed, at: "signing", "no signature can be made", help: "check the system's randomness")
        }
    }

    /// The key as PEM, `PRIVATE KEY` (PKCS#8). A secret.
    private var pem: String {
        switch secret {
        case .ed25519(let key): KeyDocument.pem("PRIVATE KEY", KeyShape.ed25519Private + key.rawRepresentation)
        case .p256(let key): KeyDocument.pem("PRIVATE KEY", [UInt8](key.derRepresentation))
        }
    }

    /// Writes the private key to `path` (mode 600) and the public one to `path.pub` (mode 644).
    ///
    /// Both files are made anew: nothing is ever replaced, and no link is followed. When the second cannot be written
    /// the first is removed.
    /// - Throws: `CasemateError` with code `unwritable`.
    public func write(to path: String) throws(CasemateError) {
        try Self.create(path, 0o600, pem)
        do throws(CasemateError) { try Self.create(path + ".pub", 0o644, verifying.pem) } catch {
            unlink(path)
            throw error
        }
    }

    private static func create(_ path: String, _ mode: mode_t, _ text: String) throws(CasemateError) {
        let descriptor =
            path.isEmpty || path.utf8.contains(0)
            ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            throw CasemateError(
                .unwritable, at: path,
                isThere ? "is already there; a key is never replaced" : "cannot be made",
                help: isThere
                    ? "name another with --output, or move the old one away" : "check the folder and its rights")
        }
        var offset = 0
        let bytes = Array(text.utf8)
        while offset < bytes.count {
            let wrote = bytes.withUnsafeBytes { buffer -> Int in
                Foundation.write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
            }
            if wrote < 0, errno == EINTR { continue }
            guard wrote > 0 else { break }
            offset += wrote
        }
        let isWhole = offset == bytes.count && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
        close(descriptor)
        guard isWhole else {
            unlink(path)
            throw CasemateError(.unwritable, at: path, "cannot be written", help: "free space there")
        }
    }
}
