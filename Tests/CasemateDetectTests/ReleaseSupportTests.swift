import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport

/// Tree models trained in a test and written as ONNX, as a team's release would be.
struct TrainedTrees {
    /// Rows with their labels.
    struct Data {
        let matrix: FeatureMatrix
        let labels: [Bool]

        /// The mortgage applications of the example, training and test data together: 1,989 rows.
        static func mortgage() throws -> Data {
            let engine = try DataEngine(Repository.engines)
            let parts = try ["train", "test"].map {
                try engine.open(Repository.path("Examples/mortgage/\($0).csv"), name: $0)
            }
            let others: Set<String> = [
                "application", "occ", "prop", "mortg", "cons", "min30", "race", "sex", "marital", "age", "approve",
            ]
            let features = parts[0].columns.map(\.name).filter { !others.contains($0) }.map { Feature($0) }
            let values = try parts.flatMap { try $0.matrix(features).values }
            return Data(
                matrix: FeatureMatrix(features: features, values: values),
                labels: try parts.flatMap { try $0.numbers("approve").map { $0 == 1 } })
        }
        /// Credit card holders of the shared data and whether they paid; 30,000 rows.
        static func taiwan() throws -> Data {
            let path = (Repository.shared ?? "") + "/data/tabular/taiwan_credit_default.csv.gz"
            let table = try DataEngine(Repository.engines).open(path, name: "taiwan")
            let target = "default_payment_next_month"
            let features = table.columns.map(\.name).filter { $0 != target }.map { Feature($0) }
            return Data(matrix: try table.matrix(features), labels: try table.numbers(target).map { $0 == 0 })
        }
        /// Some of the rows.
        func rows(_ rows: some Sequence<Int>) -> Data {
            let rows = Array(rows)
            return Data(matrix: matrix.rows(rows), labels: rows.map { labels[$0] })
        }
    }
    /// A leaf for rows with at least `low` in one feature and at most `high` in another.
    struct Branch {
        let first: Int, low: Float, second: Int, high: Float, value: Double
        /// Whether a row ends in it.
        func contains(_ row: ArraySlice<Float>) -> Bool {
            row[row.startIndex + first] >= low && row[row.startIndex + second] <= high
        }
    }

    static let runtime = Result { try OnnxRuntime(Repository.engines) }
    static let engine = Result { try LightGBM(Repository.engines) }
    /// The trained model as a table model, opened from a file.
    let model: TableModel
    /// Its trees.
    let trees: TreeModel?

    /// Trains on rows and writes the file; `branch` is one more tree, hidden among the others.
    init(_ data: Data, rounds: Int = 30, parameters: [String: String] = [:], branch: Branch? = nil) throws {
        let settings = ["objective": "binary"].merging(parameters) { $1 }
        let booster = try Booster(
            training: Self.engine.get(), rows: data.matrix.values, features: data.matrix.features.count,
            labels: data.labels.map { $0 ? 1 : 0 }, parameters: settings, rounds: rounds, cancellation: Cancellation())
        var lists = TreeLists()
        for (tree, block) in try booster.saved().text.components(separatedBy: "\nTree=").dropFirst().enumerated() {
            lists.append(block, tree: tree)
        }
        if let branch { lists.append(branch, tree: (lists.treeIds.last ?? 0) + 1) }
        let bytes = try lists.proto(width: data.matrix.features.count).fileBytes()
        (model, trees) = try Repository.withTemporaryFolder { folder in
            let path = folder + "/trees.onnx"
            try bytes.write(to: URL(fileURLWithPath: path))
            let bound = try Self.bound(OnnxModel(path: path, runtime: Self.runtime.get()), data.matrix.features)
            return (bound, try TreeModel(bound))
        }
    }

    private static func bound(_ onnx: OnnxModel, _ features: [Feature]) throws -> TableModel {
        try TableModel(
            model: onnx, columns: features.map { Column(name: $0.name, type: .number, missing: 0) }, declared: nil,
            excluded: [], levels: { _ in [] })
    }

    /// Scores of class 1.
    func scores(_ matrix: FeatureMatrix) throws -> [Double] {
        let answers = try model.predict(matrix, cancellation: Cancellation())
        return (0..<answers.count).map { Double(answers.scores[2 * $0 + 1]) }
    }
}

/// The lists of a TreeEnsembleClassifier.
private struct TreeLists {
    var treeIds: [Int64] = [], nodeIds: [Int64] = [], features: [Int64] = [], yes: [Int64] = [], no: [Int64] = []
    var values: [Float] = [], modes: [String] = [], missing: [Int64] = []
    var leafTrees: [Int64] = [], leafNodes: [Int64] = [], weights: [Float] = []

