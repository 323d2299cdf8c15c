import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Files that want the reader to loop, to read beside its arrays or to take their word.
@Suite struct TreeEnsembleHostileTests {
    private func node(_ seed: UInt64 = 0) -> OnnxNodeProto {
        OddTrees(.classifier, isDouble: false, seed: seed).proto.graph.node[0]
    }
    private func read(_ node: OnnxNodeProto) -> CasemateError? {
        failure { _ = try TreeEnsemble(node, isDouble: false, path: "odd.onnx") }
    }
    private func changed(_ name: String, _ change: (inout OnnxAttributeProto) -> Void) -> OnnxNodeProto {
        var node = node()
        guard let index = node.attribute.firstIndex(where: { $0.name == name }) else { return node }
        change(&node.attribute[index])
        return node
    }

    @Test func circlesAndNodesThatAreNotThere() {
        #expect(read(node()) == nil)
        let back = read(changed("nodes_truenodeids") { $0.ints[1] = 7 })
        #expect(back?.code == .malformed && back?.what.contains("circle") == true)
        #expect(back?.place == "odd.onnx: node 'trees'")
        #expect(read(changed("nodes_truenodeids") { $0.ints[1] = 6 })?.what.contains("circle") == true)
        #expect(read(changed("nodes_falsenodeids") { $0.ints[3] = 6 })?.what.contains("circle") == true)
        #expect(read(changed("nodes_falsenodeids") { $0.ints[0] = 99 })?.what.contains("leads nowhere") == true)
        #expect(read(changed("nodes_falsenodeids") { $0.ints[0] = .max })?.code == .malformed)
    }

    @Test func listsThatDoNotFitOneAnother() {
        for name in ["nodes_modes", "nodes_values", "nodes_nodeids", "class_ids", "class_weights"] {
            let short = read(
                changed(name) {
                    $0.ints = $0.ints.dropLast()
                    $0.floats = $0.floats.dropLast()
                    $0.strings = $0.strings.dropLast()
                })
            #expect(short?.code == .malformed, "\(name)")
        }
        #expect(read(changed("nodes_treeids") { $0.ints[3] = 9 })?.what.contains("do not stand together") == true)
        #expect(read(changed("nodes_nodeids") { $0.ints[3] = 7 })?.what.contains("twice") == true)
        #expect(read(changed("class_ids") { $0.ints[0] = 7 })?.code == .malformed)
        #expect(read(changed("class_ids") { $0.ints[0] = -1 })?.code == .malformed)
        #expect(read(changed("class_nodeids") { $0.ints[0] = 8 })?.code == .malformed)
        #expect(read(changed("nodes_featureids") { $0.ints[0] = -1 })?.code == .malformed)
        #expect(read(changed("nodes_featureids") { $0.ints[0] = 1 << 40 })?.code == .malformed)
        #expect(read(changed("nodes_values") { $0.floats[0] = .nan })?.code == .malformed)
        #expect(read(changed("class_weights") { $0.floats[0] = .nan })?.code == .malformed)
        #expect(read(changed("base_values") { $0.floats.append(contentsOf: [1, 2, 3]) })?.code == .malformed)
        #expect(read(changed("post_transform") { $0.s = Data("ODD".utf8) })?.code == .malformed)
    }

    /// Whatever is written into the lists: an error, or trees whose walks end.
    @Test(arguments: [OddTrees.Kind.classifier, .regressor, .five]) func noListLeadsAstray(kind: OddTrees.Kind) throws {
        var generator = SeededGenerator(seed: 7)
        var kept = 0
        for seed in 0..<3_000 as Range<UInt64> {
            var node = OddTrees(kind, isDouble: false, seed: seed % 16).proto.graph.node[0]
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 0..<node.attribute.count, using: &generator)
                guard let at = node.attribute[index].ints.indices.randomElement(using: &generator) else { continue }
                let odd: [Int64] = [-1, 0, 1, 2, 3, 4, 5, 6, 7, .max, .min]
                node.attribute[index].ints[at] = odd.randomElement(using: &generator) ?? 0
            }
            guard let trees = try? TreeEnsemble(node, isDouble: false, path: "odd.onnx") else { continue }
            kept += 1
            let rows = [Float](repeating: 0.5, count: trees.width * 3)
            if trees.width > 0 { #expect(try trees.answers(trees.leaves(rows, width: trees.width)).scores.count > 0) }
        }
        #expect(kept > 50)
    }

    @Test func partsAreChecked() {
        let leaf = TreeEnsemble.Node.leaf
        func split(_ yes: Int32, _ no: Int32) -> TreeEnsemble.Node {
            TreeEnsemble.Node(
                column: 0, mode: .less, threshold: 1, whenTrue: yes, whenFalse: no, isMissingTrue: false)
        }
        func made(_ nodes: [TreeEnsemble.Node], _ roots: [Int32]) -> CasemateError? {
            failure {
                _ = try TreeEnsemble(
                    nodes: nodes, roots: roots, weights: nodes.map { _ in [] }, form: .init(outputs: 1), at: "made")
            }
        }
        #expect(made([split(1, 2), leaf, leaf], [0]) == nil)
        #expect(made([leaf, leaf], [0, 1]) == nil)
        #expect(made([split(1, 2), leaf], [0])?.code == .malformed)
        #expect(made([split(1, 0), leaf], [0])?.code == .malformed)
        #expect(made([split(1, 2), leaf, leaf], [0, 2])?.code == .malformed)
        #expect(made([leaf, leaf], [1])?.code == .malformed)
        #expect(made([], [])?.code == .malformed)
        #expect(made([split(-1, 1), leaf], [0])?.code == .malformed)
    }
}
