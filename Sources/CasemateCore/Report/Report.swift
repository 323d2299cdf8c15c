import Foundation

/// The one envelope of every result: verdict, findings, metrics, coverage, inputs, and what is needed to repeat it.
///
/// Encoded members are documented in `docs/reference/report.md`; members are added, never renamed.
public struct Report: Sendable, Codable {
    /// Outcome of the whole run.
    public enum Verdict: String, Sendable, Codable {
        /// Every rule is kept, or there is no finding of severity high or worse.
        case pass
        /// A rule of the policy is broken.
        case fail
        /// The work could not be done, or a rule could not be decided.
        case undecided
    }
    /// A file that the result depends on.
    public struct Input: Hashable, Sendable, Codable {
        /// What it is: `model`, `train`, `test`, `configuration`.
        public let role: String
        /// Path as given.
        public let path: String
        /// SHA-256 in lower-case hexadecimal.
        public let sha256: String
        /// Size in bytes.
        public let bytes: Int
        /// Makes an input.
        public init(role: String, path: String, sha256: String, bytes: Int) {
            (self.role, self.path, self.sha256, self.bytes) = (role, path, sha256, bytes)
        }
    }
    /// One line of the coverage matrix.
    public struct Coverage: Hashable, Sendable, Codable {
        /// Identifier and heading of the probe.
        public let probe: String, title: String
        /// Whether it was tested.
        public let status: ProbeOutcome.Status
        /// Why not, and what to add.
        public let reason: String?
        /// Where the threat stands.
        public let taxonomy: Taxonomy
        /// Wall seconds spent; of the first run, when the result is from the cache.
        public let seconds: Double
        /// Whether the result is from the cache.
        public let isCached: Bool
        /// Makes a line.
        public init(
            probe: String, title: String, status: ProbeOutcome.Status, reason: String?, taxonomy: Taxonomy,
            seconds: Double, isCached: Bool = false
        ) {
            (self.probe, self.title, self.status, self.reason) = (probe, title, status, reason)
            (self.taxonomy, self.seconds, self.isCached) = (taxonomy, seconds, isCached)
        }
        private enum CodingKeys: String, CodingKey {
            case probe, title, status, reason, taxonomy, seconds
            case isCached = "cached"
        }
        /// Reads a line; reports of releases that knew no cache lack `cached`.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            probe = try container.decode(String.self, forKey: .probe)
            title = try container.decode(String.self, forKey: .title)
            status = try container.decode(ProbeOutcome.Status.self, forKey: .status)
            reason = try container.decodeIfPresent(String.self, forKey: .reason)
            taxonomy = try container.decode(Taxonomy.self, forKey: .taxonomy)
            seconds = try container.decode(Double.self, forKey: .seconds)
            isCached = try container.decodeIfPresent(Bool.self, forKey: .isCached) ?? false
        }
    }
    /// One rule of the policy and what became of it.
    public struct Rule: Hashable, Sendable, Codable {
        /// Whether the rule holds.
        public enum Status: String, Sendable, Codable { case kept, broken, undecided }
        /// The rule as written.
        public let rule: String
        /// Whether it holds.
        public let status: Status
        /// The measured side of it, or why it could not be decided.
        public let detail: String
        /// Makes a rule result.
        public init(rule: String, status: Status, detail: String) {
            (self.rule, self.status, self.detail) = (rule, status, detail)
        }
    }
    /// What is needed to repeat the run.
    public struct Reproduction: Hashable, Sendable, Codable {
        /// The command line as given, shell-quoted.
        public var command: String
        /// Seed of all randomness.
        public var seed: UInt64
        /// Threads used; results do not depend on it.
        public var threads: Int
        /// Engines with their versions.
        public var engines: [String: String]
        /// Operating system and architecture.
        public var platform: String
        /// Start, ISO 8601 in UTC.
        public var started: String
        /// Wall seconds in all.
        public var seconds: Double
        /// Makes it.
        public init(
            command: String, seed: UInt64, threads: Int, engines: [String: String], platform: String, started: String,
            seconds: Double
        ) {
            (self.command, self.seed, self.threads, self.engines) = (command, seed, threads, engines)
            (self.platform, self.started, self.seconds) = (platform, started, seconds)
        }
    }
    /// Name and version of the schema.
    public var schema = "casemate.report/1"
    /// Version of Casemate.
    public var version: String
    /// The verb that made it, such as `audit`.
    public var verb: String
    /// What was examined, such as the name of the model.
    public var subject: String
    /// Facts about the subject, in reading order, such as task, operators, rows.
    public var facts: [EvidenceTable]
    /// The verdict and the exit status that goes with it.
    public var verdict: Verdict, exitStatus: Int32
    /// One sentence that says why.
    public var reason: String
    /// All findings, the worst first.
    public var findings: [Finding]
    /// All metrics.
    public var metrics: [Metric]
    /// The coverage matrix: tested, not tested and why.
    public var coverage: [Coverage]
    /// Files that the result depends on.
    public var inputs: [Input]
    /// Rules of the policy.
    public var policy: [Rule]
    /// What an attacker can do today.
    public var attacker: [String]
    /// Probe by probe: sentences, tables, plots.
    public var probes: [ProbeOutcome]
    /// How to repeat it.
    public var reproduction: Reproduction
    /// Whether personal data are masked.
    public var isRedacted: Bool

    /// Makes a report; `Policy.judge` fills verdict and status.
    public init(
        version: String, verb: String, subject: String, facts: [EvidenceTable], verdict: Verdict, exitStatus: Int32,
        reason: String, policy: [Rule], probes: [ProbeOutcome], inputs: [Input], reproduction: Reproduction,
        isRedacted: Bool = false
    ) {
        (self.version, self.verb, self.subject, self.facts) = (version, verb, subject, facts)
        (self.verdict, self.exitStatus, self.reason, self.policy) = (verdict, exitStatus, reason, policy)
        (self.inputs, self.reproduction, self.isRedacted) = (inputs, reproduction, isRedacted)
        let shown = isRedacted ? probes.map { $0.redacted() } : probes
        self.probes = shown
        findings = shown.flatMap(\.findings).enumerated()
            .sorted { ($1.element.severity, $0.offset) < ($0.element.severity, $1.offset) }.map(\.element)
        metrics = shown.flatMap(\.metrics)
        attacker = shown.flatMap(\.attacker)
        coverage = shown.map {
            Coverage(
                probe: $0.probe, title: $0.title, status: $0.status, reason: $0.reason, taxonomy: $0.taxonomy,
                seconds: $0.seconds, isCached: $0.isCached)
        }
    }
}
