import CasemateGuard
import CasemateModels
import Foundation
import Testing

/// Predictions and tensors say the same after a change, in every form that models answer in.
@Suite struct AnswerRewriteTests {
    private static func answer(
        _ label: Tensor.Storage?, _ scores: Tensor.Storage?, shape: [Int] = [2, 2], kind: ScoreKind = .probabilities,
        classes: [String] = ["no", "yes"], predicted: [Float] = [0.8, 0.2, 0.3, 0.7]
    ) -> InferenceAnswer {
        var outputs: [NamedTensor] = []
        if let label { outputs.append(NamedTensor("label", Tensor(shape: [2], label))) }
        if let scores { outputs.append(NamedTensor("scores", Tensor(shape: shape, scores))) }
        outputs.append(NamedTensor("other", Tensor(shape: [1], .float([9]))))
        return InferenceAnswer(
            outputs: outputs,
            predictions: Predictions(
                task: classes.count > 2 ? .multiclass : .binary, classes: classes, kind: kind, scores: predicted,
                labels: [0, 1]),
            roles: .init(
                label: label == nil ? nil : "label", scores: scores == nil ? nil : "scores", kind: kind))
    }
    private static let changed: [Float] = [0.25, 0.75, 0.5, 0.5]

    @Test(arguments: [
        (["no", "yes"], Tensor.Storage.string(["no", "yes"]), Tensor.Storage.string(["yes", "yes"])),
        (["no", "yes"], .int64([0, 1]), .int64([1, 1])), (["no", "yes"], .int32([0, 1]), .int32([1, 1])),
        (["-1", "1"], .int64([-1, 1]), .int64([1, 1])), (["3", "7"], .float([3, 7]), .float([7, 7])),
        (["false", "true"], .bool([false, true]), .bool([true, true])), (["0", "1"], .uint8([0, 1]), .uint8([1, 1])),
    ])
    func labelsAreWrittenAsTheClassStandsThere(
        classes: [String], before: Tensor.Storage, after: Tensor.Storage
    ) throws {
        var answer = Self.answer(before, .float([0.8, 0.2, 0.3, 0.7]), classes: classes)
        let isAnswerDone = answer.rewrite(scores: Self.changed, labels: [1, 1])
        #expect(isAnswerDone)
        #expect(answer.outputs[0].tensor == Tensor(shape: [2], after))
        #expect(answer.outputs[1].tensor == Tensor(shape: [2, 2], .float(Self.changed)))
        #expect(answer.predictions?.labels == [1, 1])
        #expect(answer.predictions?.scores == Self.changed)
        #expect(answer.outputs[2].tensor.storage == .float([9]))
    }

    @Test func scoresOfThePositiveClassAloneKeepTheirShape() {
        for shape in [[2], [2, 1]] {
            var answer = Self.answer(nil, .double([0.2, 0.7]), shape: shape)
            let isAnswerDone = answer.rewrite(scores: Self.changed, labels: nil)
            #expect(isAnswerDone)
            #expect(answer.outputs[0].tensor == Tensor(shape: shape, .double([0.75, 0.5])))
            #expect(answer.predictions?.labels == [0, 1])
        }
    }

    @Test func roundedScoresStayShortInDoubles() {
        var answer = Self.answer(nil, .double([0.8, 0.2, 0.3, 0.7]))
        let isAnswerDone = answer.rewrite(scores: [0.9, 0.1, 0.3, 0.7], labels: nil)
        #expect(isAnswerDone)
        #expect(answer.outputs[0].tensor.storage == .double([0.9, 0.1, 0.3, 0.7]))
    }

    @Test func logitsAreWrittenSoThatASoftmaxGivesTheProbabilities() throws {
        var answer = Self.answer(nil, .float([4, 1, 0, 2]), kind: .logits)
        let isAnswerDone = answer.rewrite(scores: [1, 0, 0.25, 0.75], labels: nil)
        #expect(isAnswerDone)
        guard case .float(let values) = answer.outputs[0].tensor.storage else { throw Wrong() }
        #expect(values.allSatisfy { $0.isFinite })
        for row in 0..<2 {
            let (one, other) = (exp(values[2 * row]), exp(values[2 * row + 1]))
            #expect(abs(one / (one + other) - [1, 0.25][row]) < 1e-6)
        }
        var single = Self.answer(nil, .float([-1, 1]), shape: [2], kind: .logits)
        let isSingleDone = single.rewrite(scores: Self.changed, labels: nil)
        #expect(isSingleDone)
        guard case .float(let odds) = single.outputs[0].tensor.storage else { throw Wrong() }
        #expect(abs(1 / (1 + exp(-odds[0])) - 0.75) < 1e-6)
        #expect(odds[1] == 0)
    }
    private struct Wrong: Error {}

    @Test func aRegressionIsWrittenAsItIs() {
        var answer = InferenceAnswer(
            outputs: [NamedTensor("value", Tensor(shape: [2, 1], .float([10, 20])))],
            predictions: Predictions(task: .regression, classes: [], kind: .value, scores: [10, 20], labels: []),
            roles: .init(label: nil, scores: "value", kind: .value))
        let isAnswerDone = answer.rewrite(scores: [11, 22], labels: nil)
        #expect(isAnswerDone)
        #expect(answer.outputs[0].tensor == Tensor(shape: [2, 1], .float([11, 22])))
        #expect(answer.predictions?.scores == [11, 22])
    }

    @Test func formsThatAreNotKnownAreSaid() {
        var wide = Self.answer(nil, .float([0, 1, 2, 3, 4, 5]), shape: [2, 3])
        let isWideDone = wide.rewrite(scores: Self.changed, labels: nil)
        #expect(!isWideDone)
        var missing = InferenceAnswer(
            outputs: [], predictions: Self.answer(nil, nil).predictions,
            roles: .init(label: "label", scores: nil, kind: .labels))
        let isMissingDone = missing.rewrite(scores: nil, labels: [1, 1])
        #expect(!isMissingDone)
        var silent = InferenceAnswer(
            outputs: [], predictions: nil, roles: .init(label: nil, scores: nil, kind: .labels))
        let isSilentDone = silent.rewrite(scores: [1], labels: nil)
        #expect(!isSilentDone)
        let isNothingDone = silent.rewrite(scores: nil, labels: nil)
        #expect(isNothingDone)
    }

    @Test func indicesThatNameNoClassLeaveTheLabel() {
        var answer = Self.answer(.int64([0, 1]), nil)
        let isAnswerDone = answer.rewrite(scores: nil, labels: [7, -1])
        #expect(isAnswerDone)
        #expect(answer.outputs[0].tensor.storage == .int64([0, 1]))
        #expect(answer.predictions?.labels == [0, 1])
    }
}
