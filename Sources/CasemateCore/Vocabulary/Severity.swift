/// How bad a finding is. `docs/reference/severities.md` holds the rules that set it.
public enum Severity: String, Sendable, Codable, CaseIterable, Comparable {
    case info, low, medium, high, critical

    private var rank: Int {
        switch self {
        case .info: 0
        case .low: 1
        case .medium: 2
        case .high: 3
        case .critical: 4
        }
    }
    /// Orders from `info` to `critical`.
    public static func < (one: Severity, other: Severity) -> Bool { one.rank < other.rank }
}
