import CasemateAttacks
public import CasemateCore

/// Which of the two kinds of evasion attacks serves what was asked for on the command line.
public enum EvasionRoute: Hashable, Sendable {
    /// `EvasionJob`: attacks inside a feature space, row by row of a table.
    case space
    /// `WhiteBoxJob`: attacks inside a ball, on arrays, images and tables of numbers.
    case ball

    /// Words for what an attacker sees, the most first.
    public static let access = EvasionAccess.allCases.reversed().map(\.rawValue)

    /// Chooses: what is named, where both have an attack of that name, tables without a radius go to the first.
    /// - Throws: `invalidSetting` for an access or an attack that nobody knows, with the nearest name.
    public init(attack: String?, access: String?, hasRadius: Bool, isTable: Bool) throws(CasemateError) {
        if let access, !Self.access.contains(access) {
            throw CasemateError(
                .invalidSetting, at: "--access",
                "'\(access)' is unknown\(Suggestion.clause(for: access, among: Self.access))",
                help: "use gradients, scores or labels")
        }
        let inSpace = evasionAttacks.map { $0.identifier }
        let inBall = whiteBoxAttacks.map { $0.identifier }
        guard let attack else {
            let isPlain = access == nil && !hasRadius || access == EvasionAccess.scores.rawValue && !hasRadius
            self = access == EvasionAccess.labels.rawValue || isTable && isPlain ? .space : .ball
            return
        }
        guard inSpace.contains(attack) || inBall.contains(attack) else {
            let known = inSpace + inBall.filter { !inSpace.contains($0) }
            throw CasemateError(
                .invalidSetting, at: "--attack",
                "'\(attack)' is no attack that is known\(Suggestion.clause(for: attack, among: known))",
                help: "use one of " + known.joined(separator: ", "))
        }
        let prefersSpace = isTable && !hasRadius || !inBall.contains(attack)
        self = inSpace.contains(attack) && prefersSpace ? .space : .ball
    }

    /// The attack that stands in where none is named.
    public static func standard(access: String?) -> String {
        access == EvasionAccess.scores.rawValue ? GreedySearch.identifier : HopSkipJump.identifier
    }
}
