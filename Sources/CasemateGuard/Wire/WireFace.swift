/// A protocol that callers speak: which paths are its own, how it reads and writes. One file, one catalogue line, one page.
public protocol WireFace: Sendable {
    /// Stable name in records and metrics, in snake case.
    static var identifier: String { get }
    /// Creates the face.
    init()
    /// What a request is for; `nil` when the path is not of this face.
    /// - Throws: `GuardRefusal` for a path of this face that is used wrongly, such as another method.
    func route(_ head: WireHead) throws -> WireRoute?
    /// Shows a refusal in the form that clients of this protocol read.
    func render(_ refusal: GuardRefusal, id: String) -> WireResponse
}

extension WireFace {
    /// Problem details (RFC 9457) with the member `error` that clients of the Open Inference Protocol read.
    public func render(_ refusal: GuardRefusal, id: String) -> WireResponse { Problem.response(refusal, id: id) }
}

/// What a request is for.
public struct WireRoute: Sendable {
    /// Who may use it.
    public enum Access: Sendable, Hashable {
        /// Anybody, without credentials: health.
        case open
        /// Whoever has the scope; for `infer` and a model, whoever may ask that model.
        case scope(ClientIdentity.Scope)
        /// The route asks for credentials itself, such as a sign-in page.
        case own
    }
    /// The model that is asked, as named by the path; `nil` for what is no call of a model. An empty version is the
    /// newest.
    public struct Target: Sendable, Hashable {
        /// Name and version.
        public let name: String, version: String
        /// Makes a target.
        public init(name: String, version: String = "") { (self.name, self.version) = (name, version) }
    }
    /// Does the work.
    public typealias Handler =
        @Sendable (WireRequest, inout Exchange, GuardGeneration) async throws -> WireResponse
    /// Who may use it.
    public let access: Access
    /// The model that is asked; calls of models pass the stages and are recorded.
    public let target: Target?
    /// Largest body in bytes, as it arrives and unpacked; `nil` for the configured limit.
    public let bodyLimit: Int?
    /// Whether the work, with a small body, takes so little time that it is done on the event loop of the connection; all
    /// other work is done on the threads for tasks.
    public let isQuick: Bool
    /// Does the work.
    public let handle: Handler

    /// Makes a route.
    public init(
        access: Access, target: Target? = nil, bodyLimit: Int? = nil, isQuick: Bool = false,
        handle: @escaping Handler
    ) {
        (self.access, self.target, self.bodyLimit) = (access, target, bodyLimit)
        (self.isQuick, self.handle) = (isQuick, handle)
    }
}
