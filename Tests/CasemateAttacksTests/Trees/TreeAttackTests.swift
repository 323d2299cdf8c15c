import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Testing

/// No attack may end below the exact distance, in a space of bounds, whole numbers, scales and categories.
@Suite struct TreeAttackTests {
    @Test(arguments: [FeatureSpace.Norm.linf, .l2])
    func everyAttackStaysAboveTheExactDistance(norm: FeatureSpace.Norm) throws {
        var random = RandomTrees(seed: 21, features: 5, modes: [.less], perFeature: 6)
        let form = TreeCase.all[0]
        let ensemble = try random.ensemble(trees: 20, depth: 4, form: form.form, outputsOfTree: form.outputsOfTree)
        let features = (0..<5).map { Feature("x\($0)") }
        var rules = features.map { _ in FeatureSpace.Rule(low: -2, high: 2) }
        rules[1].scale = 2
        rules[2].domain = .ordinal([-1.5, -1, -0.4, 0, 0.3, 0.9, 1.5])
        rules[3].direction = .increase
        let space = FeatureSpace(features: features, rules: rules)
        let rows = (0..<12).map { _ in random.row() }
        let columns = (0..<5).map { TreeColumn.number(feature: $0, offset: 0, scale: 1) }
        let robustness = try TreeRobustness(
            ensemble, decision: .label, columns: Array(columns.prefix(ensemble.width)), space: space)
        let oracle = FunctionOracle(5) { row, _ in try robustness.label(of: Array(row)) }
        let matrix = FeatureMatrix(features: features, values: Array(rows.joined()))
        let problem = try EvasionProblem(
            originals: matrix, space: space, labels: try oracle.decide(matrix.values, count: rows.count))
        let result = try EvasionRun(norm: norm).run(problem, oracle: oracle)
        let exact = try robustness.smallestChanges(
            of: matrix.values, count: rows.count, TreeSearchSettings(norm: norm))
        var ratios: [Double] = []
        for (index, sample) in result.samples.enumerated() where sample.outcome == .found {
            #expect(exact[index].isExact && sample.distance >= exact[index].upper - 1e-6, "row \(index)")
            if exact[index].upper > 0 { ratios.append(sample.distance / exact[index].upper) }
        }
        #expect(ratios.count >= 6 && median(ratios) < 2.5, "\(ratios)")
        for (index, certificate) in exact.enumerated() where certificate.upper == .infinity {
            #expect(result.samples[index].outcome != .found, "row \(index)")
        }
    }
}
