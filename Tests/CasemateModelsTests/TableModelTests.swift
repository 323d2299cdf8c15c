import CasemateCore
import CasemateData
import CasemateModels
import TestSupport
import Testing

/// Columns of a table into the inputs of models.
@Suite struct TableModelTests {
    private let cancellation = Cancellation()
    private func numbers(_ names: String...) -> [Column] { names.map { Column(name: $0, type: .number, missing: 0) } }
    private let applicant = [
        Column(name: "Income", type: .number, missing: 0), Column(name: "occupation", type: .text, missing: 0),
        Column(name: "debt ratio", type: .number, missing: 0), Column(name: "children", type: .integer, missing: 0),
        Column(name: "approved", type: .text, missing: 0),
    ]
    private let jobs = ["clerk", "manager", "sailor", "teacher", "astronaut"]

    @Test func aMatrixTakesTheColumnsInOrder() throws {
        let model = try OnnxFixtures.model("sk_logistic_tensor")
        let table = try TableModel(
            model: model, columns: numbers("a", "b", "target", "c", "d"), declared: nil, excluded: ["target"],
            levels: { _ in [] })
        #expect(table.features == ["a", "b", "c", "d"].map { Feature($0) })
        let entry = try OnnxFixtures.entry("sk_logistic_tensor")
        let rows = (entry.inputs[0].tensor.storage.doubles ?? []).map { Float($0) }
        let matrix = FeatureMatrix(features: table.features, values: rows)
        let answer = try table.predict(matrix, cancellation: cancellation)
        #expect(distance(answer.scores, entry.probabilities) < 1e-5)
        let declared = try TableModel(
            model: model, columns: numbers("a", "b", "target", "c", "d"), declared: ["d", "c", "b", "a"], excluded: [],
            levels: { _ in [] })
        #expect(declared.features.map(\.name) == ["d", "c", "b", "a"])
    }

    @Test func aWrongWidthSaysWhichColumns() throws {
        let model = try OnnxFixtures.model("sk_logistic_tensor")
        func error(_ columns: [Column], declared: [String]? = nil, excluded: Set<String> = []) -> CasemateError? {
            failure {
                _ = try TableModel(
                    model: model, columns: columns, declared: declared, excluded: excluded, levels: { _ in [] })
            }
        }
        let many = error(numbers("customer_id", "a", "b", "c", "d"))
        #expect(many?.code == .mismatch && many?.what.contains("takes 4") == true)
        #expect(many?.what.contains("probably no features: 'customer_id'") == true)
        #expect(many?.help.contains("--features, model.features") == true && many?.help.contains("--ignore") == true)
        let few = error(numbers("a", "b", "c", "sex"), excluded: ["sex"])
        #expect(few?.code == .mismatch && few?.what.contains("left out so far: 'sex'") == true)
        let text = error(numbers("a", "b", "c") + [Column(name: "job", type: .text, missing: 0)])
        #expect(text?.code == .mismatch && text?.place == "column 'job'")
        let unknown = error(numbers("alpha", "b", "c", "d"), declared: ["alpa", "b", "c", "d"])
        #expect(unknown?.code == .unknownKey && unknown?.what.contains("did you mean 'alpha'") == true)
        #expect(error(numbers("a", "b", "c", "d"), declared: ["a", "a", "b", "c"])?.code == .invalidSetting)
    }

    @Test(arguments: ["sk_columns_logistic", "sk_columns_forest", "sk_columns_regression"])
    func columnsFindTheirInputs(file: String) throws {
        let entry = try OnnxFixtures.entry(file)
        let table = try TableModel(
            model: OnnxFixtures.model(file), columns: applicant, declared: nil, excluded: ["approved"],
            levels: { name in name == "occupation" ? jobs : [] })
        #expect(table.features.map(\.name) == ["Income", "debt ratio", "occupation", "children"])
        #expect(table.features[2].levels == jobs)
        var rows = [Float](repeating: 0, count: entry.rows * 4)
        for (feature, input) in entry.inputs.enumerated() {
            for row in 0..<entry.rows {
                switch input.tensor.storage {
                case .string(let texts): rows[row * 4 + feature] = Float(jobs.firstIndex(of: texts[row]) ?? -1)
                default: rows[row * 4 + feature] = Float((input.tensor.storage.doubles ?? [])[row])
                }
            }
        }
        let answer = try table.predict(rows, count: entry.rows, cancellation: cancellation)
        let wanted = entry.probabilities.isEmpty ? entry.values : entry.probabilities
        #expect(distance(answer.scores, wanted, relative: true) < 1e-5)

        rows[2] = .nan
        #expect(try table.predict(rows, count: entry.rows, cancellation: cancellation).count == entry.rows)
        rows[3] = .nan
        let missing = failure { _ = try table.predict(rows, count: entry.rows, cancellation: cancellation) }
        #expect(missing?.code == .mismatch && missing?.what.contains("'children'") == true)
        (rows[2], rows[3]) = (99, 0)
        let level = failure { _ = try table.predict(rows, count: entry.rows, cancellation: cancellation) }
        #expect(level?.code == .mismatch && level?.what.contains("no level") == true)
    }

