import CasemateCore
import Foundation

/// One line of a ledger: what a data file was, who registered it, where it came from.
///
/// Its bytes are canonical JSON (`CanonicalJSON`); its hash is SHA-256 of the whole line, the signature included; what is
/// signed is `signingPrefix` and the same JSON without the member `signature`. Page: `docs/reference/provenance.md`.
package struct LedgerEntry: Hashable, Sendable {
    /// Name and version of the form.
    package static let schema = "casemate.data-entry/1"
    /// What stands before the signed bytes, so that no signature for something else is one for an entry.
    static let signingPrefix = Array("casemate.data-entry/1\n".utf8)
    /// Hash that the first entry names as the one before it.
    package static let genesis = String(repeating: "0", count: 64)
    /// The longest text that a member for people may hold, in bytes.
    package static let longestText = 4096

    /// Where something came from: an entry of this ledger, or a file by its hash alone.
    package enum Parent: Hashable, Sendable {
        /// Hash of an entry.
        case entry(String)
        /// SHA-256 of a file that no entry need know.
        case content(String)
        /// As it is written: `entry:…`, `sha256:…`.
        package var text: String {
            switch self {
            case .entry(let hash): "entry:" + hash
            case .content(let hash): "sha256:" + hash
            }
        }
        package init?(_ text: String) {
            let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, Hash256(hexadecimal: parts[1]) != nil else { return nil }
            switch parts[0] {
            case "entry": self = .entry(parts[1])
            case "sha256": self = .content(parts[1])
            default: return nil
            }
        }
    }
    /// The file with short hashes of the rows.
    package struct SideFile: Hashable, Sendable {
        /// Name in the folder of such files; no path.
        package let name: String
        /// SHA-256 in lower-case hexadecimal.
        package let sha256: String
    }
    /// What its signer says who it is.
    package struct Signer: Hashable, Sendable {
        /// Kind of the key.
        package let algorithm: String
        /// SHA-256 of the public key.
        package let identifier: String
        /// The public key itself, SubjectPublicKeyInfo; it proves nothing about who holds it.
        package let key: [UInt8]
    }

    /// The whole entry, members that this release does not know included.
    package let json: CanonicalJSON
    /// Identifier of the ledger, 32 hexadecimal digits; the same in all of its entries.
    package let ledger: String
    /// Place in the ledger, from 0, and the hash of the entry before it.
    package let sequence: Int, previous: String
    /// Time in UTC, such as `2026-11-21T17:04:00Z`, and who registered it.
    package let time: String, who: String
    /// Path relative to the folder of the ledger.
    package let path: String
    /// What was hashed.
    package let digest: DataDigest
    /// Short hashes; `nil` where none were kept.
    package let sideFile: SideFile?
    /// Where the data came from and what was done to them, in words.
    package let source: String?, transformation: String?, note: String?
    /// What they were made from.
    package let parents: [Parent]
    /// Who signed; `nil` for an entry without signature.
    package let signer: Signer?
    /// The signature.
    package let signature: [UInt8]?

    /// The name of the file, without folders.
    package var fileName: String { path.split(separator: "/").last.map(String.init) ?? path }
    /// The bytes of the line, without line end.
    package var bytes: [UInt8] { json.bytes }
    /// SHA-256 of the line.
    package var hash: String { Self.hash(bytes) }
    /// SHA-256 of a line.
    static func hash(_ line: some Collection<UInt8>) -> String { FileDigest.sha256(Data(line)) }

    /// What a signature stands under.
    static func signedBytes(_ json: CanonicalJSON) -> [UInt8] { signingPrefix + json.without("signature").bytes }

    /// Whether the signature fits the key that the entry carries; `nil` for an entry without signature.
    package var isSignedConsistently: Bool? {
        guard let signer else { return signature == nil ? nil : false }
        guard let signature, let key = try? VerifyingKey(signer.key, at: "entry"), key.identifier == signer.identifier,
            key.algorithm.rawValue == signer.algorithm
        else { return false }
        return key.isValid(Data(signature), for: Data(Self.signedBytes(json)))
    }
}
