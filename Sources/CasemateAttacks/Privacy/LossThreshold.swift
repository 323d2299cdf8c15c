/// Calls a row a member when the loss of its label is below one threshold for all rows.
///
/// Blind to how hard a row is: an easy row that was never seen looks like a member. Source: Yeom, Giacomelli,
/// Fredrikson, Jha, "Privacy risk in machine learning: analyzing the connection to overfitting", IEEE CSF 2018,
/// adversary 2. The threshold is left to the evaluation, which shows all of them.
public struct LossThreshold: MembershipAttack {
    /// Name in reports.
    public static let identifier = "loss_threshold"
    /// Name in sentences.
    public static let title = "loss threshold"
    /// Creates the attack.
    public init() {}
    /// The negative loss.
    public func scores(_ evidence: MembershipEvidence) -> [Double]? { evidence.losses?.map { -$0 } }
}
