import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import Synchronization
import Testing

/// A model made of a function of a batch of rows; two classes, the score of the second is given.
private final class FunctionModel: Model {
    let signature: ModelSignature
    private let answer: @Sendable ([[Double]], [[String]], _ call: Int) throws -> [Double]
    private let calls = Mutex(0)
    private let isRaw: Bool

    /// `texts` columns of text behind `numbers` columns of numbers; `isRaw` gives both scores as they are.
    init(
        numbers: Int, texts: Int = 0, isRaw: Bool = false,
        _ answer: @escaping @Sendable ([[Double]], [[String]], Int) throws -> [Double]
    ) {
        let inputs =
            texts == 0
            ? [ModelSignature.Input(name: "x", type: .float, shape: [nil, numbers])]
            : (0..<numbers + texts).map { index in
                ModelSignature.Input(name: "c\(index)", type: index < numbers ? .float : .string, shape: [nil, 1])
            }
        signature = ModelSignature(
            inputs: inputs, layout: texts == 0 ? .matrix : .columns, task: .binary, kind: .probabilities,
            classes: ["no", "yes"], fixedBatch: nil)
        (self.answer, self.isRaw) = (answer, isRaw)
    }

    func predict(_ inputs: [NamedTensor], cancellation: Cancellation) throws -> Predictions {
        let call = calls.withLock { calls in
            calls += 1
            return calls
        }
        let count = inputs[0].tensor.shape[0]
        let numbers = inputs.filter { $0.tensor.storage.doubles != nil }
        let rows = (0..<count).map { row in
            numbers.flatMap { input -> [Double] in
                let values = input.tensor.storage.doubles ?? []
                let width = values.count / max(1, count)
                return Array(values[row * width..<(row + 1) * width])
            }
        }
        let texts = (0..<count).map { row in
            inputs.compactMap { input -> String? in
                if case .string(let values) = input.tensor.storage { values[row] } else { nil }
            }
        }
        let yes = try answer(rows, texts, call)
        return Predictions(
            task: .binary, classes: signature.classes, kind: .probabilities,
            scores: yes.flatMap { [Float(1 - $0), Float($0)] }, labels: yes.map { $0 >= 0.5 ? 1 : 0 })
    }
}

private func sigmoid(_ value: Double) -> Double { 1 / (1 + exp(-value)) }
private func clean(_ row: [Double]) -> Double {
    sigmoid(row.map { max(-50, min(50, $0.isNaN ? 0 : $0)) }.reduce(0, +))
}

@Suite struct RandomTestingTests {
    private func real(_ width: Int, texts: Int = 0) -> FeatureMatrix {
        let numbers = normalMatrix(200, width, seed: 3)
        guard texts > 0 else { return numbers }
        let features = numbers.features + (0..<texts).map { Feature("t\($0)", .categorical(levels: ["a", "b", "c"])) }
        let values = (0..<200).flatMap { row in
            Array(numbers[row: row]) + (0..<texts).map { Float((row + $0) % 3) }
        }
        return FeatureMatrix(features: features, values: values)
    }

    private func run(_ model: any Model, _ real: FeatureMatrix, seed: UInt64 = 0) throws -> RandomTestResult {
        try RandomTest().run(
            model, real: real, decide: { $0.labels }, context: RunContext(seed: seed))
    }

    /// A model that clips and imputes is silent, whatever the seed; the same seed makes the same rows.
    @Test func aCleanModelIsSilent() throws {
        for seed in 0..<20 as Range<UInt64> {
            let model = FunctionModel(numbers: 3, texts: 1) { rows, texts, _ in
                zip(rows, texts).map { clean($0 + [$1[0] == "a" ? 1 : 0]) }
            }
            let result = try run(model, real(3, texts: 1), seed: seed)
            #expect(result.rows.count == 1_000 && result.answers.allSatisfy(\.isAnswered), "seed \(seed)")
            #expect(result.inconsistencies.isEmpty && result.compared > 500 && result.slow.isEmpty)
            #expect(result.outOfRange.isEmpty && result.labelDisagreements.isEmpty && !result.isPartial)
            #expect(Set(result.rows.map(\.kind)) == Set(GeneratedRow.Kind.allCases), "every kind is there")
            // why words: a missing number equals nothing, itself included.
            let again = seed == 0 ? try run(model, real(3, texts: 1)).rows : result.rows
            #expect(again.map { $0.cells.map(\.words) } == result.rows.map { $0.cells.map(\.words) })
        }
    }

