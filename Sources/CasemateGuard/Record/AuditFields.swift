import CasemateCore
import Crypto

/// Which fields about a caller are stored as keyed hashes, and the key.
package struct AuditFields: Sendable {
    /// A field about a caller.
    package enum Field: String, Sendable, CaseIterable { case client, network, owner }
    /// Purpose under which the key is derived from the guard's secret.
    package static let purpose = "client-hash"
    /// Most bytes of a text that a caller or a credential gives.
    static let longestText = 256
    private let hashed: Set<Field>
    private let key: SymmetricKey
    /// Names of the hashed fields, in order.
    let names: [String]

    /// Makes it; no field is hashed where none is named.
    package init(hashed: Set<Field> = [], secret: GuardSecret) {
        (self.hashed, key) = (hashed, secret.key(for: Self.purpose))
        names = hashed.map(\.rawValue).sorted()
    }

    /// The text as the log keeps it: as it is, cut to 256 bytes, or its keyed hash.
    func kept(_ text: String, _ field: Field) -> String {
        guard !text.isEmpty else { return "" }
        return hashed.contains(field) ? hash(text, field) : AuditText.clipped(text, Self.longestText)
    }

    /// 128 bits of HMAC-SHA-256 over the field's name and the text, in hexadecimal digits; the same text gives the same
    /// digits, which nobody without the secret can make.
    package func hash(_ text: String, _ field: Field) -> String {
        var code = HMAC<SHA256>(key: key)
        code.update(data: Array("\(field.rawValue):".utf8))
        code.update(data: Array(text.utf8))
        return Hexadecimal.text(of: code.finalize().prefix(16))
    }
}
