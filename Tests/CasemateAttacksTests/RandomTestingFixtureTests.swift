import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Every model of the fixtures, as its library exported it.
private struct Fixture: Sendable, CustomTestStringConvertible {
    let file: String
    let matrix: FeatureMatrix
    var testDescription: String { file }

    static let all: [Fixture] =
        (try? Figures("models/index.json")["models"].list.compactMap { entry -> Fixture? in
            guard let file = entry["file"].text, !file.contains("locale") else { return nil }
            return try Fixture(file: file, matrix: matrix(entry["inputs"].list))
        }) ?? []

    /// The eight rows of an entry, flattened: one column for each value of a row.
    private static func matrix(_ inputs: [Figures]) throws -> FeatureMatrix {
        var features: [Feature] = []
        var columns: [[Float]] = []
        for input in inputs {
            let rows = input["values"].list.map { flat($0) }
            for column in rows[0].indices {
                guard input["type"].text == "string" else {
                    features.append(Feature("\(input["name"].text ?? "x")\(column)"))
                    columns.append(rows.map { Float($0[column].double ?? .nan) })
                    continue
                }
                let texts = rows.map { $0[column].text ?? "" }
                let levels = Set(texts).subtracting([""]).sorted()
                features.append(Feature("\(input["name"].text ?? "x")\(column)", .categorical(levels: levels)))
                columns.append(texts.map { text in levels.firstIndex(of: text).map(Float.init) ?? .nan })
            }
        }
        let values = (0..<columns[0].count).flatMap { row in columns.map { $0[row] } }
        return FeatureMatrix(features: features, values: values)
    }
    private static func flat(_ value: Figures) -> [Figures] {
        value.list.isEmpty ? [value] : value.list.flatMap { flat($0) }
    }
}

@Suite struct RandomTestingFixtureTests {
    /// Healthy models of every library and form: nothing that is wrong whatever anybody expects.
    @Test(arguments: Fixture.all) fileprivate func healthyModelsAreSilent(_ fixture: Fixture) throws {
        let path = Repository.path("Tests/Fixtures/models/\(fixture.file)")
        let model: OnnxModel
        do { model = try OnnxModel(path: path, runtime: OnnxRuntime(Repository.engines)) } catch {
            // One fixture needs a locale that a machine may lack.
            guard let error = error as? CasemateError, error.code == .unsupported else { throw error }
            return
        }
        let result = try RandomTest(rows: 300, alone: 40, repeated: 10, tolerance: 1e-6).run(
            model, real: fixture.matrix, context: RunContext(seed: 5))
        let fair = result.rows.indices.filter { index in
            result.rows[index].isOrdinary && result.rows[index].isComplete
        }
        let wrong = fair.filter { result.answers[$0] == .notANumber }
        let malformed = fair.filter { if case .malformed = result.answers[$0] { true } else { false } }
        #expect(wrong.isEmpty && malformed.isEmpty && result.inconsistencies.isEmpty)
        #expect(result.outOfRange.allSatisfy { [.infinite, .missing].contains(result.rows[$0].kind) })
    }
}
