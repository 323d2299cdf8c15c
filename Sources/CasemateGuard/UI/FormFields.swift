import Foundation

/// The fields of a posted form, `application/x-www-form-urlencoded`; the first of a name counts.
struct FormFields {
    private var fields: [String: String] = [:]

    /// Reads a body of at most 16 KiB and 32 fields; what is beyond is left out.
    init(_ body: [UInt8]) {
        guard body.count <= 16_384 else { return }
        for pair in body.split(separator: UInt8(ascii: "&")).prefix(32) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.text(parts[0])
            if fields[name] == nil { fields[name] = parts.count > 1 ? Self.text(parts[1]) : "" }
        }
    }
    subscript(name: String) -> String { fields[name] ?? "" }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let spaced = bytes.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        let text = String(decoding: spaced, as: UTF8.self)
        return text.removingPercentEncoding ?? text
    }
}
