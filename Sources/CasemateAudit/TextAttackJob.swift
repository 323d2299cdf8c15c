import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels
import CasemateReport
public import Foundation

/// `casemate attack` on a model that takes text: the text probe's attack by itself, text by text, without a policy.
public struct TextAttackJob: Sendable {
    /// One attacked text.
    public struct Row: Hashable, Sendable, Encodable {
        /// Number of the row in its file, from 1; 0 when masked.
        public let row: Int
        /// `alreadyReached`, `found`, `notFound`, `discarded`, `unfinished` or `tooLong`.
        public let outcome: String
        /// Decision before and, where one was found, after.
        public let decisionBefore: String, decisionAfter: String?
        /// The text and the changed one, character for character; masked when redacted. `nil` without a success.
        public let before: String, after: String?
        /// The changed text for reading: changes marked, invisible and look-alike characters as escapes.
        public let marked: String?
        /// Operators that it took.
        public let operators: [String]
        /// Edits and words, recounted; `nil` without a success.
        public let edits: Int?, words: Int?
        /// Texts that the model was asked about.
        public let queries: Int
        /// Whether the decision is still turned once the changed text is normalised; `nil` without a success.
        public let survivesNormalisation: Bool?
    }
    /// One attack over all texts.
    public struct Attack: Hashable, Sendable, Encodable {
        /// Identifier of the operator, or `combined`.
        public let attack: String
        /// Texts attacked, turned, refused by the re-check, and turned still once normalised.
        public let samples: Int, succeeded: Int, discarded: Int, succeededNormalised: Int
        /// Medians over the texts turned; `nil` without any.
        public let medianEdits: Double?, medianWords: Double?
        /// Queries of all texts.
        public let queries: Int
    }
    /// One good word.
    public struct GoodWord: Hashable, Sendable, Encodable {
        /// The decision that it turns.
        public let from: String
        /// The word; masked when redacted.
        public let word: String
        /// Mean fall of the score, or share of border texts turned, on the attacker's texts.
        public let effect: Double
        /// Of `chosenOf` texts of the attacker it turned so many alone.
        public let chosenFlips: Int, chosenOf: Int
        /// Of `of` texts attacked it turns so many alone, and together with the words before it; `nil` where that was
        /// not measured.
        public let flips: Int?, flipsTogether: Int?, of: Int
    }
    /// Report with the texts beside it.
    public struct Result: Sendable {
        /// The envelope.
        public let report: Report
        /// The strongest attack, all attacks, the texts under the strongest one, good words.
        public let attack: Attack?, attacks: [Attack], rows: [Row], goodWords: [GoodWord]

        /// The envelope with `attack`, `attacks`, `rows` and `goodWords` beside its members.
        public func json() throws -> Data {
            try report.renderJSON(adding: [
                ("attack", attack.map { $0 as any Encodable & Sendable } ?? [String]()), ("attacks", attacks),
                ("rows", rows), ("goodWords", goodWords),
            ])
        }
    }
    private let configuration: AuditConfiguration
    private let search: EngineSearch

    /// Makes a job.
    public init(_ configuration: AuditConfiguration, search: EngineSearch) {
        (self.configuration, self.search) = (configuration, search)
    }

    /// Whether a file is an ONNX model that takes one text: one column of strings, read by an operator for texts. False
    /// for what cannot be read; loading it says why.
    public static func takesText(_ path: String) -> Bool {
        guard let file = try? OnnxFile(path: path), file.inputs.count == 1,
            case .tensor("string", let axes) = file.inputs[0].type,
            axes.map({ $0.count <= 1 || $0.count == 2 && ($0[1].length ?? 1) == 1 }) ?? true
        else { return false }
        let readers = ["TfIdfVectorizer", "Tokenizer", "StringNormalizer", "StringSplit", "StringConcat"]
        return file.operators.contains { readers.contains($0.name) }
    }

