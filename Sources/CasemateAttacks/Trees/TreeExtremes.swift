public import CasemateCore
public import CasemateData
public import CasemateModels

/// The largest sum that leaves of an ensemble reach over a box, exactly.
public struct TreeExtreme: Hashable, Sendable {
    /// The largest value is at least `lower`, which `witness` has, and at most `upper`, both up to `rounding`.
    public let lower: Double, upper: Double
    /// Largest difference between a sum as the ensemble rounds it and the exact sum of its leaves.
    public let rounding: Double
    /// A row with the value `lower`; `nil` where none was found in time, or none was accepted.
    public let witness: [Float]?
    /// For each bounded feature of the witness, the values between which its leaves do not change. Numbers only.
    public let cell: [Int: ClosedRange<Float>]
    /// Boxes looked at.
    public let nodes: Int
    /// Whether the search ended: `upper` is the exact value of the witness, or nothing is left to accept.
    public let isExact: Bool
}

/// Largest and smallest values of an ensemble's outputs over boxes, with the rows that have them.
///
/// Values are margins: sums (or averages) of leaves with their base values, before the transform.
public struct TreeExtremes: Sendable {
    let grid: TreeGrid
    let space: FeatureSpace?
    let rounding: TreeRounding
    private let bases: [Double]

    /// Prepares an ensemble; the parameters are those of `TreeRobustness`.
    /// - Throws: `unsupported` for ensembles that are not sums, columns that could not be followed; `mismatch`.
    public init(
        _ ensemble: TreeEnsemble, columns: [TreeColumn]? = nil, space: FeatureSpace? = nil
    ) throws(CasemateError) {
        try TreeRule.check(ensemble)
        grid = try TreeGrid(ensemble, columns: columns, space: space)
        self.space = space
        let form = ensemble.form
        bases = form.base.count == form.outputs ? form.base : [Double](repeating: 0, count: form.outputs)
        rounding = TreeRounding(ensemble, bases: bases)
    }

    /// The largest value of `Σ coefficients[k] · margin[k]` over a box.
    /// - Parameters:
    ///   - coefficients: One an output; 1 for the output in question, -1 for its smallest value.
    ///   - box: Where to look.
    ///   - mostNodes: Most boxes looked at.
    ///   - context: Its deadline and cancellation are obeyed.
    ///   - accepting: Which places count, by the values between which the leaves do not change and a row there; asked
    ///     in the order of falling values. Everywhere when `nil`. A place is refused as a whole, then parts of it are
    ///     tried as long as other leaves reach into them.
    /// - Throws: `invalidSetting` for boxes and coefficients that do not fit, `limitExceeded`, `Cancelled`.
    public func largest(
        _ coefficients: [Double], within box: TreeBox = TreeBox(), mostNodes: Int = 1_000_000,
        context: RunContext = RunContext(), accepting: (([Int: ClosedRange<Float>], [Float]) throws -> Bool)? = nil
    ) throws -> TreeExtreme {
        let outputs = grid.ensemble.form.outputs
        guard coefficients.count == outputs, coefficients.allSatisfy(\.isFinite) else {
            throw CasemateError(
                .invalidSetting, at: "trees", "\(coefficients.count) coefficients for \(outputs) outputs",
                help: "give a finite number for each output")
        }
        let form = grid.ensemble.form
        let share = form.aggregate == .average ? 1 / Double(grid.ensemble.trees) : 1
        let base = zip(coefficients, bases).reduce(0) { $0 + $1.0 * $1.1 }
        let error = zip(coefficients, rounding.errors).reduce(0) { $0 + abs($1.0) * $1.1 } * share
        let region = try region(box)
        try region.collect(coefficients)
        let summit = TreeSummit(region, groups: TreeGroups(region).groups, constant: region.constant)
        let result = try summit.climb(above: -.infinity, mostNodes: mostNodes, context) { meeting in
            let row = self.row(meeting, box)
            return try accepting?(self.cell(meeting), row) ?? true
        }
        let witness = result.meeting.map { row($0, box) }
        return TreeExtreme(
            lower: result.meeting.map { $0.value * share + base } ?? -.infinity, upper: result.upper * share + base,
            rounding: error, witness: witness, cell: result.meeting.map(cell) ?? [:], nodes: result.nodes,
            isExact: result.isFinished)
    }

    /// The smallest and the largest margin of an output over a box.
    public func range(
        ofOutput output: Int, within box: TreeBox = TreeBox(), mostNodes: Int = 1_000_000,
        context: RunContext = RunContext()
    ) throws -> (least: TreeExtreme, greatest: TreeExtreme) {
        var coefficients = [Double](repeating: 0, count: grid.ensemble.form.outputs)
        guard coefficients.indices.contains(output) else {
            throw CasemateError(
                .invalidSetting, at: "trees", "output \(output) of \(coefficients.count)", help: "count from 0")
        }
        coefficients[output] = -1
        let least = try largest(coefficients, within: box, mostNodes: mostNodes, context: context)
        coefficients[output] = 1
        let greatest = try largest(coefficients, within: box, mostNodes: mostNodes, context: context)
        let turned = TreeExtreme(
            lower: -least.upper, upper: -least.lower, rounding: least.rounding, witness: least.witness,
            cell: least.cell, nodes: least.nodes, isExact: least.isExact)
        return (turned, greatest)
    }

