import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels
import CasemateReport
public import Foundation

/// `casemate certify`: proofs about a model, without a policy.
public struct CertifyJob: Sendable {
    /// One row.
    public struct Row: Hashable, Sendable, Encodable {
        /// Its number: the column `row` of the data, else its place from 1; 0 when masked.
        public let row: Int
        /// Label in the data and decision of the model; whole numbers where the classes are.
        public let label: ClassName?, predicted: ClassName
        /// Bounds of the infimum of the changes that turn `predicted`; equal when it is known exactly. `nil` where no
        /// change at all turns it (`lower`), or none is known (`upper`).
        public let lower: Double?, upper: Double?
        /// Whether the bounds meet.
        public let exact: Bool
        /// A row that turns the real model, by feature; `nil` without one, or when masked.
        public let witness: [String: RowValue]?
        /// What the model says to the witness.
        public let witnessLabel: ClassName?
        /// By each distance asked for: whether no change below it turns the decision; `nil` where it is open.
        public let certified: [String: Bool?]
    }
    /// A statement with its proof or counterexample.
    public struct Fact: Hashable, Sendable, Encodable {
        /// The statement in words.
        public let statement: String
        /// `proved`, `refuted`, `unknown`.
        public let status: String
        /// What was found, in words.
        public let detail: String
        /// Rows that refute it, by feature; empty without.
        public let counterexample: [[String: RowValue]]
    }
    /// Report with the rows beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// Certificates and statements.
        public let rows: [Row], facts: [Fact]
        /// The envelope with `norm`, `rows` and `statements` beside its members.
        public func json(norm: String) throws -> Data {
            try report.renderJSON(adding: [("norm", norm), ("rows", rows), ("statements", facts)])
        }
    }
    private let configuration: AuditConfiguration
    private let plan: CertifyPlan
    private let search: EngineSearch

    /// Makes a job. A configuration that was read from a file gives data, decision and feature space; else model and
    /// points alone are taken, and every number may become every other.
    public init(_ configuration: AuditConfiguration, plan: CertifyPlan, search: EngineSearch) {
        (self.configuration, self.plan, self.search) = (configuration, plan, search)
    }

    /// Proves.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let subject = try load(context)
        var context = context
        let timer = BudgetTimer(configuration.budget.map { .seconds($0) }, &context)
        defer { timer?.stop() }
        let chosen = chosen(subject, seed: context.seed)
        let robustness = try TreeRobustness(subject.trees, rule: subject.decision, space: subject.space)
        var settings = TreeSearchSettings(norm: plan.norm)
        settings.mostNodes = plan.mostNodes ?? .max
        let certificates = try robustness.smallestChanges(
            of: subject.rows.rows(chosen).values, count: chosen.count, settings, context: context)
        let facts = try CertifyFacts(subject, mostNodes: plan.mostNodes).prove(plan.facts, context: context)
        let outcome = outcome(subject, chosen, certificates, facts, seconds: (clock.now - start).inSeconds, context)
        let isRedacted = configuration.report.isRedacted
        let report = Report(
            version: Product.version, verb: "certify", subject: subject.name, facts: subject.facts, verdict: .pass,
            exitStatus: 0, reason: outcome.reason ?? "proofs by themselves: nothing is judged", policy: [],
            probes: [outcome], inputs: subject.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: subject.engines,
                platform: Product.platform, started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: isRedacted)
        let rows = zip(chosen, certificates).map { row($0, $1, subject, isRedacted: isRedacted) }
        return Result(report: report, rows: rows, facts: facts.map { $0.shown(isRedacted: isRedacted) })
    }

    private func load(_ context: RunContext) throws -> CertifySubject {
        if configuration.path != nil || configuration.data.train != nil {
            return try CertifySubject(SubjectLoader(configuration, search: search, context: context).load())
        }
        guard let model = configuration.model.path, let points = configuration.data.test else {
            throw CasemateError(
                .invalidSetting, at: "certify", "no data are named",
                help: "give --data FILE with the rows, or --config casemate.yaml")
        }
        return try CertifySubject(
            model: model, points: points, configuration: configuration, search: search, context: context)
    }

    private func chosen(_ subject: CertifySubject, seed: UInt64) -> [Int] {
        guard let wanted = plan.samples, wanted < subject.rows.count else { return Array(0..<subject.rows.count) }
        var generator = SeededGenerator(seed: seed, stream: 0x63_65_72)
        return Array((0..<subject.rows.count).shuffled(using: &generator).prefix(wanted)).sorted()
    }

    private func outcome(
        _ subject: CertifySubject, _ chosen: [Int], _ certificates: [TreeCertificate], _ facts: [CertifyFacts.Answer],
        seconds: Double, _ context: RunContext
    ) -> ProbeOutcome {
        let isPartial = context.isOutOfTime && certificates.contains { !$0.isExact }
        var outcome = ProbeOutcome(
            probe: ExactTreesProbe.identifier, title: ExactTreesProbe.title, taxonomy: ExactTreesProbe.taxonomy,
            status: isPartial ? .partial : .tested,
            reason: isPartial ? "the time budget ran out: some rows have bounds instead of exact distances" : nil)
        outcome.seconds = seconds
        outcome.settings = ["norm": plan.norm.rawValue, "rows": String(chosen.count)]
        let rows = zip(chosen, certificates).map { index, certificate in
            CertificateOutcome.Row(
                number: subject.numbers[index], values: Array(subject.rows[row: index]),
                isRight: subject.labels[index].map { $0 == certificate.predicted }, certificate: certificate)
        }
        CertificateOutcome(
            rows: rows, norm: plan.norm, epsilons: plan.epsilons,
            space: subject.space ?? .unconstrained(features: subject.model.features), classes: subject.classes,
            favourable: subject.favourable, subject: subject.name, isScaled: subject.space != nil
        ).fill(&outcome, probe: ExactTreesProbe.identifier)
        if !facts.isEmpty { outcome.tables.append(CertifyFacts.table(facts)) }
        outcome.attacker += facts.map {
            "\($0.status.prefix(1).uppercased() + $0.status.dropFirst()): \($0.statement): \($0.detail)."
        }
        return outcome
    }

    private func row(
        _ index: Int, _ certificate: TreeCertificate, _ subject: CertifySubject, isRedacted: Bool
    ) -> Row {
        func name(_ label: Int32?) -> ClassName? {
            label.flatMap { subject.classes.indices.contains(Int($0)) ? ClassName(subject.classes[Int($0)]) : nil }
        }
        func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        var certified: [String: Bool?] = [:]
        for epsilon in plan.epsilons {
            let isProved = certificate.lower >= epsilon
            certified[EvasionAnalysis.text(epsilon)] =
                isProved ? true : certificate.upper < epsilon ? false : .some(nil)
        }
        return Row(
            row: isRedacted ? 0 : subject.numbers[index], label: name(subject.labels[index]),
            predicted: name(certificate.predicted) ?? ClassName("\(certificate.predicted)"),
            lower: finite(certificate.lower), upper: finite(certificate.upper), exact: certificate.isExact,
            witness: isRedacted ? nil : certificate.witness.map { RowValue.row($0, subject.model.features) },
            witnessLabel: name(certificate.witnessLabel), certified: certified)
    }
}

/// The name of a class: a number where it is a whole one.
public struct ClassName: Hashable, Sendable, Encodable {
    /// As the model has it.
    public let text: String
    /// Makes a name.
    public init(_ text: String) { self.text = text }
    /// Writes it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let number = Int(text) { try container.encode(number) } else { try container.encode(text) }
    }
}
