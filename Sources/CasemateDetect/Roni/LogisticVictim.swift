import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Logistic regression over standardised numbers and indicators of levels.
struct LogisticVictim: RoniVictim {
    typealias Prepared = RoniPair
    /// `[count, width]` row-major.
    private let trusted: [Double], suspects: [Double]
    private let width: Int
    let trustedLabels: [Int], suspectLabels: [Int]
    private let cancellation: Cancellation
    /// Most columns of the design; the ones that go best with the labels of the trusted rows stay.
    static let mostColumns = 120

    init(
        trusted: FeatureMatrix, trustedLabels: [Int], suspects: FeatureMatrix, suspectLabels: [Int],
        cancellation: Cancellation
    ) {
        let columns = Self.columns(trusted, trustedLabels)
        (self.trusted, self.suspects) = (Self.design(trusted, columns), Self.design(suspects, columns))
        (self.trustedLabels, self.suspectLabels) = (trustedLabels, suspectLabels)
        (width, self.cancellation) = (max(1, columns.count), cancellation)
    }

    /// One column of the design.
    private struct Column {
        let feature: Int
        /// The level whose indicator it is; `nil` for a number.
        let level: Float?
        let centre: Double, scale: Double
        /// Absolute correlation with the labels.
        let weight: Double

        func value(_ raw: Float) -> Double {
            guard !raw.isNaN else { return 0 }
            let plain = level.map { $0 == raw ? 1.0 : 0.0 } ?? asinh(Double(raw))
            return min(8, max(-8, (plain - centre) / scale))
        }
    }

    private static func columns(_ matrix: FeatureMatrix, _ labels: [Int]) -> [Column] {
        let width = matrix.features.count
        let mean = Double(labels.reduce(0, +)) / Double(max(1, labels.count))
        var found: [Column] = []
        for (index, feature) in matrix.features.enumerated() {
            let levels: [Float?] = feature.levels.map { names in names.indices.prefix(30).map { Float($0) } } ?? [nil]
            for level in levels {
                var (count, sum, squares, product) = (0.0, 0.0, 0.0, 0.0)
                for row in 0..<matrix.count {
                    let raw = matrix.values[row * width + index]
                    guard !raw.isNaN else { continue }
                    let value = level.map { $0 == raw ? 1.0 : 0.0 } ?? asinh(Double(raw))
                    count += 1
                    sum += value
                    squares += value * value
                    product += value * (Double(labels[row]) - mean)
                }
                guard count > 1 else { continue }
                let variance = squares / count - (sum / count) * (sum / count)
                guard variance > 1e-12 else { continue }
                let scale = variance.squareRoot()
                found.append(
                    Column(
                        feature: index, level: level, centre: sum / count, scale: scale,
                        weight: abs(product / count / scale)))
            }
        }
        guard found.count > mostColumns else { return found }
        let order = found.indices.sorted { (found[$1].weight, $0) < (found[$0].weight, $1) }
        return order.prefix(mostColumns).sorted().map { found[$0] }
    }

    private static func design(_ matrix: FeatureMatrix, _ columns: [Column]) -> [Double] {
        let width = matrix.features.count
        guard !columns.isEmpty else { return [Double](repeating: 0, count: matrix.count) }
        var values: [Double] = []
        values.reserveCapacity(matrix.count * columns.count)
        for row in 0..<matrix.count {
            for column in columns { values.append(column.value(matrix.values[row * width + column.feature])) }
        }
        return values
    }

    func prepare(_ pair: RoniPair) -> RoniPair { pair }

    func score(_ pair: RoniPair, adding: [RoniCandidate]) throws -> RoniScore {
        var rows: [Double] = []
        var labels: [Bool] = []
        rows.reserveCapacity((pair.training.count + adding.count) * width)
        for candidate in pair.training.map({ RoniCandidate.trusted($0) }) + adding {
            switch candidate {
            case .trusted(let row):
                rows += trusted[row * width..<(row + 1) * width]
                labels.append(trustedLabels[row] == 1)
            case .suspect(let row):
                rows += suspects[row * width..<(row + 1) * width]
                labels.append(suspectLabels[row] == 1)
            }
        }
        let model = try LogisticRegression.fit(
            rows: rows, width: width, labels: labels, l2: 1, cancellation: cancellation)
        var score = RoniScore()
        var counts = [0.0, 0.0]
        for row in pair.validation {
            let one = probability(model, trusted, row)
            let label = trustedLabels[row]
            score.right[label] += label == 1 ? one : 1 - one
            counts[label] += 1
        }
        for label in 0...1 { score.right[label] /= max(1, counts[label]) }
        return score
    }

    func doubts(training: [Int]) throws -> [Double] {
        let rows = training.flatMap { trusted[$0 * width..<($0 + 1) * width] }
        let model = try LogisticRegression.fit(
            rows: rows, width: width, labels: training.map { trustedLabels[$0] == 1 }, l2: 1, cancellation: cancellation
        )
        return suspectLabels.indices.map { row in
            let one = probability(model, suspects, row)
            return suspectLabels[row] == 1 ? 1 - one : one
        }
    }

    private func probability(_ model: LogisticRegression, _ rows: [Double], _ row: Int) -> Double {
        var logit = model.intercept
        for column in 0..<width { logit += model.coefficients[column] * rows[row * width + column] }
        return 1 / (1 + exp(-logit))
    }
}
