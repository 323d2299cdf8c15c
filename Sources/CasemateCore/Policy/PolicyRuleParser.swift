/// Reads one rule of the policy, left to right.
struct PolicyRuleParser {
    private let text: String
    private let place: String
    private var rest: Substring

    init(_ text: String, _ place: String) { (self.text, self.place, rest) = (text, place, text[...]) }

    mutating func rule() throws(CasemateError) -> PolicyRule {
        var side = PolicyRule.Side.value
        skipSpaces()
        var name = word()
        if let named = PolicyRule.Side(rawValue: name), named != .value, take("(") {
            side = named
            skipSpaces()
            name = word()
        }
        guard !name.isEmpty else { throw failure("expected the name of a metric, found \(found)") }
        guard let entry = MetricCatalogue.entry(name) else {
            let near = Suggestion.clause(for: name, among: MetricCatalogue.names)
            throw failure("unknown metric '\(name)'\(near)")
        }
        let distance = try distance(entry)
        let group = try group(entry)
        if side != .value, !take(")") { throw failure("expected ')' behind the metric, found \(found)") }
        guard let comparison = PolicyRule.Comparison.allCases.first(where: { take($0.rawValue) }) else {
            throw failure("expected one of >=, <=, >, <, ==, found \(found)")
        }
        skipSpaces()
        guard let limit = SettingScalar.share(trimmed(rest)) else {
            throw failure("expected a number or percentage, found \(found)")
        }
        return PolicyRule(
            text: trimmed(text[...]), metric: name, distance: distance, group: group, side: side,
            comparison: comparison, limit: limit)
    }

    private mutating func distance(_ entry: MetricCatalogue.Entry) throws(CasemateError) -> Double? {
        guard take("@") else {
            if entry.isAtDistance { throw failure("'\(entry.name)' needs a distance, such as '\(entry.name)@0.1'") }
            return nil
        }
        guard entry.isAtDistance else { throw failure("'\(entry.name)' has no distance behind '@'") }
        let digits = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") }
        guard let number = SettingScalar.number(String(digits)), number > 0 else {
            throw failure("expected a distance above 0 behind '@', found \(found)")
        }
        rest = rest.dropFirst(digits.count)
        return number
    }

    private mutating func group(_ entry: MetricCatalogue.Entry) throws(CasemateError) -> String? {
        guard take("[") else { return nil }
        guard entry.isGrouped else { throw failure("'\(entry.name)' has no groups") }
        guard let end = rest.lastIndex(of: "]"), end > rest.startIndex else {
            throw failure("expected a group and ']' behind '[', found \(found)")
        }
        let group = trimmed(rest[..<end])
        rest = rest[rest.index(after: end)...]
        guard !group.isEmpty else { throw failure("expected a group between the brackets, found nothing") }
        return group
    }

    private mutating func word() -> String {
        let word = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
        rest = rest.dropFirst(word.count)
        return String(word)
    }
    private mutating func take(_ token: String) -> Bool {
        skipSpaces()
        guard rest.hasPrefix(token) else { return false }
        rest = rest.dropFirst(token.count)
        return true
    }
    private mutating func skipSpaces() {
        while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
    }
    private func trimmed(_ part: Substring) -> String {
        var part = part
        while part.first == " " || part.first == "\t" { part.removeFirst() }
        while part.last == " " || part.last == "\t" { part.removeLast() }
        return String(part)
    }
    private var found: String {
        let shown = trimmed(rest)
        return shown.isEmpty ? "the end" : "'\(shown.prefix(40))'"
    }
    private func failure(_ what: String) -> CasemateError {
        CasemateError(
            .invalidSetting, at: place, "rule '\(trimmed(text[...]).prefix(120))': \(what)",
            help: "write rules such as `performance.auc >= 0.75` or `lower(fairness.air[sex=female]) >= 80 %`")
    }
}
