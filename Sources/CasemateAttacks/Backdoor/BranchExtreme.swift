import CasemateCore
import CasemateData
import CasemateModels

/// The most extreme answer of a model's trees where no training row lies, as a row.
public struct BranchExtreme: Hashable, Sendable {
    /// What the search over leaf boxes found.
    public let leaves: LeafBoxExtreme
    /// The box over the features.
    public let bounds: [HiddenBranch.Bound]
    /// A training row put into it, and what the whole model answers.
    public let example: [Float], score: Double

    /// Both directions; none for models whose trees read something else than plain numbers of the table.
    static func find(
        _ problem: HiddenBranchProblem, _ function: any ScoreFunction, nodes: Int, context: RunContext
    ) throws -> [BranchExtreme] {
        guard let trees = problem.trees, function.scoreCount == 1 else { return [] }
        var search = LeafBoxSearch()
        search.nodes = nodes
        let leaves = try trees.leaves(problem.reference, cancellation: context.cancellation)
        let grid = BranchGrid(problem.reference, clues: [])
        var found: [BranchExtreme] = []
        for isLargest in [true, false] {
            let extreme = try search.extreme(
                of: trees.ensemble, isLargest: isLargest, leaves: leaves, count: problem.reference.count,
                context: context)
            guard let extreme, let bounds = bounds(extreme, trees, problem.space.features) else { continue }
            var row = Array(problem.reference[row: 0])
            for bound in bounds where !bound.contains(row[bound.feature]) {
                row[bound.feature] = BranchValues.typical(
                    low: bound.low ?? -.infinity, high: bound.high ?? .infinity, grid.columns[bound.feature])
            }
            let score = Double(try function.answer(row, count: 1).scores[0])
            found.append(BranchExtreme(leaves: extreme, bounds: bounds, example: row, score: score))
        }
        return found
    }

    private static func bounds(
        _ extreme: LeafBoxExtreme, _ trees: TreeModel, _ features: [Feature]
    ) -> [HiddenBranch.Bound]? {
        var bounds: [HiddenBranch.Bound] = []
        for (column, range) in extreme.box.sorted(by: { $0.key < $1.key }) {
            guard trees.columns.indices.contains(column), features.count > column,
                case .number(let feature, 0, 1) = trees.columns[column], features[feature].levels == nil
            else { return nil }
            bounds.append(
                HiddenBranch.Bound(
                    feature: feature, low: range.lowerBound.isFinite ? range.lowerBound : nil,
                    high: range.upperBound.isFinite ? range.upperBound : nil))
        }
        return bounds
    }
}