    /// NaN for a negative third value: found, and reduced to that value alone.
    @Test func anAnswerThatIsNoNumberIsFoundAndReduced() throws {
        let model = FunctionModel(numbers: 5) { rows, _, _ in rows.map { $0[2] < -3 ? .nan : clean($0) } }
        let result = try run(model, real(5))
        let wrong = result.rows.indices.filter { result.answers[$0] == .notANumber && result.rows[$0].isOrdinary }
        #expect(!wrong.isEmpty)
        for index in wrong.prefix(10) {
            let features = try RandomTest().reduced(result.rows[index], model, real: real(5)) { $0 == .notANumber }
            #expect(features == [2], "row \(index)")
        }
    }

    /// A fault that needs two values together is reduced to both of them.
    @Test func aFaultOfTwoValuesIsReducedToBoth() throws {
        let model = FunctionModel(numbers: 8) { rows, _, _ in
            rows.map { $0[1] > 2 && $0[6] > 2 ? .infinity : clean($0) }
        }
        let cells = (0..<8).map { GeneratedRow.Cell.number($0 == 1 || $0 == 6 ? 5 : 1) }
        let row = GeneratedRow(.uniform, cells, invented: Array(0..<8))
        #expect(try RandomTest().reduced(row, model, real: real(8)) { $0 == .notANumber } == [1, 6])
    }

    /// A batch mean, a place in the batch, a counter of calls: each makes answers inconsistent.
    @Test(arguments: ["batch", "place", "state", "spoiled"])
    func answersThatDependOnNeighboursAreFound(_ fault: String) throws {
        let model = FunctionModel(numbers: 2) { rows, _, call in
            let finite = rows.map { clean($0) }
            switch fault {
            case "batch":
                let mean = finite.reduce(0, +) / Double(max(1, finite.count))
                return finite.map { sigmoid(4 * ($0 - mean)) }
            case "place": return finite.enumerated().map { $0 == 0 ? min(1, $1 + 0.001) : $1 }
            case "state": return finite.map { $0 * (call.isMultiple(of: 2) ? 1 : 0.99) }
            default: return rows.contains { $0.contains { abs($0) > 1e20 } } ? finite.map { 1 - $0 } : finite
            }
        }
        let result = try run(model, real(2))
        #expect(!result.inconsistencies.isEmpty, "\(fault)")
        #expect(result.inconsistencies.contains { $0.difference > 1e-4 })
    }

    /// Numbers that are no probabilities although they are called so.
    @Test func probabilitiesOutOfRangeAreFound() throws {
        let model = FunctionModel(numbers: 2) { rows, _, _ in rows.map { 0.5 + 0.2 * ($0[0].isFinite ? $0[0] : 0) } }
        let result = try run(model, real(2))
        #expect(result.outOfRange.contains { result.rows[$0].isOrdinary })
        #expect(!result.outOfRange.contains { result.rows[$0].kind == .shuffled && abs(number(result, $0)) < 2 })
    }
    private func number(_ result: RandomTestResult, _ row: Int) -> Double {
        if case .number(let value) = result.rows[row].cells[0] { value } else { .nan }
    }

    /// A refusal in a batch is put down to the rows that cause it, and nothing else is lost.
    @Test func refusalsArePutDownToTheirRows() throws {
        let model = FunctionModel(numbers: 1, texts: 2) { rows, texts, _ in
            if texts.contains(where: { !["a", "b", "c"].contains($0[0]) }) {
                throw CasemateError(.engineFailed, at: "model", "unknown category", help: "")
            }
            return rows.map { clean($0) }
        }
        let result = try run(model, real(1, texts: 2))
        for (row, answer) in zip(result.rows, result.answers) {
            guard case .text(let text) = row.cells[1] else { continue }
            #expect(answer == (["a", "b", "c"].contains(text) ? answer : .refused("unknown category")))
            #expect(["a", "b", "c"].contains(text) == answer.isAnswered)
        }
        let unseen = result.indices(of: .unseen)
        #expect(unseen.contains { !result.answers[$0].isAnswered })
        #expect(result.decided(1, among: result.indices(of: .uniform)).answered > 100)
    }

