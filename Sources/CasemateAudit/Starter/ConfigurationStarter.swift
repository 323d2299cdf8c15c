public import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Writes a first `casemate.yaml` for a model and its data: what can be seen in both stands in it, what only people can
/// know is explained and left as a comment.
///
/// The text is checked before it is given out: it loads, and the model answers the rows with it. It holds ranges and
/// level names that were seen in the data.
public struct ConfigurationStarter: Sendable {
    /// A first configuration and what was seen on the way.
    public struct Draft: Hashable, Sendable {
        /// The file.
        public let text: String
        /// The column that the model predicts, and why it is held to be that.
        public let target: String, targetReason: String
        /// The model's features in its order.
        public let features: [String]
        /// Columns that name rows, protected attributes, columns left out.
        public let identifiers: [String], protected: [String], ignored: [String]
        /// The favourable outcome where names leave no doubt; `nil` where somebody has to say it.
        public let favourable: String?
        /// What somebody should look at, in sentences; no values of rows.
        public let notes: [String]
    }
    /// Paths of model, test and training data, as they were given.
    private let model: String, test: String, train: String?
    private let target: String?
    private let file: String

    /// Names what the configuration is for; nothing is read yet.
    /// - Parameters:
    ///   - target: The column that the model predicts; found where left out.
    ///   - file: Path of the configuration to be written; paths in it are relative to its folder.
    public init(
        model: String, test: String, train: String? = nil, target: String? = nil, file: String = "casemate.yaml"
    ) {
        (self.model, self.test, self.train, self.target, self.file) = (model, test, train, target, file)
    }

    /// Looks at model and data and writes the text.
    /// - Throws: what opening model and data throws; `mismatch` when no column fits as target or features, with the
    ///   candidates; `Cancelled`.
    public func draft(search: EngineSearch, context: RunContext) throws -> Draft {
        context.progress("looking", 0, 4)
        let options = ExecutionOptions(threads: context.threads)
        let loaded = try ModelFile.open(path: model, options: options) { try OnnxRuntime(search) }
        context.progress("looking", 1, 4)
        let engine = try DataEngine(search, threads: context.threads, cancellation: context.cancellation)
        let data = try StarterData(test: test, train: train, engine: engine)
        context.progress("looking", 2, 4)
        let finder = StarterFinder(
            model: loaded, data: data, path: model, search: search, options: options)
        let facts = try finder.facts(target: target, cancellation: context.cancellation)
        try context.cancellation.check()
        let patterns = try StarterPatterns(facts, data, cancellation: context.cancellation)
        context.progress("looking", 3, 4)
        let paths = StarterPaths(file: file)
        let page = StarterPage(
            facts: facts, data: data, patterns: patterns,
            model: paths.written(model), test: paths.written(test), train: train.map { paths.written($0) })
        let measured = try measure(page.text(rules: []), search: search, context: context)
        context.progress("looking", 4, 4)
        return Draft(
            text: page.text(rules: measured), target: facts.target.name, targetReason: facts.targetReason,
            features: facts.features.map(\.name), identifiers: facts.roles.identifiers,
            protected: facts.roles.protected.map(\.column), ignored: facts.roles.ignored,
            favourable: facts.favourable.flatMap { $0.isObvious ? $0.value : nil }, notes: facts.notes + patterns.notes)
    }

    /// Loads the text as an audit would and measures how well the model does, for rules of the policy.
    private func measure(
        _ text: String, search: EngineSearch, context: RunContext
    ) throws -> [StarterRule] {
        let folder = StarterPaths(file: file).folder
        let configuration = try AuditConfiguration(yaml: text, file: file, folder: folder)
        try configuration.validate()
        let subject = try SubjectLoader(configuration, search: search, context: context).load().subject
        let probe = PerformanceProbe()
        guard probe.reasonNotToRun(on: subject) == nil else { return [] }
        return StarterRule.rules(for: try probe.run(on: subject, context: context).metrics)
    }
}

/// A rule of the policy at the level that was measured.
struct StarterRule: Hashable, Sendable {
    let rule: String, measured: String

    /// One or two rules that a release as good as this one keeps.
    static func rules(for metrics: [Metric]) -> [StarterRule] {
        let shares = ["performance.auc", "performance.accuracy"]
        let errors = ["performance.rmse"]
        return (shares + errors).compactMap { name -> StarterRule? in
            guard let metric = metrics.first(where: { $0.name == name && $0.group == nil }), let value = metric.value,
                value.isFinite
            else { return nil }
            let isShare = shares.contains(name)
            let safe = (isShare ? metric.low : metric.high) ?? value
            guard safe.isFinite else { return nil }
            let limit = isShare ? floored(safe) : raised(safe)
            let interval = metric.low.flatMap { low in metric.high.map { Interval(low, $0) } }
            let text = isShare ? Words.number(value, interval) : "\(significant(value))"
            return StarterRule(
                rule: "\(name) \(isShare ? ">=" : "<=") \(limit)",
                measured: "\(text) on \(Words.count(metric.n, "row"))")
        }
    }

    private static func floored(_ value: Double) -> String {
        Words.fixed((value * 100).rounded(.down) / 100, digits: 2)
    }
    private static func significant(_ value: Double) -> String {
        StarterYaml.number(Double(String(format: "%.3g", value)) ?? value)
    }
    private static func raised(_ value: Double) -> String {
        guard value > 0 else { return "0" }
        let unit = pow(10, (log10(value)).rounded(.down) - 1)
        return significant((value / unit).rounded(.up) * unit)
    }
}

extension AuditConfiguration {
    /// Finds the column that the model predicts, and columns that are no features, where nobody named them.
    /// - Throws: what `ConfigurationStarter` throws.
    public mutating func findTarget(model: String, search: EngineSearch, context: RunContext) throws {
        guard let test = data.test ?? data.train else { return }
        let draft = try ConfigurationStarter(model: model, test: test).draft(search: search, context: context)
        data.target = draft.target
        if data.ignore.isEmpty { data.ignore = draft.ignored + draft.protected }
        if data.identifiers.isEmpty { data.identifiers = draft.identifiers }
    }
}
