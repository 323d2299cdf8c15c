public import CasemateCore

/// How well a copy stands in for a model, on one set of rows.
public struct CopyQuality: Hashable, Sendable {
    /// Agreement of decisions; `nil` when the model decides nothing.
    public let decisions: DecisionAgreement?
    /// Agreement of scores; `nil` when the copy was made of decisions only.
    public let scores: ScoreAgreement?
    /// Makes it.
    public init(decisions: DecisionAgreement?, scores: ScoreAgreement?) {
        (self.decisions, self.scores) = (decisions, scores)
    }
}

/// How often two models decide alike, beside what chance and a constant would reach.
public struct DecisionAgreement: Hashable, Sendable {
    /// Rows, and those decided alike.
    public let count: Int, agreeing: Int
    /// Agreement that two independent deciders with the same shares of decisions would reach.
    public let chance: Double
    /// Share of the model's most frequent decision: what a constant reaches.
    public let majority: Double

    /// Compares decisions, indices below `classes`.
    public init(model: [Int32], copy: [Int32], classes: Int) {
        precondition(model.count == copy.count, "\(model.count) and \(copy.count) decisions")
        var (own, other) = ([Int](repeating: 0, count: classes), [Int](repeating: 0, count: classes))
        var agreeing = 0
        for (one, two) in zip(model, copy) {
            own[Int(one)] += 1
            other[Int(two)] += 1
            if one == two { agreeing += 1 }
        }
        (count, self.agreeing) = (model.count, agreeing)
        let total = Double(max(count, 1))
        chance = zip(own, other).reduce(0) { $0 + Double($1.0) / total * (Double($1.1) / total) }
        majority = Double(own.max() ?? 0) / total
    }

    /// Share decided alike; `nil` without rows.
    public var share: Double? { count == 0 ? nil : Double(agreeing) / Double(count) }
    /// Wilson's interval of the share.
    public func interval(confidence: Double = 0.95) -> Interval? {
        Intervals.wilson(successes: agreeing, trials: count, confidence: confidence)
    }
    /// Cohen's kappa: how much of what chance leaves open the copy gets right; `nil` when chance leaves nothing.
    ///
    /// Source: Cohen, "A coefficient of agreement for nominal scales", 1960.
    public var kappa: Double? { share.flatMap { rescaled($0) } }
    /// Interval of kappa: Wilson's interval of the agreement, with the agreement of chance held fixed.
    ///
    /// As Cohen's own standard error does, this leaves out that the shares of decisions are estimated too; unlike that
    /// one it does not shrink to nothing at perfect agreement.
    public func kappaInterval(confidence: Double = 0.95) -> Interval? {
        guard let wilson = interval(confidence: confidence), let low = rescaled(wilson.low),
            let high = rescaled(wilson.high)
        else { return nil }
        return Interval(low, high)
    }

    private func rescaled(_ agreement: Double) -> Double? {
        chance < 1 - 1e-12 ? (agreement - chance) / (1 - chance) : nil
    }
}

/// How close the scores of a copy are to the model's.
public struct ScoreAgreement: Hashable, Sendable {
    /// Rows compared.
    public let count: Int
    /// Share of the variance of the model's scores that the copy explains, over all outputs; `nil` without variance.
    public let r2: Double?
    /// Percentile bootstrap over rows, 95 %; `nil` where it was not asked for.
    public let r2Interval: Interval?
    /// Mean absolute difference of scores.
    public let meanError: Double
    /// Largest absolute difference.
    public let largestError: Double

    /// Compares scores, `[count, outputs]` each.
    /// - Parameters:
    ///   - arePairs: Whether two outputs sum to 1, so that one of them says all.
    ///   - seed: Seed of the interval; `nil` leaves it out.
    public init(model: [Double], copy: [Double], outputs: Int, arePairs: Bool = true, seed: UInt64? = nil) {
        precondition(model.count == copy.count && outputs > 0, "\(model.count) and \(copy.count) scores")
        let count = model.count / outputs
        // why: two probabilities of a pair say the same thing once.
        let columns = outputs == 2 && arePairs ? [1] : Array(0..<outputs)
        var means = [Double](repeating: 0, count: outputs)
        for row in 0..<count {
            for column in columns { means[column] += model[row * outputs + column] / Double(count) }
        }
        var (residual, total) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        var (absolute, largest) = (0.0, 0.0)
        for row in 0..<count {
            for column in columns {
                let truth = model[row * outputs + column]
                let error = abs(truth - copy[row * outputs + column])
                residual[row] += error * error
                total[row] += (truth - means[column]) * (truth - means[column])
                absolute += error
                largest = max(largest, error)
            }
        }
        func share(_ residual: Double, _ total: Double) -> Double? { total > 0 ? 1 - residual / total : nil }
        self.count = count
        r2 = share(residual.reduce(0, +), total.reduce(0, +))
        meanError = absolute / Double(max(count * columns.count, 1))
        largestError = largest
        r2Interval = seed.flatMap { seed in
            Bootstrap.interval(strata: [Array(0..<count)], replicates: 300, seed: seed) { rows in
                var (above, below) = (0.0, 0.0)
                for row in rows { (above, below) = (above + residual[row], below + total[row]) }
                return share(above, below)
            }
        }
    }
}
