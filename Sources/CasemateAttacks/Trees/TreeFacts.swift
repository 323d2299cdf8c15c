public import CasemateCore
public import CasemateData
public import CasemateModels

/// What was found out about a claim on all rows of a box.
public enum TreeVerdict: String, Hashable, Sendable, CaseIterable {
    /// Proved for every row.
    case holds
    /// A counterexample was found, and checked with the model's own arithmetic.
    case broken
    /// Neither within the budget.
    case open
}

/// A claim about a tree ensemble that was proved, refuted or left open.
public struct TreeFact: Hashable, Sendable {
    /// How it ended.
    public let verdict: TreeVerdict
    /// Rows that break the claim: one, or two that differ in one feature, the smaller value first.
    public let counterexample: [[Float]]
    /// What the model answers on them: margins for monotonicity, scores for bounds.
    public let values: [Double]
    /// Boxes looked at.
    public let nodes: Int
}

/// Proofs and counterexamples of claims about all rows of a box.
public struct TreeFacts: Sendable {
    let extremes: TreeExtremes
    private var grid: TreeGrid { extremes.grid }

    /// Prepares an ensemble; the parameters are those of `TreeRobustness`.
    /// - Throws: what `TreeExtremes` throws.
    public init(
        _ ensemble: TreeEnsemble, columns: [TreeColumn]? = nil, space: FeatureSpace? = nil
    ) throws(CasemateError) {
        extremes = try TreeExtremes(ensemble, columns: columns, space: space)
    }

    // MARK: Bounds

    /// Whether a score stays within a range on a box.
    /// - Parameters:
    ///   - output: Output of the model's answers; 1 for two classes.
    ///   - range: The claim, in scores after the transform.
    ///   - box: Where it is claimed.
    /// - Throws: `invalidSetting`, `unsupported` for scores that depend on several margins, `Cancelled`.
    public func isBounded(
        output: Int, to range: ClosedRange<Double>, within box: TreeBox = TreeBox(), mostNodes: Int = 1_000_000,
        context: RunContext = RunContext()
    ) throws -> TreeFact {
        _ = try box.open(grid, extremes.space)
        var (nodes, isOpen) = (0, false)
        for isAbove in [true, false] {
            let limit = isAbove ? range.upperBound : range.lowerBound
            if limit.isInfinite { continue }
            // why: the claim is broken by scores from the next number above the upper bound on, and by those below the
            // lower one: the classes 1 and 0 of a threshold.
            let rule = try TreeRule(
                grid.ensemble, .score(output: output, atLeast: isAbove ? limit.nextUp : limit))
            guard let rival = rule.rivals(from: isAbove ? 0 : 1).first else { continue }
            guard rival.needed < .infinity else { continue }
            let region = try extremes.region(box)
            try region.collect(rival.coefficients)
            let summit = TreeSummit(region, groups: TreeGroups(region).groups, constant: region.constant)
            var found: [Float]?
            let result = try summit.climb(
                above: rival.needed.nextDown, mostNodes: mostNodes, context
            ) { meeting in
                let row = extremes.row(meeting, box)
                guard rule.label(row, grid) == rival.label else { return false }
                found = row
                return true
            }
            nodes += result.nodes
            if let found {
                return TreeFact(
                    verdict: .broken, counterexample: [found],
                    values: Array(rule.scores(found, grid).dropFirst(output).prefix(1)), nodes: nodes)
            }
            if !result.isFinished { isOpen = true }
        }
        return TreeFact(verdict: isOpen ? .open : .holds, counterexample: [], values: [], nodes: nodes)
    }

    // MARK: Monotonicity

    /// Whether the margin of an output never falls (or never rises) when a number rises and nothing else changes.
    ///
    /// Rows are compared across one cut at a time: a margin that never falls over neighbouring cells never falls at all.
    /// Over one cut only trees that test it change, and only from one leaf to another of the same way; their largest
    /// fall is searched exactly. Falls up to twice the rounding error of the sums count as none.
    /// - Parameters:
    ///   - feature: A numeric feature of the table.
    ///   - output: Output whose margin is meant; the transform of a single margin keeps the order.
    ///   - isIncreasing: Whether it is claimed to rise; else to fall.
    ///   - box: Where it is claimed.
    /// - Throws: `invalidSetting` for features without an order, `limitExceeded`, `Cancelled`.
    public func isMonotone(
        in feature: Int, output: Int = 0, isIncreasing: Bool = true, within box: TreeBox = TreeBox(),
        mostNodes: Int = 1_000_000, context: RunContext = RunContext()
    ) throws -> TreeFact {
        let outputs = grid.ensemble.form.outputs
        guard (0..<outputs).contains(output), (0..<grid.width).contains(feature) else {
            throw CasemateError(
                .invalidSetting, at: "trees", "feature \(feature) and output \(output)",
                help: "there are \(grid.width) features and \(outputs) outputs, counted from 0")
        }
        guard let variable = grid.variables.firstIndex(where: { $0.features.contains(feature) }) else {
            return TreeFact(verdict: .holds, counterexample: [], values: [], nodes: 0)
        }
        guard grid.variables[variable].isNumber else {
            throw CasemateError(
                .invalidSetting, at: "trees", "feature \(feature) is a category, which does not rise",
                help: "ask about a number")
        }
        var coefficients = [Double](repeating: 0, count: outputs)
        coefficients[output] = isIncreasing ? -1 : 1
        let steps = TreeSteps(extremes, variable: variable, coefficients: coefficients, box: box)
        return try steps.search(mostNodes: mostNodes, context)
    }
}
