public import CasemateModels

/// A differentiated ONNX file is what white-box attacks ask.
extension DifferentiableModel: GradientOracle {}
