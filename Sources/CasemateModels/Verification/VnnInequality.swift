/// A linear inequality over the inputs and outputs of a network: a weighted sum that is at most, or less than, a bound.
public struct VnnInequality: Hashable, Sendable {
    /// An input or an output by its flat, row-major position.
    public enum Variable: Hashable, Sendable, Comparable {
        case input(Int), output(Int)
    }
    /// A variable with its factor.
    public struct Term: Hashable, Sendable {
        /// What is weighted.
        public let variable: Variable
        /// The weight, never 0.
        public let coefficient: Double
        /// Makes a term.
        public init(_ variable: Variable, _ coefficient: Double) {
            (self.variable, self.coefficient) = (variable, coefficient)
        }
    }
    /// The weighted variables, inputs first, each once.
    public let terms: [Term]
    /// What the sum may reach.
    public let bound: Double
    /// Whether the sum must stay below the bound.
    public let isStrict: Bool

    /// Makes an inequality; terms must be in order, each variable once, no coefficient 0.
    public init(_ terms: [Term], bound: Double, isStrict: Bool = false) {
        (self.terms, self.bound, self.isStrict) = (terms, bound, isStrict)
    }

    /// Whether no input occurs.
    public var isOutputOnly: Bool {
        // why: inputs come first.
        if case .input? = terms.first?.variable { false } else { true }
    }

    /// The sum less the bound, in float64: at most 0 where the inequality holds, NaN where a value is NaN.
    ///
    /// For one variable with factor 1 or -1, and for the difference of two variables, its sign is exact.
    public func excess(input: [Float], output: [Float]) -> Double {
        var sum = 0.0
        for term in terms {
            switch term.variable {
            case .input(let index): sum += term.coefficient * Double(input[index])
            case .output(let index): sum += term.coefficient * Double(output[index])
            }
        }
        return sum - bound
    }

    /// Whether the inequality holds, with no tolerance.
    public func holds(input: [Float], output: [Float]) -> Bool {
        let excess = excess(input: input, output: output)
        return isStrict ? excess < 0 : excess <= 0
    }
}
