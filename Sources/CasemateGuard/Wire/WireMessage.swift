/// The head of a request as the server read it; the only place where HTTP is seen, together with faces.
public struct WireHead: Sendable {
    /// Method in upper case.
    public let method: String
    /// Path before the question mark, as sent (still percent-encoded).
    public let path: String
    /// What stands behind the question mark; empty where nothing does.
    public let query: String
    /// Header fields, names in lower case, in order.
    public let headers: [Exchange.Header]
    /// Address of the connection without port.
    public let peer: String
    /// Names of the verified client certificate, URIs before DNS names.
    public let certificateNames: [String]
    /// Whether the connection is encrypted.
    public let isSecure: Bool

    /// Makes a head.
    public init(
        method: String, path: String, query: String = "", headers: [Exchange.Header] = [], peer: String = "127.0.0.1",
        certificateNames: [String] = [], isSecure: Bool = false
    ) {
        (self.method, self.path, self.query, self.headers) = (method, path, query, headers)
        (self.peer, self.certificateNames, self.isSecure) = (peer, certificateNames, isSecure)
    }
    /// The first value of a field; `name` in lower case.
    public subscript(name: String) -> String? { headers.first { $0.name == name }?.value }
    /// The announced length of the body; `nil` where there is none or it is no number.
    public var contentLength: Int? { self["content-length"].flatMap { Int($0) } }
}

/// A whole request.
public struct WireRequest: Sendable {
    /// Its head.
    public let head: WireHead
    /// Its body, unpacked.
    public let body: [UInt8]
    /// Makes a request.
    public init(head: WireHead, body: [UInt8]) { (self.head, self.body) = (head, body) }
}

/// A response before it goes out.
public struct WireResponse: Sendable {
    /// Status.
    public var status: Int
    /// Header fields; the server adds `Content-Length`, `Date` and the security headers.
    public var headers: [Exchange.Header]
    /// Body.
    public var body: [UInt8]
    /// Makes a response.
    public init(status: Int, headers: [Exchange.Header] = [], body: [UInt8] = []) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }
    /// Whether spaces behind the body change nothing: JSON may be padded.
    public var isPaddable: Bool {
        headers.contains { $0.name.lowercased() == "content-type" && $0.value.contains("json") }
    }
}
