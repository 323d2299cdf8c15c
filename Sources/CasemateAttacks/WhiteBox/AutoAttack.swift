import CasemateCore

/// Four attacks of different kinds, each on what the ones before left over; nothing to tune.
///
/// Source: Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
/// attacks", ICML 2020: Auto-PGD on cross-entropy and towards 9 targets, FAB towards 9 targets, Square with 5,000
/// queries. For models with randomness inside: Auto-PGD on cross-entropy and DLR, with averaged gradients
/// (`RobustnessRun.Options.randomised`). With fewer than four classes the losses are those that are defined.
public struct AutoAttack: WhiteBoxAttack {
    /// Which attacks run.
    public enum Version: String, Hashable, Sendable, CaseIterable {
        /// `apgd-ce`, `apgd-t`, `fab-t`, `square`.
        case standard
        /// `apgd-ce`, `apgd-dlr`: for models that answer the same row differently.
        case randomised
    }
    /// `autoattack`.
    public static let identifier = "autoattack"
    /// L∞, L2, L1.
    public static let norms: [PerturbationSet.Norm] = [.linf, .l2, .l1]
    /// Yes.
    public static let needsRadius = true
    /// Which attacks run.
    public var version: Version

    /// Makes the attack.
    public init(version: Version) { self.version = version }
    /// Makes the standard attack.
    public init() { self.init(version: .standard) }

    /// The attacks in their order, with their published settings.
    public var members: [any WhiteBoxAttack] {
        switch version {
        case .standard: [AutoPGDCrossEntropy(), AutoPGDTargeted(), TargetedFastAdaptiveBoundary(), SquareAttack()]
        case .randomised: [AutoPGDCrossEntropy(), AutoPGDLogitsRatio()]
        }
    }

    /// The version, and the settings of each member under its name.
    public var settings: [String: String] { ["version": version.rawValue].merging(members) }

    /// Lets each member search among the samples that are still open.
    public func search(in session: WhiteBoxSession) throws {
        for member in members { try session.run(member) }
    }
}

/// Several attacks, each on all samples: the closest point that any of them finds counts, sample by sample.
public struct AttackPool: WhiteBoxAttack {
    /// `pool`.
    public static let identifier = "pool"
    /// All.
    public static let norms = PerturbationSet.Norm.allCases
    /// The attacks; `nil` takes all that look for the smallest perturbation and serve the problem's norm, and with a
    /// radius AutoAttack's members as well.
    public var members: [any WhiteBoxAttack]?

    /// Makes a pool of some attacks.
    public init(_ members: [any WhiteBoxAttack]) { self.members = members }
    /// Makes a pool of all attacks that serve.
    public init() { members = nil }

    /// The settings of each member under its name.
    public var settings: [String: String] { [:].merging(members ?? []) }

    /// Lets each member search; with a radius, samples that one breaks are not searched again.
    public func search(in session: WhiteBoxSession) throws {
        for member in members ?? Self.all(for: session) { try session.run(member) }
    }

    private static func all(for session: WhiteBoxSession) -> [any WhiteBoxAttack] {
        let bounded: [any WhiteBoxAttack] = session.isBounded ? AutoAttack().members : []
        let names = Set(bounded.map { type(of: $0).identifier })
        let free = whiteBoxAttacks.filter {
            !$0.needsRadius && $0.identifier != identifier && !names.contains($0.identifier)
        }
        return (bounded + free.map { $0.init() }).filter { type(of: $0).norms.contains(session.problem.set.norm) }
    }
}

extension [String: String] {
    fileprivate func merging(_ members: [any WhiteBoxAttack]) -> [String: String] {
        members.reduce(into: self) { all, member in
            for (name, value) in member.settings { all["\(type(of: member).identifier).\(name)"] = value }
        }
    }
}
