import CasemateCore
import CasemateModels
import Foundation

/// Models made of the clean answers alone, to tell which part of a suspect's errors any copy would make.
///
/// What they predict is taken out of the suspect's answers before these are held against the key. They know nothing of
/// the key, so that the result stays valid however good or bad they are; without LightGBM it is only weaker.
struct WatermarkTwins {
    /// What each predicts for the rows.
    let predictions: [[Double]]
    /// Whether LightGBM was there.
    let hasTrees: Bool

    private static let waves = 200, mostColumns = 256

    init(_ sample: WatermarkSample, target: [Double], engine: LightGBM?, cancellation: Cancellation) throws {
        var found: [[Double]] = []
        if let engine {
            let booster = try Booster(
                training: engine, rows: sample.rows, features: sample.features.count, labels: target.map { Float($0) },
                parameters: ["objective": "regression", "num_leaves": "31", "learning_rate": "0.1"], rounds: 100,
                cancellation: cancellation)
            found.append(try booster.predict(sample.rows, count: sample.count))
        }
        hasTrees = engine != nil
        let scaled = Self.scaled(sample)
        try cancellation.check()
        let width = sample.features.count
        if width <= Self.mostColumns {
            found.append(SmallAlgebra.fit(scaled, width: width, to: target, ridge: 1e-4))
        }
        try cancellation.check()
        let waves = Self.waves(scaled, width: width)
        found.append(SmallAlgebra.fit(waves, width: Self.waves, to: target, ridge: 1e-3))
        predictions = found
    }

    /// Columns with mean 0 and standard deviation 1, within ±5; missing values in the middle.
    private static func scaled(_ sample: WatermarkSample) -> [Double] {
        let (width, count) = (sample.features.count, sample.count)
        var result = sample.rows.map { Double($0) }
        for column in 0..<width {
            var (sum, squares, known) = (0.0, 0.0, 0.0)
            for row in 0..<count where result[row * width + column].isFinite {
                let value = result[row * width + column]
                (sum, squares, known) = (sum + value, squares + value * value, known + 1)
            }
            let mean = known > 0 ? sum / known : 0
            let deviation = max(1e-12, known > 0 ? max(0, squares / known - mean * mean).squareRoot() : 0)
            for row in 0..<count {
                let value = result[row * width + column]
                result[row * width + column] = value.isFinite ? max(-5, min(5, (value - mean) / deviation)) : 0
            }
        }
        return result
    }

    /// Cosines along random directions (Rahimi and Recht, NeurIPS 2007), always the same ones.
    private static func waves(_ scaled: [Double], width: Int) -> [Double] {
        var generator = SeededGenerator(seed: 7)
        let sampler = NormalSampler()
        let step = 1.5 / Double(max(1, width)).squareRoot()
        let directions = (0..<waves * width).map { _ in sampler.next(using: &generator) * step }
        let phases = (0..<waves).map { _ in generator.uniformDouble() * 2 * Double.pi }
        let count = width > 0 ? scaled.count / width : 0
        var result = [Double](repeating: 0, count: count * waves)
        scaled.withUnsafeBufferPointer { scaled in
            directions.withUnsafeBufferPointer { directions in
                for row in 0..<count {
                    for wave in 0..<waves {
                        var angle = phases[wave]
                        for column in 0..<width {
                            angle += scaled[row * width + column] * directions[wave * width + column]
                        }
                        result[row * waves + wave] = cos(angle)
                    }
                }
            }
        }
        return result
    }
}
