import CasemateCore

/// Turns formulas into disjunctive normal form: input boxes with linear inequalities.
struct VnnExpander {
    /// A case while it grows.
    private struct Partial {
        var low: [Double], high: [Double]
        var inequalities: [VnnInequality] = []
        /// Whether another case has the same arrays, so that a change copies them.
        var isShared = false
    }
    /// Two bounds that exclude each other.
    private struct Contradiction { let input: Int, low: Double, high: Double }

    private let path: String, limits: VnnLimits, inputCount: Int
    private var partials: [Partial]
    private var contradiction: Contradiction?
    private var copiedBounds = 0
    /// Cases that were dropped.
    private(set) var contradictoryCount = 0

    init(inputCount: Int, path: String, limits: VnnLimits) {
        (self.inputCount, self.path, self.limits) = (inputCount, path, limits)
        let free = [Double](repeating: .infinity, count: inputCount)
        partials = [Partial(low: free.map { -$0 }, high: free)]
    }

    /// Adds formulas that must all hold.
    mutating func expand(_ formulas: [VnnFormula]) throws(CasemateError) {
        var grown = partials
        partials = []
        try conjoin(formulas, &grown)
        partials = grown
    }

    /// The cases.
    /// - Throws: `unusableData` when there is none, or when an input of one has no bounds.
    func cases() throws(CasemateError) -> [VnnCase] {
        guard !partials.isEmpty else {
            let what =
                contradiction.map { "X_\($0.input) must be at least \($0.low) and at most \($0.high)" }
                ?? "it asserts 'false'"
            throw CasemateError(
                .unusableData, at: path, "nothing can meet the property: \(what)",
                help: "a property without inputs proves nothing; check its bounds")
        }
        var result: [VnnCase] = []
        for (number, partial) in partials.enumerated() {
            for (side, bounds) in [("lower", partial.low), ("upper", partial.high)] {
                guard let input = bounds.firstIndex(where: \.isInfinite) else { continue }
                let ending = partials.count > 1 ? " in case \(number + 1) of \(partials.count)" : ""
                throw CasemateError(
                    .unusableData, at: path, "X_\(input) has no \(side) bound\(ending)",
                    help: "bound each input from both sides by numbers")
            }
            result.append(VnnCase(low: partial.low, high: partial.high, inequalities: partial.inequalities))
        }
        return result
    }

    private mutating func expand(_ formula: VnnFormula, _ grown: inout [Partial]) throws(CasemateError) {
        switch formula {
        case .atom(let inequality): try apply(inequality, &grown)
        case .all(let parts): try conjoin(parts, &grown)
        case .any(let parts):
            var all: [Partial] = [], total = 0
            // why: alternatives of one case stay together, and so do cases of one box.
            for partial in grown {
                for part in parts {
                    var branch = [partial]
                    branch[0].isShared = true
                    try expand(part, &branch)
                    total += branch.reduce(0) { $0 + $1.inequalities.count }
                    all += branch
                    try check(cases: all.count, inequalities: total)
                }
            }
            grown = all
        }
    }

    /// What must all hold, the parts without alternatives first: they cost least where there are fewest cases.
    private mutating func conjoin(_ formulas: [VnnFormula], _ grown: inout [Partial]) throws(CasemateError) {
        var rest: [VnnFormula] = []
        for formula in formulas {
            if case .any = formula {
                rest.append(formula)
            } else {
                try expand(formula, &grown)
            }
        }
        for formula in rest { try expand(formula, &grown) }
    }

    private func check(cases: Int, inequalities: Int) throws(CasemateError) {
        guard cases <= limits.cases, inequalities <= limits.inequalities, copiedBounds <= limits.bounds else {
            throw CasemateError(
                .limitExceeded, at: path,
                "its alternatives, written out, are more than \(limits.cases) cases or \(limits.inequalities) "
                    + "inequalities in them", help: "split the property into several files")
        }
    }

    private mutating func apply(_ inequality: VnnInequality, _ grown: inout [Partial]) throws(CasemateError) {
        guard inequality.terms.count == 1, case .input(let input) = inequality.terms[0].variable else {
            for index in grown.indices { grown[index].inequalities.append(inequality) }
            return
        }
        let isUpper = inequality.terms[0].coefficient > 0
        let bound = Self.bound(inequality)
        var hasEmpty = false
        for index in grown.indices {
            let isTighter = isUpper ? bound < grown[index].high[input] : bound > grown[index].low[input]
            guard isTighter else { continue }
            if grown[index].isShared {
                copiedBounds += inputCount
                grown[index].isShared = false
                try check(cases: 1, inequalities: 0)
            }
            if isUpper { grown[index].high[input] = bound } else { grown[index].low[input] = bound }
            if grown[index].low[input] > grown[index].high[input] {
                hasEmpty = true
                contradictoryCount += 1
                contradiction = Contradiction(
                    input: input, low: grown[index].low[input], high: grown[index].high[input])
            }
        }
        if hasEmpty { grown.removeAll { $0.low[input] > $0.high[input] } }
    }

    /// The bound that an inequality over one input sets: the last float64 for which it holds exactly.
    private static func bound(_ inequality: VnnInequality) -> Double {
        let factor = inequality.terms[0].coefficient
        let quotient = inequality.bound / factor
        // why: a fused product tells on which side of the exact bound the rounded quotient lies.
        let rest = (-inequality.bound).addingProduct(factor, quotient)
        let holds = inequality.isStrict ? rest < 0 : rest <= 0
        if holds || !quotient.isFinite { return quotient }
        return factor > 0 ? quotient.nextDown : quotient.nextUp
    }
}
