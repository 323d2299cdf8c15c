public import CasemateCore

/// What is done about clients that raised an alarm.
public struct PatternSettings: Sendable, Hashable {
    /// What may be done.
    public enum Action: String, Sendable, Hashable, CaseIterable {
        /// The record says it, nothing else.
        case flag
        /// Answers wait.
        case delay
        /// Answers are made coarser.
        case degrade
        /// Every answer is held back as if the server were overloaded.
        case withhold
        /// A keyed share of the answers is held back, the same for the same input.
        case sample
        /// Answers go out and a person is to look.
        case hold
    }
    /// Keys under `stages.patterns`.
    static let keys: [SettingKey] = [
        SettingKey("profile", .path, "folder with reference.csv.gz, as `casemate guard fit` writes it"),
        SettingKey(
            "allow_other_model", .flag, "use a profile that was made with another model", fallback: .flag(false)),
        SettingKey(
            "false_alarms", .number(1e-6...0.2), "chance that an honest client ever raises an alarm, at most",
            fallback: .number(0.01)),
        SettingKey(
            "tolerance", .number(0...0.25), "measurement error of honest values, as a share of a column's range",
            fallback: .number(PatternReference.tolerance)),
        SettingKey(
            "watched", .choice(Action.allCases.map(\.rawValue)), "what is done from half of an alarm's evidence on",
            fallback: .text("flag")),
        SettingKey(
            "alarm", .choice(Action.allCases.map(\.rawValue)), "what is done after an alarm", fallback: .text("sample")
        ),
        SettingKey("delay", .duration, "how long answers wait", fallback: .text("1s")),
        SettingKey("share", .share, "share of the answers that is held back", fallback: .number(0.5)),
        SettingKey(
            "lag", .integer(0...10_000),
            "requests after which it is done, at most; drawn for each client, so that nobody learns when it was seen",
            fallback: .integer(20)),
        SettingKey(
            "clients", .integer(16...1_000_000), "clients that are kept with their rows", fallback: .integer(4_096)),
    ]
    /// The folder of the profile.
    public let profile: String
    let profilePlace: String
    let allowsOther: Bool
    /// Chance that an honest client ever raises an alarm, at most.
    public let falseAlarms: Double
    /// Measurement error of honest values.
    public let tolerance: Double
    /// What is done about watched clients, and after an alarm.
    public let watched: Action, alarm: Action
    /// Seconds that answers wait, and the share that is held back.
    public let delay: Double, share: Double
    /// Requests after which it is done, at most.
    public let lag: Int
    /// Clients that are kept with their rows.
    public let clients: Int

    /// Reads what stands under `stages.patterns`.
    /// - Throws: `invalidSetting` without a profile.
    public init(_ settings: SettingNode?) throws {
        guard let profile = settings?["profile"]?.text, !profile.isEmpty else {
            throw CasemateError(
                .invalidSetting, at: settings?.place ?? "stages.patterns", "'profile' is missing",
                help: "run `casemate guard fit train.csv --model m.onnx -o profile/` and add `profile: profile`")
        }
        self.profile = profile
        profilePlace = settings?["profile"]?.place ?? ""
        allowsOther = settings?["allow_other_model"]?.flag ?? false
        falseAlarms = settings?["false_alarms"]?.number ?? 0.01
        tolerance = settings?["tolerance"]?.number ?? PatternReference.tolerance
        watched = settings?["watched"]?.text.flatMap(Action.init(rawValue:)) ?? .flag
        alarm = settings?["alarm"]?.text.flatMap(Action.init(rawValue:)) ?? .sample
        delay = settings?["delay"]?.number ?? 1
        share = settings?["share"]?.number ?? 0.5
        lag = settings?["lag"]?.integer ?? 20
        clients = settings?["clients"]?.integer ?? 4_096
    }
}
