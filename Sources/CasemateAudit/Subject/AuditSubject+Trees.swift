import CasemateModels

extension AuditSubject {
    /// Whether the model holds decision trees: a tree file, or a tree operator in an ONNX graph.
    var hasTrees: Bool {
        if model.model is TreeFileModel { return true }
        return file?.operators.contains { $0.name.hasPrefix("TreeEnsemble") } ?? false
    }
}
