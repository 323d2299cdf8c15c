import CasemateCore

/// Settings of the anomaly stage, as they stand in `guard.yaml`.
struct AnomalySettings: Sendable {
    /// What follows from an odd request.
    enum Action: String, CaseIterable, Sendable { case flag, degrade, hold, refuse, delay }

    let profile: String
    let place: String
    let allowsOther: Bool
    /// Share of usual requests that may be called odd; `nil` takes the profile's.
    let rate: Double?
    let action: Action
    let delay: Double
    let mostRows: Int
    /// Share of the scored rows that must be odd; `nil` asks for one row, odd enough for so many.
    let share: Double?

    static let keys: [SettingKey] = [
        SettingKey("profile", .path, "folder that `casemate guard fit` wrote; the stage needs one"),
        SettingKey(
            "allow_other_model", .flag, "use a profile that was made with another model", fallback: .flag(false)),
        SettingKey(
            "rate", .number(0...0.5, isLowExcluded: true),
            "share of usual requests that may be called odd; the profile's where it is left out"),
        SettingKey(
            "action", .choice(Action.allCases.map(\.rawValue)), "what follows from an odd request",
            fallback: .text("flag")),
        SettingKey("delay", .duration, "how long the answer waits, for `action: delay`", fallback: .text("2s")),
        SettingKey(
            "rows", .integer(1...1_024), "most rows of a request that are scored, drawn anew each time",
            fallback: .integer(32)),
        SettingKey(
            "share", .share,
            "share of the scored rows that must be odd; one row that is odd enough for so many where it is left out"),
    ]

    init(_ node: SettingNode?) throws(CasemateError) {
        place = node?.place ?? "stages.anomaly"
        guard let profile = node?["profile"]?.text else {
            throw CasemateError(
                .invalidSetting, at: place, "the stage 'anomaly' needs a profile of what is usual",
                help:
                    "run `casemate guard fit train.csv --model model.onnx --output profile` and add `profile: profile`")
        }
        self.profile = profile
        allowsOther = node?["allow_other_model"]?.flag ?? false
        rate = node?["rate"]?.number
        action = node?["action"]?.text.flatMap(Action.init(rawValue:)) ?? .flag
        delay = node?["delay"]?.number ?? 2
        mostRows = node?["rows"]?.integer ?? 32
        share = node?["share"]?.number
    }
}
