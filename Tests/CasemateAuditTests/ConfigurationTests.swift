import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

@Suite("casemate.yaml becomes a configuration")
struct ConfigurationTests {
    static let full = """
        version: 1
        model:
          path: models/gbm.onnx
          task: binary
          layout: matrix
          features: [a, b]
          output: {label: l, scores: [p], kind: decision_values, classes: [no, yes]}
          row_shape: [1, 8, 8]
          provider: cuda
          previous: old.onnx
        data:
          train: train.csv
          test: /data/test.csv
          reference: known.csv
          target: y
          favourable: 1
          protected: [sex, {column: age, reference: under 25, buckets: [25, 60]}]
          identifiers: [id]
          weights: w
          time: t
          source: s
          ignore: [z]
          missing: [NA, "?"]
          types: {a: number, b: text}
        decision: {threshold: 0.28, positive: yes}
        feature_space:
          defaults: {bounds: none, integer: never, scale: raw}
          features: {a: {immutable: true}}
          one_hot: [{name: h, columns: [c, d]}]
          derived: {b: row.a * 2}
          relations: [row.a <= 9]
          max_changes: 3
          max_cost: 10
        probes:
          performance: {enabled: false, bins: 20}
          evasion: {norm: l2, samples: 7, iterations: 5, evaluations: 90, initial_evaluations: 30, queries: 5000,
            epsilons: [0.3, 0.1, 0.3], polish: false, goal: favourable}
          fairness: {thresholds: {air: 90 %, odds_difference: 0.2}, min_group: 5, alpha: 0.01}
          file: {max_bytes: 1000, allowed_domains: [com.example]}
        policy:
          fail_on: never
          rules: [performance.auc >= 0.75, evasion.robust_accuracy@0.25 >= 0.6]
          accept: [{fingerprint: 0123456789abcdef, reason: known, expires: 2027-01-31}]
        report: {output: out, formats: [json], redact: true}
        constraints: [row.a > 0, {name: order, rule: row.a <= row.b}]
        insiders: {path: staff.csv, column: id}
        cache: {enabled: false, folder: kept}
        seed: 7
        threads: 3
        budget: 2m
        """
    private func read(_ yaml: String) throws -> AuditConfiguration {
        try AuditConfiguration(yaml: yaml, file: "c.yaml", folder: "audits/")
    }

