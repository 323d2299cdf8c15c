import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateReport
public import Foundation

/// `casemate attack model --search hidden-branch`: the probe's search by itself, without a policy.
public struct HiddenBranchJob: Sendable {
    /// One branch.
    public struct Branch: Hashable, Sendable, Encodable {
        /// Smallest and largest value of each feature that matters, both included; null where open. With a relation
        /// these make one box inside it.
        public let bounds: [String: [RowValue]]
        /// The two features whose order opens the branch, the larger one first.
        public let relation: [String]?
        /// The trigger in words.
        public let trigger: String
        /// Mean score of training rows that are moved inside, before that, and the difference.
        public let score: Double, usual: Double, jump: Double
        /// Class whose score that is; `nil` for a value.
        public let scoreOf: String?
        /// Training rows inside, and of how many.
        public let support: Int, rows: Int
        /// A row that triggers it; with redaction the trigger's features alone.
        public let example: [String: RowValue]
        /// What the model answers to it, asked by itself, and to the same row without the trigger.
        public let exampleScore: Double, exampleDecision: String?, withoutScore: Double, withoutDecision: String?
        /// `certain` or `likely`, and why.
        public let certainty: String, evidence: [String]
        /// How it was found.
        public let foundBy: String
        /// Share of training rows that move as far; smallest mean step over a bound.
        public let reliability: Double, step: Double
        /// What the earlier release answers to the example.
        public let previousScore: Double?
        /// Declared rules that the example breaks.
        public let brokenRules: [String]
    }
    /// The most extreme answer of trees without a training row.
    public struct Extreme: Hashable, Sendable, Encodable {
        /// `largest` or `smallest`.
        public let direction: String
        /// Box over the features.
        public let bounds: [String: [RowValue]]
        /// What the model answers there.
        public let score: Double
        /// Sum of the leaves, what no box exceeds, and whether both are equal.
        public let margin: Double, bound: Double, isExact: Bool
        /// Training rows inside.
        public let support: Int
    }
    /// Report with the branches beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// The branches, the surest first, and the most extreme answers of trees.
        public let branches: [Branch], extremes: [Extreme]

        /// The envelope with `branches` and `extremes` beside its members.
        public func json() throws -> Data {
            try report.renderJSON(adding: [("branches", branches), ("extremes", extremes)])
        }
    }
    private let configuration: AuditConfiguration
    private let search: EngineSearch

    /// Makes a job; training rows are those of `data.train`, else of `data.test`.
    public init(_ configuration: AuditConfiguration, search: EngineSearch) {
        (self.configuration, self.search) = (configuration, search)
    }

    /// Searches.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let loaded = try SubjectLoader(configuration, search: search, context: context).load()
        let subject = loaded.subject
        let probe = try configuration.probes[HiddenBranchesProbe.self].prepared(for: configuration)
        if let reason = probe.reasonNotToRun(on: subject) {
            throw CasemateError(.unsupported, at: subject.name, reason, help: "`casemate audit` lists what applies")
        }
        var context = context
        let timer = BudgetTimer(configuration.budget.map { .seconds($0) }, &context)
        defer { timer?.stop() }
        let clock = ContinuousClock()
        let start = clock.now
        let examination = try probe.examine(subject, context: context)
        var outcome = probe.outcome(of: examination)
        outcome.seconds = (clock.now - start).inSeconds
        let report = Report(
            version: Product.version, verb: "attack model", subject: subject.name, facts: loaded.factsNow,
            verdict: .pass,
            exitStatus: 0, reason: outcome.reason ?? "a search by itself: nothing is judged", policy: [],
            probes: [outcome], inputs: loaded.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: loaded.engines,
                platform: Product.platform, started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: configuration.report.isRedacted)
        let isRedacted = configuration.report.isRedacted
        return Result(
            report: report,
            branches: examination.result.branches.map { Self.branch($0, examination, isRedacted: isRedacted) },
            extremes: examination.result.extremes.map { Self.extreme($0, examination) })
    }

    private static func bounds(_ bounds: [HiddenBranch.Bound], _ features: [Feature]) -> [String: [RowValue]] {
        var all: [String: [RowValue]] = [:]
        for bound in bounds {
            let feature = features[bound.feature]
            all[feature.name] = [RowValue(bound.low, feature), RowValue(bound.high, feature)]
        }
        return all
    }

    private static func branch(
        _ branch: HiddenBranch, _ examination: HiddenBranchesProbe.Examination, isRedacted: Bool
    ) -> Branch {
        let features = examination.features
        let named = Set(branch.bounds.map(\.feature))
        var example: [String: RowValue] = [:]
        for (index, feature) in features.enumerated() where !isRedacted || named.contains(index) {
            example[feature.name] = RowValue(branch.example[index], feature)
        }
        let classes = examination.subject.decision?.classes ?? []
        func decision(_ label: Int32?) -> String? {
            label.flatMap { classes.indices.contains(Int($0)) ? classes[Int($0)] : nil }
        }
        return Branch(
            bounds: bounds(branch.bounds, features),
            relation: branch.relation.map { [features[$0.larger].name, features[$0.smaller].name] },
            trigger: branch.described(over: features), score: branch.score, usual: branch.usual, jump: branch.jump,
            scoreOf: examination.scoreName(branch), support: branch.support, rows: branch.rows, example: example,
            exampleScore: branch.exampleScore, exampleDecision: decision(branch.exampleLabel),
            withoutScore: branch.withoutScore, withoutDecision: decision(branch.withoutLabel),
            certainty: branch.certainty.rawValue, evidence: branch.evidence.map(\.rawValue),
            foundBy: branch.origin.rawValue, reliability: branch.reliability, step: branch.step,
            previousScore: branch.referenceScore, brokenRules: branch.brokenRules)
    }

    private static func extreme(_ found: BranchExtreme, _ examination: HiddenBranchesProbe.Examination) -> Extreme {
        Extreme(
            direction: found.leaves.isLargest ? "largest" : "smallest",
            bounds: bounds(found.bounds, examination.features), score: found.score, margin: found.leaves.margin,
            bound: found.leaves.bound, isExact: found.leaves.isExact, support: found.leaves.support)
    }
}
