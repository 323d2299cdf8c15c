import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Made-up tree models with every kind of node.
struct OddTrees {
    /// Operators.
    enum Kind: String, Sendable, CaseIterable { case classifier, regressor, five }
    /// The file.
    var proto = OnnxModelProto()
    private var generator: SeededGenerator
    private let isDouble: Bool

    /// A table model over columns `x0`, `x1`, ….
    static func bound(_ model: OnnxModel, width: Int) throws -> TableModel {
        try TableModel(
            model: model, columns: (0..<width).map { Column(name: "x\($0)", type: .number, missing: 0) }, declared: nil,
            excluded: [], levels: { _ in [] })
    }

    /// Random rows, and rows that lie on a threshold, one step beside it, or have no value there.
    static func rows(_ trees: TreeEnsemble, width: Int, isWhole: Bool, hasMissing: Bool) -> [Float] {
        var generator = SeededGenerator(seed: 1)
        var rows: [Float] = []
        func random() -> [Float] {
            (0..<width).map { _ in
                let value = (generator.uniform() * 2 - 1) * [1, 3, 30, 3_000][Int.random(in: 0..<4, using: &generator)]
                return isWhole ? value.rounded() : value
            }
        }
        for _ in 0..<200 { rows += random() }
        for node in trees.nodes where node.mode != .leaf {
            let at = isWhole ? node.threshold.rounded() : node.threshold
            var values = isWhole ? [at - 1, at, at + 1] : [at, at.nextUp, at.nextDown]
            if hasMissing { values.append(.nan) }
            for value in values {
                var row = random()
                row[Int(node.column)] = value
                rows += row
            }
        }
        return hasMissing ? rows + [Float](repeating: .nan, count: width) : rows
    }

    /// Trees over three columns.
    init(_ kind: Kind, isDouble: Bool, seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        self.isDouble = isDouble
        var node = OnnxNodeProto()
        node.domain = "ai.onnx.ml"
        node.name = "trees"
        node.input = ["X"]
        let outputs: Int
        switch kind {
        case .classifier:
            outputs = Int.random(in: 2...3, using: &generator)
            node.opType = "TreeEnsembleClassifier"
            node.output = ["label", "scores"]
            node.attribute = listed(outputs: outputs, prefix: "class", isFull: seed % 3 > 0)
            node.attribute.append(ints("classlabels_int64s", (0..<outputs).map { Int64($0) }))
            node.attribute.append(text("post_transform", pick(["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"])))
            if seed % 2 == 0 { node.attribute.append(reals("base_values", randoms(outputs))) }
        case .regressor:
            outputs = 1
            node.opType = "TreeEnsembleRegressor"
            node.output = ["scores"]
            node.attribute = listed(outputs: outputs, prefix: "target", isFull: true)
            node.attribute.append(integer("n_targets", Int64(outputs)))
            node.attribute.append(text("aggregate_function", pick(["SUM", "AVERAGE", "MIN", "MAX"])))
            if seed % 2 == 0 { node.attribute.append(reals("base_values", randoms(outputs))) }
        case .five:
            outputs = 1
            node.opType = "TreeEnsemble"
            node.output = ["scores"]
            node.attribute = five()
        }
        finish(node, kind: kind, outputs: outputs)
    }

    private mutating func finish(_ node: OnnxNodeProto, kind: Kind, outputs: Int) {
        proto.irVersion = 10
        proto.opsetImport = [("", Int64(21)), ("ai.onnx.ml", kind == .five ? 5 : 3)].map { domain, version in
            var opset = OnnxOperatorSetIdProto()
            (opset.domain, opset.version) = (domain, version)
            return opset
        }
        proto.graph.name = "odd"
        proto.graph.node = [node]
        proto.graph.input = [value("X", isDouble ? 11 : 1, 3)]
        let type: Int32 = kind == .five && isDouble ? 11 : 1
        let scores = value("scores", type, kind == .classifier ? outputs : 1)
        proto.graph.output = kind == .classifier ? [value("label", 7, nil), scores] : [scores]
    }

    // MARK: Trees

    private mutating func real() -> Double {
        let value = Double(generator.uniform() * 4 - 2)
        // why: thresholds that float32 cannot hold are what float64 lists are for.
        return isDouble ? value + Double(generator.uniform()) * 1e-9 : value
    }
    private mutating func randoms(_ count: Int) -> [Double] { (0..<count).map { _ in real() } }
    private mutating func pick(_ names: [String]) -> String { names.randomElement(using: &generator) ?? "" }

