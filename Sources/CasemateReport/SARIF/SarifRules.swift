import CasemateCore
import Foundation

/// What becomes one result: a finding, or a rule of the policy that is broken or undecided.
struct SarifItem {
    let rule: String, title: String, message: String, remedy: String
    let kind: String, level: String, severity: Severity
    let fingerprint: String, accepted: String?
    let place: FileLocation?
    let taxonomy: Taxonomy?
}

extension Report {
    /// Broken and undecided rules, then findings, the worst first.
    var sarifItems: [SarifItem] {
        policy.filter { $0.status != .kept }.map { SarifItem($0) } + findings.map { SarifItem($0) }
    }
}

extension SarifItem {
    /// A finding; what only informs is not a failure (SARIF 2.1.0, 3.27.9 and 3.27.10).
    init(_ finding: Finding) {
        let places = finding.evidence.compactMap {
            if case .location(let place) = $0 { return place } else { return nil }
        }
        let proof = finding.evidence.prefix(3).map(\.inWords)
        self.init(
            rule: finding.id.sarifText(limit: 200), title: finding.id.ruleTitle,
            message: ([finding.title] + proof + ["Fix: \(finding.remedy)"]).joined(separator: " — "),
            remedy: finding.remedy, kind: finding.severity == .info ? "informational" : "fail",
            level: finding.severity.sarifLevel, severity: finding.severity, fingerprint: finding.fingerprint,
            accepted: finding.accepted, place: places.first, taxonomy: finding.taxonomy)
    }

    /// A rule of the policy.
    init(_ rule: Report.Rule) {
        let isBroken = rule.status == .broken
        self.init(
            rule: isBroken ? "policy.rule_broken" : "policy.rule_undecided",
            title: isBroken ? "A rule of the policy is broken" : "A rule of the policy could not be decided",
            message: "The policy's rule '\(rule.rule)' is \(rule.status.rawValue): \(rule.detail)",
            remedy: isBroken
                ? "Mend the model or its data until the rule holds, or change the policy for a stated reason."
                : "Give what the rule needs (the detail says what is missing), then run again.",
            kind: isBroken ? "fail" : "open", level: isBroken ? "error" : "none", severity: isBroken ? .high : .info,
            fingerprint: String(FileDigest.sha256(Data("policy.rule\u{0}\(rule.rule)".utf8)).prefix(16)), accepted: nil,
            place: nil, taxonomy: nil)
    }
}

/// The rules behind the results, in the order of their first result.
struct SarifRules {
    /// The rules as SARIF holds them.
    let all: [SarifLog.Rule]
    private let indices: [String: Int]

    init(_ items: some Sequence<SarifItem>) {
        var order: [String] = []
        var worst: [String: SarifItem] = [:]
        for item in items {
            if worst[item.rule] == nil { order.append(item.rule) }
            if let known = worst[item.rule], known.severity >= item.severity { continue }
            worst[item.rule] = item
        }
        all = order.compactMap { worst[$0] }.map(Self.rule)
        indices = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($0.element, $0.offset) })
    }

    /// Place of the rule in `all`.
    func index(of rule: String) -> Int { indices[rule] ?? 0 }

    private static func rule(_ item: SarifItem) -> SarifLog.Rule {
        let references = item.taxonomy.map { $0.atlas + $0.owasp + $0.nist } ?? []
        let stages = item.taxonomy.map { $0.stages.map(\.rawValue) } ?? ["policy"]
        let help = item.remedy + (references.isEmpty ? "" : " References: \(references.joined(separator: ", ")).")
        var tags = ["security"]
        for tag in references + stages where !tags.contains(tag.sarifText(limit: 100)) {
            tags.append(tag.sarifText(limit: 100))
        }
        return SarifLog.Rule(
            id: item.rule, name: item.rule.pascalCased,
            shortDescription: .init(text: item.title.sarifText(limit: 1000)),
            fullDescription: .init(text: "\(item.title), found by rule \(item.rule).".sarifText(limit: 1000)),
            help: .init(text: help.sarifText(limit: 1000)), defaultConfiguration: .init(level: item.level),
            properties: .init(
                tags: Array(tags.prefix(10)), securitySeverity: item.severity.securitySeverity))
    }
}

extension String {
    /// `evasion.small_change_flips` as `Small change flips (evasion)`.
    fileprivate var ruleTitle: String {
        let parts = split(separator: ".", maxSplits: 1).map { $0.replacing("_", with: " ").replacing(".", with: " ") }
        guard let name = parts.last, let first = name.first else { return self }
        return first.uppercased() + name.dropFirst() + (parts.count > 1 ? " (\(parts[0]))" : "")
    }
    /// `evasion.small_change_flips` as `EvasionSmallChangeFlips`.
    fileprivate var pascalCased: String {
        let words = split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        let name = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        return name.isEmpty ? "Rule" : name
    }
}

extension Severity {
    /// Levels of a result; what only informs has none.
    fileprivate var sarifLevel: String {
        switch self {
        case .critical, .high: "error"
        case .medium: "warning"
        case .low: "note"
        case .info: "none"
        }
    }
    /// The score that code-scanning services sort by: above 9 critical, from 7 high, from 4 medium.
    fileprivate var securitySeverity: String? {
        switch self {
        case .critical: "9.5"
        case .high: "8.0"
        case .medium: "5.5"
        case .low: "2.0"
        case .info: nil
        }
    }
}
