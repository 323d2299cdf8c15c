/// The checks on training data that ship, in the order they run and reports show them: the cheap ones first.
public let builtInDataChecks: [any DataCheck.Type] = [
    DataProfileCheck.self, DataConstraintsCheck.self, DataDuplicatesCheck.self, DataPayloadsCheck.self,
    DataFairnessCheck.self, DataLabelsCheck.self, CoherentFlipsCheck.self, RoniCheck.self, DataOutliers.self,
    DataTriggers.self, DataSpectral.self,
]