    /// A class that does not exist is no answer.
    @Test func aWrongNumberOfAnswersIsMalformed() throws {
        let model = FunctionModel(numbers: 2) { rows, _, _ in
            rows.contains { $0[0] < -5 } ? [] : rows.map { clean($0) }
        }
        let result = try run(model, real(2))
        let malformed = result.rows.indices.filter { if case .malformed = result.answers[$0] { true } else { false } }
        #expect(!malformed.isEmpty && malformed.allSatisfy { number(result, $0) < -5 })
    }

    /// Integer inputs get only what they can hold; a broken one-hot group is among the malformed rows.
    @Test func onlyWhatTheTypesHoldIsSent() throws {
        let features = (0..<3).map { Feature("x\($0)") }
        let values = (0..<60).map { Float($0 % 3 == ($0 / 3) % 3 ? 1 : 0) }
        let matrix = FeatureMatrix(features: features, values: values)
        let result = try RandomTest(rows: 300).run(
            IntegerModel(), real: matrix, oneHotGroups: [[0, 1, 2]], context: RunContext(seed: 1))
        #expect(result.answers.allSatisfy(\.isAnswered) && result.indices(of: .infinite).isEmpty)
        #expect(result.indices(of: .missing).isEmpty, "a whole number cannot be missing")
        let groups = result.indices(of: .malformed).map { result.rows[$0].cells }
        #expect(groups.contains([.number(0), .number(0), .number(0)]))
        #expect(groups.contains([.number(1), .number(1), .number(1)]))
    }
    private struct IntegerModel: Model {
        let signature = ModelSignature(
            inputs: [.init(name: "x", type: .int64, shape: [nil, 3])], layout: .matrix, task: .regression, kind: .value,
            classes: [], fixedBatch: nil)
        func predict(_ inputs: [NamedTensor], cancellation: Cancellation) throws -> Predictions {
            guard case .int64(let values) = inputs[0].tensor.storage else {
                throw CasemateError(.mismatch, at: "model", "not whole", help: "")
            }
            let scores = stride(from: 0, to: values.count, by: 3).map { Float(values[$0]) }
            return Predictions(task: .regression, classes: [], kind: .value, scores: scores, labels: [])
        }
    }

    /// Interruption stops it; a deadline that has passed leaves a partial result.
    @Test func itStopsWhenTold() throws {
        let model = FunctionModel(numbers: 2) { rows, _, _ in rows.map { clean($0) } }
        let late = RunContext(deadline: ContinuousClock.now)
        #expect(try RandomTest().run(model, real: real(2), context: late).isPartial)
        let cancelled = RunContext()
        cancelled.cancellation.cancel(.interrupted)
        #expect(throws: Cancelled(reason: .interrupted)) {
            try RandomTest().run(model, real: real(2), context: cancelled)
        }
        let none = FeatureMatrix(features: [Feature("x")], values: [])
        #expect(throws: CasemateError.self) { try RandomTest().run(model, real: none) }
    }

    /// What is said of a value: short, and without anything that a terminal would act on.
    @Test func valuesAreSaidInWords() {
        #expect(GeneratedRow.Cell.number(.nan).words == "missing" && GeneratedRow.Cell.text("").words == "missing")
        #expect(GeneratedRow.Cell.number(1e30).words == "1e+30" && GeneratedRow.Cell.number(-2).words == "-2")
        #expect(GeneratedRow.Cell.text(String(repeating: "a", count: 20_000)).words == "a text of 20000 characters")
        #expect(GeneratedRow.Cell.text("\u{1B}[31m").words == "'\\u{1B}[31m'")
        #expect(GeneratedRow.Cell.text("\u{202E}x").words == "'\\u{202E}x'")
    }
}
