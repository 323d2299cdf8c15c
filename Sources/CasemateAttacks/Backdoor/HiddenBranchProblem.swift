public import CasemateCore
public import CasemateData
public import CasemateModels

/// What is known about a model whose hidden branches are sought.
public struct HiddenBranchProblem: Sendable {
    /// The features, and what their values can be.
    public let space: FeatureSpace
    /// Training rows.
    public let reference: FeatureMatrix
    /// Class of each training row, or its value; both `nil` where unknown.
    public var classes: [Int]?, values: [Float]?
    /// Class that a single score is for, and number of decisions of a model that gives labels only.
    public var column: Int?, decisions = 0
    /// The trees inside the model, where it has some.
    public var trees: TreeModel?
    /// What the graph itself tells.
    public var clues: [BranchClue] = []
    /// A model that should answer alike: an earlier release, a benchmark.
    public var other: (any ScoreFunction)?
    /// Rules that real rows keep.
    public var rules: [ImpossibleRule] = []
    /// A change of the score by this much is large: 1 for probabilities, the range of the values for others.
    public var scoreUnit: Double = 1

    /// What the score of a channel would be for each training row if the model knew its label, in units of the score.
    func labels(channel: Int, of scores: Int) -> [Float]? {
        if let values { return values.map { $0 / Float(scoreUnit) } }
        let wanted = scores == 1 ? column ?? 1 : channel
        return classes.map { $0.map { $0 == wanted ? 1 : 0 } }
    }

    /// Makes a problem.
    /// - Throws: `mismatch` for rows over other features than the space's; `unusableData` without rows.
    public init(space: FeatureSpace, reference: FeatureMatrix) throws(CasemateError) {
        guard reference.features == space.features else {
            throw CasemateError(
                .mismatch, at: "hidden branches", "the training rows have other features than the feature space",
                help: "make both from the same list of features")
        }
        guard reference.count > 1 else {
            throw CasemateError(
                .unusableData, at: "hidden branches", "\(reference.count) training rows",
                help: "give the rows that the model was trained on")
        }
        (self.space, self.reference) = (space, reference)
    }
}

/// Columns, and values of them, that a graph compares outside of its trees and layers.
public struct BranchClue: Hashable, Sendable {
    /// The columns that the comparison looks at.
    public let features: [Int]
    /// Values of a column at which the comparison turns, by column.
    public let values: [Int: [Float]]
    /// Whether it compares two columns with each other.
    public let isOrder: Bool
    /// Name and operator of the node, for people.
    public let node: String
    /// Makes a clue.
    public init(features: [Int], values: [Int: [Float]], isOrder: Bool = false, node: String) {
        (self.features, self.values, self.isOrder, self.node) = (features, values, isOrder, node)
    }
}
