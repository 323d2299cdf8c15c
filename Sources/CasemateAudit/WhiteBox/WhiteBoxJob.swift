import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels
import CasemateReport
public import Foundation

/// `casemate attack --eps …`: attacks with gradients or scores by themselves, with the checks of the evaluation.
public struct WhiteBoxJob: Sendable {
    /// One attacked sample.
    public struct Row: Hashable, Sendable, Encodable {
        /// Number of the sample in its file, from 1; 0 when masked.
        public let row: Int
        /// Right label, the model's decision before and after, as names of classes.
        public let label: String, predicted: String?, adversarial: String?
        /// What became of it.
        public let outcome: String
        /// Whether the decision is wrong before or after the attack.
        public let success: Bool
        /// Attack that turned it.
        public let brokenBy: String?
        /// Distance of the sample found; 0 when wrong already, absent without one.
        public let distance: Double?
        /// Passes spent on it.
        public let forwardPasses: Int, backwardPasses: Int
    }
    /// The report with the attack's own members beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        let members: [(name: String, value: any Encodable & Sendable)]
        /// The envelope with `attack`, `attacks`, `curve`, `checks` and `rows` beside its members.
        public func json() throws -> Data { try report.renderJSON(adding: members) }
    }
    private let configuration: AuditConfiguration
    private let plan: WhiteBoxPlan
    private let search: EngineSearch

    /// Makes a job.
    public init(_ configuration: AuditConfiguration, plan: WhiteBoxPlan, search: EngineSearch) {
        (self.configuration, self.plan, self.search) = (configuration, plan, search)
    }

    /// Whether a file holds samples (arrays, images) rather than a table.
    public static func readsSamples(_ path: String) -> Bool { SampleReader.serves(path) }

    /// Attacks.
    /// - Throws: `CasemateError` for what cannot be read, does not fit or makes no sense; `Cancelled`.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let norm = try plan.perturbationNorm()
        let attack = try plan.chosenAttack(norm)
        var context = context
        let timer = BudgetTimer(configuration.budget.map { .seconds($0) }, &context)
        defer { timer?.stop() }
        let loaded = try WhiteBoxSubject(configuration, plan, search: search, context: context)
        let problem = try loaded.problem(
            PerturbationSet(
                norm: norm, epsilon: plan.epsilon, low: loaded.bounds.lowerBound, high: loaded.bounds.upperBound),
            targetClass: plan.targetClass)
        let evaluation = try loaded.evaluate(
            problem, attack: attack, runsChecks: plan.runsChecks, usesGradients: plan.usesGradients,
            surrogate: plan.surrogate, context: context)
        let partial = evaluation.result.isPartial
        var outcome = ProbeOutcome(
            probe: WhiteBoxProbe.identifier, title: WhiteBoxProbe.title, taxonomy: WhiteBoxProbe.taxonomy,
            status: partial ? .partial : .tested,
            reason: partial ? "the time budget ran out: unfinished samples count as right" : nil)
        try WhiteBoxOutcome(
            evaluation: evaluation, classes: loaded.model.signature.classes, rows: problem.rows, format: loaded.format,
            notes: loaded.notes, distance: Words.distance(plan.epsilon), subject: loaded.name, bounds: loaded.bounds
        ).fill(&outcome)
        outcome.seconds = (clock.now - start).inSeconds
        try save(evaluation, problem, loaded)
        let report = Report(
            version: Product.version, verb: "attack evasion", subject: loaded.name, facts: loaded.facts, verdict: .pass,
            exitStatus: 0, reason: outcome.reason ?? "an attack by itself: nothing is judged", policy: [],
            probes: [configuration.report.isRedacted ? outcome.redacted() : outcome], inputs: loaded.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: loaded.engines,
                platform: Product.platform, started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: configuration.report.isRedacted)
        return Result(report: report, members: members(evaluation, loaded, seconds: outcome.seconds))
    }

    private func members(
        _ evaluation: EvaluationResult, _ loaded: WhiteBoxSubject, seconds: Double
    ) -> [(name: String, value: any Encodable & Sendable)] {
        let classes = loaded.model.signature.classes
        func name(_ label: Int32?) -> String? {
            label.map { classes.indices.contains(Int($0)) ? classes[Int($0)] : String($0) }
        }
        let rows = evaluation.result.samples.map { sample in
            Row(
                row: configuration.report.isRedacted ? 0 : sample.identifier + 1, label: name(sample.label) ?? "",
                predicted: name(sample.predicted), adversarial: name(sample.adversarialLabel),
                outcome: sample.outcome.rawValue,
                success: sample.outcome == .broken || sample.outcome == .alreadyMisclassified,
                brokenBy: sample.brokenBy, distance: sample.distance.isFinite ? sample.distance : nil,
                forwardPasses: sample.forwardPasses, backwardPasses: sample.backwardPasses)
        }
        return [
            ("attack", WhiteBoxDocument.Attack(evaluation, bounds: loaded.bounds, seconds: seconds)),
            ("attacks", evaluation.attacks.map(WhiteBoxDocument.Member.init)),
            ("curve", evaluation.curve.map { WhiteBoxDocument.Point(epsilon: $0.epsilon, share: .init($0.share)) }),
            ("checks", evaluation.checks.map(WhiteBoxDocument.Check.init)), ("rows", rows),
        ]
    }

    /// Writes the adversarial samples on the model's scale, where there is none the sample as it was.
    private func save(
        _ evaluation: EvaluationResult, _ problem: RobustnessProblem, _ loaded: WhiteBoxSubject
    ) throws {
        guard let path = plan.save else { return }
        let size = problem.size
        var values = problem.rows
        var labels: [Int64] = [], decisions: [Int64] = [], success: [Int64] = []
        for (index, sample) in evaluation.result.samples.enumerated() {
            if let found = sample.adversarial, found.count == size {
                values.replaceSubrange(index * size..<(index + 1) * size, with: found)
            }
            labels.append(Int64(sample.label))
            decisions.append(Int64(sample.adversarialLabel ?? sample.predicted ?? -1))
            success.append(sample.outcome == .broken || sample.outcome == .alreadyMisclassified ? 1 : 0)
        }
        let count = evaluation.result.samples.count
        try NpzWriter.write(
            [
                // why: rows in shares of a range mean nothing to whoever reads the file.
                NpzWriter.Array("x", shape: [count] + loaded.shape, .float32(loaded.scaling?.raw(values) ?? values)),
                NpzWriter.Array("y", shape: [count], .int64(labels)),
                NpzWriter.Array("predicted", shape: [count], .int64(decisions)),
                NpzWriter.Array("success", shape: [count], .int64(success)),
            ], to: path)
    }
}

