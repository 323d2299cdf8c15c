/// Problem details as JSON. Source: RFC 9457.
public enum Problem {
    /// The response to a refusal: status, `application/problem+json`, `Retry-After`, `Allow`, `WWW-Authenticate`.
    public static func response(_ refusal: GuardRefusal, id: String) -> WireResponse {
        response(refusal, id: id, members: [])
    }

    /// The same with further members that clients of a protocol read.
    static func response(
        _ refusal: GuardRefusal, id: String, members: [(String, JSONTree)]
    ) -> WireResponse {
        var tree: JSONTree = [
            "type": .text("urn:casemate:problem:\(refusal.kind.rawValue)"), "title": .text(refusal.kind.title),
            "status": .integer(refusal.kind.status), "detail": .text(refusal.detail),
            "instance": .text("urn:casemate:request:\(id)"), "error": .text(sentence(refusal)),
        ]
        if !refusal.field.isEmpty { tree = tree.adding([("field", .text(refusal.field))]) }
        return WireResponse(
            status: refusal.kind.status,
            headers: [.init("content-type", "application/problem+json")] + headers(refusal),
            body: tree.adding(members).bytes)
    }

    /// What is wrong and where, in one text: clients of the Open Inference Protocol show nothing but this.
    static func sentence(_ refusal: GuardRefusal) -> String {
        refusal.field.isEmpty ? refusal.detail : "\(refusal.field): \(refusal.detail)"
    }

    /// The headers that belong to a refusal, whatever the body.
    public static func headers(_ refusal: GuardRefusal) -> [Exchange.Header] {
        var headers: [Exchange.Header] = []
        if let wait = refusal.retryAfter, wait.isFinite {
            // why at least 1: a client told to wait 0 s comes back at once; at most a year, so that it is a number.
            headers.append(.init("retry-after", "\(Int(min(31_536_000, max(1, wait.rounded(.up)))))"))
        }
        if !refusal.allow.isEmpty { headers.append(.init("allow", refusal.allow.joined(separator: ", "))) }
        if refusal.kind == .unauthenticated {
            headers.append(.init("www-authenticate", "Bearer realm=\"casemate\""))
            headers.append(.init("www-authenticate", "ApiKey realm=\"casemate\""))
        }
        return headers
    }
}
