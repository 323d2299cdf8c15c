import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Every export form, against the library that trained the model.
@Suite struct RuntimeFixtureTests {
    /// What the index calls a form, as Casemate's kind of scores.
    static let kinds: [String: ScoreKind] = [
        "label": .labels, "label_zipmap": .probabilities, "label_columns": .probabilities,
        "label_probabilities": .probabilities, "label_scores": .decisionValues, "logits": .logits,
        "log_probabilities": .logits, "sigmoid": .probabilities, "logit": .logits, "probabilities": .probabilities,
        "scores": .decisionValues, "value": .value,
    ]

    @Test func thereAreFixtures() { #expect(OnnxFixtures.good.count > 60 && OnnxFixtures.bad.count > 40) }

    @Test(arguments: OnnxFixtures.good)
    func answersLikeTheSourceLibrary(entry: OnnxFixtures.Entry) throws {
        if entry.file == "sk_text_lowercase.onnx", !hasLocale("en_US.UTF-8") {
            let error = failure { _ = try OnnxFixtures.model("sk_text_lowercase") }
            #expect(error?.code == .unsupported && error?.help.contains("locale") == true)
            return
        }
        var overrides = ModelOverrides(includesRawScores: true)
        if entry.form == "logit" { overrides.task = .binary }
        let model = try OnnxModel(path: entry.path, runtime: OnnxFixtures.runtime.get(), overrides: overrides)
        let answer = try model.predict(entry.inputs, cancellation: Cancellation())
        #expect(answer.count == entry.rows)
        #expect(model.signature.task.rawValue == entry.task && answer.task == model.signature.task)
        #expect(model.signature.kind == Self.kinds[entry.form] && answer.kind == model.signature.kind)
        if !entry.classes.isEmpty { #expect(model.signature.classes == entry.classes) }
        #expect(answer.labels.map { answer.classes[Int($0)] } == entry.labels)
        let tolerance = max(entry.tolerance, 1e-5)
        if !entry.probabilities.isEmpty, model.signature.kind != .labels {
            #expect(distance(answer.scores, entry.probabilities) <= tolerance)
        }
        if !entry.values.isEmpty {
            var raw = answer.scores
            if case .float(let values) = answer.outputs.first?.tensor.storage { raw = values }
            #expect(distance(raw, entry.values, relative: true) <= tolerance)
        }
    }

    @Test(arguments: OnnxFixtures.good.filter { $0.file != "sk_text_lowercase.onnx" })
    func oneRowAnswersAsManyDo(entry: OnnxFixtures.Entry) throws {
        let model = try OnnxModel(path: entry.path, runtime: OnnxFixtures.runtime.get())
        let cancellation = Cancellation()
        let all = try model.predict(entry.inputs, cancellation: cancellation)
        let width = all.scores.count / entry.rows
        for row in 0..<entry.rows {
            let one = try model.predict(entry.inputs.map { $0.rows([row]) }, cancellation: cancellation)
            let wanted = all.scores[row * width..<(row + 1) * width].map { Double($0) }
            #expect(distance(one.scores, wanted) <= (entry.file == "torch_float16.onnx" ? 4e-3 : 1e-5))
            if !all.labels.isEmpty { #expect(one.labels == [all.labels[row]]) }
        }
        let many = (0..<entry.rows * 5 + 3).map { $0 % entry.rows }
        let repeated = try model.predict(entry.inputs.map { $0.rows(many) }, cancellation: cancellation)
        #expect(repeated.labels == (all.labels.isEmpty ? [] : many.map { all.labels[$0] }))
        let none = try model.predict(entry.inputs.map { $0.rows([]) }, cancellation: cancellation)
        #expect(none.count == 0 && none.scores.isEmpty)
    }

    /// The error code that each kind of defect gives.
    static let codes: [String: Set<CasemateError.Code>] = [
        "truncated": [.malformed], "empty": [.malformed], "not-onnx": [.malformed], "no-graph": [.malformed],
        "no-outputs": [.malformed], "no-inputs": [.unsupported], "no-opset": [.malformed],
        "custom-operator": [.unsupported], "undeclared-domain": [.malformed], "unknown-operator": [.unsupported],
        "unsupported-opset": [.unsupported], "unsupported-ir": [.unsupported], "unknown-output": [.unsupported],
        "unknown-input": [.unsupported], "external-data-missing": [.notFound, .malformed],
        "external-data-outside": [.refused], "external-data-short": [.malformed], "tensor-size": [.malformed],
        "tensor-type": [.malformed], "out-of-memory": [.limitExceeded], "too-deep": [.limitExceeded],
        "cycle": [.malformed], "dangling-input": [.malformed], "dangling-output": [.malformed],
        "duplicate-name": [.malformed], "length": [.malformed], "text": [.malformed],
        "nan-output": [.unsupported, .unusableData], "shape": [.malformed], "row-count": [.mismatch, .engineFailed],
        "not-a-file": [.unreadable],
    ]

    @Test(arguments: OnnxFixtures.bad)
    func badFilesGiveOneClearError(bad: OnnxFixtures.Bad) throws {
        let runtime = try OnnxFixtures.runtime.get()
        let error = failure {
            let model = try OnnxModel(path: bad.path, runtime: runtime)
            let size = model.rowSize ?? 1
            let rows = (0..<size * 3).map { Float($0 % 5) - 2 }
            _ = try model.predict(rows: rows, count: 3, cancellation: Cancellation())
        }
        let found = try #require(error, "\(bad.wrong)")
        let wanted = try #require(Self.codes[bad.reason], "new reason '\(bad.reason)'")
        #expect(wanted.contains(found.code), "\(bad.wrong): \(found)")
        #expect(!found.help.isEmpty && found.place.contains(bad.file))
        #expect(!found.description.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    }
}
