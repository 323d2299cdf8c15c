import CasemateAttacks
import CasemateCore
import CasemateModels
import Foundation

/// Exact distances, by methods other than the product's.
enum ExactDistance {
    /// The smallest norm of `d` with `Σ aᵢ dᵢ = gain` and `low ≤ x + d ≤ high`; infinite when there is none.
    static func toHyperplane(
        _ norm: PerturbationSet.Norm, from x: [Double], normal: [Double], gain: Double, low: Double, high: Double
    ) -> Double {
        if gain <= 0 { return 0 }
        let parts = zip(normal, x).map { (weight: abs($0), room: $0 > 0 ? high - $1 : $1 - low) }
            .filter { $0.weight > 0 && $0.room > 0 }
        let most = parts.reduce(0) { $0 + $1.weight * $1.room }
        if most < gain { return .infinity }
        switch norm {
        case .l0:
            var (left, number) = (gain, 0)
            for part in parts.sorted(by: { $0.weight * $0.room > $1.weight * $1.room }) where left > 0 {
                (left, number) = (left - part.weight * part.room, number + 1)
            }
            return Double(number)
        case .l1:
            var (left, sum) = (gain, 0.0)
            for part in parts.sorted(by: { $0.weight > $1.weight }) {
                let step = min(part.room, left / part.weight)
                (left, sum) = (left - step * part.weight, sum + step)
            }
            return sum
        case .linf: return bisect(gain) { size in parts.reduce(0) { $0 + $1.weight * min($1.room, size) } }
        case .l2:
            let multiplier = bisect(gain) { size in
                parts.reduce(0) { $0 + $1.weight * min($1.room, size * $1.weight) }
            }
            return parts.reduce(0) { $0 + pow(min($1.room, multiplier * $1.weight), 2) }.squareRoot()
        }
    }

    /// Smallest argument at which a rising function reaches a value.
    private static func bisect(_ value: Double, _ function: (Double) -> Double) -> Double {
        var (low, high) = (0.0, 1.0)
        while function(high) < value, high < 1e300 { high *= 2 }
        for _ in 0..<200 {
            let middle = (low + high) / 2
            if function(middle) < value { low = middle } else { high = middle }
        }
        return high
    }

    /// The distance of a row to the decision boundary of a linear model, inside a box.
    static func linear(
        _ model: SmallNetwork, _ row: [Float], label: Int, target: Int? = nil, _ norm: PerturbationSet.Norm,
        low: Float, high: Float
    ) -> Double {
        precondition(model.first.isEmpty, "not linear")
        let logits = model.logits(row[...])
        return (0..<model.classCount).filter { $0 != label && $0 == target ?? $0 }.map { other in
            let normal = zip(model.second[other], model.second[label]).map { $0 - $1 }
            return toHyperplane(
                norm, from: row.map(Double.init), normal: normal, gain: logits[label] - logits[other],
                low: Double(low), high: Double(high))
        }.min() ?? .infinity
    }
}

/// What an attack that looks for the smallest perturbation found on linear models, beside the exact distances.
struct LinearComparison {
    /// Found over exact for every sample that can be broken; infinite where nothing was found.
    var ratios: [Double] = []
    /// Passes of each sample.
    var forwardPasses: [Int] = [], backwardPasses: [Int] = []
    var median: Double { ratios.sorted()[ratios.count / 2] }
    var largest: Double { ratios.max() ?? .nan }
    var smallest: Double { ratios.min() ?? .nan }

    /// Attacks samples of several random linear models with 2 to 5 classes and 30 values.
    /// - Parameter inner: The part of the box in which samples lie; with 1 many reach its border.
    init(
        _ attack: some WhiteBoxAttack, _ norm: PerturbationSet.Norm, low: Float = 0, high: Float = 1,
        inner: Float = 0.4, classes: Int? = nil, models: Int = 4, samples count: Int = 10
    ) throws {
        for seed in 0..<UInt64(models) {
            let model = SmallNetwork(size: 30, hidden: 0, classes: classes ?? 2 + Int(seed % 4), seed: seed)
            let (centre, half) = ((low + high) / 2, inner * (high - low) / 2)
            let samples = try LabelledSamples(
                model, count: count, seed: seed, low: centre - half, high: centre + half)
            let problem = try samples.problem(norm, nil, low: low, high: high)
            let result = try RobustnessRun(attack: attack).run(problem, model)
            for (index, sample) in result.samples.enumerated() {
                let exact = ExactDistance.linear(
                    model, samples.row(index), label: Int(sample.label), norm, low: low, high: high)
                forwardPasses.append(sample.forwardPasses)
                backwardPasses.append(sample.backwardPasses)
                if exact.isFinite { ratios.append(sample.distance / exact) }
            }
        }
    }
}

/// Always answers label 0, with a gradient that helps nobody.
struct FlatModel: GradientOracle {
    let gradient: Float
    var sampleShape: [Int] { [3] }
    var classCount: Int { 4 }
    func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        (0..<count).flatMap { _ in [1, 0, 0, 0] as [Float] }
    }
    func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        LossEvaluation(
            logits: try logits(rows, count: count, cancellation: cancellation),
            losses: [Float](repeating: -1, count: count), gradients: [Float](repeating: gradient, count: count * 3))
    }
}
