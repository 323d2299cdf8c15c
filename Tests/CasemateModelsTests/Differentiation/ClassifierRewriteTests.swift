import CasemateModels
import TestSupport
import Testing

/// Classical models of `ai.onnx.ml`, whose gradients are those of the algebra behind them.
@Suite struct ClassifierRewriteTests {
    private static func floats(_ name: String, _ values: [Float]) -> OnnxAttributeProto {
        var result = OnnxAttributeProto()
        (result.name, result.type, result.floats) = (name, .floats, values)
        return result
    }
    private func check(
        _ op: String, _ operands: [RuleCheck.Operand], _ attributes: [OnnxAttributeProto], outputs: Int = 1,
        real: [Int]? = nil, reference: RuleCheck.Reference
    ) {
        RuleCheck(
            op, operands, attributes, domain: "ai.onnx.ml", version: 3, opset: 17, outputs: outputs, real: real,
            isBatched: true, reference: reference
        ).verify()
    }

    @Test func linearOnes() {
        let x = RuleCheck.Operand.real([3, 2])
        check("Scaler", [x], [Self.floats("offset", [1, 2]), Self.floats("scale", [0.5, 3])], reference: .linear)
        check("Scaler", [x], [Self.floats("offset", [1]), Self.floats("scale", [2])], reference: .linear)
        let weights = [Self.floats("coefficients", [0.5, -1, 1, 2]), Self.floats("intercepts", [0.1, -0.2])]
        check("LinearRegressor", [x], weights + [.int("targets", 2)], reference: .linear)
        check("LinearRegressor", [x], [Self.floats("coefficients", [0.5, -1])], reference: .linear)
        let labels = OnnxAttributeProto.ints("classlabels_ints", [0, 1])
        check("LinearClassifier", [x], weights + [labels], outputs: 2, real: [1], reference: .linear)
        let row = [Self.floats("coefficients", [0.5, -1]), Self.floats("intercepts", [0.1])]
        check("LinearClassifier", [x], row + [labels], outputs: 2, real: [1], reference: .linear)
        check("FeatureVectorizer", [x, .real([3, 1])], [.ints("inputdimensions", [2, 1])], reference: .linear)
        check("ArrayFeatureExtractor", [.real([3, 4]), .wholes([2, 0])], [], reference: .linear)
    }

    @Test(arguments: ["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])
    func probabilities(transform: String) {
        let x = RuleCheck.Operand.real([3, 2])
        let post = OnnxAttributeProto.text("post_transform", transform)
        let labels = OnnxAttributeProto.ints("classlabels_ints", [0, 1])
        for (weights, bias, classes) in [
            ([0.5, -1, 1, 2], [0.1, -0.2], labels), ([0.5, -1], [0.1], labels),
            ([0.5, -1, 1, 2, -0.3, 1], [0.1, -0.2, 0], .ints("classlabels_ints", [0, 1, 2])),
        ] as [([Float], [Float], OnnxAttributeProto)] {
            check(
                "LinearClassifier", [x],
                [Self.floats("coefficients", weights), Self.floats("intercepts", bias), classes, post], outputs: 2,
                real: [1], reference: .smooth)
        }
        check(
            "LinearRegressor", [x],
            [
                Self.floats("coefficients", [0.5, -1, 1, 2]), Self.floats("intercepts", [0.1, -0.2]),
                .int("targets", 2), post,
            ],
            reference: .smooth)
        check("LinearRegressor", [x], [Self.floats("coefficients", [0.5, -1]), post], reference: .smooth)
    }

    @Test(arguments: ["MAX", "L1", "L2"])
    func normalisers(norm: String) {
        let rows = RuleCheck.Operand.numbers([1, 2, 4, 1.5, -3, 1, -1.25, 4, -5, -6.5, -4, -8], [3, 4])
        check("Normalizer", [rows], [.text("norm", norm)], reference: .smooth)
    }

    /// What was missing is filled in and moves no more.
    @Test(arguments: [-9, Double.nan])
    func missingValuesHaveNoGradient(missing: Double) throws {
        let check = RuleCheck(
            "Imputer", [.numbers([1, missing, 3, 4, missing, 6], [3, 2])],
            [Self.floats("imputed_value_floats", [0.5, 0.25]), .float("replaced_value_float", Float(missing))],
            domain: "ai.onnx.ml", version: 3, opset: 17, isBatched: true)
        let values = check.drawn(seed: 0)
        let graph = try RuleGraph(check, values, element: 1, weights: [[2, 4]])
        let found = try graph.gradients(OnnxFixtures.runtime.get(), values)
        #expect(found[0].values == [2 + 1 + 6 + 16 + 1 + 24])
        #expect(found[1].values == [2, 0, 2, 4, 0, 4])
    }
}