    /// The lists of versions 1 and 3: two trees, one of which shares a leaf between two nodes.
    private mutating func listed(outputs: Int, prefix: String, isFull: Bool) -> [OnnxAttributeProto] {
        var (trees, ids, columns, yes, no, missing) = ([Int64](), [Int64](), [Int64](), [Int64](), [Int64](), [Int64]())
        var (modes, values) = ([String](), [Double]())
        var (of, leaf, treeOf, weights) = ([Int64](), [Int64](), [Int64](), [Double]())
        let branches = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
        let sameClass = Int64.random(in: 0..<Int64(outputs), using: &generator)
        for tree in [Int64(4), 2] {
            // Ids run backwards; nodes 0…3 branch, 4…7 are leaves, and two nodes lead to leaf 4.
            let id = { (node: Int) in Int64(7 - node) }
            let children = [(1, 2), (4, 3), (4, 5), (6, 7)]
            for node in 0..<8 {
                trees.append(tree)
                ids.append(id(node))
                columns.append(node < 4 ? Int64.random(in: 0..<3, using: &generator) : 0)
                modes.append(node < 4 ? pick(branches) : "LEAF")
                values.append(real())
                yes.append(node < 4 ? id(children[node].0) : 0)
                no.append(node < 4 ? id(children[node].1) : 0)
                missing.append(Int64.random(in: 0...1, using: &generator))
                guard node >= 4 else { continue }
                for output in 0..<Int64(outputs) where isFull || output == sameClass {
                    of.append(output)
                    leaf.append(id(node))
                    treeOf.append(tree)
                    weights.append(real())
                }
            }
        }
        return [
            ints("nodes_treeids", trees), ints("nodes_nodeids", ids), ints("nodes_featureids", columns),
            ints("nodes_truenodeids", yes), ints("nodes_falsenodeids", no),
            ints("nodes_missing_value_tracks_true", missing), texts("nodes_modes", modes),
            reals("nodes_values", values),
            ints(prefix + "_ids", of), ints(prefix + "_nodeids", leaf), ints(prefix + "_treeids", treeOf),
            reals(prefix + "_weights", weights),
        ]
    }

    /// The lists of version 5, with a test for membership.
    private mutating func five() -> [OnnxAttributeProto] {
        let modes = (0..<4).map { $0 == 1 ? UInt8(6) : UInt8.random(in: 0...5, using: &generator) }
        let splits = randoms(4)
        let set = [1, 2, 7, .nan]
        return [
            integer("n_targets", 1), integer("aggregate_function", Int64.random(in: 0...3, using: &generator)),
            ints("tree_roots", [0, 2]),
            ints("nodes_featureids", [0, 1, 2, Int64.random(in: 0...2, using: &generator)]),
            ints("nodes_truenodeids", [1, 0, 3, 2]), ints("nodes_falsenodeids", [1, 2, 0, 3]),
            ints("nodes_trueleafs", [0, 1, 0, 1]), ints("nodes_falseleafs", [1, 1, 1, 1]),
            ints("nodes_missing_value_tracks_true", (0..<4).map { _ in Int64.random(in: 0...1, using: &generator) }),
            ints("leaf_targetids", [0, 0, 0, 0]), tensor("leaf_weights", randoms(4)), tensor("nodes_splits", splits),
            tensor("membership_values", set), bytes("nodes_modes", modes),
        ]
    }

    // MARK: Attributes

    private func made(_ name: String, _ type: OnnxAttributeProto.AttributeType) -> OnnxAttributeProto {
        var attribute = OnnxAttributeProto()
        (attribute.name, attribute.type) = (name, type)
        return attribute
    }
    /// A list of whole numbers.
    func ints(_ name: String, _ values: [Int64]) -> OnnxAttributeProto {
        var attribute = made(name, .ints)
        attribute.ints = values
        return attribute
    }
    private func integer(_ name: String, _ value: Int64) -> OnnxAttributeProto {
        var attribute = made(name, .int)
        attribute.i = value
        return attribute
    }
    private func text(_ name: String, _ value: String) -> OnnxAttributeProto {
        var attribute = made(name, .string)
        attribute.s = Data(value.utf8)
        return attribute
    }
    /// A list of texts.
    func texts(_ name: String, _ values: [String]) -> OnnxAttributeProto {
        var attribute = made(name, .strings)
        attribute.strings = values.map { Data($0.utf8) }
        return attribute
    }
    /// Numbers: a list of float32, or a tensor of float64.
    func reals(_ name: String, _ values: [Double]) -> OnnxAttributeProto {
        if isDouble { return tensor(name + "_as_tensor", values) }
        var attribute = made(name, .floats)
        attribute.floats = values.map { Float($0) }
        return attribute
    }
    private func tensor(_ name: String, _ values: [Double]) -> OnnxAttributeProto {
        var attribute = made(name, .tensor)
        attribute.t.dims = [Int64(values.count)]
        attribute.t.dataType = isDouble ? 11 : 1
        if isDouble { attribute.t.doubleData = values } else { attribute.t.floatData = values.map { Float($0) } }
        return attribute
    }
    private func bytes(_ name: String, _ values: [UInt8]) -> OnnxAttributeProto {
        var attribute = made(name, .tensor)
        attribute.t.dims = [Int64(values.count)]
        attribute.t.dataType = 2
        attribute.t.rawData = Data(values)
        return attribute
    }
    private func value(_ name: String, _ type: Int32, _ width: Int?) -> OnnxValueInfoProto {
        var value = OnnxValueInfoProto()
        value.name = name
        value.type.tensorType.elemType = type
        var batch = OnnxTensorShapeProto.Dimension()
        batch.dimParam = "N"
        value.type.tensorType.shape.dim = [batch]
        if let width {
            var axis = OnnxTensorShapeProto.Dimension()
            axis.dimValue = Int64(width)
            value.type.tensorType.shape.dim.append(axis)
        }
        return value
    }
}
