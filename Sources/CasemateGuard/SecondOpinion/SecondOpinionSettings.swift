import CasemateCore

/// Settings of the second opinion, as they stand in `guard.yaml`.
struct SecondOpinionSettings: Sendable {
    /// What is compared.
    enum Compare: String, CaseIterable, Sendable { case label, score, regression }
    /// What follows from a divergence.
    enum Action: String, CaseIterable, Sendable { case flag, hold, safer }

    let model: String
    let place: String
    let compare: Compare?
    let tolerance: Double?
    let columns: [String]
    let action: Action
    let safer: String?
    let saferPlace: String
    let share: Double

    static let keys: [SettingKey] = [
        SettingKey("model", .text, "file or address of the benchmark model; the stage needs one"),
        SettingKey(
            "compare", .choice(Compare.allCases.map(\.rawValue)),
            "what is compared: labels, the scores of all classes, or the values of a regression; labels for classes"),
        SettingKey(
            "tolerance", .number(0...1_000_000),
            "largest difference: of a score 0.2, of a regression a share of the larger value, 0.2"),
        SettingKey(
            "columns", .list(.text),
            "features of the served model that the benchmark takes, in its order; by name where left out"),
        SettingKey(
            "action", .choice(Action.allCases.map(\.rawValue)),
            "what follows from a divergence: a note, a person who looks, or the safer answer", fallback: .text("flag")),
        SettingKey("safer", .text, "for `action: safer`: a class, or lower or higher for a regression"),
        SettingKey(
            "share", .share, "share of the rows that must diverge before anything follows; any row where left out",
            fallback: .number(0)),
    ]

    init(_ node: SettingNode?) throws(CasemateError) {
        place = node?.place ?? "stages.second_opinion"
        guard let model = node?["model"]?.text else {
            throw CasemateError(
                .invalidSetting, at: place, "the stage 'second_opinion' needs a benchmark model",
                help: "add `model: benchmark.onnx`, such as a logistic regression on the same columns")
        }
        self.model = model
        compare = node?["compare"]?.text.flatMap(Compare.init(rawValue:))
        tolerance = node?["tolerance"]?.number
        columns = node?["columns"]?.texts ?? []
        action = node?["action"]?.text.flatMap(Action.init(rawValue:)) ?? .flag
        safer = node?["safer"]?.text
        saferPlace = node?["safer"]?.place ?? place
        share = node?["share"]?.number ?? 0
        guard action != .safer || safer != nil else {
            throw CasemateError(
                .invalidSetting, at: place, "`action: safer` needs to know which answer is safer",
                help: "add `safer: deny`, the name of a class, or `safer: lower` for a regression")
        }
    }
}
