import CasemateCore
import CasemateGuard
import Crypto
import CryptoExtras
import Foundation
import Logging
import Synchronization
import TestSupport

/// What tests of identities are made with.
enum AccessSupport {
    /// An authenticator of YAML settings.
    static func authenticator(_ yaml: String, _ setup: StageSetup) throws -> Authenticator {
        let settings = try SettingChecker.read(yaml, file: "guard.yaml", keys: Authenticator.keys)
        return try Authenticator(settings, setup: setup)
    }
    /// Runs `body` with a new folder that is removed afterwards.
    static func withFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await body(folder)
    }
    static func bearer(_ text: String, address: String = "192.0.2.7") -> Credentials {
        Credentials(authorization: "Bearer \(text)", address: address)
    }
    /// The refusal that an authenticator answers with.
    static func refusal(_ authenticator: Authenticator, _ credentials: Credentials) async -> GuardRefusal? {
        do {
            _ = try await authenticator.authenticate(credentials)
            return nil
        } catch { return error as? GuardRefusal }
    }

    static func base64(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
    /// A token of texts as they are, signed by whatever `sign` does.
    static func token(_ header: String, _ payload: String, _ sign: (Data) throws -> Data) rethrows -> String {
        let start = base64(Array(header.utf8)) + "." + base64(Array(payload.utf8))
        return start + "." + base64(try sign(Data(start.utf8)))
    }
}

/// An issuer of tokens with a key of each kind, all made for the test.
struct TestIssuer {
    let elliptic = P256.Signing.PrivateKey()
    let edwards = Curve25519.Signing.PrivateKey()
    let rsa: _RSA.Signing.PrivateKey

    init() throws { rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    /// The public keys of it: `ec`, `ed` and `rsa`.
    func keySet(only: [String] = ["ec", "ed", "rsa"]) throws -> String {
        let point = elliptic.publicKey.rawRepresentation
        let primitives = try rsa.publicKey.getKeyPrimitives()
        let base64 = { (data: Data) in AccessSupport.base64(data) }
        let keys = [
            "ec": """
            {"kty": "EC", "kid": "ec", "use": "sig", "crv": "P-256", "x": "\(base64(Data(point.prefix(32))))",
             "y": "\(base64(Data(point.suffix(32))))"}
            """,
            "ed": """
            {"kty": "OKP", "kid": "ed", "alg": "EdDSA", "crv": "Ed25519",
             "x": "\(base64(edwards.publicKey.rawRepresentation))"}
            """,
            "rsa": """
            {"kty": "RSA", "kid": "rsa", "alg": "RS256", "n": "\(base64(primitives.modulus))",
             "e": "\(base64(primitives.publicExponent))"}
            """,
        ]
        return "{\"keys\": [" + only.compactMap { keys[$0] }.joined(separator: ",") + "]}"
    }
    func signES256(_ data: Data) throws -> Data { try elliptic.signature(for: data).rawRepresentation }
    func signEdDSA(_ data: Data) throws -> Data { try edwards.signature(for: data) }
    func signRS256(_ data: Data) throws -> Data {
        try rsa.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5).rawRepresentation
    }
}

/// Keeps what is logged.
struct LogKeeper: LogHandler {
    final class Lines: Sendable {
        let texts = Mutex<[String]>([])
        var all: String { texts.withLock { $0.joined(separator: "\n") } }
    }
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    init(_ lines: Lines) { self.lines = lines }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { lines.texts.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") } }
}
