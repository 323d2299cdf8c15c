/// What became of one probe: findings, numbers and pictures, or the reason why it was not run.
public struct ProbeOutcome: Hashable, Sendable, Codable {
    /// Whether the probe did its work.
    public enum Status: String, Sendable, Codable {
        /// It ran to the end.
        case tested
        /// It does not apply or was switched off; `reason` says which and what to add.
        case notTested = "not tested"
        /// It ran out of its time budget; what it has is reported, `reason` says what is missing.
        case partial
        /// It applies and could not do its work.
        case failed
    }
    /// Identifier of the probe, such as `evasion`.
    public let probe: String
    /// Heading.
    public let title: String
    /// Where the threat stands.
    public let taxonomy: Taxonomy
    /// Whether it ran.
    public let status: Status
    /// Why it was not run, stopped or failed; `nil` when tested.
    public let reason: String?
    /// Wall seconds spent.
    public var seconds: Double = 0
    /// What was learnt, in sentences for everybody.
    public var summary: [String] = []
    /// What an attacker can do to this model today, in sentences for a risk officer; drawn on top of the report.
    public var attacker: [String] = []
    /// Findings.
    public var findings: [Finding] = []
    /// Numbers.
    public var metrics: [Metric] = []
    /// The few of them that stand on top of a report.
    public var headlines: [Metric] = []
    /// Pictures.
    public var plots: [Plot] = []
    /// Images; personal data.
    public var pictures: [Picture] = []
    /// Tables.
    public var tables: [EvidenceTable] = []
    /// Changed rows worth showing; personal data.
    public var changes: [RowChange] = []
    /// Settings that the figures depend on, for the reproduction section.
    public var settings: [String: String] = [:]
    /// Whether it was taken from the cache, since nothing that it depends on has changed; `seconds` is then what the
    /// first run took.
    public var isCached = false

    /// Makes an outcome; the other members are filled by the probe.
    public init(
        probe: String, title: String, taxonomy: Taxonomy, status: Status = .tested, reason: String? = nil
    ) {
        (self.probe, self.title, self.taxonomy) = (probe, title, taxonomy)
        (self.status, self.reason) = (status, reason)
    }

    /// Reads an outcome; reports of earlier releases lack `isCached` and `pictures`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        probe = try container.decode(String.self, forKey: .probe)
        title = try container.decode(String.self, forKey: .title)
        taxonomy = try container.decode(Taxonomy.self, forKey: .taxonomy)
        status = try container.decode(Status.self, forKey: .status)
        reason = try container.decodeIfPresent(String.self, forKey: .reason)
        seconds = try container.decode(Double.self, forKey: .seconds)
        summary = try container.decode([String].self, forKey: .summary)
        attacker = try container.decode([String].self, forKey: .attacker)
        findings = try container.decode([Finding].self, forKey: .findings)
        metrics = try container.decode([Metric].self, forKey: .metrics)
        headlines = try container.decode([Metric].self, forKey: .headlines)
        plots = try container.decode([Plot].self, forKey: .plots)
        pictures = try container.decodeIfPresent([Picture].self, forKey: .pictures) ?? []
        tables = try container.decode([EvidenceTable].self, forKey: .tables)
        changes = try container.decode([RowChange].self, forKey: .changes)
        settings = try container.decode([String: String].self, forKey: .settings)
        isCached = try container.decodeIfPresent(Bool.self, forKey: .isCached) ?? false
    }

    /// The same outcome with personal data masked in changes, tables and findings, without plots of single rows and without pictures.
    public func redacted() -> ProbeOutcome {
        var copy = self
        copy.changes = changes.map { $0.redacted() }
        copy.tables = tables.map { $0.redacted() }
        copy.pictures = []
        copy.plots = plots.filter { $0.isPersonal != true }
        copy.findings = findings.map { $0.redacted() }
        return copy
    }
}
