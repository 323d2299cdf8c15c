import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

extension TreeRobustness {
    /// Prepares the trees of a bound model for decisions as a `DecisionRule` makes them.
    init(_ trees: TreeModel, rule: DecisionRule, space: FeatureSpace?) throws(CasemateError) {
        let decision: TreeDecision =
            switch rule.kind {
            case .multiclass, .binary(_, nil): .label
            case .binary(let positive, let threshold?): .score(output: positive, atLeast: threshold)
            case .value(let threshold): .score(output: 0, atLeast: threshold)
            }
        try self.init(trees.ensemble, decision: decision, columns: trees.columns, space: space)
    }
}

extension RunContext {
    /// Whether the time for this work is over.
    var isOutOfTime: Bool { cancellation.reason == .outOfTime || deadline.map { ContinuousClock.now >= $0 } ?? false }
}
