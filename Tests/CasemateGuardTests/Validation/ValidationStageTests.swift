import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing

/// What the stage accepts is what a plain reading of its settings accepts.
@Suite struct ValidationStageTests {
    private static let model = CheckSupport.matrixModel([Feature("a"), Feature("b"), Feature("c")])

    private func stage(_ yaml: String?, _ model: ModelDescription = model, folder: String = "") throws
        -> ValidationStage
    {
        try ValidationStage(
            try yaml.map { try CheckSupport.settings($0, ValidationStage.keys) },
            setup: CheckSupport.setup(model, folder: folder))
    }
    private func examine(_ stage: ValidationStage, _ request: InferenceRequest) async throws -> StageVerdict {
        var exchange = CheckSupport.exchange()
        return try await stage.examine(request, &exchange)
    }
    private func refusal(_ verdict: StageVerdict) -> GuardRefusal? {
        if case .refuse(let refusal) = verdict.consequence { refusal } else { nil }
    }

    @Test func numbersThatAreNoneNeverPass() async throws {
        let plain = try stage(nil)
        #expect(
            try await examine(
                plain, CheckSupport.request([[1, -0.0, 3e38], [0, Float.leastNonzeroMagnitude, -3e38]], Self.model))
                == .pass)
        for (value, reason) in [(Float.nan, "missing:b"), (.infinity, "range:b"), (-.infinity, "range:b")] {
            let verdict = try await examine(plain, CheckSupport.request([[1, 2, 3], [1, value, 3]], Self.model))
            let found = try #require(refusal(verdict))
            #expect(found.kind == .unprocessable && found.kind.status == 422 && found.field == "b")
            #expect(found.detail.contains("row 1") && found.detail.contains("'b'"))
            #expect(verdict.reasons == [reason])
        }
        let open = try stage("missing: allow")
        #expect(try await examine(open, CheckSupport.request([[.nan, .nan, 1]], Self.model)) == .pass)
        #expect(try await refusal(examine(open, CheckSupport.request([[.nan, .infinity, 1]], Self.model))) != nil)
        let one = try stage("ranges: {b: {missing: true}}")
        #expect(try await examine(one, CheckSupport.request([[1, .nan, 1]], Self.model)) == .pass)
        #expect(try await refusal(examine(one, CheckSupport.request([[.nan, 1, 1]], Self.model))) != nil)
    }

    /// Every verdict on random rows is that of a check written anew, row by row and value by value.
    @Test func agreesWithABruteForceCheck() async throws {
        let stage = try stage(
            """
            ranges:
              a: {min: -1, max: 1}
              b: {min: 0, whole: true, missing: true}
              c: {max: 2.5}
            rules:
              - {name: a below c, rule: row.a <= row.c}
              - row.b * 2 < 9
            """)
        var generator = SeededGenerator(seed: 1)
        func value() -> Float {
            switch Int.random(in: 0..<12, using: &generator) {
            case 0 where Bool.random(using: &generator): .nan
            case 1 where Bool.random(using: &generator):
                [Float.infinity, -.infinity].randomElement(using: &generator) ?? 0
            case 2: [-1, 1, 0, 2.5, 4.5, 1.0000001].randomElement(using: &generator) ?? 0
            case 3...9: Float(Int.random(in: 0...2, using: &generator))
            default: Float.random(in: -1.2...2.6, using: &generator)
            }
        }
        func expected(_ row: [Float]) -> [String] {
            var reasons: [String] = []
            let (a, b, c) = (row[0], row[1], row[2])
            if a.isNaN { reasons.append("missing:a") } else if !(a >= -1 && a <= 1) { reasons.append("range:a") }
            if !b.isNaN, !(b >= 0 && b.isFinite && b == b.rounded()) { reasons.append("range:b") }
            if c.isNaN { reasons.append("missing:c") } else if !(c <= 2.5 && c.isFinite) { reasons.append("range:c") }
            if !a.isNaN, !c.isNaN, a > c { reasons.append("rule:a below c") }
            if !b.isNaN, b * 2 >= 9 { reasons.append("rule:row.b * 2 < 9") }
            return reasons
        }
        var passed = 0
        for _ in 0..<4_000 {
            let rows = (0..<Int.random(in: 1...4, using: &generator)).map { _ in [value(), value(), value()] }
            let verdict = try await examine(stage, CheckSupport.request(rows, Self.model))
            let bad = rows.firstIndex { !expected($0).isEmpty }
            guard let bad else {
                #expect(verdict == .pass, "\(rows)")
                passed += 1
                continue
            }
            #expect(verdict.reasons == expected(rows[bad]), "\(rows)")
            #expect(refusal(verdict)?.detail.contains("row \(bad)") == true)
        }
        #expect(passed > 200 && passed < 3_800, "\(passed)")
    }

    @Test func refusalsHoldNoValues() async throws {
        let stage = try stage("ranges: {a: {min: 0, max: 1}}")
        let verdict = try await examine(stage, CheckSupport.request([[123_456, 1, 1]], Self.model))
        let found = try #require(refusal(verdict))
        let text = "\(found.detail) \(found.field) \(found.reason) \(verdict.reasons)"
        #expect(!text.contains("123") && text.contains("'a'"))
    }

    @Test func countsRowsAndLengths() async throws {
        let short = try stage("max_rows: 2")
        #expect(try await examine(short, CheckSupport.request([[1, 1, 1], [1, 1, 1]], Self.model)) == .pass)
        let verdict = try await examine(short, CheckSupport.request([[1, 1, 1], [1, 1, 1], [1, 1, 1]], Self.model))
        #expect(verdict.reasons == ["rows"] && refusal(verdict)?.kind == .unprocessable)
        let texts = ModelDescription(
            name: "t", version: "1", sha256: CheckSupport.digest, platform: "test",
            inputs: [.init(name: "text", type: .string, shape: [nil])], outputs: [], layout: .text, task: .binary,
            classes: ["0", "1"], features: [])
        let bounded = try stage("max_text: 5", texts)
        func request(_ values: [String]) -> InferenceRequest {
            InferenceRequest(
                inputs: [NamedTensor("text", Tensor(shape: [values.count], .string(values)))], rows: values.count,
                model: texts)
        }
        #expect(try await examine(bounded, request(["12345", ""])) == .pass)
        let long = try await examine(bounded, request(["1", "1é345"]))
        #expect(long.reasons == ["length:text"] && refusal(long)?.detail.contains("row 1") == true)
    }

    @Test func readsColumnsOfTextsAndNumbers() async throws {
        let features = [Feature("age"), Feature("kind", .categorical(levels: ["a", "b"])), Feature("note")]
        let model = ModelDescription(
            name: "c", version: "1", sha256: CheckSupport.digest, platform: "test",
            inputs: [
                .init(name: "age", type: .double, shape: [nil, 1]),
                .init(name: "kind", type: .string, shape: [nil, 1]),
                .init(name: "note", type: .string, shape: [nil, 1]),
            ], outputs: [], layout: .columns, task: .binary, classes: ["0", "1"], features: features)
        func request(_ age: Double, _ kind: String, _ note: String) -> InferenceRequest {
            InferenceRequest(
                inputs: [
                    NamedTensor("age", Tensor(shape: [1, 1], .double([age]))),
                    NamedTensor("kind", Tensor(shape: [1, 1], .string([kind]))),
                    NamedTensor("note", Tensor(shape: [1, 1], .string([note]))),
                ], rows: 1, model: model)
        }
        let stage = try stage("rules: ['row.kind != \"b\" || row.age > 17']", model)
        #expect(try await examine(stage, request(3, "a", "anything")) == .pass)
        #expect(try await examine(stage, request(3, "c", "")).reasons == ["level:kind"])
        #expect(try await examine(stage, request(3, "", "")).reasons == ["missing:kind"])
        #expect(try await examine(stage, request(3, "b", "")).reasons == ["rule:row.kind != \"b\" || row.age > 17"])
        #expect(try await examine(stage, request(1e300, "a", "")).reasons == ["range:age"])
        #expect(try await examine(stage, request(.nan, "a", "")).reasons == ["missing:age"])
        let open = try self.stage("unseen_levels: allow", model)
        #expect(try await examine(open, request(3, "c", "")) == .pass)
    }

    @Test func looksAtTensorsThatAreNoRows() async throws {
        let model = ModelDescription(
            name: "i", version: "1", sha256: CheckSupport.digest, platform: "test",
            inputs: [.init(name: "x", type: .float16, shape: [nil, 2])], outputs: [], layout: .matrix, task: .binary,
            classes: ["0", "1"], features: [])
        func request(_ storage: Tensor.Storage) -> InferenceRequest {
            InferenceRequest(inputs: [NamedTensor("x", Tensor(shape: [2, 2], storage))], rows: 2, model: model)
        }
        let stage = try stage(nil, model)
        #expect(try await examine(stage, request(.float16([0, 0x3C00, 0x7BFF, 0xFBFF]))) == .pass)
        #expect(try await examine(stage, request(.float16([0, 0x3C00, 0x7C00, 0]))).reasons == ["range:x"])
        #expect(
            try await refusal(examine(stage, request(.float16([0, 0, 0, 0x7E01]))))?.detail.contains("row 1") == true)
        #expect(try await examine(stage, request(.double([0, .nan, 0, 0]))).reasons == ["missing:x"])
        #expect(try await examine(stage, request(.int64([0, 1, 2, 3]))) == .pass)
        #expect(try await examine(try self.stage("missing: allow", model), request(.float([0, .nan, 0, 0]))) == .pass)
    }

    @Test func settingsThatDoNotFitAreErrors() {
        for (yaml, word) in [
            ("ranges: {d: {min: 1}}", "did you mean"), ("ranges: {a: {min: 2, max: 1}}", "above"),
            ("rules: [row.z > 1]", "row.z"), ("rules: ['row.a > 1 && row.a < 0']", "no row"),
            ("rules: [row.a >]", "rule"), ("margin: 0.5", "profile"), ("profile: nowhere", "no profile"),
            ("max_rows: 0", "max_rows"), ("unknown: 1", "unknown"),
        ] {
            let error = #expect(throws: CasemateError.self, "\(yaml)") { try stage(yaml) }
            #expect(error.map { "\($0)".contains(word) } == true, "\(yaml): \(error.map { "\($0)" } ?? "")")
        }
    }
}
