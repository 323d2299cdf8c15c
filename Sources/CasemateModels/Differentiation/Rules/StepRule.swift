import CasemateCore

/// Functions that move in steps: flat almost everywhere, or passed straight through when an attack asks for it.
enum StepRule: DifferentiationRule {
    static let operators = ["Sign", "Floor", "Ceil", "Round", "Hardmax", "ai.onnx.ml.Binarizer"]

    static func backward(
        _ node: DifferentiatedNode, _ gradients: [GraphValue?], _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        node.steps == .straightThrough ? [gradients[0]] : [nil]
    }
}
