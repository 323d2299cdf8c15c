public import CasemateData

/// Answers with labels and nothing else: what an attacker sees of a deployed model.
public protocol DecisionOracle: Sendable {
    /// Values in one row.
    var featureCount: Int { get }
    /// The label of each of `count` rows, `[count, featureCount]` row-major in the encoding of `FeatureMatrix`.
    ///
    /// Called from one thread. A row's label must not depend on the rows beside it.
    func decide(_ rows: [Float], count: Int) throws -> [Int32]
}

/// Labels with a number for each of them that tells how near the model is to giving it.
public struct ScoredDecisions: Hashable, Sendable {
    /// The label of each row.
    public let labels: [Int32]
    /// `[count, labelCount]` row-major, larger is nearer: the label of a row has the largest one, ties apart.
    public let evidence: [Float]
    /// Makes answers.
    public init(labels: [Int32], evidence: [Float]) { (self.labels, self.evidence) = (labels, evidence) }
}

/// Answers with scores beside labels.
public protocol ScoringOracle: DecisionOracle {
    /// Number of labels, at least 2.
    var labelCount: Int { get }
    /// Labels and evidence of `count` rows; the same rules as for `decide` apply.
    func score(_ rows: [Float], count: Int) throws -> ScoredDecisions
}

/// What an attacker sees of a model, the least first.
public enum EvasionAccess: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    /// The decision.
    case labels
    /// Decision and scores.
    case scores
    /// The model file, and so gradients.
    case gradients

    /// Whether `one` shows less than `other`.
    public static func < (one: EvasionAccess, other: EvasionAccess) -> Bool {
        switch (one, other) {
        case (.labels, .scores), (.labels, .gradients), (.scores, .gradients): true
        default: false
        }
    }
}

/// A search for small changes that make a model decide differently.
///
/// An attack proposes, the session disposes: it forces every proposal into the `FeatureSpace`, counts queries, keeps
/// the best point of every sample, and stops the search (by an error that the attack lets pass) when it has to.
public protocol EvasionAttack: Sendable {
    /// Stable name in configuration, reports and on the command line.
    static var identifier: String { get }
    /// The least that it has to see of the model.
    static var access: EvasionAccess { get }
    /// The most that it makes use of.
    static var richestAccess: EvasionAccess { get }
    /// Measures of distance that it can make small.
    static var norms: [FeatureSpace.Norm] { get }
    /// Whether it ends with what `EvasionPolish` does, so that the harness leaves it out.
    static var isPolished: Bool { get }
    /// Makes the attack with its published settings.
    init()
    /// Searches for all open samples of the session at once.
    /// - Throws: `CasemateError` when its settings make no sense; whatever the session throws.
    func search(in session: EvasionSession) throws
    /// What the figures depend on, by setting, for the reproduction section of a report.
    var settings: [String: String] { get }
}

extension EvasionAttack {
    /// No settings.
    public var settings: [String: String] { [:] }
    /// Labels.
    public static var access: EvasionAccess { .labels }
    /// No more than it has to.
    public static var richestAccess: EvasionAccess { access }
    /// All.
    public static var norms: [FeatureSpace.Norm] { FeatureSpace.Norm.allCases }
    /// No.
    public static var isPolished: Bool { false }
}

/// The evasion attacks that ship, in the order reports show them.
public let evasionAttacks: [any EvasionAttack.Type] = [
    HopSkipJump.self, BoundaryAttack.self, SquareSearch.self, SimpleBlackBox.self, NaturalEvolution.self,
    ZerothOrder.self, GreedySearch.self, BeamSearch.self, TransferAttack.self,
    ConstrainedDescent.self,
]
