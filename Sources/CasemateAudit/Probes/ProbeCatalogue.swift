public import CasemateCore

/// The probes that ship, in the order they run and reports show them: the cheap ones first, so that a short budget
/// leaves as little as possible undone.
public let builtInProbes: [any Probe.Type] = [
    FileProbe.self, ConstraintsProbe.self, PerformanceProbe.self, FairnessProbe.self, BenchmarkModelProbe.self,
    ResidualsProbe.self, InsidersProbe.self, LeafShiftProbe.self, RandomTestingProbe.self, SensitivityProbe.self,
    HiddenBranchesProbe.self, ExactTreesProbe.self, WhiteBoxProbe.self, EvasionProbe.self, ImpersonationProbe.self,
    TextProbe.self, ProvenanceProbe.self, TrainingDataProbe.self, PoisoningProbe.self,
    SurrogateProbe.self, MembershipProbe.self,
]

/// A threat that no probe of this release examines; reports list it as not tested.
public struct UntestedThreat: Hashable, Sendable {
    /// Name in the coverage matrix.
    public let identifier: String, title: String
    /// Where the threat stands.
    public let taxonomy: Taxonomy
    /// The outcome that stands in the coverage matrix.
    var outcome: ProbeOutcome {
        ProbeOutcome(
            probe: identifier, title: title, taxonomy: taxonomy, status: .notTested,
            reason: "this release has no probe for it")
    }
}

/// Threats to a model of this kind that this release does not examine, so that no reader takes silence for safety.
public let untestedThreats: [UntestedThreat] = [
    UntestedThreat(
        identifier: "inversion", title: "Model inversion and attribute inference",
        taxonomy: Taxonomy(
            stages: [.inference], influence: .exploratory, violations: [.privacy], knowledge: [.scores],
            atlas: ["AML.T0024.001"], owasp: ["ML03"], nist: ["NISTAML.032"]))
]
