import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import Testing

/// The exact search against a scan of all products of cells, over thousands of small random ensembles.
@Suite struct TreeRobustnessTests {
    private static let norms: [FeatureSpace.Norm] = [.linf, .l1, .l2]

    /// Compares one row in all three measures.
    private func compare(
        _ scan: CellScan, _ row: [Float], _ comment: String, norms: [FeatureSpace.Norm] = Self.norms
    ) throws {
        let robustness = try TreeRobustness(
            scan.ensemble, decision: scan.decision, columns: scan.columns, space: scan.space)
        for (norm, expected) in zip(norms, try scan.smallest(norms, from: row)) {
            let found = try robustness.smallestChange(of: row, TreeSearchSettings(norm: norm))
            #expect(found.predicted == (try scan.label(row)), "\(comment) \(norm)")
            #expect(found.isExact && agree(found.upper, expected), "\(comment) \(norm): \(found) not \(expected)")
            guard let witness = found.witness else {
                #expect(expected == .infinity, "\(comment) \(norm): no witness")
                continue
            }
            #expect(try scan.label(witness) != found.predicted, "\(comment) \(norm)")
            #expect(try scan.label(witness) == found.witnessLabel, "\(comment) \(norm)")
            #expect(agree(scan.distance(norm, row, witness), found.upper), "\(comment) \(norm): \(witness)")
            #expect(zip(row, witness).allSatisfy { $0.isNaN == $1.isNaN }, "\(comment) \(norm)")
            #expect(scan.space.map { $0.violations(of: witness, from: row).isEmpty } ?? true, "\(comment) \(norm)")
        }
    }

    private func agree(_ one: Double, _ other: Double) -> Bool { one == other || abs(one - other) <= 2e-6 }

    @Test(arguments: 0..<12)
    func equalsTheScanForEveryForm(position: Int) throws {
        let form = TreeCase.all[position]
        for seed in 0..<60 as Range<UInt64> {
            var trees = RandomTrees(seed: seed * 16 + UInt64(position), modes: [.less, .lessOrEqual])
            let ensemble = try trees.ensemble(
                trees: 2 + Int(seed % 9), depth: 3, form: form.form, isExact: seed % 3 == 0,
                outputsOfTree: form.outputsOfTree)
            try compare(
                CellScan(ensemble, form.decision), trees.row(missing: seed % 4 == 1 ? 0.3 : 0),
                "form \(position) seed \(seed)")
        }
    }

    @Test func equalsTheScanForEveryComparison() throws {
        let form = TreeCase.all[0]
        let modes: [[TreeEnsemble.Mode]] = [
            [.less, .greaterOrEqual], [.lessOrEqual, .greater], [.equal, .less], [.notEqual, .greater], [.member],
            [.member, .lessOrEqual], [.less, .lessOrEqual, .greater, .greaterOrEqual, .equal, .notEqual, .member],
        ]
        for seed in 0..<700 as Range<UInt64> {
            let mode = modes[Int(seed % 7)]
            var trees = RandomTrees(seed: 10_000 + seed, features: 2, modes: mode)
            let ensemble = try trees.ensemble(
                trees: 2 + Int(seed % 6), depth: 4, form: form.form, isExact: seed % 2 == 0,
                sharesNodes: seed % 3 == 0, outputsOfTree: form.outputsOfTree)
            var row = trees.row(missing: seed % 5 == 0 ? 0.3 : 0)
            if mode.contains(.member) { row = row.map { ($0 * 4).rounded() } }
            try compare(CellScan(ensemble, form.decision), row, "seed \(seed)")
        }
    }

    // MARK: Spaces

    /// Rules of all kinds for numbers.
    private func rule(_ trees: inout RandomTrees) -> FeatureSpace.Rule {
        let bounds: (Float, Float) = trees.chance(0.3) ? (-0.5, 0.75) : (-2, 2)
        let direction = ([.any, .increase, .decrease, .any] as [FeatureSpace.Rule.Direction])[trees.pick(4)]
        let scale = [Float(1), 0.5, 4][trees.pick(3)]
        let domain: FeatureSpace.Rule.Domain =
            switch trees.pick(4) {
            case 0: .integer
            case 1: .ordinal([-1.5, -0.5, 0, 0.25, 0.8, 1.75])
            default: .continuous
            }
        return FeatureSpace.Rule(
            domain: domain, low: bounds.0, high: bounds.1, isImmutable: trees.pick(8) == 0, direction: direction,
            scale: scale)
    }

    @Test func equalsTheScanUnderRulesForNumbers() throws {
        for seed in 0..<600 as Range<UInt64> {
            var trees = RandomTrees(seed: 20_000 + seed, modes: [.less, .lessOrEqual, .greater])
            let form = TreeCase.all[[0, 6, 9][Int(seed % 3)]]
            let ensemble = try trees.ensemble(
                trees: 2 + Int(seed % 7), depth: 3, form: form.form, outputsOfTree: form.outputsOfTree)
            let features = (0..<3).map { Feature("x\($0)") }
            let space = FeatureSpace(features: features, rules: features.map { _ in rule(&trees) })
            try compare(
                CellScan(ensemble, form.decision, columns: Array(plain(3).prefix(ensemble.width)), space: space),
                trees.row(missing: seed % 4 == 0 ? 0.2 : 0), "seed \(seed)")
        }
    }

    private func plain(_ count: Int) -> [TreeColumn] { (0..<count).map { .number(feature: $0, offset: 0, scale: 1) } }

