import CasemateCore
import CasemateData
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport

/// A guarded model, thieves who ask it, and models that nobody stole.
enum WatermarkFixture {
    static let columns = 6
    static let model = AnswerFixture.model(columns, classes: ["0", "1"])

    /// The probability that the guarded model gives.
    static func probability(_ row: ArraySlice<Float>) -> Float {
        let x = Array(row)
        return 1 / (1 + exp(-(1.5 * x[0] - x[1] + 2 * x[2] * x[3] + 0.5 * x[4] - 0.3)))
    }
    static func rows(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        let sampler = NormalSampler()
        return (0..<count * columns).map { _ in Float(sampler.next(using: &generator)) }
    }
    static func scores(_ rows: [Float]) -> [Float] {
        (0..<rows.count / columns).flatMap { row -> [Float] in
            let positive = probability(rows[row * columns..<(row + 1) * columns])
            return [1 - positive, positive]
        }
    }
    static func stage(
        _ yaml: String, folder: String, secret: UInt8 = 1, model: ModelDescription = model,
        metrics: MetricsRegistry = .init(), memory: GuardMemory = .init()
    ) throws -> WatermarkStage {
        let settings = try SettingChecker.read(
            yaml.isEmpty ? "record: watermark.sqlite" : yaml, file: "t", keys: WatermarkStage.keys)
        let setup = AnswerFixture.setup(model, secret: secret, folder: folder, metrics: metrics, memory: memory)
        return try WatermarkStage(settings, setup: setup)
    }
    /// What goes out for some rows.
    static func ask(
        _ stage: WatermarkStage, _ rows: [Float], _ scores: [Float], client: String = "thief",
        model: ModelDescription = model
    ) async throws -> InferenceAnswer {
        var (answer, exchange) = (AnswerFixture.answer(scores, model), AnswerFixture.exchange(client: client))
        _ = try await stage.review(&answer, of: AnswerFixture.request(rows, model), &exchange)
        return answer
    }
    /// A copy that answers as the two nearest rows that it knows.
    static func copy(of known: [Float], _ scores: [Float], asked: [Float]) -> Predictions {
        let count = known.count / columns
        var result: [Float] = []
        for row in 0..<asked.count / columns {
            var best = (Float.infinity, 0), second = (Float.infinity, 0)
            for other in 0..<count {
                var sum: Float = 0
                for column in 0..<columns {
                    let difference = asked[row * columns + column] - known[other * columns + column]
                    sum += difference * difference
                }
                if sum < best.0 {
                    (second, best) = (best, (sum, other))
                } else if sum < second.0 {
                    second = (sum, other)
                }
            }
            let positive = 0.8 * scores[2 * best.1 + 1] + 0.2 * scores[2 * second.1 + 1]
            result += [1 - positive, positive]
        }
        return predictions(result)
    }
    static func predictions(_ scores: [Float]) -> Predictions {
        let labels = (0..<scores.count / 2).map { Int32(scores[2 * $0 + 1] > 0.5 ? 1 : 0) }
        return Predictions(task: .binary, classes: ["0", "1"], kind: .probabilities, scores: scores, labels: labels)
    }
    /// Models that were made without the guard: the same function seen through noise, tilts, steps and labels.
    static func independent(_ rows: [Float], number: Int) -> Predictions {
        var generator = SeededGenerator(seed: 1_000 + UInt64(number))
        let sampler = NormalSampler()
        let tilt = (0..<columns).map { _ in Float(sampler.next(using: &generator)) * 0.4 }
        let noise = Float(number % 4) * 0.3
        return predictions(
            (0..<rows.count / columns).flatMap { row -> [Float] in
                let part = rows[row * columns..<(row + 1) * columns]
                let positive = probability(part)
                var margin = log(positive / (1 - positive)) + noise * Float(sampler.next(using: &generator))
                for (column, value) in part.enumerated() {
                    margin += tilt[column] * (number % 3 == 0 ? (value > 0 ? 1 : -1) : value)
                }
                let shown = number % 5 == 4 ? (margin > 0 ? 1 : 0) : 1 / (1 + exp(-margin))
                return [1 - shown, shown]
            })
    }
    /// Area under the curve of scores for labels 0 and 1.
    static func area(_ scores: [Float], _ labels: [Int]) -> Double {
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        var (sum, index) = (0.0, 0)
        while index < order.count {
            var end = index
            while end < order.count, scores[order[end]] == scores[order[index]] { end += 1 }
            let rank = Double(index + end + 1) / 2
            for place in index..<end where labels[order[place]] == 1 { sum += rank }
            index = end
        }
        let positives = Double(labels.count { $0 == 1 }), negatives = Double(labels.count) - positives
        return (sum - positives * (positives + 1) / 2) / (positives * negatives)
    }
    static func secret(_ number: Int) -> GuardSecret {
        GuardSecret((0..<32).map { UInt8(truncatingIfNeeded: number >> ($0 % 4 * 8) &+ $0) })
    }
    static func asyncFolder<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try await body(folder)
    }
}
