import CasemateCore

/// A row whose effect is asked for: of the trusted pool or of the data under examination, by its place there.
enum RoniCandidate: Hashable, Sendable {
    case trusted(Int)
    case suspect(Int)
}

/// One draw from the trusted pool: rows to train on and rows to judge by.
struct RoniPair: Hashable, Sendable {
    let training: [Int], validation: [Int]
}

/// How well a model does on the validation rows of a pair: for each of the two classes the mean probability that its rows
/// are given to it. A soft count, so that a row shows its effect before it turns a decision.
struct RoniScore: Hashable, Sendable {
    var right = [0.0, 0.0]

    /// What changed from another score, by class.
    func minus(_ other: RoniScore) -> [Double] { [right[0] - other.right[0], right[1] - other.right[1]] }
}

/// A model that is quick to train again with one row more.
protocol RoniVictim: Sendable {
    /// What can be done once for a pair.
    associatedtype Prepared: Sendable
    func prepare(_ pair: RoniPair) throws -> Prepared
    /// How a model trained on the pair and these rows does on the pair's validation rows.
    func score(_ prepared: Prepared, adding: [RoniCandidate]) throws -> RoniScore
    /// How much a model of these trusted rows doubts the label of each row under examination, 0…1.
    func doubts(training: [Int]) throws -> [Double]
}