    /// Features: a number, a category (one column a level), a category as an index, a one-hot group of three.
    private func mixed(_ trees: inout RandomTrees) -> (space: FeatureSpace, columns: [TreeColumn], row: [Float]) {
        let levels = Feature("level", .categorical(levels: ["a", "b", "c"]))
        let features = [Feature("x"), levels, Feature("code")] + (0..<3).map { Feature("g\($0)") }
        let moves: [[Int]]? = trees.chance(0.5) ? [[1], [0, 2], []] : nil
        var rules = [rule(&trees), FeatureSpace.Rule(domain: .categorical(levels: 3, moves: moves))]
        rules.append(FeatureSpace.Rule(domain: .categorical(levels: 4, moves: nil), isImmutable: trees.pick(6) == 0))
        rules += (0..<3).map { _ in FeatureSpace.Rule(low: 0, high: 1) }
        if trees.pick(6) == 0 { for member in 3..<6 { rules[member].isImmutable = true } }
        if trees.pick(4) == 0 { rules[4].direction = .decrease }
        let columns: [TreeColumn] =
            [.number(feature: 0, offset: 0, scale: 1), .level(feature: 1, level: 0), .level(feature: 1, level: 2)]
            + [.number(feature: 2, offset: 0, scale: 1)]
            + (3..<6).map { .number(feature: $0, offset: 0, scale: 1) }
        var row: [Float] = [3 * trees.generator.uniform() - 1.5, Float(trees.pick(3)), Float(trees.pick(4)), 0, 0, 0]
        row[3 + trees.pick(3)] = 1
        if trees.pick(8) == 0 { row[1] = .nan }
        if trees.pick(8) == 0 { row[3] = 1 }
        return (
            FeatureSpace(features: features, rules: rules, oneHotGroups: [[3, 4, 5]]), columns, row
        )
    }

    @Test func equalsTheScanForCategoriesAndGroups() throws {
        for seed in 0..<500 as Range<UInt64> {
            var trees = RandomTrees(seed: 30_000 + seed, features: 7, modes: [.less, .lessOrEqual, .equal])
            trees.thresholds = [trees.thresholds[0], [0.5], [0.5, 1], [0.5, 1, 2], [0.5, 1], [0.5], [0.5]]
            let form = TreeCase.all[[0, 6][Int(seed % 2)]]
            let ensemble = try trees.ensemble(
                trees: 3 + Int(seed % 6), depth: 3, form: form.form, outputsOfTree: form.outputsOfTree)
            let (space, columns, row) = mixed(&trees)
            let scan = CellScan(ensemble, form.decision, columns: columns, space: space)
            try compare(scan, row, "seed \(seed)")
        }
    }

    @Test func followsScalersInFrontOfTheTrees() throws {
        for seed in 0..<200 as Range<UInt64> {
            var trees = RandomTrees(seed: 40_000 + seed, modes: [.less, .lessOrEqual, .greater])
            let form = TreeCase.all[0]
            let ensemble = try trees.ensemble(
                trees: 2 + Int(seed % 5), depth: 3, form: form.form, outputsOfTree: form.outputsOfTree)
            let columns: [TreeColumn] = [
                .number(feature: 1, offset: 0.3, scale: 2), .number(feature: 0, offset: -1, scale: -0.7),
                .number(feature: 1, offset: 0, scale: 1),
            ]
            let space = FeatureSpace.unconstrained(features: [Feature("a"), Feature("b")])
            let row = Array(trees.row().prefix(2))
            try compare(CellScan(ensemble, form.decision, columns: columns, space: space), row, "seed \(seed)")
        }
    }

    @Test func rulesOverSeveralFeaturesBoundTheWitnessOnly() throws {
        var (closed, found) = (0, 0)
        for seed in 0..<200 as Range<UInt64> {
            var trees = RandomTrees(seed: 90_000 + seed, modes: [.less, .lessOrEqual])
            let form = TreeCase.all[0]
            let ensemble = try trees.ensemble(
                trees: 3 + Int(seed % 5), depth: 3, form: form.form, outputsOfTree: form.outputsOfTree)
            let features = (0..<3).map { Feature("x\($0)") }
            let space = FeatureSpace(
                features: features, rules: features.map { _ in .init(low: -2, high: 2) }, maxChanges: 1)
            let row = trees.row()
            let scan = CellScan(
                ensemble, form.decision, columns: Array(plain(3).prefix(ensemble.width)), space: space)
            let robustness = try TreeRobustness(
                ensemble, decision: form.decision, columns: scan.columns, space: space)
            for (norm, expected) in zip(Self.norms, try scan.smallest(Self.norms, from: row)) {
                let certificate = try robustness.smallestChange(of: row, TreeSearchSettings(norm: norm))
                #expect(certificate.lower <= expected + 2e-6 && certificate.upper >= expected - 2e-6, "seed \(seed)")
                if certificate.isExact { closed += 1 }
                guard let witness = certificate.witness else { continue }
                found += 1
                #expect(space.violations(of: witness, from: row).isEmpty, "seed \(seed)")
                #expect(try scan.label(witness) != certificate.predicted, "seed \(seed)")
                #expect(agree(space.distance(norm, from: row, to: witness), certificate.upper), "seed \(seed)")
            }
        }
        #expect(closed > 200 && found > 250, "\(closed) exact, \(found) with a witness, of 600")
    }
}
