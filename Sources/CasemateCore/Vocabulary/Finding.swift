import Crypto
import Foundation

/// Something a probe found, with what proves it and what mends it.
public struct Finding: Hashable, Sendable, Codable {
    /// The rule that found it, `probe.rule` in snake case, such as `evasion.small_change_flips`.
    public let id: String
    /// Identifier of the probe.
    public let probe: String
    /// How bad it is, by the rules in `docs/reference/severities.md`.
    public let severity: Severity
    /// One sentence for everybody.
    public let title: String
    /// What proves it.
    public let evidence: [Evidence]
    /// What to do about it, one or two sentences.
    public let remedy: String
    /// Where it stands among threats.
    public let taxonomy: Taxonomy
    /// Stable across runs and machines: a hash of rule, subject and feature, never of values.
    public let fingerprint: String
    /// Set when the policy accepts the risk: the reason given.
    public private(set) var accepted: String?

    /// Makes a finding; `subject` and `feature` only feed the fingerprint.
    public init(
        id: String, probe: String, severity: Severity, title: String, evidence: [Evidence], remedy: String,
        taxonomy: Taxonomy, subject: String, feature: String = ""
    ) {
        (self.id, self.probe, self.severity, self.title) = (id, probe, severity, title)
        (self.evidence, self.remedy, self.taxonomy) = (evidence, remedy, taxonomy)
        let digest = SHA256.hash(data: Data("\(id)\u{0}\(subject)\u{0}\(feature)".utf8))
        fingerprint = digest.prefix(8).map { String(UInt16($0) + 256, radix: 16).suffix(2) }.joined()
        accepted = nil
    }

    /// The same finding, marked as an accepted risk.
    public func accepted(because reason: String) -> Finding {
        var copy = self
        copy.accepted = reason
        return copy
    }

    /// The same finding with personal data masked in every piece of evidence.
    public func redacted() -> Finding {
        var copy = self
        copy = Finding(copying: self, evidence: evidence.map { $0.redacted() })
        return copy
    }

    /// The same finding with those pieces of evidence that `isKept` holds for.
    package func withEvidence(where isKept: (Evidence) -> Bool) -> Finding {
        Finding(copying: self, evidence: evidence.filter(isKept))
    }

    private init(copying other: Finding, evidence: [Evidence]) {
        (id, probe, severity, title) = (other.id, other.probe, other.severity, other.title)
        (self.evidence, remedy, taxonomy) = (evidence, other.remedy, other.taxonomy)
        (fingerprint, accepted) = (other.fingerprint, other.accepted)
    }
}