    /// A tree of LightGBM's text: inner nodes first, then leaves.
    mutating func append(_ block: String, tree: Int) {
        var lines: [String: [String]] = [:]
        for line in block.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { lines[String(parts[0])] = parts[1].split(separator: " ").map(String.init) }
        }
        func doubles(_ key: String) -> [Double] { (lines[key] ?? []).compactMap(Double.init) }
        let (columns, cuts, kinds) = (doubles("split_feature"), doubles("threshold"), doubles("decision_type"))
        let (left, right, leaves) = (doubles("left_child"), doubles("right_child"), doubles("leaf_value"))
        let inner = columns.count
        func id(_ child: Double) -> Int64 { child >= 0 ? Int64(child) : Int64(inner) - Int64(child) - 1 }
        for node in 0..<inner {
            // why down: the value of a float32 row decides alike when the threshold is the float32 below.
            let near = Float(cuts[node])
            let cut = Double(near) > cuts[node] ? near.nextDown : near
            let isLeftWithout = Int(kinds[node]) >> 2 & 3 == 2 ? Int(kinds[node]) & 2 != 0 : cuts[node] >= 0
            add(Int64(tree), Int64(node), "BRANCH_LEQ", Int64(columns[node]), cut, id(left[node]), id(right[node]))
            missing[missing.count - 1] = isLeftWithout ? 1 : 0
        }
        for (leaf, value) in leaves.enumerated() { addLeaf(Int64(tree), Int64(inner + leaf), value) }
    }

    mutating func append(_ branch: TrainedTrees.Branch, tree: Int64) {
        add(tree, 0, "BRANCH_GTE", Int64(branch.first), branch.low, 1, 2)
        add(tree, 1, "BRANCH_LEQ", Int64(branch.second), branch.high, 3, 4)
        addLeaf(tree, 2, 0)
        addLeaf(tree, 3, branch.value)
        addLeaf(tree, 4, 0)
    }
    mutating func append(_ branch: TrainedTrees.Branch, tree: Int) { append(branch, tree: Int64(tree)) }

    private mutating func add(
        _ tree: Int64, _ node: Int64, _ mode: String, _ feature: Int64, _ value: Float, _ yes: Int64, _ no: Int64
    ) {
        treeIds.append(tree)
        nodeIds.append(node)
        modes.append(mode)
        features.append(feature)
        values.append(value)
        self.yes.append(yes)
        self.no.append(no)
        missing.append(0)
    }
    private mutating func addLeaf(_ tree: Int64, _ node: Int64, _ value: Double) {
        add(tree, node, "LEAF", 0, 0, 0, 0)
        leafTrees.append(tree)
        leafNodes.append(node)
        weights.append(Float(value))
    }

    func proto(width: Int) -> OnnxModelProto {
        func ints(_ name: String, _ values: [Int64]) -> OnnxAttributeProto {
            made(OnnxAttributeProto()) { ($0.name, $0.type, $0.ints) = (name, .ints, values) }
        }
        func floats(_ name: String, _ values: [Float]) -> OnnxAttributeProto {
            made(OnnxAttributeProto()) { ($0.name, $0.type, $0.floats) = (name, .floats, values) }
        }
        var node = OnnxNodeProto()
        (node.domain, node.opType, node.input) = ("ai.onnx.ml", "TreeEnsembleClassifier", ["X"])
        node.output = ["label", "scores"]
        node.attribute = [
            ints("nodes_treeids", treeIds), ints("nodes_nodeids", nodeIds), ints("nodes_featureids", features),
            ints("nodes_truenodeids", yes), ints("nodes_falsenodeids", no),
            ints("nodes_missing_value_tracks_true", missing), floats("nodes_values", values),
            made(OnnxAttributeProto()) {
                ($0.name, $0.type, $0.strings) = ("nodes_modes", .strings, modes.map { Foundation.Data($0.utf8) })
            },
            ints("class_ids", leafTrees.map { _ in 0 }), ints("class_treeids", leafTrees),
            ints("class_nodeids", leafNodes), floats("class_weights", weights), ints("classlabels_int64s", [0, 1]),
            made(OnnxAttributeProto()) {
                ($0.name, $0.type, $0.s) = ("post_transform", .string, Foundation.Data("LOGISTIC".utf8))
            },
        ]
        func value(_ name: String, _ type: Int32, _ width: Int64?) -> OnnxValueInfoProto {
            made(OnnxValueInfoProto()) {
                $0.name = name
                $0.type.tensorType.elemType = type
                $0.type.tensorType.shape.dim = [made(OnnxTensorShapeProto.Dimension()) { $0.dimParam = "N" }]
                guard let width else { return }
                $0.type.tensorType.shape.dim.append(made(OnnxTensorShapeProto.Dimension()) { $0.dimValue = width })
            }
        }
        var proto = OnnxModelProto()
        proto.irVersion = 8
        proto.opsetImport = [("", Int64(17)), ("ai.onnx.ml", 3)].map { domain, version in
            made(OnnxOperatorSetIdProto()) { ($0.domain, $0.version) = (domain, version) }
        }
        proto.graph.name = "trees"
        proto.graph.node = [node]
        proto.graph.input = [value("X", 1, Int64(width))]
        proto.graph.output = [value("label", 7, nil), value("scores", 1, 2)]
        return proto
    }
}

/// A value after a change.
private func made<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var value = value
    change(&value)
    return value
}
