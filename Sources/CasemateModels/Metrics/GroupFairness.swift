public import CasemateCore

/// Decisions of one group, counted against the labels; "favourable" is the positive outcome throughout.
public struct GroupCounts: Hashable, Sendable {
    /// Name of the group.
    public let name: String
    /// Favourable label and decision; unfavourable label, favourable decision; unfavourable both; favourable label,
    /// unfavourable decision.
    public let truePositives: Int, falsePositives: Int, trueNegatives: Int, falseNegatives: Int
    /// Makes counts, none negative.
    public init(
        name: String, truePositives: Int, falsePositives: Int, trueNegatives: Int, falseNegatives: Int
    ) {
        precondition(
            min(truePositives, falsePositives, trueNegatives, falseNegatives) >= 0, "negative count in '\(name)'")
        self.name = name
        (self.truePositives, self.falsePositives) = (truePositives, falsePositives)
        (self.trueNegatives, self.falseNegatives) = (trueNegatives, falseNegatives)
    }
    /// Rows of the group.
    public var count: Int { truePositives + falsePositives + trueNegatives + falseNegatives }
    /// Rows decided favourably.
    public var favourable: Int { truePositives + falsePositives }
    /// Share decided favourably; `nil` for an empty group.
    public var selectionRate: Double? { count > 0 ? Double(favourable) / Double(count) : nil }

    /// Successes and trials of an error rate.
    public func rate(_ rate: ErrorRate) -> (successes: Int, trials: Int) {
        switch rate {
        case .truePositive: (truePositives, truePositives + falseNegatives)
        case .falsePositive: (falsePositives, falsePositives + trueNegatives)
        case .falseNegative: (falseNegatives, truePositives + falseNegatives)
        case .positivePredictiveValue: (truePositives, truePositives + falsePositives)
        }
    }
}

/// Rates whose parity is examined.
public enum ErrorRate: String, Hashable, Sendable, CaseIterable {
    case truePositive = "tpr"
    case falsePositive = "fpr"
    case falseNegative = "fnr"
    case positivePredictiveValue = "ppv"
}

/// Comparison of groups with a reference group: adverse impact, parity of error rates, equalised odds.
///
/// Sources: 29 CFR 1607.4(D) (four-fifths rule); Hardt, Price, Srebro, NeurIPS 2016 (equalised odds); the measures'
/// definitions stand in `docs/probes/fairness.md`.
public struct GroupFairness: Hashable, Sendable {
    /// A compared share: value, interval, and the p-value that both shares are equal.
    public struct Comparison: Hashable, Sendable {
        /// Share of the group and of the reference; `nil` when there are no trials.
        public let rate: Double?, referenceRate: Double?
        /// Successes and trials of the group.
        public let successes: Int, trials: Int
        /// Difference to the reference with Newcombe's interval; `nil` when either has no trials.
        public let difference: Double?, differenceInterval: Interval?
        /// Ratio to the reference; `nil` when it cannot be formed.
        public let ratio: Double?
        /// Katz's interval of the ratio, or the bootstrap's where a cell is below five; `nil` when a cell is empty.
        public let ratioInterval: Interval?
        /// Which interval that is.
        public let intervalMethod: String
        /// Two-sided p-value: z test, or Fisher's exact test where a cell is below five; `nil` without trials.
        public let pValue: Double?
    }
    /// A group against the reference.
    public struct Row: Hashable, Sendable {
        /// The group.
        public let group: GroupCounts
        /// Favourable decisions: the ratio is the adverse impact ratio.
        public let selection: Comparison
        /// Holm-adjusted p-value of `selection` over all groups; `nil` where it has none.
        public let adjustedPValue: Double?
        /// Parity of error rates.
        public let errorRates: [ErrorRate: Comparison]
        /// Mean over true and false positive rate of the difference to the reference (AIF360's average odds).
        public let averageOddsDifference: Double?
        /// Percentage points by which the reference is decided favourably more often.
        public var marginalEffect: Double? { selection.difference.map { -100 * $0 } }
    }
    /// The reference group.
    public let reference: GroupCounts
    /// Whether the reference was chosen as the one with the highest rate of favourable decisions.
    public let isReferenceHighest: Bool
    /// Every other group, in the order given.
    public let rows: [Row]
    /// Largest difference of the true or false positive rate between any two groups that have the rate; `nil` when
    /// fewer than two groups have one of them.
    public let equalisedOddsDifference: Double?

