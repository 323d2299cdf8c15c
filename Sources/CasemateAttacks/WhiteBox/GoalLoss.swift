import CasemateModels

/// What an attack raises, before the problem's goal and the number of classes are known.
enum GoalLoss: String, Hashable, Sendable {
    case crossEntropy = "cross-entropy"
    case margin
    case differenceOfLogitsRatio = "dlr"

    /// The loss that fits: the targeted one where samples have targets, the margin where the ratio is not defined.
    /// - Returns: The loss, and the target of each lane for losses that take one.
    func resolve(in session: WhiteBoxSession, for lanes: [Int]) -> (ClassificationLoss, [Int32]) {
        guard let all = session.problem.targets else {
            switch self {
            case .crossEntropy: return (.crossEntropy, [])
            case .margin: return (.margin, [])
            case .differenceOfLogitsRatio:
                let isDefined = session.classCount >= ClassificationLoss.differenceOfLogitsRatio.fewestClasses
                return (isDefined ? .differenceOfLogitsRatio : .margin, [])
            }
        }
        // why: the targeted ratio compares the target with the right label only; a third class may be above both.
        return (self == .crossEntropy ? .targetedCrossEntropy : .targetedMargin, lanes.map { all[$0] })
    }
}
