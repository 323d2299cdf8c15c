import CasemateCore
import Foundation

/// What becomes an entry once its place in the ledger is known.
package struct LedgerDraft: Sendable {
    /// Path relative to the folder of the ledger.
    package var path: String
    /// What was hashed, and the file with short hashes.
    package var digest: DataDigest, sideFile: LedgerEntry.SideFile?
    /// Time in UTC and who registers.
    package var time: String, who: String
    /// Where the data came from, what was done to them, and anything else, in words.
    package var source: String?, transformation: String?, note: String?
    /// What they were made from.
    package var parents: [LedgerEntry.Parent] = []

    init(path: String, digest: DataDigest, sideFile: LedgerEntry.SideFile?, time: String, who: String) {
        (self.path, self.digest, self.sideFile, self.time, self.who) = (path, digest, sideFile, time, who)
    }

    /// The entry behind `head`, signed where there is a key.
    func entry(ledger: String, after head: LedgerEntry?, key: SigningKey?) throws(CasemateError) -> LedgerEntry {
        var members: [String: CanonicalJSON] = [
            "schema": .text(LedgerEntry.schema), "ledger": .text(ledger),
            "sequence": .integer(head.map { $0.sequence + 1 } ?? 0),
            "previous": .text(head?.hash ?? LedgerEntry.genesis), "time": .text(time), "who": .text(who),
            "file": .object([
                "name": .text(path.split(separator: "/").last.map(String.init) ?? path), "path": .text(path),
                "bytes": .integer(digest.bytes), "sha256": .text(digest.content.hexadecimal),
            ]),
            "data": digest.json(sideFile: sideFile),
            "parents": .list(parents.map { .text($0.text) }),
        ]
        members["source"] = source.map { .text($0) }
        members["transformation"] = transformation.map { .text($0) }
        members["note"] = note.map { .text($0) }
        if let key {
            members["key"] = .object([
                "algorithm": .text(key.verifying.algorithm.rawValue), "id": .text(key.verifying.identifier),
                "public": .text(Data(key.verifying.der).base64EncodedString()),
            ])
        }
        var json = CanonicalJSON.object(members)
        if let key {
            let signature = try key.signature(for: Data(LedgerEntry.signedBytes(json)))
            json = json.with("signature", .text(signature.base64EncodedString()))
        }
        do throws(LedgerFault) { return try LedgerEntry(json: json) } catch {
            throw CasemateError(
                .engineFailed, at: path, "no entry can be made: \(error.what)", help: "report this as a bug")
        }
    }
}
