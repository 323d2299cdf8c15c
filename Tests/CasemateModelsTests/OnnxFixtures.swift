import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Models made by `Tests/Reference/make_models.py`, with the figures of the libraries that trained them.
enum OnnxFixtures {
    /// One model with its expected answers.
    struct Entry: Sendable, CustomTestStringConvertible {
        let file: String, task: String, form: String
        let isAmbiguous: Bool
        let inputs: [NamedTensor]
        let rows: Int
        let classes: [String], labels: [String]
        let probabilities: [Double], values: [Double]
        let tolerance: Double
        var testDescription: String { file }
        var path: String { Repository.path("Tests/Fixtures/models/\(file)") }
    }
    /// One file that must be refused.
    struct Bad: Sendable, CustomTestStringConvertible {
        let file: String, reason: String, wrong: String
        var testDescription: String { file }
        var path: String { Repository.path("Tests/Fixtures/bad-models/\(file)") }
    }

    static let runtime = Result { try OnnxRuntime(Repository.engines) }
    static let good: [Entry] = (try? list("models/index.json").map(entry)) ?? []
    static let bad: [Bad] =
        (try? list("bad-models/index.json").map {
            Bad(file: text($0["file"]), reason: text($0["reason"]), wrong: text($0["wrong"]))
        }) ?? []

    /// The entry of a file.
    static func entry(_ file: String) throws -> Entry {
        guard let found = good.first(where: { $0.file == file + ".onnx" }) else {
            throw CasemateError(.notFound, at: file, "no such fixture", help: "run make_models.py")
        }
        return found
    }
    /// Loads a fixture.
    static func model(
        _ file: String, options: ExecutionOptions = .init(), overrides: ModelOverrides = .init()
    ) throws -> OnnxModel {
        try OnnxModel(path: entry(file).path, runtime: runtime.get(), options: options, overrides: overrides)
    }

    private static func list(_ name: String) throws -> [[String: Any]] {
        let document = try JSONSerialization.jsonObject(with: Repository.fixture(name)) as? [String: Any]
        return document?["models"] as? [[String: Any]] ?? []
    }
    private static func text(_ value: Any?) -> String { value.map { "\($0)" } ?? "" }
    private static func flat(_ value: Any?) -> [Any] {
        guard let list = value as? [Any] else { return value.map { [$0] } ?? [] }
        return list.flatMap { flat($0) }
    }
    private static func number(_ value: Any) -> Double { (value as? NSNumber)?.doubleValue ?? .nan }
    private static func numbers(_ value: Any?) -> [Double] { flat(value).map(number) }

    private static func entry(_ json: [String: Any]) -> Entry {
        let inputs = (json["inputs"] as? [[String: Any]] ?? []).map { input -> NamedTensor in
            let values = input["values"]
            var shape: [Int] = []
            var inner = values
            while let list = inner as? [Any] {
                shape.append(list.count)
                inner = list.first
            }
            let storage: Tensor.Storage =
                text(input["type"]) == "string"
                ? .string(flat(values).map { text($0) }) : .double(numbers(values))
            return NamedTensor(text(input["name"]), Tensor(shape: shape, storage))
        }
        return Entry(
            file: text(json["file"]), task: text(json["task"]), form: text(json["form"]),
            isAmbiguous: json["ambiguous"] != nil, inputs: inputs, rows: inputs.first?.tensor.shape.first ?? 0,
            classes: flat(json["classes"]).map { text($0) }, labels: flat(json["labels"]).map { text($0) },
            probabilities: numbers(json["probabilities"]), values: numbers(json["values"]),
            tolerance: number(json["tolerance"] ?? 1e-5))
    }
}

extension NamedTensor {
    /// Rows of it, by index.
    func rows(_ wanted: [Int]) -> NamedTensor {
        let width = tensor.shape.dropFirst().reduce(1, *)
        let cells = wanted.flatMap { $0 * width..<($0 + 1) * width }
        let shape = [wanted.count] + tensor.shape.dropFirst()
        switch tensor.storage {
        case .string(let values): return NamedTensor(name, Tensor(shape: shape, .string(cells.map { values[$0] })))
        default:
            let values = tensor.storage.doubles ?? []
            return NamedTensor(name, Tensor(shape: shape, .double(cells.map { values[$0] })))
        }
    }
}

/// Whether a locale is installed, which one fixture needs.
func hasLocale(_ name: String) -> Bool {
    guard let locale = newlocale(1 << LC_CTYPE, name, nil) else { return false }
    freelocale(locale)
    return true
}

/// The error that `body` throws, as Casemate's.
func failure(_ body: () throws -> Void) -> CasemateError? {
    do {
        try body()
        return nil
    } catch { return error as? CasemateError }
}

/// The largest difference, and infinity where the counts differ.
func distance(_ found: [Float], _ wanted: [Double], relative: Bool = false) -> Double {
    guard found.count == wanted.count else { return .infinity }
    return zip(found, wanted).map { abs(Double($0) - $1) / (relative ? max(1, abs($1)) : 1) }.max() ?? 0
}
