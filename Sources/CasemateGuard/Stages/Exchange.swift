/// One request and all that is known of it while it passes the guard.
public struct Exchange: Sendable {
    /// The guard's own identifier of the request: 16 hexadecimal digits; also given to the caller.
    public let id: String
    /// Trace that it belongs to.
    public let trace: TraceContext
    /// Who asks.
    public internal(set) var client: ClientIdentity
    /// Face that took it, such as `open_inference`.
    public internal(set) var face: String
    /// Name and version of the model as asked for; the name is empty for what is no call of a model.
    public internal(set) var model: String, version: String
    /// Monotonic time of arrival.
    public let arrival: UInt64
    /// Monotonic time at which nobody waits any more.
    public let deadline: UInt64
    /// Length of the body as announced; `nil` where it was not.
    public let announcedBytes: Int?

    /// What the stages said, in order.
    public internal(set) var verdicts: [Verdict] = []
    /// Nanoseconds that each stage took so far, and the model; by name.
    public internal(set) var times: [Timed] = []
    /// Seconds by which the answer waits.
    public internal(set) var delay = 0.0
    /// Whether the answer is to be made coarser.
    public internal(set) var isDegraded = false
    /// Whether the answer is held back in the end.
    public internal(set) var isWithheld = false
    /// Whether a person is to look at it.
    public internal(set) var isHeld = false
    /// Rows of the request; 0 while it is not read.
    public internal(set) var rows = 0
    /// Keyed hash of the inputs; empty while they are not read.
    public internal(set) var inputHash = ""
    /// Labels of the answer as indices, at most 16.
    public internal(set) var labels: [Int32] = []
    /// Nanoseconds in the model or its server.
    public internal(set) var modelNanoseconds: UInt64 = 0
    /// Headers for the caller, such as `RateLimit`.
    public var headers: [Header] = []
    /// Pads the body of the response to a multiple of this many bytes; 0 leaves it.
    public var sizeQuantum = 0
    /// Sends the response at a multiple of this many nanoseconds after arrival; 0 sends it at once.
    public var timeQuantum: UInt64 = 0

    /// A header for the caller.
    public struct Header: Sendable, Hashable {
        /// Name and value.
        public let name: String, value: String
        /// Makes a header.
        public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }
    /// What one stage said.
    public struct Verdict: Sendable, Hashable {
        /// Identifier of the stage.
        public let stage: String
        /// What it said.
        public let verdict: StageVerdict
        /// Whether it was carried out, or only observed.
        public let isEnforced: Bool
        /// Makes it.
        public init(stage: String, verdict: StageVerdict, isEnforced: Bool) {
            (self.stage, self.verdict, self.isEnforced) = (stage, verdict, isEnforced)
        }
    }
    /// How long something took.
    public struct Timed: Sendable, Hashable {
        /// Identifier of the stage, or `model`.
        public let name: String
        /// Nanoseconds.
        public let nanoseconds: UInt64
        /// Makes it.
        public init(_ name: String, _ nanoseconds: UInt64) { (self.name, self.nanoseconds) = (name, nanoseconds) }
    }

    /// Makes an exchange.
    public init(
        id: String, trace: TraceContext, client: ClientIdentity, face: String, model: String, version: String,
        arrival: UInt64, deadline: UInt64, announcedBytes: Int? = nil
    ) {
        (self.id, self.trace, self.client, self.face) = (id, trace, client, face)
        (self.model, self.version, self.arrival, self.deadline) = (model, version, arrival, deadline)
        self.announcedBytes = announcedBytes
    }

    /// Takes back what a stage that is only observed has set for the response.
    mutating func restore(_ before: Exchange) {
        (headers, delay) = (before.headers, before.delay)
        (sizeQuantum, timeQuantum) = (before.sizeQuantum, before.timeQuantum)
    }

    /// A new identifier: 16 hexadecimal digits.
    static func newIdentifier() -> String { RandomDigits.text(bytes: 8) }
}
