/// Calls a row a member when the model decides it rightly: all that labels give away without further queries.
///
/// Source: Yeom, Giacomelli, Fredrikson, Jha, "Privacy risk in machine learning: analyzing the connection to
/// overfitting", IEEE CSF 2018, with the loss of 0 or 1.
public struct GapAttack: MembershipAttack {
    /// Name in reports.
    public static let identifier = "gap"
    /// Name in sentences.
    public static let title = "rightly decided"
    /// Creates the attack.
    public init() {}
    /// 1 for rows that are decided rightly, else 0.
    public func scores(_ evidence: MembershipEvidence) -> [Double]? { evidence.isRight.map { $0 ? 1 : 0 } }
}
