import CasemateCore
import CasemateModels
import Foundation
import Synchronization
import TestSupport
import Testing

/// What the runtime does apart from the numbers: threads, cancellation, overrides, engines.
@Suite struct RuntimeBehaviourTests {
    private func rows(_ count: Int, width: Int = 4) -> [Float] {
        var generator = SeededGenerator(seed: 11)
        return (0..<count * width).map { _ in generator.uniform() * 6 - 3 }
    }

    @Test(arguments: ["lightgbm_binary", "sk_random_forest_multiclass", "torch_logits_4", "torch_fixed_batch_4"])
    func anyNumberOfThreadsGivesTheSameBytes(file: String) throws {
        let (count, cancellation) = (9_001, Cancellation())
        let rows = rows(count)
        let one = try OnnxFixtures.model(file).predict(rows: rows, count: count, cancellation: cancellation)
        for threads in [2, 3] {
            let model = try OnnxFixtures.model(file, options: ExecutionOptions(threads: threads))
            let many = try model.predict(rows: rows, count: count, cancellation: cancellation)
            #expect(many.scores.map(\.bitPattern) == one.scores.map(\.bitPattern) && many.labels == one.labels)
        }
    }

    @Test func manyCallersUseOneModel() throws {
        let model = try OnnxFixtures.model("lightgbm_multiclass", options: ExecutionOptions(threads: 2))
        let rows = rows(500)
        let wanted = try model.predict(rows: rows, count: 500, cancellation: Cancellation())
        let wrong = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<20 {
                let answer = try? model.predict(rows: rows, count: 500, cancellation: Cancellation())
                if answer != wanted { wrong.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }

    /// 300 products of 1,024 × 1,024 matrices: far more than a second of work for one piece of rows.
    static func heavyModel() throws -> Data {
        var model = OnnxGraphTests.linear(width: 1_024, outputs: 1_024)
        let node = model.graph.node[0]
        model.graph.node = (0..<300).map { index in
            var copy = node
            copy.input[0] = index == 0 ? "x" : "h\(index)"
            copy.output = [index == 299 ? "y" : "h\(index + 1)"]
            return copy
        }
        return try model.fileBytes()
    }

    @Test func cancellationStopsALongRunWithinASecond() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/heavy.onnx"
            try Self.heavyModel().write(to: URL(fileURLWithPath: path))
            let model = try OnnxModel(
                path: path, runtime: OnnxFixtures.runtime.get(), options: ExecutionOptions(threads: 2))
            let rows = [Float](repeating: 0.001, count: 8_192 * 1_024)
            let cancellation = Cancellation()
            let cancelled = Mutex<ContinuousClock.Instant?>(nil)
            Thread.detachNewThread {
                usleep(300_000)
                cancelled.withLock { $0 = ContinuousClock.now }
                cancellation.cancel(.interrupted)
            }
            #expect(throws: Cancelled(reason: .interrupted)) {
                try model.predict(rows: rows, count: 8_192, cancellation: cancellation)
            }
            let start = try #require(cancelled.withLock { $0 })
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(throws: Cancelled(reason: .interrupted)) {
                try model.predict(rows: rows, count: 8_192, cancellation: cancellation)
            }
        }
    }

    @Test func aMissingEngineIsNamedWithWhatToDo() {
        let search = EngineSearch(environment: [:], systemFolders: ["/nowhere"], enginesFolders: ["/nowhere/engines"])
        let error = failure { _ = try OnnxRuntime(search) }
        #expect(error?.code == .engineMissing && error?.place == "onnxruntime")
        #expect(error?.help.contains("make setup") == true && error?.help.contains("CASEMATE_ONNXRUNTIME") == true)
        let file = Repository.path("Package.swift")
        let odd = EngineSearch(environment: ["CASEMATE_ONNXRUNTIME": file], enginesFolders: [])
        let other = failure { _ = try OnnxRuntime(odd) }
        #expect(other?.code == .engineMissing && other?.place == file)
    }

    @Test func impossibleOptionsAreRefused() throws {
        #expect(
            failure { _ = try OnnxFixtures.model("sk_tree", options: .init(provider: "tpu")) }?.code == .invalidSetting)
        #expect(failure { _ = try OnnxFixtures.model("sk_tree", options: .init(threads: 0)) }?.code == .invalidSetting)
        let runtime = try OnnxFixtures.runtime.get()
        if !runtime.providers.contains("CUDAExecutionProvider") {
            let error = failure { _ = try OnnxFixtures.model("sk_tree", options: .init(provider: "cuda")) }
            #expect(error?.code == .engineMissing && error?.help.contains("cpu") == true)
        }
    }

    @Test func overridesDecideWhatTheGraphLeavesOpen() throws {
        let (count, cancellation) = (4, Cancellation())
        let rows = rows(count)
        func answer(_ file: String, _ overrides: ModelOverrides) throws -> Predictions {
            try OnnxFixtures.model(file, overrides: overrides).predict(
                rows: rows, count: count, cancellation: cancellation)
        }
        let value = try answer("torch_single_raw", .init())
        #expect(value.task == .regression && value.scores.count == count)
        let logit = try answer("torch_single_raw", .init(kind: .logits))
        #expect(logit.task == .binary && logit.kind == .logits && logit.scores.count == 2 * count)
        for row in 0..<count {
            let wanted = 1 / (1 + exp(-value.scores[row]))
            #expect(abs(logit.scores[2 * row + 1] - wanted) < 1e-6)
            #expect(logit.labels[row] == (value.scores[row] >= 0 ? 1 : 0))
        }
        #expect(try answer("torch_sigmoid_column", .init(task: .regression)).task == .regression)
        let named = try answer("sk_logistic_tensor", .init(classes: ["no", "yes"]))
        #expect(named.classes == ["no", "yes"])
        #expect(named.labels == (try answer("sk_logistic_tensor", .init())).labels)
        #expect(try answer("torch_two_scores", .init(kind: .logits)).kind == .logits)
        let one = try answer("torch_two_outputs", .init(task: .regression, scoreOutputs: ["score_yes"]))
        #expect(one.task == .regression)
    }

    @Test func overridesThatDoNotFitAreRefused() {
        func code(_ file: String, _ overrides: ModelOverrides) -> CasemateError? {
            failure { _ = try OnnxFixtures.model(file, overrides: overrides) }
        }
        let typo = code("sk_tree", .init(scoreOutputs: ["probabilites"]))
        #expect(typo?.code == .invalidSetting && typo?.what.contains("did you mean 'probabilities'") == true)
        #expect(code("sk_tree", .init(task: .multiclass))?.code == .invalidSetting)
        #expect(code("torch_logits_4", .init(task: .regression))?.code == .invalidSetting)
        #expect(code("sk_tree", .init(classes: ["a", "b", "c"]))?.code == .invalidSetting)
        #expect(code("sk_tree", .init(classes: ["a", "a"]))?.code == .invalidSetting)
        #expect(code("image_nchw", .init(rowShape: [3, 8, 8]))?.code == .invalidSetting)
    }

    @Test func inputsThatDoNotFitAreNamed() throws {
        let model = try OnnxFixtures.model("sk_tree")
        let cancellation = Cancellation()
        let wide = NamedTensor("X", Tensor(shape: [1, 5], .float([1, 2, 3, 4, 5])))
        let error = failure { _ = try model.predict([wide], cancellation: cancellation) }
        #expect(error?.code == .mismatch && error?.what.contains("[N,4]") == true)
        let strings = NamedTensor("X", Tensor(shape: [1, 4], .string(["a", "b", "c", "d"])))
        #expect(failure { _ = try model.predict([strings], cancellation: cancellation) }?.code == .mismatch)
        #expect(failure { _ = try model.predict([], cancellation: cancellation) }?.code == .mismatch)
        #expect(
            failure { _ = try model.predict(rows: [1, 2, 3], count: 1, cancellation: cancellation) }?.code == .mismatch)
        let whole = try OnnxFixtures.model("sk_int64_matrix")
        let missing = NamedTensor("X", Tensor(shape: [1, 4], .float([1, .nan, 3, 4])))
        #expect(failure { _ = try whole.predict([missing], cancellation: cancellation) }?.code == .mismatch)
    }

    /// Every pattern of 16 bits goes to float32 and back; between two neighbours the nearer one is taken.
    @Test func halfPrecisionIsExact() {
        var wrong: [UInt16] = []
        for bits in 0...UInt16.max {
            let value = HalfPrecision.float(bits)
            if value.isNaN {
                if !HalfPrecision.float(HalfPrecision.bits(value)).isNaN { wrong.append(bits) }
                continue
            }
            if HalfPrecision.bits(value) != bits { wrong.append(bits) }
            let next = HalfPrecision.float(bits &+ 1)
            guard next.isFinite, value.isFinite, (next > 0) == (value >= 0), bits & 0x7FFF < 0x7BFF else { continue }
            let middle = HalfPrecision.bits((value + next) / 2)
            if middle != (bits & 1 == 0 ? bits : bits + 1) { wrong.append(bits) }
        }
        #expect(wrong.isEmpty)
        #expect(
            HalfPrecision.float(HalfPrecision.bits(65_519)) == 65_504
                && HalfPrecision.float(HalfPrecision.bits(1e6)).isInfinite)
    }
}
