/// Where a threat stands in the life of a model, and what it is in the field's catalogues; carried by every probe.
///
/// Sources: Barreno, Nelson, Joseph, Tygar, "The security of machine learning", 2010 (influence, violation,
/// specificity); MITRE ATLAS 5.6.0; OWASP Machine Learning Security Top 10, 2023; NIST AI 100-2 E2025.
public struct Taxonomy: Hashable, Sendable, Codable {
    /// The part of a model's life that is attacked.
    public enum Stage: String, Sendable, Codable, CaseIterable { case data, training, artefact, deployment, inference }
    /// Whether the attacker touches training (causative) or only queries (exploratory).
    public enum Influence: String, Sendable, Codable, CaseIterable { case exploratory, causative }
    /// What is broken: integrity (bad let through), availability (good turned away) or privacy.
    public enum Violation: String, Sendable, Codable, CaseIterable { case integrity, availability, privacy }
    /// Whether one record or any record is aimed at.
    public enum Specificity: String, Sendable, Codable, CaseIterable { case targeted, indiscriminate }
    /// What the attacker must know.
    public enum Knowledge: String, Sendable, Codable, CaseIterable {
        case labels, scores, gradients
        case trainingData = "training data"
    }
    /// Stages concerned.
    public let stages: [Stage]
    /// Influence of the attacker, `nil` where there is none (a plain quality measure).
    public let influence: Influence?
    /// Violations concerned.
    public let violations: [Violation]
    /// Specificity, `nil` where it has no meaning.
    public let specificity: Specificity?
    /// What an attacker must know for the tested attack.
    public let knowledge: [Knowledge]
    /// MITRE ATLAS technique identifiers, such as `AML.T0015`.
    public let atlas: [String]
    /// OWASP ML Top 10 identifiers, such as `ML01`.
    public let owasp: [String]
    /// NIST AI 100-2 E2025 class identifiers, such as `NISTAML.022`.
    public let nist: [String]

    /// Makes a taxonomy entry; parts that do not apply stay empty.
    public init(
        stages: [Stage], influence: Influence? = nil, violations: [Violation] = [], specificity: Specificity? = nil,
        knowledge: [Knowledge] = [], atlas: [String] = [], owasp: [String] = [], nist: [String] = []
    ) {
        (self.stages, self.influence, self.violations) = (stages, influence, violations)
        (self.specificity, self.knowledge) = (specificity, knowledge)
        (self.atlas, self.owasp, self.nist) = (atlas, owasp, nist)
    }
}
