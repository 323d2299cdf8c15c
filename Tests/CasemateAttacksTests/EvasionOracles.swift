import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Synchronization

/// A binary model given by a score and, where it has one, its gradient: label 1 where the score is at least 0. Counts
/// rows that it is asked for, gradients included.
final class ScoredOracle: ScoringOracle, GradientOracle {
    let featureCount: Int
    let labelCount = 2
    var sampleShape: [Int] { [featureCount] }
    var classCount: Int { 2 }
    private let function: @Sendable (ArraySlice<Float>) -> Float
    private let slope: (@Sendable (ArraySlice<Float>) -> [Float])?
    private let counts = Mutex((rows: 0, gradients: 0, scores: 0))
    var asked: Int { counts.withLock { $0.rows + $0.gradients } }
    var scored: Int { counts.withLock { $0.scores } }

    init(
        _ featureCount: Int, _ function: @escaping @Sendable (ArraySlice<Float>) -> Float,
        slope: (@Sendable (ArraySlice<Float>) -> [Float])? = nil
    ) {
        (self.featureCount, self.function, self.slope) = (featureCount, function, slope)
    }
    /// `weights · row + bias`.
    convenience init(weights: [Float], bias: Float) {
        self.init(
            weights.count,
            { row in zip(weights, row).reduce(bias) { $0 + $1.0 * $1.1 } }, slope: { _ in weights })
    }

    func label(_ row: some Collection<Float>) -> Int32 { function(ArraySlice(row)) >= 0 ? 1 : 0 }

    private func scores(_ rows: [Float], _ count: Int) -> [Float] {
        precondition(rows.count == count * featureCount)
        return (0..<count).map { function(rows[$0 * featureCount..<($0 + 1) * featureCount]) }
    }
    func decide(_ rows: [Float], count: Int) throws -> [Int32] {
        counts.withLock { $0.rows += count }
        return scores(rows, count).map { $0 >= 0 ? 1 : 0 }
    }
    func score(_ rows: [Float], count: Int) throws -> ScoredDecisions {
        counts.withLock {
            $0.rows += count
            $0.scores += count
        }
        let scores = scores(rows, count)
        return ScoredDecisions(labels: scores.map { $0 >= 0 ? 1 : 0 }, evidence: scores.flatMap { [-$0, $0] })
    }
    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        scores(rows, count).flatMap { [-$0, $0] }
    }
    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        counts.withLock { $0.gradients += count }
        let scores = scores(rows, count)
        let wanted = loss.isTargeted ? targets : labels.map { 1 - $0 }
        let signs: [Float] = wanted.map { $0 == 1 ? 2 : -2 }
        let gradients = (0..<count).flatMap { row in
            (slope?(rows[row * featureCount..<(row + 1) * featureCount]) ?? []).map { signs[row] * $0 }
        }
        return LossEvaluation(
            logits: scores.flatMap { [-$0, $0] }, losses: zip(signs, scores).map { $0 * $1 }, gradients: gradients)
    }
}

/// One of every attack that ships, with settings that are small enough for tests.
enum SmallAttacks {
    static let all: [any EvasionAttack] = [
        HopSkipJump(iterations: 4), BoundaryAttack(iterations: 40), SquareSearch(maxQueries: 800),
        SimpleBlackBox(step: 0.2, maxQueries: 800), NaturalEvolution(iterations: 15),
        ZerothOrder(iterations: 20), GreedySearch(values: 8, maxQueries: 1_500),
        BeamSearch(width: 4, maxQueries: 1_500),
        TransferAttack(lessons: 200), ConstrainedDescent(iterations: 20),
    ]
    static let names = all.map { type(of: $0).identifier }

    static func named(_ name: String) throws -> any EvasionAttack {
        guard let attack = all.first(where: { type(of: $0).identifier == name }) else {
            throw CasemateError(.invalidSetting, at: "test", "no attack '\(name)'", help: "")
        }
        return attack
    }

    /// A run with everything that the attack can make use of.
    static func run(
        _ name: String, norm: FeatureSpace.Norm? = nil, limits: EvasionRun.Limits = .init(),
        polish: EvasionPolish? = EvasionPolish(maxQueries: 200), objective: EvasionRun.Objective = .distance
    ) throws -> EvasionRun {
        let attack = try named(name)
        return EvasionRun(
            attack: attack, norm: norm ?? type(of: attack).norms[0], limits: limits, polish: polish,
            access: type(of: attack).richestAccess, objective: objective)
    }
}