    // MARK: Rows

    func region(_ box: TreeBox) throws(CasemateError) -> TreeRegion {
        var held = [Float](repeating: 0, count: grid.width)
        for feature in box.missing where held.indices.contains(feature) { held[feature] = .nan }
        return TreeRegion(grid, isOpen: try box.open(grid, space), held: held)
    }

    /// A row where leaves meet, with values near 0 where nothing says otherwise.
    func row(_ meeting: TreeSearch.Meeting, _ box: TreeBox) -> [Float] {
        var row = [Float](repeating: 0, count: grid.width)
        for feature in row.indices {
            if box.missing.contains(feature) {
                row[feature] = .nan
                continue
            }
            let free = TreeGrid.Variable(features: [feature])
            if let value = box.value(free, cell: 0, space) { row[feature] = value[0] }
        }
        for group in space?.oneHotGroups ?? [] where !group.contains(where: { row[$0].isNaN }) {
            for (position, member) in group.enumerated() { row[member] = position == 0 ? 1 : 0 }
        }
        var cells: [Int: Int] = [:]
        for bound in meeting.bounds {
            cells[Int(bound.variable)] = meeting.cells[Int(bound.variable)] ?? Int(bound.low)
        }
        for (index, variable) in grid.variables.enumerated() {
            if variable.features.contains(where: box.missing.contains) { continue }
            var values = cells[index].flatMap { box.value(variable, cell: $0, space) }
            if values == nil {
                values = (0..<variable.cells).lazy.compactMap { box.value(variable, cell: $0, space) }.first
            }
            guard let values else { continue }
            for (feature, value) in zip(variable.features, values) { row[feature] = value }
        }
        return row
    }

    /// The values of numbers between which leaves meet.
    func cell(_ meeting: TreeSearch.Meeting) -> [Int: ClosedRange<Float>] {
        var result: [Int: ClosedRange<Float>] = [:]
        for bound in meeting.bounds where bound.high >= 0 {
            let variable = grid.variables[Int(bound.variable)]
            let low = bound.low == 0 ? -Float.infinity : variable.bottom(Int(bound.low))
            let high = Int(bound.high) == variable.cells - 1 ? Float.infinity : variable.top(Int(bound.high))
            if low <= high { result[variable.features[0]] = low...high }
        }
        return result
    }
}

/// A search for the largest sum.
final class TreeSummit {
    struct Result {
        /// The largest that was accepted.
        var meeting: TreeSearch.Meeting?
        /// Nothing accepted is larger.
        var upper: Double
        var nodes = 0
        /// Whether nothing is left to look at above the meeting.
        var isFinished: Bool
    }
    private let problem: TreeProblem

    init(_ region: TreeRegion, groups: [[TreeRegion.Leaf]], constant: Double) {
        problem = TreeProblem(region, groups: groups, constant: constant)
    }

    /// Climbs to the largest accepted sum above a level.
    func climb(
        above level: Double, mostNodes: Int, _ context: RunContext,
        accepting: (TreeSearch.Meeting) throws -> Bool
    ) throws -> Result {
        let search = TreeSearch(problem, needed: level, isNearest: false)
        search.start(upper: -level)
        var result = Result(meeting: nil, upper: search.best.map { -$0 } ?? level, isFinished: true)
        var isRefusing = false
        while let key = search.best, -key > max(level, result.meeting?.value ?? -.infinity) {
            result.upper = -key
            let isOver = context.deadline.map { ContinuousClock.now >= $0 } ?? false
            if result.nodes >= mostNodes || (result.nodes % 16 == 0 && isOver) {
                result.isFinished = false
                return result
            }
            if result.nodes % 16 == 0 { try context.cancellation.check() }
            result.nodes += 1
            // why: a good sum early makes the cuts better; one guess at every doubling costs little.
            if !isRefusing, result.nodes & (result.nodes - 1) == 0, let guess = search.dive(),
                guess.value > max(level, result.meeting?.value ?? -.infinity)
            {
                if try accepting(guess) { result.meeting = guess } else { isRefusing = true }
                search.incumbent = result.meeting?.value ?? search.incumbent
                continue
            }
            guard case .met(let meeting) = search.step(upper: -max(level, search.incumbent)) else { continue }
            if try accepting(meeting) {
                result.meeting = meeting
                search.incumbent = meeting.value
            } else {
                search.split(upper: -max(level, search.incumbent))
            }
        }
        result.upper = max(level, result.meeting?.value ?? -.infinity)
        return result
    }
}
