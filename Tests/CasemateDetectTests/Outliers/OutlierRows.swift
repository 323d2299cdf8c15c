import CasemateCore
import CasemateData

/// Rows for tests of outliers: numbers that go together, a count, a category that follows them, some missing values.
enum OutlierRows {
    static let levels = ["low", "middle", "high"]
    static let features = [
        Feature("income"), Feature("loan"), Feature("rate"), Feature("years"),
        Feature("band", .categorical(levels: levels)), Feature("age"), Feature("flat"),
    ]

    /// Usual rows.
    static func make(_ count: Int, seed: UInt64) -> FeatureMatrix {
        let normal = NormalSampler()
        var generator = SeededGenerator(seed: seed, stream: 77)
        var values: [Float] = []
        for _ in 0..<count {
            let wealth = normal.next(using: &generator)
            let income = 20_000 * (1 + abs(wealth)) + 500 * normal.next(using: &generator)
            let loan = 3 * income + 4_000 * normal.next(using: &generator)
            let rate = 9 - loan / 40_000 + 0.2 * normal.next(using: &generator)
            let years = Double(Int.random(in: 0...30, using: &generator))
            let band = income < 30_000 ? 0 : income < 45_000 ? 1 : 2
            let age = generator.uniform() < 0.05 ? .nan : 20 + years + 3 * abs(normal.next(using: &generator))
            values += [Float(income), Float(loan), Float(rate), Float(years), Float(band), Float(age), 1]
        }
        return FeatureMatrix(features: features, values: values)
    }

    /// The area under the ROC curve by which `odd` lie above `usual`, ties counting half.
    static func area(_ usual: [Double], _ odd: [Double]) -> Double {
        let wins = usual.reduce(0.0) { sum, one in
            sum + odd.reduce(0) { $0 + ($1 > one ? 1 : $1 == one ? 0.5 : 0) }
        }
        return wins / Double(usual.count * odd.count)
    }
}
