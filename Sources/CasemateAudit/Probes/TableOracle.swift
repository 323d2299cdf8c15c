import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation

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

/// What an attacker sees who gets scores beside decisions.
///
/// Evidence for a decision: the logarithm of its probability, since that is where the last step to 0 or 1 can still be
/// seen; scores that are no probabilities as they are; both less the threshold where there is one.
struct ScoredTableOracle: ScoringOracle {
    let labels: TableOracle
    private let isProbability: Bool
    /// What the smallest probability counts as: what float32 resolves below 1.
    private static let floor: Float = 0x1p-24

    /// `nil` for a model that answers decisions only.
    init?(_ labels: TableOracle, kind: ScoreKind) {
        guard kind != .labels else { return nil }
        self.labels = labels
        isProbability = kind == .probabilities || kind == .logits
    }

    var featureCount: Int { labels.featureCount }
    var labelCount: Int { max(2, labels.decision.classes.count) }
    func decide(_ rows: [Float], count: Int) throws -> [Int32] { try labels.decide(rows, count: count) }

    func score(_ rows: [Float], count: Int) throws -> ScoredDecisions {
        let answers = try labels.model.predict(rows, count: count, cancellation: labels.cancellation)
        return ScoredDecisions(labels: labels.decision.decide(answers), evidence: evidence(answers))
    }

    private func evidence(_ answers: Predictions) -> [Float] {
        let scores = answers.scores
        switch labels.decision.kind {
        case .value(let threshold):
            return scores.flatMap { score in
                let margin = Self.finite(score) - Float(threshold)
                return [-margin, margin]
            }
        case .binary(let positive, let threshold?):
            let cut = Float(threshold)
            return (0..<answers.count).flatMap { row in
                let (yes, no) = (scores[2 * row + positive], scores[2 * row + 1 - positive])
                let margin =
                    isProbability
                    ? (link(yes) - link(no)) - (link(cut) - link(1 - cut)) : Self.finite(yes) - cut
                return positive == 1 ? [-margin, margin] : [margin, -margin]
            }
        case .binary, .multiclass:
            return isProbability ? scores.map(link) : scores.map(Self.finite)
        }
    }

    private func link(_ probability: Float) -> Float { log(max(probability, Self.floor)) }
    private static func finite(_ score: Float) -> Float {
        score.isNaN ? 0 : min(max(score, -.greatestFiniteMagnitude / 4), .greatestFiniteMagnitude / 4)
    }
}
