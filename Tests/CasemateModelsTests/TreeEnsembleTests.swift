import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Trees read from ONNX files answer what ONNX Runtime answers, on and beside every threshold.
@Suite struct TreeEnsembleTests {
    static let plain = [
        "lightgbm_binary", "lightgbm_binary_zipmap", "lightgbm_multiclass", "lightgbm_regression",
        "sk_gradient_boosting", "sk_hist_gradient_boosting", "sk_hist_gradient_regressor", "sk_random_forest",
        "sk_random_forest_multiclass", "sk_random_forest_regressor", "sk_tree", "xgboost_binary",
        "xgboost_multiclass", "xgboost_regression", "sk_int64_matrix",
    ]

    @Test(arguments: plain) func answersLikeTheEngine(file: String) throws {
        let table = try OddTrees.bound(OnnxFixtures.model(file), width: 4)
        let trees = try #require(try TreeModel(table))
        let isWhole = file == "sk_int64_matrix"
        #expect(trees.columns == (0..<4).map { TreeColumn.number(feature: $0, offset: 0, scale: 1) })
        let rows = OddTrees.rows(trees.ensemble, width: 4, isWhole: isWhole, hasMissing: !isWhole)
        try expectSame(table, trees, FeatureMatrix(features: table.features, values: rows))
    }

    @Test func answersLikeTheEngineOnALargerModel() throws {
        let path = Repository.path("Tests/Fixtures/models/taiwan_monotone.onnx")
        let table = try OddTrees.bound(OnnxModel(path: path, runtime: OnnxFixtures.runtime.get()), width: 19)
        let trees = try #require(try TreeModel(table))
        #expect(trees.ensemble.trees == 100 && trees.ensemble.leafCount * 2 - 100 == trees.ensemble.nodes.count)
        let rows = OddTrees.rows(trees.ensemble, width: 19, isWhole: false, hasMissing: true)
        try expectSame(table, trees, FeatureMatrix(features: table.features, values: rows))
    }

    @Test func columnsAreFollowedThroughAPipeline() throws {
        let jobs = ["clerk", "manager", "sailor", "teacher", "astronaut"]
        let names = ["income", "debt_ratio", "occupation", "children"]
        let table = try TableModel(
            model: OnnxFixtures.model("sk_columns_forest"),
            columns: names.map { Column(name: $0, type: $0 == "occupation" ? .text : .number, missing: 0) },
            declared: nil, excluded: [], levels: { _ in jobs })
        let trees = try #require(try TreeModel(table))
        guard case .number(feature: 0, _, let scale) = trees.columns[0] else {
            Issue.record("income is lost: \(trees.columns)")
            return
        }
        #expect(scale > 0)
        #expect(trees.columns.contains(.level(feature: 2, level: 0)))
        #expect(trees.columns.last.map { if case .number(feature: 3, _, _) = $0 { true } else { false } } == true)
        var generator = SeededGenerator(seed: 3)
        let rows = (0..<300).flatMap { _ in
            [
                generator.uniform() * 90, generator.uniform(), Float(Int(generator.uniform() * 5)),
                Float(Int.random(in: 0..<4, using: &generator)),
            ]
        }
        try expectSame(table, trees, FeatureMatrix(features: table.features, values: rows))
    }

    @Test func modelsWithoutTreesHaveNone() throws {
        #expect(try TreeModel(OddTrees.bound(OnnxFixtures.model("sk_logistic_tensor"), width: 4)) == nil)
    }

    /// Random trees of every kind of node, transform, aggregate and version, float32 and float64.
    @Test(arguments: [OddTrees.Kind.classifier, .regressor, .five], [false, true])
    func everyKindOfNode(kind: OddTrees.Kind, isDouble: Bool) throws {
        try Repository.withTemporaryFolder { folder in
            for seed in 0..<60 as Range<UInt64> {
                let model = OddTrees(kind, isDouble: isDouble, seed: seed)
                let path = folder + "/odd.onnx"
                try model.proto.fileBytes().write(to: URL(fileURLWithPath: path))
                let onnx = try OnnxModel(
                    path: path, runtime: OnnxFixtures.runtime.get(),
                    overrides: ModelOverrides(kind: kind == .classifier ? .decisionValues : nil))
                let table = try OddTrees.bound(onnx, width: 3)
                let trees = try #require(try TreeModel(table))
                let rows = OddTrees.rows(trees.ensemble, width: 3, isWhole: false, hasMissing: true)
                try expectSame(table, trees, FeatureMatrix(features: table.features, values: rows), "seed \(seed)")
            }
        }
    }

    /// A row's leaf is the one that its path leads to, and the sums are those of its leaves.
    @Test func leavesAndSumsFitTogether() throws {
        let table = try OddTrees.bound(OnnxFixtures.model("xgboost_multiclass"), width: 4)
        let trees = try #require(try TreeModel(table)).ensemble
        let rows = OddTrees.rows(trees, width: 4, isWhole: false, hasMissing: true)
        let leaves = try trees.leaves(rows, width: 4)
        #expect(leaves.count == rows.count / 4 * trees.trees)
        let sums = trees.sums(leaves)
        for row in stride(from: 0, to: rows.count / 4, by: 37) {
            var wanted = [Double](repeating: 0, count: 3)
            for tree in 0..<trees.trees {
                let leaf = Int(leaves[row * trees.trees + tree])
                #expect(trees.range(ofTree: tree).contains(leaf) && trees.nodes[leaf].mode == .leaf)
                for weight in trees.weights(ofNode: leaf) { wanted[Int(weight.output)] += weight.value }
            }
            #expect(zip(wanted, sums[row * 3..<row * 3 + 3]).allSatisfy { abs($0 - $1) < 1e-6 })
        }
        #expect(failure { _ = try trees.leaves([1, 2, 3], width: 3) }?.code == .mismatch)
        #expect(failure { _ = try trees.leaves([1, 2, 3], width: 4) }?.code == .mismatch)
    }

    private func expectSame(
        _ table: TableModel, _ trees: TreeModel, _ matrix: FeatureMatrix, _ note: Comment = "",
        location: SourceLocation = #_sourceLocation
    ) throws {
        let wanted = try table.predict(matrix, cancellation: Cancellation())
        let (scores, labels) = trees.ensemble.answers(try trees.leaves(matrix, cancellation: Cancellation()))
        #expect(scores.count == wanted.scores.count, note, sourceLocation: location)
        let worst = zip(scores, wanted.scores).map { found, wanted -> Double in
            let wanted = Double(wanted)
            // why: what the engine never wrote is NaN here, see `answers`.
            if found.isNaN || found == wanted { return 0.0 }
            return abs(found - wanted) / max(1, abs(wanted))
        }.max()
        #expect(worst ?? 1 <= 1e-6, note, sourceLocation: location)
        if !wanted.labels.isEmpty { #expect(labels == wanted.labels, note, sourceLocation: location) }
    }
}
