import CasemateCore

/// A model that equation solving recovered: weights and biases in the units of the features.
public struct LinearCopy: Student, Hashable {
    let unknowns: EquationUnknowns
    let form: AnswerForm
    /// Logits (or values) of the base row, one a column, and weights `[columns][unknowns]`.
    let base: [Double], weights: [[Double]]

    /// Numbers that were recovered: weights and biases.
    public var parameterCount: Int { weights.count * (unknowns.unknowns.count + 1) }

    /// The weight of a numeric feature, for two classes in ln(p1/p0); for several in the logarithm of the class less the
    /// mean over all classes. `nil` for a feature that is a category, belongs to a one-hot group or never varies.
    public func coefficient(of feature: Int, column: Int = 0) -> Double? {
        guard let place = unknowns.unknowns.firstIndex(of: .number(feature: feature)) else { return nil }
        return weights[column][place]
    }

    /// The bias: the logit (or value) where all numbers are 0 and categories and groups have their usual value.
    public func intercept(column: Int = 0) -> Double {
        var sum = base[column]
        for (place, unknown) in unknowns.unknowns.enumerated() {
            if case .number(let feature) = unknown {
                sum -= weights[column][place] * Double(unknowns.base[feature])
            }
        }
        return sum
    }

    /// Scores in the form of the model's answers.
    public func scores(_ rows: [Float], count: Int) -> [Double] {
        let width = form.featureCount
        var targets: [Double] = []
        targets.reserveCapacity(count * base.count)
        for row in 0..<count {
            let factors = unknowns.factors(rows[row * width..<(row + 1) * width])
            for (column, start) in base.enumerated() {
                targets.append(factors.reduce(start) { $0 + weights[column][$1.index] * $1.factor })
            }
        }
        return form.scores == .probabilities
            ? ScoreLink.probabilities(targets, classes: form.decisions) : targets
    }
}