    /// Attacks.
    /// - Throws: `unsupported` for a model that takes no text; what loading throws; `Cancelled`.
    public func run(context: RunContext, command: String, started: Date) throws -> Result {
        let loaded = try SubjectLoader(configuration, search: search, context: context).load()
        let probe = try configuration.probes[TextProbe.self].prepared(for: configuration)
        let subject = loaded.subject
        if let reason = probe.reasonNotToRun(on: subject) {
            throw CasemateError(.unsupported, at: subject.name, reason, help: "`casemate audit` lists what applies")
        }
        var context = context
        let timer = BudgetTimer(configuration.budget.map { .seconds($0) }, &context)
        defer { timer?.stop() }
        let run = try probe.attack(subject, context)
        var outcome = probe.outcome(of: run, subject)
        outcome.seconds = run?.seconds ?? 0
        let isRedacted = configuration.report.isRedacted
        let report = Report(
            version: Product.version, verb: "attack evasion", subject: subject.name, facts: loaded.factsNow,
            verdict: .pass, exitStatus: 0, reason: outcome.reason ?? "an attack by itself: nothing is judged",
            policy: [],
            probes: [outcome], inputs: loaded.inputs,
            reproduction: Report.Reproduction(
                command: command, seed: context.seed, threads: context.threads, engines: loaded.engines,
                platform: Product.platform, started: started.ISO8601Format(), seconds: outcome.seconds),
            isRedacted: isRedacted)
        guard let run else { return Result(report: report, attack: nil, attacks: [], rows: [], goodWords: []) }
        let story = TextReport(probe: probe, subject: subject, run: run)
        return Result(
            report: report, attack: story.shown.map { Self.summary($0, story) },
            attacks: run.result.attacks.map { Self.summary($0, story) },
            rows: (story.shown?.samples ?? []).indices.map { Self.row($0, story, isRedacted: isRedacted) },
            goodWords: run.result.lists.flatMap { Self.words($0, story, isRedacted: isRedacted) })
    }

    private static let mask = "▒▒▒"

    private static func row(_ index: Int, _ story: TextReport, isRedacted: Bool) -> Row {
        let rows = story.run.rows
        let sample = story.shown?.samples[index]
        let isFound = sample?.outcome == .found
        let after = sample?.text
        return Row(
            row: isRedacted ? 0 : rows.indices[index] + 1, outcome: sample?.outcome.rawValue ?? "",
            decisionBefore: story.name(rows.labels[index]), decisionAfter: sample?.label.map(story.name),
            before: isRedacted ? mask : rows.texts[index], after: isRedacted ? after.map { _ in mask } : after,
            marked: after.map { isRedacted ? mask : TextMarks.marked(from: rows.texts[index], to: $0) },
            operators: sample?.operators.map(\.rawValue) ?? [], edits: isFound ? sample?.edits : nil,
            words: isFound ? sample?.words : nil, queries: sample?.queries ?? 0,
            survivesNormalisation: isFound ? sample?.survivesNormalisation : nil)
    }

    private static func summary(_ attack: TextAttackResult.Attack, _ story: TextReport) -> Attack {
        let all = story.attacked(attack)
        return Attack(
            attack: attack.name, samples: all.count, succeeded: attack.found.count, discarded: attack.count(.discarded),
            succeededNormalised: all.count { $0.hasSurvivor },
            medianEdits: story.median(attack.found.map(\.edits)), medianWords: story.median(attack.found.map(\.words)),
            queries: attack.samples.reduce(0) { $0 + $1.queries })
    }

    private static func words(_ list: GoodWordList, _ story: TextReport, isRedacted: Bool) -> [GoodWord] {
        list.words.map { word in
            GoodWord(
                from: story.name(list.label), word: isRedacted ? mask : word.word, effect: word.effect,
                chosenFlips: word.chosenFlips, chosenOf: list.carriers, flips: word.flips,
                flipsTogether: word.flipsTogether, of: list.measured)
        }
    }
}
