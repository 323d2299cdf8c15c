/// What a stage says of a request.
public struct StageVerdict: Sendable, Hashable {
    /// What is to follow from it.
    public enum Consequence: Sendable, Hashable {
        /// Nothing: the request goes on.
        case pass
        /// The request goes on and the record says why it was noticed.
        case flag
        /// The answer waits this long, in seconds, before it goes out.
        case delay(Double)
        /// The answer is made coarser by the stage that hardens answers.
        case degrade
        /// The answer is held back as if the server were overloaded, after the same work and time.
        case withhold
        /// The answer goes out and a person is to look at the request.
        case hold
        /// The caller gets this refusal now.
        case refuse(GuardRefusal)

        /// Name in records and metrics.
        public var name: String {
            switch self {
            case .pass: "pass"
            case .flag: "flag"
            case .delay: "delay"
            case .degrade: "degrade"
            case .withhold: "withhold"
            case .hold: "hold"
            case .refuse: "refuse"
            }
        }
    }
    /// The consequence, if the stage is enforced.
    public let consequence: Consequence
    /// How strongly, on the stage's own scale; `nil` where it has none.
    public let score: Double?
    /// Stable words such as `rate`, `range:age`, `near_duplicates`; names of columns may stand behind a colon, values
    /// of a request never.
    public let reasons: [String]

    /// Makes a verdict.
    public init(_ consequence: Consequence, score: Double? = nil, reasons: [String] = []) {
        (self.consequence, self.score, self.reasons) = (consequence, score, reasons)
    }
    /// Nothing to say.
    public static let pass = StageVerdict(.pass)
}