    @Test func readsEverySetting() throws {
        let configuration = try read(Self.full)
        #expect(configuration.model.path == "audits/models/gbm.onnx")
        #expect(
            configuration.model.overrides
                == ModelOverrides(
                    task: .binary, layout: .matrix, kind: .decisionValues, labelOutput: "l", scoreOutputs: ["p"],
                    classes: ["no", "yes"], rowShape: [1, 8, 8]))
        #expect(configuration.model.features == ["a", "b"])
        #expect(configuration.model.provider == "cuda" && configuration.model.previous == "audits/old.onnx")
        #expect(
            configuration.constraints == [
                .init("row.a > 0", at: "c.yaml:45:15"), .init("row.a <= row.b", name: "order", at: "c.yaml:45:46"),
            ])
        #expect(configuration.insiders == .init(path: "audits/staff.csv", column: "id"))
        #expect(configuration.cache == .init(isEnabled: false, folder: "audits/kept"))
        #expect(configuration.data.train == "audits/train.csv")
        #expect(configuration.data.test == "/data/test.csv")
        #expect(configuration.data.favourable == "1")
        #expect(
            configuration.data.protected
                == [.init("sex"), .init("age", reference: "under 25", buckets: [25, 60])])
        #expect(configuration.data.types == ["a": .number, "b": .text])
        #expect(configuration.data.excluded == ["y", "sex", "age", "id", "w", "t", "s", "z"])
        #expect(configuration.decision.threshold == 0.28 && configuration.decision.positive == "yes")
        #expect(configuration.featureSpace.defaults.scale == .raw)
        #expect(configuration.featureSpace.features["a"]?.isImmutable == true)
        #expect(configuration.featureSpace.oneHot.map(\.columns) == [["c", "d"]])
        #expect(configuration.probes[PerformanceProbe.self].bins == 20)
        #expect(configuration.probes.disabled == ["performance"])
        let evasion = configuration.probes[EvasionProbe.self]
        #expect(evasion.attack.norms == [.l2] && evasion.attack.goal == .favourable)
        #expect(evasion.attack.epsilons == [0.1, 0.3])
        #expect(try evasion.prepared(for: configuration).attack.epsilons == [0.1, 0.25, 0.3])
        let fairness = configuration.probes[FairnessProbe.self]
        #expect(fairness.adverseImpact == 0.9 && fairness.minimumGroup == 5)
        #expect(configuration.probes[FileProbe.self].allowedDomains == ["com.example"])
        #expect(configuration.policy.failOn == nil && configuration.policy.rules.count == 2)
        #expect(configuration.policy.accepted.first?.expires == CalendarDay("2027-01-31"))
        #expect(configuration.report.folder == "audits/out" && configuration.report.isRedacted)
        #expect(configuration.seed == 7 && configuration.threads == 3 && configuration.budget == 120)
        try configuration.validate()
    }

    @Test func theFullExampleMakesEverySettingThatIsServed() throws {
        let configuration = try read(Self.full)
        let left = configuration.effective.filter { $0.origin == .default }.map(\.key)
        // why: a model is a file or an endpoint, never both.
        #expect(left.filter { !$0.hasPrefix("probes.") && !$0.hasPrefix("model.endpoint.") } == ["model.format"])
    }

    /// Every setting of every probe, those to come included: what `config show` prints is read back as the same.
    @Test func settingsOfProbesAreReadAsTheyAreShown() throws {
        var configuration = AuditConfiguration()
        let probes = configuration.effective.filter { $0.key.hasPrefix("probes.") && !$0.value.isEmpty }
        #expect(probes.count > 20)
        for setting in probes {
            let text = setting.value.trimmingCharacters(in: ["[", "]", "\""])
            guard !text.isEmpty, !text.hasPrefix("{") else { continue }
            try configuration.set(setting.key, text, origin: .option("test"))
            #expect(configuration.effective.first { $0.key == setting.key }?.value == setting.value, "\(setting.key)")
        }
        for key in probes.map(\.key) where key.hasSuffix(".enabled") {
            try configuration.set(key, "false", origin: .option("test"))
        }
        #expect(configuration.probes.disabled == Set(builtInProbes.map { $0.identifier }))
    }

    @Test func showsWhereEachValueComesFrom() throws {
        var configuration = try read("model: m.onnx\nseed: 3\n")
        try configuration.set("seed", "9", origin: .option("--seed"))
        try configuration.set("probes.evasion.epsilons", "0.2,0.1", origin: .environment("CASEMATE_EPSILONS"))
        try configuration.set("data.protected", "race, sex", origin: .option("--protected"))
        try configuration.set("data.test", "t.csv", origin: .option("--test"))
        func effective(_ key: String) -> AuditConfiguration.EffectiveSetting? {
            configuration.effective.first { $0.key == key }
        }
        #expect(effective("seed")?.value == "9")
        #expect(effective("seed")?.origin == .option("--seed"))
        #expect(effective("model.path")?.value == "audits/m.onnx")
        #expect(effective("model.path")?.origin.description == "c.yaml:1:8")
        #expect(effective("probes.evasion.epsilons")?.value == "[0.1, 0.2]")
        #expect(effective("data.protected")?.value == "[race, sex]")
        #expect(effective("data.test")?.value == "t.csv")
        #expect(effective("report.output")?.value == "casemate-report")
        #expect(effective("report.output")?.origin == .default)
        #expect(effective("budget")?.value == "")
    }

    @Test func numbersFallIntoBuckets() {
        let age = AuditConfiguration.Protected("age", buckets: [25, 60])
        #expect(age.group(of: 24.9) == "under 25")
        #expect(age.group(of: 25) == "25 to under 60")
        #expect(age.group(of: 60) == "60 and over")
        #expect(age.group(of: .nan) == nil)
        #expect(AuditConfiguration.Protected("age").group(of: 3) == nil)
    }

    static let mistakes: [(String, String)] = [
        ("modle: m.onnx", "c.yaml:1:1: unknown key: 'modle', did you mean 'model'? [unknown-key]"),
        (
            "probes: {evasion: {smaples: 3}}",
            "c.yaml:1:20: unknown key in 'probes.evasion': 'smaples', did you mean 'samples'? [unknown-key]"
        ),
        ("version: 2", "c.yaml:1:10: 'version': expected the number 1, found the number 2 [invalid-setting]"),
        (
            "seed: -1",
            "c.yaml:1:7: 'seed': expected a whole number of at least 0, found the number -1 [invalid-setting]"
        ),
        ("budget: soon", "c.yaml:1:9: 'budget': expected a time such as 30s or 2m, found 'soon' [invalid-setting]"),
        (
            "policy: {rules: [performance.acc > 1]}",
            "c.yaml:1:18: rule 'performance.acc > 1': unknown metric 'performance.acc', did you mean 'performance.auc'? "
                + "[invalid-setting]"
        ),
        (
            "policy: {accept: [{fingerprint: xyz, reason: r, expires: 2027-01-31}]}",
            "c.yaml:1:33: 'xyz' is no fingerprint: expected 16 hexadecimal digits [invalid-setting]\n"
                + "  help: copy it from the finding in the report, in quotes"
        ),
        (
            "policy: {accept: [{fingerprint: 0123456789abcdef, reason: r}]}",
            "c.yaml:1:19: 'policy.accept[0]' lacks the key 'expires' [invalid-setting]\n"
                + "  help: expires: last day on which it is accepted"
        ),
        (
            "data: {protected: [{column: age, buckets: [60, 25]}]}",
            "c.yaml:1:43: the buckets of 'age' are not ascending [invalid-setting]\n"
                + "  help: list each cut once, the smallest first"
        ),
        (
            "probes: {evasion: {epsilons: [0.1, 0]}}",
            "c.yaml:1:36: 'probes.evasion.epsilons[1]': expected a number above 0, found the number 0 [invalid-setting]"
        ),
    ]
    @Test(arguments: mistakes) func refuses(yaml: String, expected: String) {
        let found = failure { _ = try read(yaml) }
        #expect(found == expected || found.hasPrefix(expected + "\n  help: "), "\(found)")
    }

    static let clashes: [(String, String)] = [
        (
            "data: {test: t.csv, target: y}",
            "audit: 'model.path' is not given [invalid-setting]\n"
                + "  help: write `model: {path: …}` in casemate.yaml, or add --model"
        ),
        (
            "model: m.onnx\ndata: {test: t.csv, target: y, ignore: [y]}",
            "c.yaml:2:40: the column 'y' is both 'data.target' and 'data.ignore' [invalid-setting]\n"
                + "  help: give each column one role"
        ),
        (
            "model: {path: m.onnx, features: [x, y]}\ndata: {test: t.csv, target: y}",
            "c.yaml:1:33: the feature 'y' is also 'data.target' [invalid-setting]\n"
                + "  help: a model that is given its target knows the answer: remove it from the features"
        ),
        (
            "model: m.onnx\ndata: {test: t.csv, target: y}\nprobes: {evasion: {goal: favourable}}",
            "c.yaml:3:26: the goal 'favourable' needs a favourable outcome [invalid-setting]\n"
                + "  help: add `data: {favourable: …}`, or use the goal 'any'"
        ),
        (
            "model: m.onnx\ndata: {test: t.csv, target: y}\nprobes: {evasion: {evaluations: 5}}",
            "audit: 100 initial evaluations are more than the 5 evaluations [invalid-setting]\n"
                + "  help: raise 'probes.evasion.evaluations', or lower this"
        ),
    ]
    @Test(arguments: clashes) func validates(yaml: String, expected: String) {
        #expect(failure { try read(yaml).validate() } == expected)
    }

    @Test func optionsAreRefusedAtTheirOwnPlace() {
        var configuration = AuditConfiguration()
        #expect(
            failure { try configuration.set("sede", "1", origin: .option("--sede")) }
                == "--sede: unknown setting 'sede', did you mean 'seed'? [unknown-key]\n"
                + "  help: see docs/reference/casemate-yaml.md")
        #expect(
            failure { try configuration.set("seed", "x", origin: .environment("CASEMATE_SEED")) }
                .hasPrefix("CASEMATE_SEED: 'seed': expected a whole number of at least 0, found the text 'x'"))
    }

    /// Bytes are dropped, doubled, swapped and replaced; whatever comes of it is read or refused with a place.
    @Test func mutationsOfAValidFileNeverTrap() {
        var generator = SeededGenerator(seed: 11)
        let original = Array(Self.full.utf8)
        for round in 0..<3000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(bytes[place], at: place)
                case 2: bytes[place] = UInt8.random(in: 9...126, using: &generator)
                default: bytes.swapAt(place, Int.random(in: bytes.indices, using: &generator))
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            do { try read(text).validate() } catch {
                guard let error = error as? CasemateError else {
                    Issue.record("round \(round): \(error)")
                    continue
                }
                #expect(!error.place.isEmpty && !error.what.isEmpty, "round \(round): \(error)")
            }
        }
    }

    private func failure(_ body: () throws -> Void) -> String {
        do { try body() } catch let error as CasemateError { return error.description } catch { return "\(error)" }
        return "no error"
    }
}