    /// Compares groups; `nil` when no group has rows or the named reference has none.
    /// - Parameters:
    ///   - groups: Groups with distinct names.
    ///   - reference: Name of the reference; `nil` takes the highest rate of favourable decisions, the larger group
    ///     when two are equal.
    ///   - minimumReference: Rows that a group needs to be taken as reference, unless no group has them.
    ///   - seed: Seed of the bootstrap for small cells.
    public init?(
        _ groups: [GroupCounts], reference named: String? = nil, minimumReference: Int = 0, seed: UInt64 = 0
    ) {
        // why: a group of a few rows that all fared well would set a standard that means nothing.
        let large = groups.filter { $0.count >= max(1, minimumReference) }
        let candidates = large.isEmpty ? groups.filter { $0.count > 0 } : large
        var highest = candidates.first
        for group in candidates {
            // why: a strict comparison, so that the first of equal groups stays.
            if (group.selectionRate ?? 0, group.count) > (highest?.selectionRate ?? 0, highest?.count ?? 0) {
                highest = group
            }
        }
        guard let base = named == nil ? highest : groups.first(where: { $0.name == named }), base.count > 0 else {
            return nil
        }
        reference = base
        isReferenceHighest = named == nil
        let others = groups.filter { $0.name != base.name }
        let selections = others.map {
            Self.compare(($0.favourable, $0.count), with: (base.favourable, base.count), seed: seed)
        }
        let tested = selections.indices.filter { selections[$0].pValue != nil }
        let adjusted = HypothesisTests.holm(tested.map { selections[$0].pValue ?? 1 })
        let byIndex = Dictionary(uniqueKeysWithValues: zip(tested, adjusted))
        rows = others.indices.map { index in
            let rates = Dictionary(
                uniqueKeysWithValues: ErrorRate.allCases.map {
                    ($0, Self.compare(others[index].rate($0), with: base.rate($0), seed: seed))
                })
            let odds = [rates[.truePositive]?.difference, rates[.falsePositive]?.difference].compactMap { $0 }
            return Row(
                group: others[index], selection: selections[index], adjustedPValue: byIndex[index], errorRates: rates,
                averageOddsDifference: odds.count == 2 ? (odds[0] + odds[1]) / 2 : nil)
        }
        equalisedOddsDifference = Self.equalisedOdds(groups.filter { $0.count > 0 })
    }

    /// Largest difference of the true or false positive rate between any two groups that have the rate; `nil` when
    /// fewer than two groups have one of them.
    public static func equalisedOdds(_ groups: [GroupCounts]) -> Double? {
        var largest = 0.0
        for rate in [ErrorRate.truePositive, .falsePositive] {
            let known = groups.map { $0.rate(rate) }.filter { $0.trials > 0 }
            let values = known.map { Double($0.successes) / Double($0.trials) }
            guard values.count > 1, let low = values.min(), let high = values.max() else { return nil }
            largest = max(largest, high - low)
        }
        return largest
    }

    /// Holm-adjusted p-values of the error rates over all groups of the attribute: true and false positive rate and
    /// positive predictive value. The false negative rate is the complement of the true positive rate and shares its
    /// p-value. `nil` where there are no trials.
    public func adjustedErrorRates() -> [String: [ErrorRate: Double]] {
        var tests: [(group: String, rate: ErrorRate, p: Double)] = []
        for row in rows {
            for rate in [ErrorRate.truePositive, .falsePositive, .positivePredictiveValue] {
                if let p = row.errorRates[rate]?.pValue { tests.append((row.group.name, rate, p)) }
            }
        }
        var adjusted: [String: [ErrorRate: Double]] = [:]
        for (test, p) in zip(tests, HypothesisTests.holm(tests.map(\.p))) {
            adjusted[test.group, default: [:]][test.rate] = p
            if test.rate == .truePositive { adjusted[test.group, default: [:]][.falseNegative] = p }
        }
        return adjusted
    }

