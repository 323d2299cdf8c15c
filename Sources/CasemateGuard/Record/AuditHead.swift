package import CasemateCore
import Foundation

/// How far the log had come at some time: the number of records and the hash of the last, signed where a key is set.
///
/// A head that is kept elsewhere shows later that the log still holds, unchanged, all that it held then; a tail that was
/// cut off is seen in no other way.
package struct AuditHead: Hashable, Sendable {
    /// The schema of heads.
    package static let schema = "casemate.audit-head/1"
    /// Identifier of the log: 32 hexadecimal digits.
    package let log: String
    /// Number of the last record.
    package let records: Int64
    /// Hash of the last record.
    package let hash: [UInt8]
    /// When, in microseconds since 1970.
    let time: Int64
    /// Identifier of the key; empty for a head without signature.
    package let key: String
    /// The signature over the head without this member; empty for none.
    package let signature: [UInt8]

    /// Makes a head, and signs it where there is a key.
    init(log: String, records: Int64, hash: [UInt8], time: Date, key: SigningKey?) throws(CasemateError) {
        (self.log, self.records, self.hash) = (log, records, hash)
        self.time = AuditTime.microseconds(time)
        self.key = key?.verifying.identifier ?? ""
        let message = Self.text(log, records, hash, self.time, self.key, [])
        signature = try key.map { key throws(CasemateError) in [UInt8](try key.signature(for: message)) } ?? []
    }

    /// Reads a head; `nil` for anything that is none.
    package init?(_ bytes: some Collection<UInt8>) {
        guard let json = AuditJSON(bytes), json["schema"]?.text == Self.schema, let log = json["log"]?.text,
            let records = json["records"]?.integer, records >= 0,
            let hash = json["hash"]?.text.flatMap(Hexadecimal.bytes), hash.count == 32,
            let time = json["time"]?.text.flatMap(AuditTime.microseconds), let key = json["key"]?.text,
            let signature = Hexadecimal.bytes(json["signature"]?.text ?? "")
        else { return nil }
        (self.log, self.records, self.hash) = (log, records, hash)
        (self.time, self.key, self.signature) = (time, key, signature)
    }

    /// The head as one line of JSON, without line end.
    package var text: [UInt8] { Self.text(log, records, hash, time, key, signature) }

    /// Whether the key signed it.
    package func isSigned(by verifying: VerifyingKey) -> Bool {
        verifying.isValid(signature, for: Self.text(log, records, hash, time, key, []))
    }

    private static func text(
        _ log: String, _ records: Int64, _ hash: [UInt8], _ time: Int64, _ key: String, _ signature: [UInt8]
    ) -> [UInt8] {
        var text = AuditText(capacity: 400)
        text.member("hash", Hexadecimal.text(of: hash))
        text.member("key", key)
        text.member("log", log)
        text.member("records", records)
        text.member("schema", schema)
        text.memberUnlessEmpty("signature", Hexadecimal.text(of: signature))
        text.member("time", AuditTime.text(time))
        return text.finished()
    }
}
