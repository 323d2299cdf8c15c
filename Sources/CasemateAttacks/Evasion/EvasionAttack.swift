/// Answers with labels and nothing else: what an attacker sees of a deployed model.
public protocol DecisionOracle: Sendable {
    /// Values in one row.
    var featureCount: Int { get }
    /// The label of each of `count` rows, `[count, featureCount]` row-major in the encoding of `FeatureMatrix`.
    ///
    /// Called from one thread. A row's label must not depend on the rows beside it.
    func decide(_ rows: [Float], count: Int) throws -> [Int32]
}

/// A search for small changes that make a model decide differently, from labels alone.
///
/// An attack proposes, the session disposes: it forces every proposal into the `FeatureSpace`, counts queries, keeps
/// the best point of every sample, and stops the search (by an error that the attack lets pass) when it has to.
public protocol EvasionAttack: Sendable {
    /// Stable name in configuration, reports and on the command line.
    static var identifier: String { get }
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
}

/// The evasion attacks that ship, in the order reports show them.
public let evasionAttacks: [any EvasionAttack.Type] = [HopSkipJump.self]