    private static func compare(
        _ group: (successes: Int, trials: Int), with base: (successes: Int, trials: Int), seed: UInt64
    ) -> Comparison {
        let rate = group.trials > 0 ? Double(group.successes) / Double(group.trials) : nil
        let baseRate = base.trials > 0 ? Double(base.successes) / Double(base.trials) : nil
        let cells = [
            group.successes, group.trials - group.successes, base.successes, base.trials - base.successes,
        ]
        let isSmall = cells.contains { $0 < 5 }
        var ratio: Double?
        var pValue: Double?
        if let rate, let baseRate {
            ratio = baseRate > 0 ? rate / baseRate : nil
            pValue =
                isSmall
                ? HypothesisTests.fisherExact(cells[0], cells[1], cells[2], cells[3])
                : HypothesisTests.twoProportionZ(
                    successes: group.successes, trials: group.trials, referenceSuccesses: base.successes,
                    referenceTrials: base.trials)
        }
        let (interval, method) = ratioInterval(group, base, isSmall: isSmall, seed: seed)
        return Comparison(
            rate: rate, referenceRate: baseRate, successes: group.successes, trials: group.trials,
            difference: rate.flatMap { rate in baseRate.map { rate - $0 } },
            differenceInterval: Intervals.newcombeDifference(
                successes: group.successes, trials: group.trials, referenceSuccesses: base.successes,
                referenceTrials: base.trials),
            ratio: ratio, ratioInterval: ratio == nil ? nil : interval, intervalMethod: method, pValue: pValue)
    }

    private static func ratioInterval(
        _ group: (successes: Int, trials: Int), _ base: (successes: Int, trials: Int), isSmall: Bool, seed: UInt64
    ) -> (Interval?, String) {
        // why: resampling a share of 0 or 1 gives the same share each time, which would look like certainty.
        let isEmpty = [group, base].contains { $0.successes == 0 || $0.successes == $0.trials }
        guard !isEmpty else { return (nil, "no interval: a cell is empty") }
        guard isSmall else {
            let katz = Intervals.katzRatio(
                successes: group.successes, trials: group.trials, referenceSuccesses: base.successes,
                referenceTrials: base.trials)
            return (katz, "Katz 95 %")
        }
        let strata = [Array(0..<group.trials), Array(group.trials..<group.trials + base.trials)]
        let interval = Bootstrap.interval(strata: strata, seed: seed) { rows in
            let (first, second) = (rows.prefix(group.trials), rows.dropFirst(group.trials))
            let hits = first.count { $0 < group.successes }
            let baseHits = second.count { $0 - group.trials < base.successes }
            guard baseHits > 0 else { return nil }
            return Double(hits) / Double(group.trials) / (Double(baseHits) / Double(base.trials))
        }
        return (interval, "stratified bootstrap 95 %, a cell is below 5")
    }
}

/// The standardised mean difference of scores between two groups.
///
/// (mean of the group − mean of the reference) / sample standard deviation of all scores, after Hall, Gill, Schmidt,
/// "Proposed guidelines for the responsible use of explainable machine learning", 2019. 0.2, 0.5 and 0.8 are called
/// small, medium and large.
public struct StandardisedMeanDifference: Hashable, Sendable {
    /// The difference; `nil` when a group is empty or all scores are equal.
    public let value: Double?
    /// Welch's interval of the difference of means over the divisor, which is taken as known.
    public let interval: Interval?
    /// Two-sided p-value of Welch's t test that the means are equal.
    public let pValue: Double?

    /// Compares scores of a group with those of the reference; `all` sets the unit.
    public init(group: [Double], reference: [Double], all: [Double]) {
        let unit = Self.variance(all).squareRoot()
        guard !group.isEmpty, !reference.isEmpty, unit > 0 else {
            (value, interval, pValue) = (nil, nil, nil)
            return
        }
        let difference = Self.mean(group) - Self.mean(reference)
        value = difference / unit
        let (n1, n0) = (Double(group.count), Double(reference.count))
        let (part1, part0) = (Self.variance(group) / n1, Self.variance(reference) / n0)
        let error = (part1 + part0).squareRoot()
        guard group.count > 1, reference.count > 1, error > 0 else {
            (interval, pValue) = (nil, nil)
            return
        }
        let degrees = (part1 + part0) * (part1 + part0) / (part1 * part1 / (n1 - 1) + part0 * part0 / (n0 - 1))
        let spread = Distributions.studentQuantile(0.975, degrees: degrees) * error
        interval = Interval((difference - spread) / unit, (difference + spread) / unit)
        pValue = 2 * Distributions.studentSurvival(abs(difference / error), degrees: degrees)
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    private static func variance(_ values: [Double]) -> Double {
        guard values.count > 1 else { return 0 }
        let centre = mean(values)
        return values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(values.count - 1)
    }
}
