import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Trained models whose exact smallest changes are known (`data/trees`): 450 points, made by another program.
@Suite(.enabled(if: Repository.shared != nil))
struct TreeSharedTests {
    private static let folder = (Repository.shared ?? "") + "/data/trees/"

    /// Trees as XGBoost writes them, by the few members that these models need.
    private static func ensemble(_ name: String) throws -> TreeEnsemble {
        let model = try Figures(json: Data(contentsOf: URL(fileURLWithPath: folder + name + ".xgb.json")))
        let trees = model["learner"]["gradient_booster"]["model"]["trees"].list
        var nodes: [TreeEnsemble.Node] = []
        var (roots, weights): ([Int32], [[TreeEnsemble.Weight]]) = ([], [])
        for tree in trees {
            let (left, right) = (tree["left_children"].ints, tree["right_children"].ints)
            let (columns, values) = (tree["split_indices"].ints, tree["split_conditions"].doubles)
            let start = nodes.count
            roots.append(Int32(start))
            for index in left.indices {
                let isLeaf = left[index] < 0
                weights.append(isLeaf ? [.init(output: 0, value: Double(Float(values[index])))] : [])
                nodes.append(
                    isLeaf
                        ? .leaf
                        : TreeEnsemble.Node(
                            column: Int32(columns[index]), mode: .less, threshold: Float(values[index]),
                            whenTrue: Int32(start + left[index]), whenFalse: Int32(start + right[index]),
                            isMissingTrue: false))
            }
        }
        var form = TreeEnsemble.Form(outputs: 1)
        form.classes = ["0", "1"]
        form.convention = .boosting
        form.transform = .logistic
        return try TreeEnsemble(nodes: nodes, roots: roots, weights: weights, form: form, at: name)
    }

    private static func table(_ name: String) throws -> [[Double]] {
        try String(contentsOfFile: folder + name, encoding: .utf8).split(whereSeparator: \.isNewline).dropFirst()
            .map { $0.split(separator: ",").compactMap { Double($0) } }
    }

    @Test(arguments: ["breast_cancer_gbdt8_robust", "breast_cancer_rf4", "diabetes_rf25", "ijcnn_rf100"])
    func allSmallestChangesAreThoseKnown(name: String) throws {
        let ensemble = try Self.ensemble(name)
        let rows = try Self.table(name + ".points.csv").map { $0.dropFirst(2).map { Float($0) } }
        let known = try Self.table(name + ".rstar.csv")
        #expect(rows.count == known.count && rows.count >= 100)
        let robustness = try TreeRobustness(ensemble, decision: .label)
        let found = try robustness.smallestChanges(of: Array(rows.joined()), count: rows.count)
        for (index, certificate) in found.enumerated() {
            #expect(Double(certificate.predicted) == known[index][2], "row \(index)")
            #expect(abs(certificate.lower - known[index][4]) <= 1e-6, "row \(index)")
            #expect(abs(certificate.upper - known[index][5]) <= 1e-6, "row \(index)")
            let witness = try #require(certificate.witness)
            let answer = ensemble.answers(try ensemble.leaves(witness, width: witness.count))
            #expect(answer.labels[0] == 1 - certificate.predicted, "row \(index)")
            let distance = zip(rows[index], witness).map { abs(Double($0) - Double($1)) }.max() ?? 0
            #expect(distance >= certificate.lower && distance <= certificate.upper + 1e-6, "row \(index)")
        }
    }

    @Test func otherMeasuresBoundOneAnother() throws {
        let ensemble = try Self.ensemble("diabetes_rf25")
        let rows = try Self.table("diabetes_rf25.points.csv").prefix(40).map { $0.dropFirst(2).map { Float($0) } }
        let robustness = try TreeRobustness(ensemble, decision: .label)
        for (index, row) in rows.enumerated() {
            let found = try [FeatureSpace.Norm.linf, .l2, .l1].map {
                try robustness.smallestChange(of: row, TreeSearchSettings(norm: $0))
            }
            #expect(found.allSatisfy { $0.isExact }, "row \(index)")
            #expect(found[0].upper <= found[1].upper && found[1].upper <= found[2].upper, "row \(index)")
            #expect(found[2].upper <= Double(row.count) * found[0].upper, "row \(index)")
        }
    }

    @Test func noSamplerFindsANearerRow() throws {
        let ensemble = try Self.ensemble("ijcnn_rf100")
        let rows = try Self.table("ijcnn_rf100.points.csv").prefix(30).map { $0.dropFirst(2).map { Float($0) } }
        let robustness = try TreeRobustness(ensemble, decision: .label)
        var flips = 0
        for (index, row) in rows.enumerated() {
            let exact = try robustness.smallestChange(of: row)
            var generator = SeededGenerator(seed: 4, stream: UInt64(index))
            for step in 0..<400 {
                let reach = Float(exact.upper) * (step % 2 == 0 ? 0.999 : 1.5)
                let moved = row.map { $0 + reach * (2 * generator.uniform() - 1) }
                let isOther = try robustness.label(of: moved) != exact.predicted
                let distance = zip(row, moved).map { abs(Double($0) - Double($1)) }.max() ?? 0
                #expect(!isOther || distance >= exact.lower, "row \(index)")
                if isOther { flips += 1 }
            }
        }
        #expect(flips > 0, "the samples say nothing")
    }
}
