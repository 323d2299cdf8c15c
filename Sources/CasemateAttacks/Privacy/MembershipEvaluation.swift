public import CasemateCore
public import CasemateModels

/// How well scores tell members from non-members, above all where few non-members may be accused.
///
/// Source for what is reported: Carlini et al., "Membership inference attacks from first principles", IEEE S&P 2022,
/// section III: accuracy and area hide everything at low false positive rates.
public struct MembershipEvaluation: Hashable, Sendable {
    /// Number of members, number of non-members.
    public let members: Int, nonMembers: Int
    /// The exact ROC curve, its area and DeLong's standard error; ties count one half.
    public let ranks: RankStatistics
    /// Mean of true positive and true negative rate at a threshold that was chosen on the other half of the rows; `nil`
    /// with fewer than two members or non-members.
    public let balancedAccuracy: Double?
    /// 95 % interval of it: Newcombe's of the difference of the two rates, halved and shifted.
    public let balancedAccuracyInterval: Interval?
    private let memberScores: [Double], nonMemberScores: [Double]

    /// Compares scores with the truth.
    /// - Parameters:
    ///   - scores: The higher, the likelier a member; no NaN.
    ///   - isMember: The truth, one a score.
    public init(scores: [Double], isMember: [Bool]) {
        precondition(scores.count == isMember.count, "\(scores.count) scores for \(isMember.count) rows")
        precondition(scores.allSatisfy { !$0.isNaN }, "a score is NaN")
        let (inside, outside) = (
            zip(scores, isMember).filter(\.1).map(\.0), zip(scores, isMember).filter { !$0.1 }.map(\.0)
        )
        (members, nonMembers) = (inside.count, outside.count)
        ranks = RankStatistics(labels: isMember, scores: scores)
        (balancedAccuracy, balancedAccuracyInterval) = Self.balanced(inside, outside)
        (memberScores, nonMemberScores) = (inside.sorted(by: >), outside.sorted(by: >))
    }

    /// Area under the curve; 0.5 is chance. `nil` without members or non-members.
    public var area: Double? { ranks.area }
    /// 95 % interval of the area, from DeLong's standard error on the logit scale.
    public var areaInterval: Interval? {
        ranks.interval(z: Distributions.normalQuantile(0.975)).map { Interval($0.low, $0.high) }
    }
    /// One-sided p-value of an area of 0.5 or less, from DeLong's standard error; `nil` without one.
    public var areaPValue: Double? {
        guard let area, let error = ranks.standardError, error > 0 else { return nil }
        return Distributions.normalCDF((0.5 - area) / error)
    }

    /// Share of members recognised while at most `rate` of the non-members are accused.
    ///
    /// The threshold is a non-member's own score: the lowest at or above which stand at most ⌊rate · non-members⌋ of
    /// them. Rows at or above it are called members; where ties leave no such score, rows above every non-member. So a
    /// new non-member is accused with a probability of at most `rate` in expectation over the draw of the non-members,
    /// although the threshold was chosen on them.
    /// - Parameter rate: In (0, 1].
    public func point(atFalsePositiveRate rate: Double) -> MembershipPoint {
        precondition(rate > 0 && rate <= 1, "rate must be in (0, 1], got \(rate)")
        let allowed = Int((rate * Double(nonMembers) + 1e-9).rounded(.down))
        var (accused, threshold) = (0, Double.infinity)
        var index = 0
        while index < nonMembers {
            var end = index + 1
            while end < nonMembers, nonMemberScores[end] == nonMemberScores[index] { end += 1 }
            guard end <= allowed else { break }
            (accused, threshold) = (end, nonMemberScores[index])
            index = end
        }
        let highest = nonMemberScores.first ?? -.infinity
        let recognised = memberScores.count { accused > 0 ? $0 >= threshold : $0 > highest }
        return MembershipPoint(
            rate: rate, threshold: accused > 0 ? threshold : highest, truePositives: recognised,
            falsePositives: accused, members: members, nonMembers: nonMembers)
    }

