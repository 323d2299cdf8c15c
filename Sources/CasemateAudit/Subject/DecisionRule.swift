public import CasemateModels

/// Turns a model's answers into decisions: the threshold for two classes, the highest score for several.
public struct DecisionRule: Hashable, Sendable {
    /// Kinds of decisions.
    public enum Kind: Hashable, Sendable {
        /// Positive when the score of class `positive` is at least `threshold`; the model's own label without one.
        case binary(positive: Int, threshold: Double?)
        /// The model's own label.
        case multiclass
        /// A regression value that counts as positive from `threshold` on: class 1, else class 0.
        case value(threshold: Double)
    }
    /// How decisions are made.
    public let kind: Kind
    /// Names of the decisions by index.
    public let classes: [String]
    /// Makes a rule.
    public init(kind: Kind, classes: [String]) { (self.kind, self.classes) = (kind, classes) }

    /// The decision for each row, as an index into `classes`.
    public func decide(_ predictions: Predictions) -> [Int32] {
        switch kind {
        case .multiclass: return predictions.labels
        case .binary(let positive, let threshold):
            guard let threshold, predictions.kind != .labels else { return predictions.labels }
            let (yes, no, cut) = (Int32(positive), Int32(1 - positive), Float(threshold))
            return (0..<predictions.count).map { predictions.scores[$0 * 2 + positive] >= cut ? yes : no }
        case .value(let threshold):
            let cut = Float(threshold)
            return predictions.scores.map { $0 >= cut ? 1 : 0 }
        }
    }

    /// A decision in words: its class, and whether it is the favourable one where one is declared.
    static func name(_ label: Int32, of classes: [String], favourable: Int?) -> String {
        let name = classes.indices.contains(Int(label)) ? classes[Int(label)] : "\(label)"
        guard let favourable else { return name }
        return Int(label) == favourable ? "\(name) (favourable)" : "\(name) (unfavourable)"
    }
}
