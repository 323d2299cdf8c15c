import CasemateAttacks
import CasemateAudit
import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// The spam filters of `Examples/spam`, whose figures scikit-learn gave.
@Suite struct TextProbeTests {
    private static let folder = "Examples/spam/"
    private static let words = 5

    private static func configuration(
        _ model: String = "filter.onnx", access: TextAccess = .scores, samples: Int = 30,
        operators: [TextOperator] = TextOperator.allCases
    ) throws -> AuditConfiguration {
        var configuration = try AuditConfiguration(contentsOf: Repository.path(folder + "casemate.yaml"))
        configuration.model.path = Repository.path(folder + model)
        var probe = TextProbe()
        (probe.samples, probe.attack.dictionary, probe.attack.carriers) = (samples, 150, 8)
        (probe.attack.access, probe.attack.operators) = (access, operators)
        configuration.probes[TextProbe.self] = probe
        return configuration
    }
    private static func model(_ name: String) throws -> OnnxModel {
        try OnnxModel(path: Repository.path(folder + name), runtime: try OnnxRuntime(Repository.engines))
    }
    private static func run(_ configuration: AuditConfiguration, threads: Int = 1) throws -> TextAttackJob.Result {
        try TextAttackJob(configuration, search: Repository.engines)
            .run(context: RunContext(seed: 2, threads: threads), command: "test", started: Date())
    }
    private static func predict(_ model: OnnxModel, _ texts: [String]) throws -> Predictions {
        try model.predict(
            [NamedTensor("message", Tensor(shape: [texts.count, 1], .string(texts)))], cancellation: Cancellation())
    }
    private static func edits(_ one: String, _ other: String) -> Int {
        let (one, other) = (Array(one.unicodeScalars), Array(other.unicodeScalars))
        var above = Array(0...other.count)
        for (row, scalar) in one.enumerated() {
            var current = [row + 1]
            for column in other.indices {
                let same = scalar == other[column] ? 0 : 1
                current.append(min(above[column] + same, above[column + 1] + 1, current[column] + 1))
            }
            above = current
        }
        return above[other.count]
    }

    /// The ONNX files decide as scikit-learn does, in the test data and on texts that are hard for tokenisers.
    @Test func decidesAsTheSourceLibrary() throws {
        let expected = try Figures(
            json: Data(contentsOf: URL(fileURLWithPath: Repository.path(Self.folder + "expected.json"))))
        for name in ["filter.onnx", "bayes.onnx", "svm.onnx"] {
            let subject = try SubjectSupport.subject(Self.configuration(name))
            let figures = expected["models"][name]
            guard case .classes(let right) = subject.targets else { throw Missing() }
            let hits = zip(right, subject.decisions).count { $0 == Int($1) }
            #expect(agree(Double(hits) / Double(right.count), figures["accuracy"].double, tolerance: 1e-12))
            let scores = figures["first_50_scores_of_spam"].doubles
            for (row, score) in scores.enumerated() {
                #expect(abs(Double(subject.predictions.scores[row * 2 + 1]) - score) < 1e-5, "\(name) \(row)")
            }
            #expect(scores.count == 50)
        }
        let hard = try Figures("figures/text.json")["scores"].list
        let answers = try Self.predict(Self.model("filter.onnx"), hard.compactMap { $0["text"].text })
        #expect(hard.count > 20 && answers.count == hard.count)
        for (row, figure) in hard.enumerated() {
            #expect(abs(Double(answers.scores[row * 2 + 1]) - (figure["spam"].double ?? -1)) < 1e-5, "text \(row)")
        }
    }

    /// The decomposition that normalisation begins with is that of Unicode.
    @Test func normalisationIsCompatibility() throws {
        var normaliser = TextNormaliser()
        normaliser.foldsLeet = false
        for figure in try Figures("figures/text.json")["nfkc"].list {
            let form = try #require(figure["form"].text)
            #expect(normaliser.normalise(figure["text"].text ?? "").unicodeScalars.elementsEqual(form.unicodeScalars))
        }
    }