    /// Chooses the threshold on every other row and measures on the rest, both ways, so that choosing flatters nobody.
    private static func balanced(_ members: [Double], _ others: [Double]) -> (Double?, Interval?) {
        guard members.count > 1, others.count > 1 else { return (nil, nil) }
        func half(_ values: [Double], _ part: Int) -> [Double] {
            stride(from: part, to: values.count, by: 2).map { values[$0] }
        }
        var (right, wrong) = (0, 0)
        for part in 0..<2 {
            let (inside, outside) = (half(members, part), half(others, part))
            let curve = RankStatistics(
                labels: inside.map { _ in true } + outside.map { _ in false }, scores: inside + outside
            ).curve
            let best = curve.max {
                $0.truePositiveRate - $0.falsePositiveRate < $1.truePositiveRate - $1.falsePositiveRate
            }
            let threshold = best?.threshold ?? .infinity
            right += half(members, 1 - part).count { $0 >= threshold }
            wrong += half(others, 1 - part).count { $0 >= threshold }
        }
        let rates = (Double(right) / Double(members.count), Double(wrong) / Double(others.count))
        let difference = Intervals.newcombeDifference(
            successes: right, trials: members.count, referenceSuccesses: wrong, referenceTrials: others.count)
        return (
            (1 + rates.0 - rates.1) / 2, difference.map { Interval((1 + $0.low) / 2, (1 + $0.high) / 2) }
        )
    }
}

/// An attack at one false positive rate.
public struct MembershipPoint: Hashable, Sendable {
    /// False positive rate that is allowed.
    public let rate: Double
    /// Score from which on a row is called a member (above which, when no non-member is).
    public let threshold: Double
    /// Members recognised, non-members accused.
    public let truePositives: Int, falsePositives: Int
    /// Number of members, number of non-members.
    public let members: Int, nonMembers: Int

    /// Non-members that the rate needs: one of them must be allowed to be accused. (For a steady figure, ten times as
    /// many: the threshold of one in n rests on a single non-member.)
    public var neededNonMembers: Int { Int((1 / rate - 1e-9).rounded(.up)) }
    /// Whether the data can carry a figure at this rate.
    public var isCarried: Bool { members > 0 && nonMembers >= neededNonMembers }
    /// Share of members recognised; `nil` when the data cannot carry it.
    public var truePositiveRate: Double? { isCarried ? Double(truePositives) / Double(members) : nil }
    /// Clopper and Pearson's 95 % interval of the share, given the threshold.
    public var interval: Interval? {
        isCarried ? Intervals.clopperPearson(successes: truePositives, trials: members) : nil
    }
    /// Clopper and Pearson's 95 % interval of the share of non-members accused.
    public var falsePositiveInterval: Interval? {
        isCarried ? Intervals.clopperPearson(successes: falsePositives, trials: nonMembers) : nil
    }
    /// How the figure was made, or how many non-members are missing.
    public var note: String {
        guard members > 0 else { return "there are no members" }
        guard isCarried else { return "needs at least \(neededNonMembers) non-members, there are \(nonMembers)" }
        return "Clopper-Pearson 95 %; \(falsePositives) of \(nonMembers) non-members accused"
    }

    /// Exact probability that at least so many members stand out if members and non-members were alike; `nil` when the
    /// data cannot carry the figure.
    ///
    /// Counts how many of the highest scores belong to members (hypergeometric). Exact without ties, else on the safe
    /// side. It allows for the threshold having been chosen on the same non-members, which an interval of the share
    /// does not.
    public var pValue: Double? {
        guard isCarried else { return nil }
        let isFull = falsePositives > 0 && falsePositives == Int((rate * Double(nonMembers) + 1e-9).rounded(.down))
        // why: at full count the threshold is the last non-member itself, so the scores above it hold one fewer.
        let (draws, most) = (truePositives + falsePositives - (isFull ? 1 : 0), falsePositives - (isFull ? 1 : 0))
        let sum = (0...max(0, most)).reduce(0.0) {
            $0
                + Distributions.hypergeometric(
                    successes: $1, draws: draws, marked: nonMembers, population: members + nonMembers)
        }
        return min(1, sum)
    }
}
