package import CasemateCore
import Foundation

/// The head of a ledger at some moment, kept apart from it: only with it can entries be missed that were cut off the end.
package struct LedgerCheckpoint: Hashable, Sendable {
    /// Name and version of the form.
    static let schema = "casemate.data-checkpoint/1"
    private static let signingPrefix = Array("casemate.data-checkpoint/1\n".utf8)
    /// Number of entries up to the head; `nil` where only a hash is known.
    package let entries: Int?
    /// Hash of the last entry.
    package let head: String
    /// Identifier of the ledger; `nil` where only a hash is known.
    package let ledger: String?
    /// Identifier of the key that signed it; `nil` without signature.
    package let signer: String?

    /// A hash that somebody wrote down.
    package init?(head: String) {
        guard Hash256(hexadecimal: head) != nil else { return nil }
        (entries, self.head, ledger, signer) = (nil, head, nil, nil)
    }

    /// The checkpoint of a ledger that ends with `entry`, as bytes of a file.
    package static func document(of entry: LedgerEntry, key: SigningKey?) throws(CasemateError) -> [UInt8] {
        var json = CanonicalJSON.object([
            "schema": .text(schema), "ledger": .text(entry.ledger), "entries": .integer(entry.sequence + 1),
            "head": .text(entry.hash), "time": .text(entry.time),
        ])
        if let key {
            json = json.with("key", .text(Data(key.verifying.der).base64EncodedString()))
            let signature = try key.signature(for: Data(signingPrefix + json.bytes))
            json = json.with("signature", .text(signature.base64EncodedString()))
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }

    /// Reads a checkpoint file.
    /// - Parameter trusted: Keys, one of which must have signed it; with none, a signature must fit its own key.
    /// - Throws: `CasemateError`: `notFound`, `unreadable`, `malformed`, `refused` for a signature that does not count.
    package init(contentsOf path: String, trusted: [VerifyingKey]) throws(CasemateError) {
        var bytes = try OpenFile(path).prefix(1 << 16)
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        guard let json = try? CanonicalJSON(canonical: bytes), json["schema"]?.text == Self.schema,
            let head = json["head"]?.text, Hash256(hexadecimal: head) != nil, let entries = json["entries"]?.integer,
            entries > 0, let ledger = json["ledger"]?.text
        else {
            throw CasemateError(
                .malformed, at: path, "is no checkpoint", help: "`casemate data register --checkpoint FILE` writes one")
        }
        (self.entries, self.head, self.ledger) = (entries, head, ledger)
        guard let text = json["signature"]?.text else {
            signer = nil
            guard trusted.isEmpty else {
                throw CasemateError(
                    .refused, at: path, "the checkpoint is not signed", help: "write it with --key, or leave --key out")
            }
            return
        }
        let known = json["key"]?.text.flatMap { Data(base64Encoded: $0) }
        guard let signature = Data(base64Encoded: text), let known,
            let key = try? VerifyingKey([UInt8](known), at: path),
            trusted.isEmpty || trusted.contains(key),
            key.isValid(signature, for: Data(Self.signingPrefix + json.without("signature").bytes))
        else {
            throw CasemateError(
                .refused, at: path, "the signature of the checkpoint does not fit a key that is to be trusted",
                help: "fetch the checkpoint again, or name its key with --key")
        }
        signer = key.identifier
    }
}
