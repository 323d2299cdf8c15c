import CasemateCore
import CasemateData
import CasemateModels

/// What the label of each row would be by somebody who is not suspected: the probability of one class.
struct FlipExpectation: Sendable {
    /// Probability of the class for each training row that has a label.
    let train: [Double]
    /// The same for rows of the reference, each by a model that did not see it; empty without a reference.
    let reference: [Double]

    /// Trees that learn the reference alone.
    static func reference(
        _ reference: FeatureMatrix, isClass: [Bool], of train: FeatureMatrix, engine: LightGBM, context: RunContext
    ) throws -> FlipExpectation {
        let learner = OutOfFold()
        let own = try learner.probabilities(of: reference, outcomes: isClass, engine: engine, context: context)
        let answers = try Booster.answers(
            training: engine, rows: reference.values, features: reference.features.count,
            labels: isClass.map { $0 ? 1 : 0 }, asked: train.values,
            parameters: learner.parameters("binary", train.features), rounds: learner.trees,
            cancellation: context.cancellation)
        return FlipExpectation(train: answers.values, reference: own)
    }

    /// The scores of a model for the class, brought to the level of the labels in twenty bins of equal size.
    ///
    /// why: a release before may be badly calibrated all over, which is no flip of a segment.
    static func model(_ scores: [Double], isClass: [Bool]) -> FlipExpectation {
        let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
        var level = [Double](repeating: 0, count: scores.count)
        let bins = max(1, min(20, scores.count / 50))
        var first = 0
        for bin in 0..<bins {
            var end = scores.count * (bin + 1) / bins
            while end < order.count, end > 0, scores[order[end]] == scores[order[end - 1]] { end += 1 }
            guard end > first else { continue }
            let rows = order[first..<end]
            let rate = Double(rows.count { isClass[$0] }) / Double(rows.count)
            for row in rows { level[row] = rate }
            first = end
        }
        return FlipExpectation(train: level, reference: [])
    }
}

/// How many labels were moved, and how likely each row's was.
struct FlipEstimate: Hashable, Sendable {
    /// Whether labels moved to the class (up) or away from it.
    let isUp: Bool
    /// Share of the rows that should have the other label whose label was moved, in 0…1.
    let rate: Double

    /// From the mean expectation of the class and its share among the labels.
    init(expected: Double, observed: Double) {
        isUp = observed > expected
        let moved = abs(observed - expected)
        let source = isUp ? 1 - expected : expected
        rate = source > 0 ? min(1, moved / source) : 0
    }

    /// Probability that the label of a row was moved, by Bayes' rule; 0 where it has the label that is lost.
    func strength(probability: Double, isClass: Bool) -> Double {
        guard isClass == isUp else { return 0 }
        let other = isUp ? 1 - probability : probability
        let moved = other * rate
        let own = 1 - other
        return moved + own > 0 ? moved / (moved + own) : 0
    }
}
