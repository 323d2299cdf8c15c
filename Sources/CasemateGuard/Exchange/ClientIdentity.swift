/// Who asks: what authentication found out, the same for every request of a client.
public struct ClientIdentity: Hashable, Sendable {
    /// How the client was known.
    public enum Method: String, Hashable, Sendable, Codable, CaseIterable {
        case apiKey = "api_key"
        case token = "jwt"
        case certificate = "mtls"
        case anonymous
    }
    /// What a client may do.
    public enum Scope: String, Hashable, Sendable, Codable, CaseIterable {
        /// Ask models.
        case infer
        /// Read what models there are, and the description of the interface.
        case metadata
        /// Read `/metrics`.
        case metrics
        /// Read and use the pages under `/ui`.
        case admin
    }
    /// Stable name: the key's identifier, the token's subject, the certificate's name, or the network of an anonymous
    /// client. Limits, detectors and the log are kept by it. Comes from outside: escape it wherever it is shown.
    public let id: String
    /// How it was known.
    public let method: Method
    /// What it may do.
    public let scopes: Set<Scope>
    /// Names of the models that it may ask; `nil` for all.
    public let models: Set<String>?
    /// The owner of the account, where the credential tells: accounts of one owner are linked.
    public let owner: String?
    /// The network that it asks from, such as `192.0.2.0/24`: accounts of one network may be linked.
    public let network: String
    /// Requests a second that its credential allows instead of the configured rate; `nil` leaves that.
    public let rate: Double?

    /// Makes an identity.
    public init(
        id: String, method: Method, scopes: Set<Scope> = [.infer, .metadata], models: Set<String>? = nil,
        owner: String? = nil, network: String = "", rate: Double? = nil
    ) {
        (self.id, self.method, self.scopes, self.models) = (id, method, scopes, models)
        (self.owner, self.network, self.rate) = (owner, network, rate)
    }

    /// Whether it may ask the model.
    public func mayAsk(_ model: String) -> Bool { scopes.contains(.infer) && (models?.contains(model) ?? true) }
}

/// What a caller showed of itself; made by the server from headers and the connection, never logged.
public struct Credentials: Sendable {
    /// The `Authorization` header.
    public let authorization: String?
    /// The `X-API-Key` header.
    public let apiKey: String?
    /// Names of the client certificate that the TLS layer verified: URI and DNS subject alternative names, URIs first.
    public let certificateNames: [String]
    /// Address of the caller without port: of the connection, or as told by a proxy that is trusted.
    public let address: String

    /// Makes credentials.
    public init(
        authorization: String? = nil, apiKey: String? = nil, certificateNames: [String] = [], address: String
    ) {
        (self.authorization, self.apiKey) = (authorization, apiKey)
        (self.certificateNames, self.address) = (certificateNames, address)
    }
}

/// Finds out who asks.
public protocol Authenticating: Sendable {
    /// The identity behind credentials.
    /// - Throws: `GuardRefusal` with `unauthenticated` (401) or `forbidden` (403).
    func authenticate(_ credentials: Credentials) async throws -> ClientIdentity
}
