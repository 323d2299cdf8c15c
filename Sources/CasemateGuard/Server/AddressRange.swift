public import CasemateCore
import Foundation

/// A network such as `10.0.0.0/8` or `2001:db8::/32`, or one address.
public struct AddressRange: Sendable, Hashable {
    private let bytes: [UInt8]
    private let bits: Int

    /// Reads a text.
    /// - Throws: `CasemateError` with `invalidSetting`.
    public init(_ text: String, at place: String) throws(CasemateError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = Self.bytes(String(parts[0])) else { throw Self.failure(text, place) }
        (self.bytes, bits) = (bytes, parts.count == 1 ? bytes.count * 8 : Int(parts[1]) ?? -1)
        guard (0...bytes.count * 8).contains(bits) else { throw Self.failure(text, place) }
    }

    private static func failure(_ text: String, _ place: String) -> CasemateError {
        CasemateError(
            .invalidSetting, at: place, "'\(text.prefix(60))' is no address or network",
            help: "write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32; names are not looked up")
    }

    /// Whether an address of 4 or 16 bytes is of the network.
    func contains(_ address: [UInt8]) -> Bool {
        guard address.count == bytes.count else { return false }
        let (whole, rest) = (bits / 8, bits % 8)
        guard address.prefix(whole) == bytes.prefix(whole) else { return false }
        return rest == 0 || (address[whole] ^ bytes[whole]) >> UInt8(8 - rest) == 0
    }

    /// The 4 or 16 bytes of a numeric address; `nil` for anything else. IPv4 in IPv6 clothes is IPv4.
    static func bytes(_ text: String) -> [UInt8]? {
        guard !text.isEmpty, text.utf8.count <= 45 else { return nil }
        var result = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &result) == 1 { return Array(result.prefix(4)) }
        guard inet_pton(AF_INET6, text, &result) == 1 else { return nil }
        let isMapped = result.prefix(10).allSatisfy { $0 == 0 } && result[10] == 255 && result[11] == 255
        return isMapped ? Array(result.suffix(4)) : result
    }

    /// The usual text of 4 or 16 bytes.
    static func text(_ bytes: [UInt8]) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil else {
            return ""
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
