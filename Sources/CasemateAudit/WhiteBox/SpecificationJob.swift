import CasemateAttacks
public import CasemateCore
import CasemateModels
import CasemateReport
public import Foundation

/// `casemate attack --spec`: a search for a counterexample to a VNN-LIB property of a network.
public struct SpecificationJob: Sendable {
    /// An input that breaks the specification, with the outputs of plain ONNX Runtime.
    public struct Witness: Hashable, Sendable, Encodable {
        /// Flat, row-major.
        public let input: [Float], output: [Float]
    }
    /// The report with the answer beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// `sat` with a witness, else `unknown`: finding nothing proves nothing.
        public let result: String
        /// The confirmed counterexample.
        public let witness: Witness?

        /// The envelope with `result` and `witness` beside its members.
        public func json() throws -> Data {
            var members: [(name: String, value: any Encodable & Sendable)] = [("result", result)]
            if let witness { members.append(("witness", witness)) }
            return try report.renderJSON(adding: members)
        }
    }
    private let model: String, specification: String
    private let search: EngineSearch
    private let budget: Duration

    /// The time that a search takes at most when none is given.
    public static let defaultBudget = Duration.seconds(60)

    /// Makes a job.
    public init(model: String, specification: String, search: EngineSearch, budget: Duration?) {
        (self.model, self.specification, self.search) = (model, specification, search)
        self.budget = budget ?? Self.defaultBudget
    }

    /// Searches.
    /// - Throws: `CasemateError` for files that cannot be read or do not fit one another; `Cancelled` when interrupted.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let clock = ContinuousClock()
        let start = clock.now
        let inputs = try [("model", model), ("specification", specification)].map { role, path in
            let digest = try FileDigest(of: path)
            return Report.Input(role: role, path: path, sha256: digest.sha256, bytes: digest.bytes)
        }
        let runtime = try OnnxRuntime(search)
        let property = try VnnProperty(path: specification)
        var context = context
        let timer = BudgetTimer(budget, &context)
        defer { timer?.stop() }
        let found = try SpecificationAttack().search(
            network: model, property: property, runtime: runtime, context: context)
        let seconds = (clock.now - start).inSeconds
        let outcome = outcome(found, property, seconds: seconds, seed: context.seed)
        let report = Report(
            version: Product.version, verb: "attack specification",
            subject: String(model.split(separator: "/").last ?? "model"), facts: [], verdict: .pass, exitStatus: 0,
            reason: "an attack by itself: nothing is judged", policy: [], probes: [outcome], inputs: inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads,
                engines: ["ONNX Runtime": runtime.version], platform: Product.platform,
                started: started.ISO8601Format(), seconds: seconds), isRedacted: false)
        return Result(
            report: report, result: found.witness == nil ? "unknown" : "sat",
            witness: found.witness.map { Witness(input: $0.input, output: $0.output) })
    }

    private func outcome(
        _ found: SpecificationAttack.Result, _ property: VnnProperty, seconds: Double, seed: UInt64
    ) -> ProbeOutcome {
        var outcome = ProbeOutcome(
            probe: "specification", title: "Counterexample to a specification",
            taxonomy: WhiteBoxProbe.taxonomy)
        outcome.seconds = seconds
        let boxes = Words.count(property.cases.count, "case")
        if found.witness != nil {
            outcome.summary = [
                "The specification is broken (`sat`): an input was found that meets the property, and plain ONNX Runtime "
                    + "confirms it inside the box and the inequalities with no tolerance.",
                "\(Words.count(found.points, "point")) were asked in \(Words.count(found.rounds, "round")).",
            ]
        } else {
            outcome.summary = [
                "No counterexample was found (`unknown`) among \(Words.count(found.points, "point")) in "
                    + "\(Words.count(found.rounds, "round")): this proves nothing.",
                "The nearest point misses the property by \(Self.number(found.bestExcess)).",
            ]
        }
        if let note = found.note { outcome.summary.append("Without gradients: \(note).") }
        outcome.settings = [
            "property": "\(property.inputCount) inputs, \(property.outputCount) outputs, \(boxes)",
            "gradients": found.usedGradients ? "yes" : "no", "seed": String(seed),
        ]
        return outcome
    }

    private static func number(_ value: Double) -> String {
        value.isFinite ? String(format: "%.6g", value) : "no finite amount"
    }
}