    /// Every success, asked about by plain ONNX Runtime one by one, is decided as reported, within the budget; rates
    /// are those of the rows, with their intervals; spam and ham both turn in as many cases as a good attack turns.
    @Test(arguments: ["filter.onnx", "bayes.onnx", "svm.onnx"], [TextAccess.scores, .labels])
    func successesAreReal(name: String, access: TextAccess) throws {
        let result = try Self.run(Self.configuration(name, access: access, samples: 10))
        let model = try Self.model(name)
        var found = 0
        for row in result.rows where row.outcome == "found" {
            found += 1
            let (before, after) = (row.before, try #require(row.after))
            for (text, decision) in [(before, row.decisionBefore), (after, try #require(row.decisionAfter))] {
                let answer = try Self.predict(model, [text])
                #expect(answer.classes[Int(answer.labels[0])] == decision, "row \(row.row)")
            }
            #expect(row.decisionAfter != row.decisionBefore && !row.operators.isEmpty)
            #expect(
                row.edits == Self.edits(before, after) && (row.edits ?? 99) <= 40 && (row.words ?? 99) <= Self.words)
            let normalised = TextNormaliser().normalise(after)
            let answer = try Self.predict(model, [normalised])
            #expect(row.survivesNormalisation == (answer.classes[Int(answer.labels[0])] != row.decisionBefore))
        }
        let strongest = try #require(result.attack)
        #expect(strongest.succeeded == found && strongest.discarded == 0 && strongest.samples >= 16)
        let metrics = result.report.metrics.filter { $0.group == "operator=combined" }
        let rate = try #require(metrics.first { $0.name == "text.attack_success_rate" })
        #expect(agree(rate.value, Double(found) / Double(strongest.samples)) && rate.n == strongest.samples)
        let wilson = Intervals.wilson(successes: found, trials: strongest.samples)
        #expect(rate.low == wilson?.low && rate.high == wilson?.high)
        #expect((rate.value ?? 0) >= (access == .scores ? 0.65 : 0.4), "\(name) \(access)")
        for attack in result.attacks where ["homoglyphs", "zero_width"].contains(attack.attack) {
            #expect(attack.succeededNormalised == 0, "\(attack.attack)")
        }
    }

    /// The share of spam let through within five words, by a black box, is no less than nine tenths of what a search
    /// turns that knows every weight (with the interval of so few texts); the list of good words is measured on texts
    /// on which it was not chosen.
    @Test func comesNearToTheWhiteBox() throws {
        let result = try Self.run(Self.configuration(samples: 45))
        let white = try Figures("figures/text.json")["white_box"]
        for (label, name) in [("spam", "text.let_through_rate"), ("ham", "text.blocked_rate")] {
            let own = try #require(
                result.report.metrics.first { $0.name == name && $0.group == "operator=combined" })
            let bound =
                (white[label]["turned_within"][Self.words - 1].double ?? 0) / (white[label]["attacked"].double ?? 1)
            #expect((own.high ?? 0) >= 0.9 * bound && (own.value ?? 0) >= 0.75 * bound, "\(label)")
            let list = result.goodWords.filter { $0.from == label }
            #expect(list.count > 50 && list.prefix(20).allSatisfy { ($0.flips ?? 99) <= $0.of && $0.of > 40 })
            let together = list.compactMap(\.flipsTogether)
            #expect((together.last ?? 0) * 10 > 9 * (list.first?.of ?? 0), "all good words together open the filter")
            let universal = try #require(
                result.report.metrics.first { $0.name == "text.universal_success_rate" && $0.group == "from=\(label)" })
            #expect(agree(universal.value, Double(together[Self.words - 1]) / Double(universal.n)))
        }
    }

    /// Texts and words of the data stand in no redacted report; the same seed gives the same rows at any number of
    /// threads.
    @Test func redactionAndThreads() throws {
        var configuration = try Self.configuration(samples: 8, operators: [.goodWords, .zeroWidth])
        let plain = try Self.run(configuration)
        #expect(plain.rows == (try Self.run(configuration, threads: 3)).rows)
        configuration.report.isRedacted = true
        let json = String(decoding: try Self.run(configuration).json(), as: UTF8.self)
        let open = String(decoding: try plain.json(), as: UTF8.self)
        let long = plain.rows.map(\.before).filter { $0.count > 25 && !$0.contains("\"") && !$0.contains("/") }
        #expect(long.count > 4 && long.allSatisfy { !json.contains($0.prefix(20)) })
        #expect(long.contains { open.contains($0.prefix(20)) })
        #expect(!plain.goodWords.isEmpty && !json.contains("\"word\": \"\(plain.goodWords[0].word)\""))
        #expect(open.contains(plain.goodWords[0].word) && !json.contains("[\"\(plain.goodWords[0].word)\""))
    }

    /// Without training data half of the test texts choose the words; a late deadline keeps what there is; tables are
    /// no texts.
    @Test func otherSubjects() throws {
        var configuration = try Self.configuration(samples: 6, operators: [.goodWords, .homoglyphs])
        configuration.data.train = nil
        let halved = try Self.run(configuration)
        #expect(halved.report.probes[0].settings["texts known to the attacker"]?.hasSuffix("of the test data") == true)
        #expect(halved.attack.map { $0.succeeded > 3 } == true)
        let subject = try SubjectSupport.subject(Self.configuration(samples: 6))
        let late = try TextProbe().run(
            on: subject, context: RunContext(deadline: ContinuousClock.now - .seconds(1)))
        #expect(late.status == .partial && late.findings.isEmpty && late.attacker.isEmpty)
        #expect(late.metrics.contains { $0.name == "text.attack_success_rate" && $0.value == nil })
        let table = try SubjectSupport.subject(
            AuditConfiguration(contentsOf: Repository.path("Examples/mortgage/casemate.yaml")))
        #expect(TextProbe().reasonNotToRun(on: table) != nil && TextProbe().reasonNotToRun(on: subject) == nil)
        #expect(TextAttackJob.takesText(Repository.path("Examples/spam/svm.onnx")))
        for other in ["Examples/mortgage/pipeline.onnx", "Examples/digits/cnn.onnx", "Examples/spam/test.csv"] {
            #expect(!TextAttackJob.takesText(Repository.path(other)))
        }
    }
}

private struct Missing: Error {}