    @Test func missingColumnsAreListedWithTheNearestName() throws {
        let model = try OnnxFixtures.model("sk_columns_logistic")
        let columns = [
            Column(name: "incom", type: .number, missing: 0), Column(name: "occupation", type: .text, missing: 0),
            Column(name: "debt_ratio", type: .number, missing: 0), Column(name: "children", type: .integer, missing: 0),
        ]
        func error(_ columns: [Column]) -> CasemateError? {
            failure {
                _ = try TableModel(model: model, columns: columns, declared: nil, excluded: [], levels: { _ in jobs })
            }
        }
        let missing = error(columns)
        #expect(missing?.code == .mismatch && missing?.what.contains("'income', did you mean 'incom'?") == true)
        let twice = error(applicant + [Column(name: "INCOME", type: .number, missing: 0)])
        #expect(twice?.what.contains("'Income'") == true && twice?.what.contains("'INCOME'") == true)
        let word = error(applicant.map { Column(name: $0.name, type: .text, missing: 0) })
        #expect(word?.code == .mismatch && word?.place == "column 'Income'")
    }

    @Test func imagesAndTextsAreBound() throws {
        let image = try OnnxFixtures.entry("image_nhwc")
        let columns = (0..<192).map { Column(name: "p\($0)", type: .number, missing: 0) }
        let pixels = try TableModel(
            model: OnnxFixtures.model("image_nhwc"), columns: columns, declared: nil, excluded: [], levels: { _ in [] })
        let rows = (image.inputs[0].tensor.storage.doubles ?? []).map { Float($0) }
        let answer = try pixels.predict(rows, count: image.rows, cancellation: cancellation)
        #expect(distance(answer.scores, image.probabilities) < 1e-5)

        for file in ["sk_text_matrix", "sk_text_vector"] {
            let entry = try OnnxFixtures.entry(file)
            guard case .string(let texts) = entry.inputs[0].tensor.storage else { continue }
            let table = try TableModel(
                model: OnnxFixtures.model(file),
                columns: [Column(name: "message", type: .text, missing: 0)] + numbers("n"),
                declared: nil, excluded: [], levels: { _ in texts })
            let answer = try table.predict(
                (0..<texts.count).map { Float($0) }, count: texts.count, cancellation: cancellation)
            #expect(distance(answer.scores, entry.probabilities) < 1e-5)
        }
    }

    /// A model that is no ONNX file: the sum of its one tensor.
    private struct Sum: Model {
        let signature = ModelSignature(
            inputs: [.init(name: "x", type: .float, shape: [nil, 2])], layout: .matrix, task: .regression, kind: .value,
            classes: [], fixedBatch: nil)
        func predict(_ inputs: [NamedTensor], cancellation: Cancellation) throws -> Predictions {
            let values = inputs[0].tensor.storage.doubles ?? []
            let sums = (0..<inputs[0].tensor.shape[0]).map { Float(values[2 * $0] + values[2 * $0 + 1]) }
            return Predictions(task: .regression, classes: [], kind: .value, scores: sums, labels: [])
        }
    }

    @Test func anyModelCanBeBound() throws {
        let table = try TableModel(
            model: Sum(), columns: numbers("a", "b"), declared: nil, excluded: [], levels: { _ in [] })
        #expect(try table.predict([1, 2, 3, 4], count: 2, cancellation: cancellation).scores == [3, 7])
        #expect(failure { _ = try table.predict([1, 2, 3], count: 2, cancellation: cancellation) }?.code == .mismatch)
    }
}
