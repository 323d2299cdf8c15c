import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Files are known by their bytes, columns by their names, categories by the file's own list.
@Suite struct ModelFileTests {
    private func path(_ file: String) -> String { Repository.path("Tests/Fixtures/trees/\(file)") }
    private struct NoEngine: Error {}

    @Test func formatsAreKnownByTheirBytes() throws {
        #expect(try ModelFile.format(path: path("xgboost-best.json")) == .tree(.xgboostJSON))
        #expect(try ModelFile.format(path: path("xgboost-dart.ubj")) == .tree(.xgboostUBJSON))
        #expect(try ModelFile.format(path: path("lightgbm-binary.txt")) == .tree(.lightGBM))
        let onnx = Repository.path("Tests/Fixtures/models/taiwan_monotone.onnx")
        #expect(try ModelFile.format(path: onnx) == .onnx)
        let model = try ModelFile.open(path: path("lightgbm-binary.txt")) { throw NoEngine() }
        #expect(model.rowSize == 5 && model.featureNames == nil && model.signature.task == .binary)
        #expect(throws: NoEngine.self) { _ = try ModelFile.open(path: onnx) { throw NoEngine() } }
    }

    @Test func otherFormsAreRefusedByName() throws {
        let xgboost = String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: path("xgboost-best.json"))), as: UTF8.self)
        let lightGBM = String(
            decoding: try Data(contentsOf: URL(fileURLWithPath: path("lightgbm-binary.txt"))), as: UTF8.self)
        let old = Data([0, 0, 0, 0x3F]) + Data(count: 132) + Data("\u{f}binary:logistic\u{6}gbtree".utf8)
        let cases: [(Data, CasemateError.Code, String)] = [
            (Data(xgboost.replacing("\"gbtree\"", with: "\"gblinear\"").utf8), .unsupported, "gblinear"),
            (Data(xgboost.replacing("binary:logistic", with: "binary:logistc").utf8), .unsupported, "binary:logistic"),
            (Data(lightGBM.replacing("is_linear=0", with: "is_linear=1").utf8), .unsupported, "linear"),
            (Data(lightGBM.replacing("version=v4", with: "version=v9").utf8), .unsupported, "v9"),
            (Data("{\"oblivious_trees\": [], \"features_info\": {}}".utf8), .unsupported, "CatBoost"),
            (Data("[{\"nodeid\": 0}]".utf8), .unsupported, "dump"),
            (Data("{\"name\": \"tree\", \"tree_info\": [{}]}".utf8), .unsupported, "LightGBM dump"),
            (old, .unsupported, "old binary"), (Data("binf".utf8) + old, .unsupported, "old binary"),
            (Data([0x80, 4, 0x95]), .malformed, "pickle"), (Data(), .malformed, "empty"),
        ]
        let runtime = try? OnnxRuntime(Repository.engines)
        try Repository.withTemporaryFolder { folder in
            for (data, code, word) in cases {
                let file = folder + "/model"
                try data.write(to: URL(fileURLWithPath: file))
                let error = failure {
                    _ = try ModelFile.open(path: file) {
                        guard let runtime else { throw NoEngine() }
                        return runtime
                    }
                }
                if error == nil, runtime == nil { continue }
                #expect(error?.code == code && error?.description.contains(word) == true, "\(word): \(error as Any)")
            }
        }
        #expect(failure { _ = try TreeFileModel(path: "/nowhere.json") }?.code == .notFound)
    }

    // MARK: Columns

    private func bound(
        _ file: String, _ columns: [(String, ColumnType)], declared: [String]? = nil,
        levels: [String: [String]] = [:]
    ) throws -> TableModel {
        try TableModel(
            model: TreeFileModel(path: path(file)),
            columns: columns.map { Column(name: $0.0, type: $0.1, missing: 0) }, declared: declared, excluded: ["y"],
            levels: { levels[$0] ?? [] })
    }

    @Test func columnsAreFoundByName() throws {
        let names: [(String, ColumnType)] = [
            ("job", .number), ("y", .number), ("Net_Income", .number), ("region", .integer), ("ratio", .number),
            ("extra", .number), ("age", .number),
        ]
        let model = try bound("xgboost-categorical.json", names)
        #expect(model.features.map(\.name) == ["age", "Net_Income", "ratio", "region", "job"])
        let declared = try bound(
            "xgboost-categorical.json", names, declared: ["job", "region", "ratio", "age", "Net_Income"])
        #expect(declared.features == model.features)
        let missing = failure { _ = try bound("xgboost-categorical.json", names.filter { $0.0 != "ratio" }) }
        #expect(missing?.code == .mismatch && missing?.what.contains("'ratio'") == true)
        // None of the names: by position, and then the number must fit.
        let others: [(String, ColumnType)] = ["a", "b", "c", "d", "e"].map { ($0, .number) }
        #expect(try bound("xgboost-categorical.json", others).features.map(\.name) == ["a", "b", "c", "d", "e"])
        #expect(failure { _ = try bound("xgboost-categorical.json", others + [("f", .number)]) }?.code == .mismatch)
        #expect(try bound("lightgbm-binary.txt", others).features.map(\.name) == ["a", "b", "c", "d", "e"])
    }

    /// The file's levels come first and in its order; what only the table has is missing to the model.
    @Test(arguments: ["xgboost-pandas.json", "lightgbm-pandas.txt"]) func categoriesAreTheFilesOwn(file: String) throws
    {
        let columns: [(String, ColumnType)] = [("rooms", .number), ("age", .number), ("job", .text)]
        let table = ["rooms": ["2", "4", "7", "9"], "job": ["amber", "b c", "d", "unheard", "zz"]]
        let model = try bound(file, columns, levels: table)
        #expect(model.features[0].levels == ["zz", "amber", "b c", "d", "never", "unheard"])
        #expect(model.features[1].levels == nil && model.features[2].levels == ["2", "4", "7", "9"])
        let entry = try #require(
            try TreeFigures(file.hasPrefix("x") ? "xgboost" : "lightgbm").entries.first { $0.file == file })
        let found = try model.predict(entry.rows, count: entry.count, cancellation: Cancellation())
        #expect((0..<entry.count).allSatisfy { abs(found.scores[2 * $0 + 1] - entry.answers[$0]) <= 1e-6 })
        // Unheard level, the same as no value; -1 is what a table gives for a level it was not bound with.
        let rows: [Float] = [5, 0.5, 1, .nan, 0.5, 1, -1, 0.5, 1]
        let odd = try model.predict(rows, count: 3, cancellation: Cancellation())
        #expect(Set(odd.scores.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)).count == 1)
        let trees = try #require(try TreeModel(model))
        let leaves = try trees.leaves(
            FeatureMatrix(features: model.features, values: rows), cancellation: Cancellation())
        #expect(leaves.prefix(trees.ensemble.trees) == leaves.suffix(trees.ensemble.trees))
        let strange = failure { _ = try bound(file, columns, levels: ["rooms": ["2"], "job": ["x", "y"]]) }
        #expect(strange?.code == .mismatch && strange?.what.contains("none of its values") == true)
    }

    @Test func treesOfAFileAreThoseOfItsAnswers() throws {
        let figures = try TreeFigures("lightgbm")
        for entry in figures.entries where entry.names == nil {
            let columns = (0..<entry.width).map { ("x\($0)", ColumnType.number) }
            let model = try bound(entry.file, columns)
            let trees = try #require(try TreeModel(model))
            let matrix = FeatureMatrix(features: model.features, values: entry.rows)
            let leaves = try trees.leaves(matrix, cancellation: Cancellation())
            let answers = trees.ensemble.answers(leaves)
            let wanted = try model.predict(matrix, cancellation: Cancellation())
            #expect(answers.scores.map { Float($0) } == wanted.scores && answers.labels == wanted.labels)
        }
    }

    // MARK: Overrides

    @Test func overridesAreHeard() throws {
        func model(_ file: String, _ overrides: ModelOverrides) throws -> TreeFileModel {
            try TreeFileModel(path: path(file), overrides: overrides)
        }
        let named = try model("xgboost-best.json", ModelOverrides(classes: ["no", "yes"], includesRawScores: true))
        let answers = try named.predict(rows: [0, 0, 0, 0, 0], count: 1, cancellation: Cancellation())
        #expect(answers.classes == ["no", "yes"] && answers.outputs.count == 1)
        let margin = try #require(answers.outputs.first?.tensor.storage.doubles?.first)
        #expect(abs(1 / (1 + exp(-margin)) - Double(answers.scores[1])) < 1e-6)
        let logit = try model("lightgbm-regression.txt", ModelOverrides(task: .binary))
        #expect(logit.signature.task == .binary && logit.signature.kind == .logits)
        for bad in [
            ModelOverrides(task: .regression), ModelOverrides(layout: .columns), ModelOverrides(labelOutput: "label"),
            ModelOverrides(classes: ["a"]),
        ] {
            #expect(failure { _ = try model("xgboost-best.json", bad) }?.code == .invalidSetting)
        }
    }

    /// The models with exact smallest changes: margins and classes as their tables state them.
    @Test(.enabled(if: Repository.shared != nil)) func sharedModelsGiveTheirMargins() throws {
        let folder = try #require(Repository.shared) + "/data/trees/"
        for name in ["breast_cancer_gbdt8_robust", "breast_cancer_rf4", "diabetes_rf25", "ijcnn_rf100"] {
            let model = try TreeFileModel(
                path: folder + name + ".xgb.json", overrides: ModelOverrides(includesRawScores: true))
            func table(_ kind: String) throws -> [[Float]] {
                try String(contentsOfFile: folder + name + ".\(kind).csv", encoding: .utf8).split(
                    whereSeparator: \.isNewline
                )
                .dropFirst().map { $0.split(separator: ",").map { Float($0) ?? .nan } }
            }
            let (points, facts) = (try table("points"), try table("rstar"))
            let rows = points.flatMap { $0.dropFirst(2) }
            let found = try model.predict(rows: rows, count: points.count, cancellation: Cancellation())
            let margins = try #require(found.outputs.first?.tensor.storage.doubles)
            for (row, fact) in facts.enumerated() {
                #expect(abs(margins[row] - Double(fact[3])) <= 1e-6 && found.labels[row] == Int32(fact[2]))
            }
            #expect(points.count >= 100)
        }
    }
}
