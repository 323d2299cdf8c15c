import CasemateAttacks
import CasemateCore
import CasemateModels

/// Gradients of the audited model by the features of its rows.
enum GradientAccess {
    /// Why there are none; `nil` when there are.
    static func reasonAgainst(_ subject: AuditSubject) -> String? {
        guard let model = subject.model.model as? OnnxModel, model.signature.task != .regression else {
            return "gradients are taken of ONNX classifiers"
        }
        guard model.rowSize != nil, let type = model.signature.inputs.first?.type, type == .float || type == .double
        else {
            return "gradients are taken of models with one numeric input of floats"
        }
        let trees = subject.file?.operators.first { $0.name.hasPrefix("TreeEnsemble") }
        return trees == nil ? nil : "no gradient goes through trees; attacks by scores or labels work on them"
    }

    static func oracle(_ subject: AuditSubject, _ context: RunContext) throws -> (any GradientOracle)? {
        guard let model = subject.model.model as? OnnxModel else { return nil }
        return try DifferentiableModel(model, runtime: model.runtime, cancellation: context.cancellation)
    }
}
