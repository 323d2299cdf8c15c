public import CasemateCore
public import CasemateData

/// Rows whose answers are examined, and where they may move.
public struct SensitivityProblem: Sendable {
    /// The rows.
    public let rows: FeatureMatrix
    /// Averages and shares rest on so many leading rows; those after them, drawn otherwise, are only searched for flips.
    public let profiled: Int
    /// Where an attacker may move; sweeps of the response look everywhere between its bounds.
    public let space: FeatureSpace
    /// Rows that say which values there are: training data.
    public let reference: FeatureMatrix
    /// What a flip is for each row; `nil` takes any decision but the model's own.
    public let goals: [EvasionProblem.Goal]?
    /// A change of the score by this much is large: 1 for probabilities, the range of the values for others.
    public let scoreUnit: Double

    /// Makes a problem.
    /// - Throws: `CasemateError` with `mismatch` for columns or counts that do not fit together.
    public init(
        rows: FeatureMatrix, profiled: Int? = nil, space: FeatureSpace, reference: FeatureMatrix,
        goals: [EvasionProblem.Goal]? = nil, scoreUnit: Double = 1
    ) throws(CasemateError) {
        (self.rows, self.space, self.reference, self.goals) = (rows, space, reference, goals)
        (self.profiled, self.scoreUnit) = (profiled ?? rows.count, scoreUnit)
        let names = space.features.map(\.name)
        guard rows.features.map(\.name) == names, reference.features.map(\.name) == names else {
            throw CasemateError(
                .mismatch, at: "sensitivity", "rows, reference and feature space have other features or another order",
                help: "make all three from the same list of features")
        }
        guard (0...rows.count).contains(self.profiled), goals.map({ $0.count == rows.count }) ?? true,
            scoreUnit > 0, scoreUnit.isFinite
        else {
            throw CasemateError(
                .mismatch, at: "sensitivity",
                "\(rows.count) rows with \(self.profiled) profiled, \(goals?.count ?? rows.count) goals, unit \(scoreUnit)",
                help: "give one goal a row, at most all rows profiled and a positive unit")
        }
    }
}
