import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// The rows that are attacked and what the model says about them: members first, then non-members.
struct MembershipCase {
    /// Rows that the shadows are trained on.
    let pool: ShadowPool
    /// Numbers of members and of non-members.
    let members: Int, nonMembers: Int
    /// Which rows were left out, and why.
    let rows: MembershipRows
    /// Whether the model decides each row as labelled.
    let isRight: [Bool]
    /// The model's loss on each label; `nil` for a model of labels.
    let losses: [Double]?
    /// The model's confidence in each label; `nil` where scores are no probabilities.
    let confidences: [Double]?
    private let shadows: Int

    /// Whether each row is a member.
    var isMember: [Bool] { (0..<pool.labels.count).map { $0 < members } }

    /// Chooses rows; `nil` when the subject has no labelled training rows.
    init?(_ subject: AuditSubject, probe: MembershipProbe, context: RunContext) throws {
        guard let train = subject.train, case .classes(let trainLabels)? = subject.trainTargets,
            case .classes(let testLabels) = subject.targets, let decision = subject.decision,
            let trainAnswers = try subject.trainPredictions(context: context)
        else { return nil }
        rows = MembershipRows(members: (train, trainLabels), nonMembers: (subject.test, testLabels))
        // why half: the figures rest on non-members first; all others make the shadows resemble the model.
        let outside = Self.drawn(rows.nonMembers, probe.rows / 2, context.seed, 0)
        let inside = Self.drawn(rows.members, probe.rows - outside.count, context.seed, 1)
        (members, nonMembers, shadows) = (inside.count, outside.count, probe.shadows)
        let labels = inside.map { trainLabels[$0] } + outside.map { testLabels[$0] }
        pool = ShadowPool(
            matrix: FeatureMatrix(
                features: train.features, values: train.rows(inside).values + subject.test.rows(outside).values),
            labels: labels, classes: max(decision.classes.count, 2))
        let (one, other) = (decision.decide(trainAnswers), subject.decisions)
        isRight = zip(inside.map { Int(one[$0]) } + outside.map { Int(other[$0]) }, labels).map { $0 == $1 }
        let width = subject.predictions.classes.count
        let scores =
            trainAnswers.scores.rows(inside, width: width) + subject.predictions.scores.rows(outside, width: width)
        switch subject.predictions.kind {
        case .probabilities, .logits:
            losses = LabelConfidence.losses(probabilities: scores, classes: width, labels: labels)
            confidences = LabelConfidence().values(probabilities: scores, classes: width, labels: labels)
        case .decisionValues:
            losses = Self.margins(scores, width, labels, decided: inside.map { one[$0] } + outside.map { other[$0] })
            confidences = nil
        case .labels, .value: (losses, confidences) = (nil, nil)
        }
    }

    /// How far the best other class is ahead of the label: it orders rows as a loss does, and no shadow answers on its
    /// scale. `nil` where the largest score is not that of the model's decision, as some exporters have it.
    private static func margins(_ scores: [Float], _ width: Int, _ labels: [Int], decided: [Int32]) -> [Double]? {
        func ahead(_ row: Int, _ label: Int) -> Double {
            let own = scores[row * width + label]
            let rival = (0..<width).lazy.filter { $0 != label }.map { scores[row * width + $0] }.max() ?? own
            return Double(rival - own)
        }
        guard labels.indices.count(where: { ahead($0, Int(decided[$0])) <= 0 }) > labels.count / 2 else { return nil }
        return labels.indices.map { ahead($0, labels[$0]) }
    }

    /// Whether members and non-members differ without the model.
    func shift(_ engine: LightGBM, _ context: RunContext) throws -> DistributionShift {
        let all = pool.labels.indices
        return try DistributionShift(
            between: pool.matrix.rows(all.prefix(members)), and: pool.matrix.rows(all.suffix(nonMembers)),
            engine: engine, context: context)
    }

    /// Which shadow learns which row.
    func design(seed: UInt64) -> ShadowDesign {
        ShadowDesign(shadows: shadows, rows: pool.labels.count, seed: seed)
    }

    /// What the attacker has.
    func evidence(shadows: ShadowConfidences?) -> MembershipEvidence {
        MembershipEvidence(isRight: isRight, losses: losses, confidences: confidences, shadows: shadows)
    }

    /// At most `most` of the rows at random, in their order.
    private static func drawn(_ rows: [Int], _ most: Int, _ seed: UInt64, _ stream: UInt64) -> [Int] {
        guard rows.count > most else { return rows }
        var generator = SeededGenerator(seed: seed, stream: stream)
        return rows.shuffled(using: &generator).prefix(most).sorted()
    }
}

extension [Float] {
    /// Some rows of a row-major matrix.
    fileprivate func rows(_ rows: [Int], width: Int) -> [Float] {
        rows.flatMap { self[$0 * width..<($0 + 1) * width] }
    }
}
