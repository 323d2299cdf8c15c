import CasemateCore
import Foundation

/// What a small sample of rows showed about the outputs of an endpoint; kept beside the answers.
struct RemoteFacts: Hashable, Sendable, Codable {
    /// One output.
    struct Output: Hashable, Sendable, Codable {
        let name: String
        let width: Int
        let isText: Bool
        /// Whether its numbers are whole, as classes are.
        let areWhole: Bool
        /// Whether all lie in 0…1.
        let isUnit: Bool
        /// Whether rows of several numbers sum to 1.
        let isDistribution: Bool
        /// Distinct values of an output of one value a row that may be a class; short ones only.
        let values: [String]
    }
    var outputs: [Output]
    /// Whether the outputs of one fraction a row sum to 1 together, as one output a class does.
    let columnsSumToOne: Bool
    /// For an output of classes beside one of scores: the column of the largest score for each class that was seen;
    /// empty where one class had two.
    let order: [String: Int]
    /// The version that answered.
    let version: String?
    /// Outputs that have to be asked for by name.
    var wanted: [String] = []
    /// Form of MLflow requests.
    var form: MLflowWire.Form?

    /// Looks at answers to a sample.
    init(_ answers: RemoteOutputs) {
        outputs = answers.outputs.map { Self.look($0, count: answers.count) }
        version = answers.version
        order = Self.order(answers, outputs)
        var sums = [Double](repeating: 0, count: answers.count)
        var columns = 0
        for (output, facts) in zip(answers.outputs, outputs) where facts.width == 1 && facts.isUnit && !facts.areWhole {
            guard case .numbers(let numbers, _) = output.values else { continue }
            columns += 1
            for row in 0..<answers.count { sums[row] += numbers[row] }
        }
        columnsSumToOne = columns > 1 && sums.allSatisfy { abs($0 - 1) <= 1e-3 }
    }

    private static func look(_ output: RemoteOutputs.Output, count: Int) -> Output {
        switch output.values {
        case .texts(let texts):
            let distinct = Set(texts)
            let isShort = distinct.allSatisfy { $0.utf8.count <= 64 }
            return Output(
                name: output.name, width: output.width, isText: true, areWhole: false, isUnit: false,
                isDistribution: false, values: isShort && output.width == 1 ? distinct.sorted() : [])
        case .numbers(let numbers, let areWhole):
            let isUnit = numbers.allSatisfy { (-1e-4...1.0001).contains($0) }
            let width = output.width
            let sums = (0..<count).map { row in numbers[row * width..<(row + 1) * width].reduce(0, +) }
            let values = areWhole && width == 1 ? Set(numbers.map { RemoteReading.className($0) }).sorted() : []
            return Output(
                name: output.name, width: width, isText: false, areWhole: areWhole, isUnit: isUnit,
                isDistribution: isUnit && width > 1 && sums.allSatisfy { abs($0 - 1) <= 1e-3 }, values: values)
        }
    }

    private static func order(_ answers: RemoteOutputs, _ facts: [Output]) -> [String: Int] {
        let wide = facts.indices.filter { facts[$0].width > 1 && !facts[$0].isText }
        let classes = facts.indices.filter { facts[$0].width == 1 && !facts[$0].values.isEmpty }
        guard wide.count == 1, classes.count == 1, case .numbers(let scores, _) = answers.outputs[wide[0]].values else {
            return [:]
        }
        let width = facts[wide[0]].width
        var order: [String: Int] = [:]
        for row in 0..<answers.count {
            let name =
                switch answers.outputs[classes[0]].values {
                case .texts(let texts): texts[row]
                case .numbers(let numbers, _): RemoteReading.className(numbers[row])
                }
            let best = (0..<width).max { scores[row * width + $0] < scores[row * width + $1] } ?? 0
            if order.updateValue(best, forKey: name) ?? best != best { return [:] }
        }
        return Set(order.values).count == order.count ? order : [:]
    }

    /// Whether nothing but a class is given.
    var hasOnlyLabel: Bool { outputs.count == 1 && outputs[0].width == 1 && (outputs[0].isText || outputs[0].areWhole) }
}
