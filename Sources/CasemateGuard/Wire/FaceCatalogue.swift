/// The protocols that ship, in the order in which they are asked whose a path is.
public let builtInFaces: [any WireFace.Type] = [
    OpenInferenceFace.self, MLflowFace.self, AdminFace.self, OperationsFace.self,
]
