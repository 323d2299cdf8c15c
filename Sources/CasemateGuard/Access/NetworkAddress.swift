import Foundation

/// The address of a caller and the network that it stands for.
package struct NetworkAddress: Hashable, Sendable {
    /// The name under which an anonymous caller is known: the address of IPv4; the /64 of IPv6, since a host may walk
    /// through all of its own.
    package let host: String
    /// The network: the /24 of IPv4, the /64 of IPv6.
    package let network: String

    /// Reads an address without port; what is none keeps the name `unknown`.
    package init(_ text: String) {
        if let parts = Self.parts(text) {
            (host, network) = Self.names(parts)
            return
        }
        let plain = String(text.prefix { $0 != "%" })
        var words: [UInt16] = []
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { bytes in
            guard text.utf8.count <= 64, let start = bytes.baseAddress, inet_pton(AF_INET6, plain, start) == 1 else {
                return
            }
            words = (0..<8).map { UInt16(bytes[$0 * 2]) << 8 | UInt16(bytes[$0 * 2 + 1]) }
        }
        guard words.count == 8 else {
            (host, network) = ("unknown", "unknown")
            return
        }
        if words[..<5].allSatisfy({ $0 == 0 }), words[5] == 0xFFFF {
            let low = [words[6] >> 8, words[6] & 255, words[7] >> 8, words[7] & 255].map { UInt8($0) }
            (host, network) = Self.names((low[0], low[1], low[2], low[3]))
        } else {
            network = words[..<4].map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
            host = network
        }
    }

    private typealias Parts = (UInt8, UInt8, UInt8, UInt8)

    private static func names(_ parts: Parts) -> (String, String) {
        let start = "\(parts.0).\(parts.1).\(parts.2)."
        return (start + "\(parts.3)", start + "0/24")
    }

    private static func parts(_ text: String) -> Parts? {
        var (values, index, digits) = ([UInt16](repeating: 0, count: 4), 0, 0)
        guard text.utf8.count <= 15 else { return nil }
        for byte in text.utf8 {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, index < 3 else { return nil }
                (index, digits) = (index + 1, 0)
            } else {
                guard (48...57).contains(byte), digits < 3 else { return nil }
                values[index] = values[index] * 10 + UInt16(byte - 48)
                digits += 1
                guard values[index] <= 255 else { return nil }
            }
        }
        guard index == 3, digits > 0 else { return nil }
        return (UInt8(values[0]), UInt8(values[1]), UInt8(values[2]), UInt8(values[3]))
    }
}
