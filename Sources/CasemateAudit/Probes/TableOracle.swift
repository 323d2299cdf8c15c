import CasemateAttacks
import CasemateCore
import CasemateModels

/// What an attacker sees of the audited model: decisions, nothing else.
struct TableOracle: DecisionOracle {
    let model: TableModel
    let decision: DecisionRule
    let cancellation: Cancellation

    var featureCount: Int { model.features.count }
    func decide(_ rows: [Float], count: Int) throws -> [Int32] {
        decision.decide(try model.predict(rows, count: count, cancellation: cancellation))
    }
}
