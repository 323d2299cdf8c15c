public import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// How little of a text must change before a text classifier decides otherwise: good words, words left out, typing
/// errors, look-alike and invisible characters, digits for letters, split words, synonyms, and all of them together.
///
/// Sources: Lowd and Meek, CEAS 2005; Gao et al. 2018; Li et al., NDSS 2019. Method, findings and blind spots:
/// `docs/probes/text.md`.
public struct TextProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "text"
    /// Heading in reports.
    public static let title = "Evasion by changed text"
    /// What it examines.
    public static let purpose = "changed words and letters that turn a text classifier"
    /// Crafting texts against a running model.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.labels, .scores], atlas: ["AML.T0015", "AML.T0043.001"], owasp: ["ML01"],
        nist: ["NISTAML.025"])

    /// What attacks may do.
    public var attack = TextAttackSettings()
    /// Texts attacked of each right decision.
    public var samples = 100
    /// File of neighbours for synonyms, as written.
    public var neighboursPath: String?
    /// Its content, once the probe is prepared.
    var neighbours: (table: WordNeighbours, digest: String)?
    /// Least similarity of a neighbour.
    public var similarity = 0.7

    /// Creates the probe.
    public init() {}

    /// The operator, or the decision from which a list of good words pushes away.
    public static func metricGroups(in configuration: AuditConfiguration) -> [String] { ["operator", "from"] }

    /// Reads the file of neighbours.
    public func prepared(for configuration: AuditConfiguration) throws(CasemateError) -> TextProbe {
        guard let neighboursPath else { return self }
        var copy = self
        var path = neighboursPath
        if case .file? = configuration.origins["probes.text.neighbours"] { path = configuration.resolved(path) }
        let table = try WordNeighbours(path: path, least: similarity)
        copy.neighbours = (table, try FileDigest(of: path).sha256)
        return copy
    }

    /// Needs a model that takes one text, and decisions.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        guard subject.model.model.signature.layout == .text else { return "the model takes no text" }
        if subject.decision == nil { return "a regression without `decision: {threshold: …}` makes no decisions" }
        return subject.test.count == 0 ? "no texts to attack" : nil
    }

    /// An attack with the rows that it was about.
    struct Run {
        let rows: TextRows
        let result: TextAttackResult
        /// Right decisions on the judged rows, as they are and normalised.
        let accuracy: (clean: Int, normalised: Int)
        let settings: TextAttackSettings
        let seconds: Double
    }

    /// Attacks.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        do {
            return outcome(of: try attack(subject, context), subject)
        } catch let cancelled as Cancelled where cancelled.reason == .outOfTime {
            return outcome(status: .partial, reason: "the texts were not attacked within the time budget")
        }
    }

    /// Attacks all texts; `nil` where there is none.
    func attack(_ subject: AuditSubject, _ context: RunContext) throws -> Run? {
        let rows = TextRows(subject, samples: samples, seed: context.seed)
        guard !rows.indices.isEmpty, let oracle = TextModelOracle(subject, context.cancellation) else { return nil }
        let clock = ContinuousClock()
        let start = clock.now
        let problem = try TextProblem(
            texts: rows.texts, labels: rows.labels, identifiers: rows.indices, known: rows.known,
            knownLabels: rows.knownLabels, neighbours: neighbours?.table)
        let result = try TextAttack(attack).run(problem, oracle: oracle, context: context)
        let right = EvasionRows.labels(subject)
        let all = TextRows.texts(subject.test)
        var normalised: [Int32] = []
        for first in stride(from: 0, to: rows.judged.count, by: 4_096) {
            let block = rows.judged[first..<min(first + 4_096, rows.judged.count)]
            normalised += try oracle.answer(block.map { attack.normaliser.normalise(all[$0]) }).labels
        }
        let clean = rows.judged.count { subject.decisions[$0] == right[$0] }
        let kept = zip(rows.judged, normalised).count { right[$0] == $1 }
        return Run(
            rows: rows, result: result, accuracy: (clean, kept), settings: attack,
            seconds: (clock.now - start).inSeconds)
    }

    /// Figures and findings of a run.
    func outcome(of run: Run?, _ subject: AuditSubject) -> ProbeOutcome {
        guard let run else { return outcome(status: .notTested, reason: "every test text stands in the training data") }
        let reason = run.result.isPartial ? "the time budget ran out before every text was attacked" : nil
        var outcome = outcome(status: reason == nil ? .tested : .partial, reason: reason)
        TextReport(probe: self, subject: subject, run: run).append(to: &outcome)
        return outcome
    }
}
