/// Why a request gets no answer. Every face renders it in its own form; the status is the same in all of them.
///
/// `detail` is for the caller: it names the field and the rule, and never holds a value that the caller sent, a path, a
/// stack or anything about other callers.
public struct GuardRefusal: Error, Hashable, Sendable {
    /// A stable kind; new kinds may come in any release.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case malformed
        case unauthenticated
        case forbidden
        case notFound = "not-found"
        case methodNotAllowed = "method-not-allowed"
        case timeout
        case conflict
        case tooLarge = "too-large"
        case mediaType = "unsupported-media-type"
        /// A value that the model's declaration, its rules or its usual range forbid.
        case unprocessable
        case limited
        case headers = "headers-too-large"
        case failed
        case upstreamFailed = "upstream-failed"
        case unavailable
        case upstreamTimeout = "upstream-timeout"
        case storage = "insufficient-storage"

        /// HTTP status.
        public var status: Int {
            switch self {
            case .malformed: 400
            case .unauthenticated: 401
            case .forbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .timeout: 408
            case .conflict: 409
            case .tooLarge: 413
            case .mediaType: 415
            case .unprocessable: 422
            case .limited: 429
            case .headers: 431
            case .failed: 500
            case .upstreamFailed: 502
            case .unavailable: 503
            case .upstreamTimeout: 504
            case .storage: 507
            }
        }
        /// Title of the problem, the same for every occurrence (RFC 9457).
        public var title: String {
            switch self {
            case .malformed: "The request cannot be read"
            case .unauthenticated: "Authentication is needed"
            case .forbidden: "Not allowed"
            case .notFound: "There is no such resource"
            case .methodNotAllowed: "Method not allowed"
            case .timeout: "The request took too long to arrive"
            case .conflict: "The state does not allow that"
            case .tooLarge: "The request is too large"
            case .mediaType: "Unsupported media type"
            case .unprocessable: "The values are not accepted"
            case .limited: "Too many requests"
            case .headers: "The request's headers are too large"
            case .failed: "The server failed"
            case .upstreamFailed: "The model's server failed"
            case .unavailable: "Not available at the moment"
            case .upstreamTimeout: "The model's server took too long"
            case .storage: "The decision cannot be recorded"
            }
        }
    }
    /// The kind.
    public let kind: Kind
    /// What is wrong, for the caller: a sentence without full stop.
    public let detail: String
    /// Which part of the request: an input, a column, a parameter; empty when there is none to name.
    public let field: String
    /// Seconds after which to try again; rounded up in `Retry-After`.
    public let retryAfter: Double?
    /// Methods that are allowed, for `methodNotAllowed`.
    public let allow: [String]
    /// A stable word for logs and metrics, such as `rate` or `range`; never shown to the caller.
    public let reason: String

    /// Makes a refusal.
    public init(
        _ kind: Kind, _ detail: String, field: String = "", retryAfter: Double? = nil, allow: [String] = [],
        reason: String = ""
    ) {
        (self.kind, self.detail, self.field) = (kind, detail, field)
        (self.retryAfter, self.allow, self.reason) = (retryAfter, allow, reason.isEmpty ? kind.rawValue : reason)
    }
}
