/// A search for small changes that make a model decide differently, with the model's logits or gradients.
///
/// An attack proposes, the session disposes: it projects every point before the oracle sees it, counts passes, has what
/// reaches the goal confirmed by the judge, keeps the best point of every sample, and stops the search (by an error that
/// the attack lets pass) when it has to.
public protocol WhiteBoxAttack: Sendable {
    /// Stable name in configuration, reports and on the command line.
    static var identifier: String { get }
    /// Norms that it serves.
    static var norms: [PerturbationSet.Norm] { get }
    /// What it asks of the model.
    static var access: AttackAccess { get }
    /// Whether it needs a radius, as opposed to looking for the smallest perturbation.
    static var needsRadius: Bool { get }
    /// Makes the attack with its published settings.
    init()
    /// What the figures depend on, by setting, for the reproduction section of a report.
    var settings: [String: String] { get }
    /// Searches for all open samples of the session at once.
    /// - Throws: `CasemateError` when its settings make no sense; whatever the session throws.
    func search(in session: WhiteBoxSession) throws
}

/// What an attack asks of a model.
public enum AttackAccess: String, Hashable, Sendable {
    /// Gradients of losses by the input.
    case gradients
    /// Logits only.
    case scores
}

extension WhiteBoxAttack {
    /// No settings.
    public var settings: [String: String] { [:] }
    /// Gradients.
    public static var access: AttackAccess { .gradients }
    /// No.
    public static var needsRadius: Bool { false }
}
