import Crypto

/// The chain of hashes: h_0 is 32 zero bytes, h_i = SHA-256(h_{i-1} || record_i).
package enum AuditChain {
    /// The hash before the first record.
    package static let origin = [UInt8](repeating: 0, count: 32)

    /// The hash of a record that stands behind another.
    package static func hash(after previous: [UInt8], _ record: some Sequence<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: previous)
        hash.update(data: Array(record))
        return Array(hash.finalize())
    }
}
