public import CasemateCore
public import CasemateData
public import CasemateModels

/// Everything an audit is told: what `casemate.yaml`, options and variables say, with defaults for the rest.
///
/// A plain value; `AuditConfiguration+Load.swift` reads the file, `set(_:_:origin:)` takes options and variables.
/// Page: `docs/reference/casemate-yaml.md`.
public struct AuditConfiguration: Sendable {
    /// Where a value comes from.
    public enum Origin: Hashable, Sendable, CustomStringConvertible {
        /// Nobody said anything.
        case `default`
        /// A place in a file, `casemate.yaml:3:5`.
        case file(String)
        /// An option, `--seed`.
        case option(String)
        /// An environment variable.
        case environment(String)
        /// The origin in words.
        public var description: String {
            switch self {
            case .default: "default"
            case .file(let place): place
            case .option(let name): "option \(name)"
            case .environment(let name): "variable \(name)"
            }
        }
    }
    /// A protected attribute.
    public struct Protected: Hashable, Sendable {
        /// The column.
        public var column: String
        /// Reference group; `nil` takes the group with the highest rate.
        public var reference: String?
        /// Ascending cuts that turn a number into groups; empty takes values as they are.
        public var buckets: [Double]
        /// Makes an attribute.
        public init(_ column: String, reference: String? = nil, buckets: [Double] = []) {
            (self.column, self.reference, self.buckets) = (column, reference, buckets)
        }
    }
    /// The model.
    public struct Model: Hashable, Sendable {
        /// Path of the file.
        public var path: String?
        /// Format that the file must have; `nil` takes what its bytes show.
        public var format: ModelFile.Format?
        /// Columns that the model takes, in its order; `nil` takes all that are declared as nothing else.
        public var features: [String]?
        /// What is known better than the graph says.
        public var overrides = ModelOverrides()
        /// Execution provider.
        public var provider = "cpu"
        /// Path of the release before this one.
        public var previous: String?
        /// A served model instead of a file.
        public var endpoint = Endpoint()
    }
    /// The data.
    public struct Data: Hashable, Sendable {
        /// Paths of training and test data, and of data that are known to be good.
        public var train: String?, test: String?, reference: String?
        /// Column that the model predicts.
        public var target: String?
        /// The outcome that people want, as the data spell it.
        public var favourable: String?
        /// Protected attributes.
        public var protected: [Protected] = []
        /// Columns that name a row and that no model takes.
        public var identifiers: [String] = []
        /// Columns with row weights, time and source.
        public var weights: String?, time: String?, source: String?
        /// Columns that are left out.
        public var ignore: [String] = []
        /// Cells that stand for a missing value, besides empty ones.
        public var missing: [String] = []
        /// Types that replace the inferred ones, by column.
        public var types: [String: ColumnType] = [:]
        /// Columns that are no features: the target and everything declared above.
        public var excluded: Set<String> {
            let single = [target, weights, time, source].compactMap { $0 }
            return Set(single + identifiers + ignore + protected.map(\.column))
        }
    }
    /// A rule that every row of the data keeps.
    public struct Constraint: Hashable, Sendable {
        /// Name in messages; `nil` takes the rule itself.
        public var name: String?
        /// CEL expression over `row`.
        public var rule: String
        /// Where it is written, for messages.
        public var place: String
        /// Makes a rule.
        public init(_ rule: String, name: String? = nil, at place: String = "constraints") {
            (self.rule, self.name, self.place) = (rule, name, place)
        }
    }
    /// Who the insiders are.
    public struct Insiders: Hashable, Sendable {
        /// Path of the file that names them.
        public var path: String?
        /// Identifier column that the file shares with the data; `nil` takes the declared identifier that both have.
        public var column: String?
        /// Makes it; the defaults name nobody.
        public init(path: String? = nil, column: String? = nil) { (self.path, self.column) = (path, column) }
    }
    /// How scores become decisions.
    public struct Decision: Hashable, Sendable {
        /// Scores of the positive class from here on decide positive; `nil` is 0.5 for two classes, and no decision for
        /// a regression.
        public var threshold: Double?
        /// The positive class; `nil` is the model's last.
        public var positive: String?
    }
    /// Where results of probes are kept.
    public struct Cache: Hashable, Sendable {
        /// Whether they are kept and used.
        public var isEnabled = true
        /// The folder; `nil` is the user's own.
        public var folder: String?
        /// Makes it; the defaults keep results in the user's own folder.
        public init(isEnabled: Bool = true, folder: String? = nil) {
            (self.isEnabled, self.folder) = (isEnabled, folder)
        }
    }
    /// What is written where.
    public struct Output: Hashable, Sendable {
        /// Folder of the report.
        public var folder = "casemate-report"
        /// Formats written.
        public var formats = ["json", "html", "sarif", "junit"]
        /// Whether values of data rows are masked.
        public var isRedacted = false
    }
    /// The model.
    public var model = Model()
    /// The data.
    public var data = Data()
    /// How scores become decisions.
    public var decision = Decision()
    /// What an attacker can do to a row.
    public var featureSpace = FeatureSpaceDeclaration()
    /// Rules that every row of the data keeps.
    public var constraints: [Constraint] = []
    /// Who the insiders are.
    public var insiders = Insiders()
    /// Probes.
    public var probes = Probes()
    /// What the result must meet.
    public var policy = Policy()
    /// What is written where.
    public var report = Output()
    /// Where results of probes are kept.
    public var cache = Cache()
    /// Seed of all randomness.
    public var seed: UInt64 = 0
    /// Threads; `nil` uses every core.
    public var threads: Int?
    /// Most seconds that the probes may take; `nil` sets no limit.
    public var budget: Double?
    /// Where each setting that somebody made comes from, by key; what is not in here has its default.
    public internal(set) var origins: [String: Origin] = [:]
    /// Folder that relative paths are taken from while a file is read.
    var base = ""
    /// Path of the configuration file, if one was read.
    public internal(set) var path: String?

    /// Makes the defaults.
    public init() {}
}

extension AuditConfiguration.Protected {
    /// The group of a number: `under 25`, `25 to under 60`, `60 and over`; `nil` for a missing one or without buckets.
    public func group(of value: Double) -> String? {
        guard !value.isNaN, let first = buckets.first, let last = buckets.last else { return nil }
        func text(_ number: Double) -> String { SettingValue.number(number).yaml }
        if value < first { return "under \(text(first))" }
        if value >= last { return "\(text(last)) and over" }
        for (low, high) in zip(buckets, buckets.dropFirst()) where value < high {
            return "\(text(low)) to under \(text(high))"
        }
        return nil
    }
}

extension AuditConfiguration.Constraint {
    /// The rule as `config show` has it.
    var shown: SettingValue {
        name.map { .mapping(["name": .text($0), "rule": .text(rule)]) } ?? .text(rule)
    }
}
