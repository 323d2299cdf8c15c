/// A requirement on a metric, such as `evasion.robust_accuracy@0.1 >= 0.6` or `lower(fairness.air[race=black]) >= 80 %`.
///
/// Grammar: `side ( name @distance [group] ) comparison number`, where `side(…)` is `lower(…)`, `upper(…)` or nothing,
/// `@distance` stands for metrics that are measured at distances, and `[group]` names a column or `column=group`.
public struct PolicyRule: Hashable, Sendable {
    /// How the two sides are compared.
    public enum Comparison: String, Hashable, Sendable, CaseIterable {
        case atLeast = ">="
        case atMost = "<="
        case equal = "=="
        case above = ">"
        case below = "<"
    }
    /// Which number of a metric is compared.
    public enum Side: String, Hashable, Sendable {
        /// The value itself.
        case value
        /// The lower end of its interval.
        case lower
        /// The upper end of its interval.
        case upper
    }
    /// The rule as written.
    public let text: String
    /// Name of the metric without parameter.
    public let metric: String
    /// Distance behind `@`.
    public let distance: Double?
    /// Group selector: `column` for all its groups or `column=group`; `nil` takes whatever there is.
    public let group: String?
    /// Number compared.
    public let side: Side
    /// Comparison.
    public let comparison: Comparison
    /// The limit.
    public let limit: Double

    /// Reads a rule.
    /// - Parameter place: Where it stands, for messages.
    /// - Throws: `invalidSetting` that says which part is wrong.
    public init(_ text: String, at place: String) throws(CasemateError) {
        var parser = PolicyRuleParser(text, place)
        self = try parser.rule()
    }

    init(
        text: String, metric: String, distance: Double?, group: String?, side: Side, comparison: Comparison,
        limit: Double
    ) {
        (self.text, self.metric, self.distance, self.group) = (text, metric, distance, group)
        (self.side, self.comparison, self.limit) = (side, comparison, limit)
    }

    /// Judges the rule: broken when any selected metric breaks it, else undecided when one is missing, else kept.
    public func evaluate(metrics: [Metric]) -> Report.Rule {
        let named = metrics.filter { split($0.name).name == metric }
        let selected = named.filter { isSelected($0) }
        if selected.isEmpty {
            return Report.Rule(rule: text, status: .undecided, detail: absence(named))
        }
        let worst = selected.filter { number(of: $0) != nil }
            .max { margin(number(of: $0) ?? 0) > margin(number(of: $1) ?? 0) }
        if let worst, let number = number(of: worst), !holds(number) {
            return Report.Rule(rule: text, status: .broken, detail: describe(worst))
        }
        if let unknown = selected.first(where: { number(of: $0) == nil }) {
            return Report.Rule(rule: text, status: .undecided, detail: describe(unknown))
        }
        return Report.Rule(rule: text, status: .kept, detail: worst.map { describe($0) } ?? "")
    }

    private func number(of metric: Metric) -> Double? {
        switch side {
        case .value: metric.value
        case .lower: metric.low
        case .upper: metric.high
        }
    }
    private func holds(_ number: Double) -> Bool {
        switch comparison {
        case .atLeast: number >= limit
        case .atMost: number <= limit
        case .equal: number == limit
        case .above: number > limit
        case .below: number < limit
        }
    }
    /// How far a number is on the good side of the limit.
    private func margin(_ number: Double) -> Double {
        switch comparison {
        case .atLeast, .above: number - limit
        case .atMost, .below: limit - number
        case .equal: -abs(number - limit)
        }
    }
    private func isSelected(_ metric: Metric) -> Bool {
        if let distance, split(metric.name).distance != distance { return false }
        guard let group else { return true }
        guard let own = metric.group else { return false }
        return own == group || own.hasPrefix(group + "=")
    }
    private func split(_ name: String) -> (name: String, distance: Double?) {
        let parts = name.split(separator: "@", maxSplits: 1)
        guard parts.count == 2 else { return (name, nil) }
        return (String(parts[0]), SettingScalar.number(String(parts[1])))
    }
    private func absence(_ named: [Metric]) -> String {
        if named.isEmpty { return "'\(metric)' was not measured" }
        if let distance, !named.contains(where: { split($0.name).distance == distance }) {
            let known = Set(named.compactMap { split($0.name).distance }).sorted().map(SettingScalar.number)
            return "not measured at \(SettingScalar.number(distance)), only at \(known.joined(separator: ", "))"
        }
        let groups = Set(named.compactMap(\.group)).sorted().prefix(8).joined(separator: ", ")
        return "no group '\(group ?? "")'" + (groups.isEmpty ? "" : ", only \(groups)")
    }
    private func describe(_ metric: Metric) -> String {
        let group = metric.group.map { " (\($0))" } ?? ""
        guard let value = metric.value else {
            return "no value\(group)" + (metric.note.map { ": \($0)" } ?? "")
        }
        guard side == .value || number(of: metric) != nil else { return "no interval\(group)" }
        var words = Self.rounded(value)
        if let low = metric.low, let high = metric.high { words += " [\(Self.rounded(low)), \(Self.rounded(high))]" }
        return "\(words), n = \(metric.n)\(group)"
    }
    /// Four significant digits, independent of any locale.
    static func rounded(_ value: Double) -> String {
        guard value != 0, abs(value) < 1e15, abs(value) >= 1e-9 else { return SettingScalar.number(value) }
        var scale = 1.0
        while abs(value) * scale < 1000 { scale *= 10 }
        return SettingScalar.number((value * scale).rounded() / scale)
    }
}
