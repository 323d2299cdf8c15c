public import CasemateCore
import CasemateModels
import Foundation

/// How far the outcome of each row is from what rows like it get, oriented by the favourable outcome: large positive
/// means that the row got the good outcome against the odds, large negative that it was denied it against the odds.
///
/// For outcomes with out-of-fold probabilities these are deviance residuals, d = sign(y − p)·√(−2(y·ln p + (1 − y)·
/// ln(1 − p))) with y = 1 for the favourable outcome, so that naming classes the other way round changes nothing. The
/// probabilities are first calibrated by a logistic curve over all rows, because a cross-validated model is too sure or
/// too shy and both would feign an excess. For values they are standardised residuals. Sources: McCullagh and Nelder,
/// "Generalized Linear Models", 2nd ed., section 2.4 (deviance residuals); Platt, "Probabilistic outputs for support
/// vector machines", 1999 (calibration).
public struct OddsResiduals: Hashable, Sendable {
    /// Which surprise is looked at.
    public enum Direction: String, Sendable, CaseIterable {
        /// The good outcome against the odds: what somebody who bends labels to their favour leaves behind.
        case granted
        /// The bad outcome against the odds.
        case denied
    }
    /// Whether each row got the favourable outcome.
    public let outcomes: [Bool]
    /// Calibrated probability of the favourable outcome, out of fold; `nil` for values.
    public let probabilities: [Double]?
    /// The residuals.
    public let values: [Double]
    /// Deviations that are 0 on average wherever the prediction is right: y − p, or the residual within ±4.
    public let excess: [Double]
    /// Standard deviation of each deviation.
    private let spread: [Double]

    /// Deviance residuals of outcomes.
    /// - Parameters:
    ///   - outcomes: Whether each row got the favourable outcome; both kinds must occur.
    ///   - raw: Probability of it by a model that did not see the row.
    /// - Throws: `unusableData` for a single outcome, `Cancelled`.
    public init(outcomes: [Bool], outOfFold raw: [Double], cancellation: Cancellation = Cancellation()) throws {
        let bound = 1e-6
        let clipped = raw.map { min(max($0, bound), 1 - bound) }
        let logits = clipped.map { Foundation.log($0 / (1 - $0)) }
        let curve = try LogisticRegression.fit(
            rows: logits, width: 1, labels: outcomes, l2: 1e-3, cancellation: cancellation)
        // why: a slope below 0 would turn a model that learnt nothing into one that learnt the opposite.
        let slope = max(0, curve.coefficients[0])
        let share = Double(outcomes.count { $0 }) / Double(outcomes.count)
        let chances = logits.map { logit in
            let p = slope == 0 ? share : LogisticRegression.logistic(curve.intercept + slope * logit)
            return min(max(p, bound), 1 - bound)
        }
        self.outcomes = outcomes
        probabilities = chances
        values = zip(outcomes, chances).map { outcome, p in
            outcome ? (-2 * Foundation.log(p)).squareRoot() : -(-2 * Foundation.log(1 - p)).squareRoot()
        }
        excess = zip(outcomes, chances).map { ($0 ? 1 : 0) - $1 }
        spread = chances.map { ($0 * (1 - $0)).squareRoot() }
    }

    /// Standardised residuals of a regression: target less value over 1.4826 times the median absolute deviation.
    /// - Parameters:
    ///   - targets: True values.
    ///   - outOfFold: Values by a model that did not see the row.
    ///   - isHighFavourable: Whether people want a high value.
    ///   - outcomes: Whether each row is on the favourable side of the threshold.
    public init(targets: [Double], outOfFold: [Double], isHighFavourable: Bool, outcomes: [Bool]) {
        let errors = zip(targets, outOfFold).map { isHighFavourable ? $0 - $1 : $1 - $0 }
        let middle = Bootstrap.quantile(errors.sorted(), 0.5)
        let scale = 1.4826 * Bootstrap.quantile(errors.map { abs($0 - middle) }.sorted(), 0.5)
        let unit = scale > 0 ? scale : 1
        self.outcomes = outcomes
        probabilities = nil
        values = errors.map { ($0 - middle) / unit }
        let bounded = values.map { min(max($0, -4), 4) }
        let mean = bounded.reduce(0, +) / Double(max(1, bounded.count))
        excess = bounded.map { $0 - mean }
        let variance = excess.reduce(0) { $0 + $1 * $1 } / Double(max(1, excess.count))
        spread = [Double](repeating: variance.squareRoot(), count: excess.count)
    }

    /// All rows, the most surprising first; equal surprises in row order.
    public func ranking(_ direction: Direction) -> [Int] {
        let sign: Double = direction == .granted ? 1 : -1
        return values.indices.sorted { (sign * values[$1], $0) < (sign * values[$0], $1) }
    }

    /// The first rows of the ranking that surprise in this direction at all: at most `share` of all rows, rounded up.
    public func top(_ share: Double, _ direction: Direction) -> [Int] {
        let count = Int((share * Double(values.count)).rounded(.up))
        return ranking(direction).prefix(count).filter { direction == .granted ? values[$0] > 0 : values[$0] < 0 }
    }

    /// Chance of each row to be among `top` if its outcome followed the odds: that of the surprising outcome where it
    /// would surprise enough, else 0. For values the same for all.
    public func chances(ofBeingIn top: [Int], _ direction: Direction) -> [Double] {
        guard let probabilities else {
            return [Double](repeating: Double(top.count) / Double(max(1, values.count)), count: values.count)
        }
        let odds = direction == .granted ? probabilities : probabilities.map { 1 - $0 }
        guard let highest = top.map({ odds[$0] }).max() else { return [Double](repeating: 0, count: odds.count) }
        return odds.map { $0 <= highest ? $0 : 0 }
    }

    /// How often rows with the poorest odds got the outcome all the same, against how often they should have.
    public struct Tail: Hashable, Sendable {
        /// Rows with the poorest odds, and those of them that got the outcome.
        public let rows: Int, observed: Int
        /// Sum of their chances.
        public let expected: Double
        /// Probability of at least as many if outcomes followed the odds, each row for itself.
        public let pValue: Double
    }

    /// Compares the share `share` of rows with the poorest odds; `nil` for values, and without such rows.
    ///
    /// The p-value is that of the Poisson-binomial distribution, summed exactly.
    public func tail(_ share: Double, _ direction: Direction) -> Tail? {
        guard let probabilities else { return nil }
        let odds = direction == .granted ? probabilities : probabilities.map { 1 - $0 }
        let order = odds.indices.sorted { (odds[$0], $0) < (odds[$1], $1) }
        let rows = order.prefix(min(20_000, Int((share * Double(odds.count)).rounded(.up))))
        guard !rows.isEmpty else { return nil }
        let observed = rows.count { outcomes[$0] == (direction == .granted) }
        let chances = rows.map { odds[$0] }
        return Tail(
            rows: rows.count, observed: observed, expected: chances.reduce(0, +),
            pValue: ExactTests.poissonBinomial(atLeast: observed, chances: chances))
    }

    /// Deviation of the outcomes of some rows from their odds, in standard deviations.
    public func deviate(of rows: [Int]) -> Double? {
        let variance = rows.reduce(0) { $0 + spread[$1] * spread[$1] }
        return variance > 0 ? rows.reduce(0) { $0 + excess[$1] } / variance.squareRoot() : nil
    }
}
