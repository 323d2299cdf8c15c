public import CasemateCore

/// An address and port to listen on, such as `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`; a port alone stands for this
/// machine only.
public struct ListenAddress: Sendable, Hashable {
    /// Name or number of the address, without brackets.
    public let host: String
    /// Port; 0 takes a free one.
    public let port: Int

    /// Reads a text.
    /// - Throws: `CasemateError` with `invalidSetting`.
    public init(_ text: String, at place: String) throws(CasemateError) {
        let failure = CasemateError(
            .invalidSetting, at: place, "'\(text.prefix(60))' is no address with a port",
            help: "write it as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080; port 0 takes a free one")
        var (host, port) = ("127.0.0.1", text[...])
        if let colon = text.lastIndex(of: ":") {
            host = String(text[..<colon])
            port = text[text.index(after: colon)...]
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = String(host.dropFirst().dropLast())
            } else if host.contains(":") {
                throw failure
            }
        }
        let isName = host.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "_")].contains(byte)
        }
        guard !host.isEmpty, host.utf8.count <= 253, isName, port.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(port), (0...65_535).contains(number)
        else { throw failure }
        // why: the system takes 256.1.1.1 for a name and looks it up, and 8080 or 127.1 for addresses that nobody means.
        let isNumeric = host.contains(":") || host.utf8.allSatisfy { (48...57).contains($0) || $0 == UInt8(ascii: ".") }
        guard !isNumeric || AddressRange.bytes(host) != nil else { throw failure }
        (self.host, self.port) = (host, number)
    }

    /// The address of a server that listens here, on a port that was found.
    func url(port: Int, isSecure: Bool) -> String {
        "\(isSecure ? "https" : "http")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}
