import NIOCore
import NIOHTTP1

/// Makes the head that the guard sees of one that the decoder read, and refuses what two servers could read in two ways.
/// Sources: RFC 9110, RFC 9112 sections 2 to 7 and 11.2.
struct RequestCheck {
    /// Peer, names of its certificate and encryption of the connection.
    let peer: String, certificateNames: [String], isSecure: Bool
    /// Whether it came over HTTP/2, whose own layer checked the framing.
    let isStream: Bool

    /// The head.
    /// - Throws: `GuardRefusal` with `malformed`.
    func head(_ head: HTTPRequestHead) throws(GuardRefusal) -> WireHead {
        if !isStream, head.version != .http1_1, head.version != .http1_0 {
            throw Self.refusal("this version of HTTP is not served", "version")
        }
        guard head.method != .CONNECT, head.method != .TRACE else {
            throw GuardRefusal(.methodNotAllowed, "this method is not served", allow: ["GET", "HEAD", "POST"])
        }
        let fields = try fields(head)
        let (path, query) = try target(head.uri)
        return WireHead(
            method: head.method.rawValue, path: path, query: query, headers: fields, peer: peer,
            certificateNames: certificateNames, isSecure: isSecure)
    }

    private static func refusal(_ detail: String, _ field: String) -> GuardRefusal {
        GuardRefusal(.malformed, detail, field: field, reason: "http_\(field)")
    }

    private func fields(_ head: HTTPRequestHead) throws(GuardRefusal) -> [Exchange.Header] {
        var fields: [Exchange.Header] = []
        fields.reserveCapacity(head.headers.count)
        var (hosts, lengths, codings) = (0, 0, 0)
        for (name, value) in head.headers {
            let name = Self.lowercased(name)
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw Self.refusal("a header field has characters that are not allowed", "header")
            }
            switch name {
            case "host":
                hosts += 1
                guard Self.isHost(value) else { throw Self.refusal("the host is malformed", "host") }
            case "content-length":
                lengths += 1
                guard (1...18).contains(value.utf8.count), value.utf8.allSatisfy({ (48...57).contains($0) }) else {
                    throw Self.refusal("the length of the body is malformed", "content-length")
                }
            case "transfer-encoding":
                codings += 1
                if isStream { continue }
                guard Self.lowercased(value) == "chunked", head.version == .http1_1 else {
                    throw Self.refusal("this transfer coding is not served", "transfer-encoding")
                }
            default: break
            }
            fields.append(.init(name, value))
        }
        guard lengths <= 1, isStream || (codings <= 1 && lengths + codings <= 1) else {
            throw Self.refusal("the length of the body is said more than once", "content-length")
        }
        guard isStream || hosts == 1 || (hosts == 0 && head.version == .http1_0) else {
            throw Self.refusal("there must be one host", "host")
        }
        return fields
    }

    /// Path and query of a target in origin form, absolute form, or `*`.
    private func target(_ uri: String) throws(GuardRefusal) -> (path: String, query: String) {
        guard !uri.isEmpty, uri.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw Self.refusal("the address is malformed", "target")
        }
        var rest = uri[...]
        if !rest.hasPrefix("/") {
            guard rest != "*" else { return ("*", "") }
            let scheme = ["http://", "https://"].first { Self.lowercased(String(rest.prefix($0.count))) == $0 }
            guard let scheme else { throw Self.refusal("the address is malformed", "target") }
            rest = rest.dropFirst(scheme.count)
            guard let slash = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return ("/", "") }
            rest = rest[slash...]
        }
        guard let mark = rest.firstIndex(of: "?") else { return (String(rest), "") }
        return (mark == rest.startIndex ? "/" : String(rest[..<mark]), String(rest[rest.index(after: mark)...]))
    }

    private static func isHost(_ value: String) -> Bool {
        value.utf8.count <= 255
            && value.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || ".-_:[]%~".utf8.contains(byte)
            }
    }

    /// ASCII in lower case; nothing is made for what is so already.
    static func lowercased(_ text: String) -> String {
        text.utf8.contains { (65...90).contains($0) } ? text.lowercased() : text
    }
}