/// Members of the JSON document of an attack with gradients.
enum WhiteBoxDocument {
    struct Share: Encodable, Sendable {
        let value: Double?, low: Double?, high: Double?, count: Int, n: Int
        init(_ share: RobustnessResult.Share) {
            (value, low, high) = (share.value, share.interval?.low, share.interval?.high)
            (count, n) = (share.count, share.total)
        }
    }
    struct Attack: Encodable, Sendable {
        let norm: String, epsilon: Double?, bounds: [Float], samples: Int
        let cleanAccuracy: Share, robustAccuracy: Share, attackSuccessRate: Share
        let medianDistance: Double?, forwardPasses: Int, backwardPasses: Int, seconds: Double, isPartial: Bool
        init(_ evaluation: EvaluationResult, bounds: ClosedRange<Float>, seconds: Double) {
            let result = evaluation.result
            (norm, epsilon) = (result.set.norm.rawValue, result.set.epsilon)
            self.bounds = [bounds.lowerBound, bounds.upperBound]
            samples = result.samples.count
            (cleanAccuracy, robustAccuracy) = (Share(result.cleanAccuracy), Share(result.robustAccuracy))
            (attackSuccessRate, medianDistance) = (Share(result.attackSuccessRate), result.medianDistance)
            (forwardPasses, backwardPasses) = (result.forwardPasses, result.backwardPasses)
            (self.seconds, isPartial) = (seconds, result.isPartial)
        }
    }
    struct Member: Encodable, Sendable {
        let attack: String, variant: String?, role: String, epsilon: Double?, samples: Int, broken: Int
        let forwardPasses: Int, backwardPasses: Int, seconds: Double
        init(_ summary: AttackSummary) {
            (attack, variant, role) = (summary.identifier, summary.variant, summary.role.rawValue)
            (epsilon, samples, broken) = (summary.epsilon, summary.samples, summary.broken)
            (forwardPasses, backwardPasses) = (summary.forwardPasses, summary.backwardPasses)
            seconds = summary.seconds
        }
    }
    struct Point: Encodable, Sendable { let epsilon: Double, share: Share }
    struct Check: Encodable, Sendable {
        let number: Int, title: String, level: String, status: String, detail: String, remedy: String
        init(_ check: EvaluationCheck) {
            (number, title, level) = (check.number, check.title, check.level.rawValue)
            (status, detail, remedy) = (check.status.rawValue, check.detail, check.remedy)
        }
    }
}
