import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import TestSupport

/// A victim whose decisions can be worked out by hand: the majority label of the training samples that are equal in the
/// first feature, class 0 where none is.
struct MajorityVictim: PoisoningVictim {
    static let identifier = "majority"
    static let media = PoisoningMedium.allCases
    static let isSeeded = false
    var settings: [String: String] { [:] }

    func fit(
        _ data: PoisoningData, classes: Int, seed: UInt64, cancellation: Cancellation
    ) throws -> any FittedVictim {
        var counts: [Float: [Int]] = [:]
        for row in 0..<data.count {
            counts[data.row(row)[0], default: [Int](repeating: 0, count: classes)][Int(data.labels[row])] += 1
        }
        return Fitted(counts: counts, classes: classes)
    }

    struct Fitted: FittedVictim {
        let counts: [Float: [Int]]
        let classes: Int
        func scores(_ samples: PoisoningData) -> [Double] {
            (0..<samples.count).flatMap { row in
                (counts[samples.row(row)[0]] ?? [1] + [Int](repeating: 0, count: classes - 1)).map(Double.init)
            }
        }
    }
}

enum PoisoningSupport {
    /// Rows of a group 0…9, an amount 0…99 and a category; class 1 where the amount is at least 50.
    static func table(_ count: Int, seed: UInt64) -> PoisoningData {
        var generator = SeededGenerator(seed: seed)
        var values: [Float] = []
        var labels: [Int32] = []
        for _ in 0..<count {
            let amount = Int.random(in: 0..<100, using: &generator)
            values += [
                Float(Int.random(in: 0..<10, using: &generator)), Float(amount),
                Float(Int.random(in: 0..<3, using: &generator)),
            ]
            labels.append(amount >= 50 ? 1 : 0)
        }
        let features = [Feature("group"), Feature("amount"), Feature("kind", .categorical(levels: ["a", "b", "c"]))]
        return PoisoningData(.table(FeatureMatrix(features: features, values: values)), labels: labels)
    }

    static func problem(_ count: Int = 1_000, space: FeatureSpace? = nil) throws -> PoisoningProblem {
        try PoisoningProblem(
            train: table(count, seed: 1), test: table(500, seed: 2), classes: ["bad", "good"], favourable: 1,
            space: space)
    }

    /// Good texts of some words, spam of others, shared words in both.
    static func texts(_ count: Int, seed: UInt64) -> PoisoningData {
        var generator = SeededGenerator(seed: seed)
        let ham = (0..<40).map { "ham\($0)" }, spam = (0..<40).map { "spam\($0)" }, both = (0..<20).map { "word\($0)" }
        var texts: [PoisoningText] = []
        var labels: [Int32] = []
        for index in 0..<count {
            let own = index % 4 == 0 ? spam : ham
            let words = (0..<8).map { place in (place < 5 ? own : both).randomElement(using: &generator) ?? "" }
            texts.append(PoisoningText(words.joined(separator: " ")))
            labels.append(index % 4 == 0 ? 1 : 0)
        }
        return PoisoningData(.texts(texts), labels: labels)
    }

    static func textProblem() throws -> PoisoningProblem {
        try PoisoningProblem(
            train: texts(800, seed: 3), test: texts(300, seed: 4), classes: ["ham", "spam"], favourable: 0)
    }

    /// Pictures of 6 × 6 pixels: a bright upper or lower half in noise.
    static func pictures(_ count: Int, seed: UInt64) throws -> PoisoningData {
        var generator = SeededGenerator(seed: seed)
        guard let shape = PictureShape(axes: [6, 6], low: 0, high: 1) else { throw Cancelled(reason: .interrupted) }
        var values: [Float] = []
        var labels: [Int32] = []
        for index in 0..<count {
            let label = index % 2
            for pixel in 0..<36 {
                values.append((pixel / 18 == label ? 0.6 : 0) + 0.4 * generator.uniform())
            }
            labels.append(Int32(label))
        }
        return PoisoningData(.pictures(values, shape), labels: labels)
    }

    static func pictureProblem() throws -> PoisoningProblem {
        try PoisoningProblem(train: pictures(600, seed: 5), test: pictures(200, seed: 6), classes: ["0", "1"])
    }

    /// A problem that an attack applies to.
    static func problem(for attack: any PoisoningAttack.Type) throws -> PoisoningProblem {
        switch attack.media.first {
        case .texts: try textProblem()
        case .pictures: try pictureProblem()
        default: try problem()
        }
    }

    static func victim(_ problem: PoisoningProblem) throws -> any PoisoningVictim {
        try PoisoningVictims.make(
            problem.train.medium == .texts ? "tokens" : "boosting:rounds=20", medium: problem.train.medium, classes: 2,
            boosting: { try LightGBM(Repository.engines) }, runtime: { try OnnxRuntime(Repository.engines) })
    }
}
