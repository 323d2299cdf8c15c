/// What an answer of trees is read as: the classes between which a row is moved.
public enum TreeDecision: Hashable, Sendable {
    /// The class that the model itself names. Needs a classifier.
    case label
    /// 1 where the score of an output (after the transform) is at least the threshold, else 0: a probability threshold
    /// of the positive class, or a limit on a regression's value. For two classes the output is 1.
    case score(output: Int, atLeast: Double)
}
