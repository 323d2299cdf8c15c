/// How an endpoint is asked: where, by which protocol, how fast, how much, and where answers are kept.
public struct RemoteOptions: Hashable, Sendable {
    /// Protocols that endpoints speak.
    public enum Dialect: String, Hashable, Sendable, CaseIterable {
        /// Told by the address, else by asking.
        case auto
        /// Open Inference Protocol, version 2, REST: MLServer, KServe, Triton, …
        case openInference = "open_inference"
        /// MLflow's scoring server: `/invocations`.
        case mlflow
    }
    /// The address: of a server, of one model on it, or of its `/invocations`.
    public var address: String
    /// The protocol.
    public var dialect = Dialect.auto
    /// Name of the model; `nil` takes the only one.
    public var model: String?
    /// Version of the model; `nil` takes what the server serves. Kept answers belong to one version.
    public var version: String?
    /// Proves who asks.
    public var credential: RemoteCredential?
    /// Further headers of every request.
    public var headers: [String: String] = [:]
    /// PEM file of the authorities that may have signed the server's certificate; `nil` takes the system's.
    public var authorities: String?
    /// Most requests under way at a time.
    public var concurrency = 4
    /// Most rows of a request.
    public var batch = 100
    /// Most requests a second, retries included; `nil` sets no cap.
    public var rate: Double?
    /// Most rows a second; `nil` sets no cap.
    public var rowRate: Double?
    /// Most rows asked in all, those of earlier runs not counted; `nil` sets no budget.
    public var queries: Int?
    /// Seconds after which a request has failed.
    public var timeout = 30.0
    /// How often a request is tried again after 429, a 5xx or a lost connection.
    public var retries = 4
    /// Wait before the second try, seconds; it doubles from try to try, with jitter.
    public var firstWait = 0.25
    /// Longest wait between two tries, seconds; a server that asks for a longer one is not waited for.
    public var longestWait = 60.0
    /// Most rows that are asked a second time to see whether answers stay.
    public var repeats = 20
    /// SQLite file that keeps answers; `nil` keeps them in memory for this run.
    public var answers: String?
    /// Most bytes that the file may hold; the oldest answers make way.
    public var answersLimit = 256 << 20
    /// Most bytes of one response.
    public var responseLimit = 64 << 20
    /// Seed of the jitter between tries.
    public var seed: UInt64 = 0
    /// When nothing more is asked; `nil` sets no time.
    public var deadline: ContinuousClock.Instant?

    /// Makes options for an address.
    public init(_ address: String) { self.address = address }
}

/// A secret that proves who asks, and the header that carries it. Printing one never shows the secret.
public struct RemoteCredential: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Name of the header.
    public let header: String
    /// What goes over the wire.
    let value: String
    /// The secret alone, for taking it out of what a server echoes.
    let secret: String

    private init(header: String, value: String, secret: String) {
        (self.header, self.value, self.secret) = (header, value, secret)
    }
    /// A key in a header of its own.
    public static func key(_ secret: String, header: String = "x-api-key") -> RemoteCredential {
        RemoteCredential(header: header, value: secret, secret: secret)
    }
    /// A bearer token (RFC 6750).
    public static func bearer(_ secret: String) -> RemoteCredential {
        RemoteCredential(header: "authorization", value: "Bearer " + secret, secret: secret)
    }
    /// The header alone.
    public var description: String { "secret in header '\(header)'" }
    /// The header alone.
    public var debugDescription: String { description }
    /// Shows nothing of the secret.
    public var customMirror: Mirror { Mirror(self, children: ["header": header]) }
}
