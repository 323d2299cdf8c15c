import CasemateCore
import CasemateData

/// Settings of the validation stage, as they stand in `guard.yaml`.
struct ValidationSettings: Sendable {
    /// What becomes of missing values.
    enum Missing: String, CaseIterable, Sendable {
        /// Accepted where the profile saw some; nowhere without a profile.
        case profile
        /// Accepted everywhere.
        case allow
        /// Accepted nowhere.
        case refuse
    }
    /// An accepted range that the file states.
    struct Range: Sendable {
        let feature: String
        let low: Double?, high: Double?
        let isWhole: Bool?, mayBeMissing: Bool?
        let place: String
    }
    /// A rule that the file states.
    struct Rule: Sendable {
        let text: String
        let name: String?
        let place: String
    }

    var profile: String?
    var place = "stages.validation"
    var allowsOther = false
    var margin: Double?
    var missing = Missing.profile
    var refusesUnseen = true
    var ranges: [Range] = []
    var rules: [Rule] = []
    var mostRows = 4_096
    var longestText = 65_536

    static let keys: [SettingKey] = [
        SettingKey("profile", .path, "folder that `casemate guard fit` wrote: learned ranges, levels, missing values"),
        SettingKey(
            "allow_other_model", .flag, "use a profile that was made with another model", fallback: .flag(false)),
        SettingKey(
            "margin", .number(0...1_000_000),
            "share of the seen range by which its ends move outwards; the ends that the profile learned where it is left out"
        ),
        SettingKey(
            "missing", .choice(Missing.allCases.map(\.rawValue)),
            "where values may be missing: as the profile saw, everywhere or nowhere", fallback: .text("profile")),
        SettingKey(
            "unseen_levels", .choice(["refuse", "allow"]), "what becomes of a level that is not known",
            fallback: .text("refuse")),
        SettingKey(
            "ranges",
            .table(
                .mapping([
                    SettingKey(
                        "min", .number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude), "lowest value"
                    ),
                    SettingKey(
                        "max", .number(-Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude),
                        "highest value"),
                    SettingKey("whole", .flag, "whether only whole numbers are accepted"),
                    SettingKey("missing", .flag, "whether the value may be missing"),
                ]), of: "features"), "accepted values by feature; what is left out comes from the profile"),
        SettingKey(
            "rules",
            .list(
                .mapping(
                    [
                        SettingKey("name", .text, "name in refusals and records; the rule itself where it is left out"),
                        SettingKey("rule", .text, "CEL expression over `row` that every row keeps", isRequired: true),
                    ], short: "rule"), minimum: 0), "what holds between the columns of a row"),
        SettingKey("max_rows", .integer(1...1_000_000), "most rows of a request", fallback: .integer(4_096)),
        SettingKey("max_text", .integer(1...(1 << 30)), "longest text in bytes", fallback: .integer(65_536)),
    ]

    init(_ node: SettingNode?) throws(CasemateError) {
        guard let node else { return }
        place = node.place
        profile = node["profile"]?.text
        allowsOther = node["allow_other_model"]?.flag ?? false
        margin = node["margin"]?.number
        missing = node["missing"]?.text.flatMap(Missing.init(rawValue:)) ?? .profile
        refusesUnseen = node["unseen_levels"]?.text != "allow"
        mostRows = node["max_rows"]?.integer ?? 4_096
        longestText = node["max_text"]?.integer ?? 65_536
        ranges = (node["ranges"]?.entries ?? []).map { entry in
            Range(
                feature: entry.key, low: entry.value["min"]?.number, high: entry.value["max"]?.number,
                isWhole: entry.value["whole"]?.flag, mayBeMissing: entry.value["missing"]?.flag, place: entry.place)
        }
        rules = (node["rules"]?.items ?? []).map {
            Rule(text: $0["rule"]?.text ?? "", name: $0["name"]?.text, place: $0["rule"]?.place ?? $0.place)
        }
        if profile == nil, let needy = ["margin", "allow_other_model"].first(where: { node[$0] != nil }) {
            throw CasemateError(
                .invalidSetting, at: node[needy]?.place ?? place, "'\(needy)' needs a profile",
                help: "add `profile: folder`, made by `casemate guard fit`")
        }
    }
}
