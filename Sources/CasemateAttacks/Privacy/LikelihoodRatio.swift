import Foundation

/// Which standard deviation a likelihood-ratio attack gives its normal distributions.
public enum ShadowVariance: String, Hashable, Sendable, CaseIterable {
    /// One for all rows, from residuals about each row's own mean.
    case global
    /// Each row its own.
    case perRow = "per row"
    /// Global with fewer than 64 shadows, as the paper advises, else per row.
    case automatic

    /// Standard deviation of each row.
    func deviations(of moments: ShadowMoments, shadows: Int) -> [Double] {
        switch self {
        case .perRow: moments.deviations
        case .global: [Double](repeating: moments.pooledDeviation, count: moments.means.count)
        case .automatic: (shadows < 64 ? Self.global : .perRow).deviations(of: moments, shadows: shadows)
        }
    }
}

/// LiRA, online: is the target's confidence likelier under shadows that were trained on the row, or under the others?
///
/// Both are normal, one pair a row, fitted to the confidences of the shadows; the score is the logarithm of the ratio of
/// the two densities. Source: Carlini, Chien, Nasr, Song, Terzis, Tramèr, "Membership inference attacks from first
/// principles", IEEE S&P 2022, Algorithm 1. Means and unbiased variances; the global variance of members comes from
/// members' residuals, that of non-members from non-members' residuals, each about its row's own mean.
public struct OnlineLikelihoodRatio: MembershipAttack {
    /// Name in reports.
    public static let identifier = "lira_online"
    /// Name in sentences.
    public static let title = "LiRA, online"
    /// Which standard deviation the distributions get.
    public var variance = ShadowVariance.automatic
    /// Creates the attack.
    public init() {}
    /// Creates the attack with a choice of variance.
    public init(variance: ShadowVariance) { self.variance = variance }

    /// Logarithm of the likelihood ratio of each row.
    public func scores(_ evidence: MembershipEvidence) -> [Double]? {
        guard let confidences = evidence.confidences, let shadows = evidence.shadows else { return nil }
        let (inside, outside) = (shadows.moments(trained: true), shadows.moments(trained: false))
        let count = shadows.design.shadows
        let (wide, narrow) = (
            variance.deviations(of: inside, shadows: count), variance.deviations(of: outside, shadows: count)
        )
        return confidences.indices.map { row in
            let (a, b) = (
                (confidences[row] - inside.means[row]) / wide[row],
                (confidences[row] - outside.means[row]) / narrow[row]
            )
            return 0.5 * (b * b - a * a) + log(narrow[row] / wide[row])
        }
    }
}

/// LiRA, offline: is the target surer of the row than shadows that never saw it?
///
/// The score is z = (confidence − mean) / deviation over the shadows without the row; Φ(z) is the paper's one-sided
/// 1 − Pr[Z > confidence], which rounds to 1 where z still tells rows apart. Source: as `OnlineLikelihoodRatio`,
/// section IV.C.
public struct OfflineLikelihoodRatio: MembershipAttack {
    /// Name in reports.
    public static let identifier = "lira_offline"
    /// Name in sentences.
    public static let title = "LiRA, offline"
    /// Which standard deviation the distribution gets.
    public var variance = ShadowVariance.automatic
    /// Creates the attack.
    public init() {}
    /// Creates the attack with a choice of variance.
    public init(variance: ShadowVariance) { self.variance = variance }

    /// Standardised confidence of each row.
    public func scores(_ evidence: MembershipEvidence) -> [Double]? {
        guard let confidences = evidence.confidences, let shadows = evidence.shadows else { return nil }
        let outside = shadows.moments(trained: false)
        let deviations = variance.deviations(of: outside, shadows: shadows.design.shadows)
        return confidences.indices.map { (confidences[$0] - outside.means[$0]) / deviations[$0] }
    }
}
