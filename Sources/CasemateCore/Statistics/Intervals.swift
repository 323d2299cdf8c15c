/// An interval of plausible values.
public struct Interval: Hashable, Sendable {
    /// Lower end.
    public let low: Double
    /// Upper end.
    public let high: Double
    /// Makes an interval.
    public init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }
}

/// Confidence intervals of shares and of their ratios.
public enum Intervals {
    /// Wilson's score interval of a share; `nil` without trials.
    ///
    /// Source: Wilson, "Probable inference", Journal of the American Statistical Association, 1927.
    public static func wilson(successes: Int, trials: Int, confidence: Double = 0.95) -> Interval? {
        guard trials > 0, (0...trials).contains(successes) else { return nil }
        let z = Distributions.normalQuantile(0.5 + confidence / 2)
        let n = Double(trials)
        let share = Double(successes) / n
        let centre = share + z * z / (2 * n)
        let spread = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        let low = successes == 0 ? 0 : (centre - spread) / (1 + z * z / n)
        let high = successes == trials ? 1 : (centre + spread) / (1 + z * z / n)
        return Interval(max(0, low), min(1, high))
    }

    /// The exact interval of a share, from quantiles of the beta distribution; `nil` without trials.
    ///
    /// Source: Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika, 1934.
    public static func clopperPearson(successes: Int, trials: Int, confidence: Double = 0.95) -> Interval? {
        guard trials > 0, (0...trials).contains(successes) else { return nil }
        let (k, n, tail) = (Double(successes), Double(trials), (1 - confidence) / 2)
        let low = successes == 0 ? 0 : Distributions.betaQuantile(tail, alpha: k, beta: n - k + 1)
        let high = successes == trials ? 1 : Distributions.betaQuantile(1 - tail, alpha: k + 1, beta: n - k)
        return Interval(low, high)
    }

    /// Katz's log interval of the ratio of two shares; `nil` when either count of successes or trials is zero.
    ///
    /// Source: Katz, Baptista, Azen, Pike, "Obtaining confidence intervals for the risk ratio", Biometrics, 1978.
    public static func katzRatio(
        successes: Int, trials: Int, referenceSuccesses: Int, referenceTrials: Int, confidence: Double = 0.95
    ) -> Interval? {
        guard trials > 0, referenceTrials > 0, (1...trials).contains(successes),
            (1...referenceTrials).contains(referenceSuccesses)
        else { return nil }
        let (p1, p0) = (Double(successes) / Double(trials), Double(referenceSuccesses) / Double(referenceTrials))
        let deviation = ((1 - p1) / Double(successes) + (1 - p0) / Double(referenceSuccesses)).squareRoot()
        let z = Distributions.normalQuantile(0.5 + confidence / 2)
        let centre = (p1 / p0).logarithm
        return Interval((centre - z * deviation).exponential, (centre + z * deviation).exponential)
    }

    /// Newcombe's hybrid score interval of the difference of two shares; `nil` when either has no trials.
    ///
    /// Source: Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    /// Medicine, 1998, method 10.
    public static func newcombeDifference(
        successes: Int, trials: Int, referenceSuccesses: Int, referenceTrials: Int, confidence: Double = 0.95
    ) -> Interval? {
        guard let one = wilson(successes: successes, trials: trials, confidence: confidence),
            let other = wilson(successes: referenceSuccesses, trials: referenceTrials, confidence: confidence)
        else { return nil }
        let (p1, p0) = (Double(successes) / Double(trials), Double(referenceSuccesses) / Double(referenceTrials))
        let difference = p1 - p0
        let below = ((p1 - one.low) * (p1 - one.low) + (other.high - p0) * (other.high - p0)).squareRoot()
        let above = ((one.high - p1) * (one.high - p1) + (p0 - other.low) * (p0 - other.low)).squareRoot()
        return Interval(difference - below, difference + above)
    }
}
