import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// Small random ensembles over few thresholds, so that every product of cells can be tried.
struct RandomTrees {
    var generator: SeededGenerator
    var features = 3
    var modes: [TreeEnsemble.Mode] = [.less]
    var thresholds: [[Float]]

    init(seed: UInt64, features: Int = 3, modes: [TreeEnsemble.Mode] = [.less], perFeature: Int = 3) {
        generator = SeededGenerator(seed: seed, stream: 5)
        (self.features, self.modes) = (features, modes)
        thresholds = []
        for _ in 0..<features {
            thresholds.append((0..<perFeature).map { _ in Float(Int.random(in: -8...8, using: &generator)) / 8 })
        }
    }

    mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }
    mutating func chance(_ share: Double) -> Bool { generator.uniformDouble() < share }

    /// Sets of whole numbers that `member` nodes test.
    let sets: [[UInt32]] = [[0b0110], [0b1], [0b1010_0101], [0, 0b1]]

    /// Weights of a leaf: multiples of a quarter, which tie, or any float32.
    private mutating func weights(_ outputs: [Int], _ isExact: Bool) -> [TreeEnsemble.Weight] {
        outputs.map { output in
            let value = isExact ? Float(pick(9) - 4) / 4 : generator.uniform() - 0.5
            return TreeEnsemble.Weight(output: Int32(output), value: Double(value))
        }
    }

    /// An ensemble of a form; `outputsOfTree` says for which outputs a tree's leaves have weights.
    mutating func ensemble(
        trees: Int, depth: Int, form: TreeEnsemble.Form, isExact: Bool = false, sharesNodes: Bool = false,
        outputsOfTree: (Int) -> [Int]
    ) throws -> TreeEnsemble {
        var nodes: [TreeEnsemble.Node] = []
        var roots: [Int32] = []
        var all: [[TreeEnsemble.Weight]] = []
        for tree in 0..<trees {
            let root = nodes.count
            roots.append(Int32(root))
            var pending = [(index: root, depth: 0)]
            nodes.append(.leaf)
            all.append([])
            while let (index, level) = pending.popLast() {
                guard level < depth, level == 0 || !chance(0.2) else {
                    all[index] = weights(outputsOfTree(tree), isExact)
                    continue
                }
                let feature = pick(features)
                let mode = modes[pick(modes.count)]
                let (yes, no) = (nodes.count, nodes.count + 1)
                nodes[index] = TreeEnsemble.Node(
                    column: Int32(feature), mode: mode,
                    threshold: mode == .member ? 0 : thresholds[feature][pick(thresholds[feature].count)],
                    whenTrue: Int32(yes), whenFalse: Int32(no), isMissingTrue: chance(0.5),
                    set: mode == .member ? Int32(pick(sets.count)) : 0)
                nodes += [.leaf, .leaf]
                all += [[], []]
                pending += [(yes, level + 1), (no, level + 1)]
            }
            if sharesNodes { share(&nodes, from: root) }
        }
        return try TreeEnsemble(nodes: nodes, roots: roots, weights: all, sets: sets, form: form, at: "random")
    }

    /// Leads some tests in a row to one node, as converters write sets.
    private mutating func share(_ nodes: inout [TreeEnsemble.Node], from root: Int) {
        for index in root..<nodes.count where nodes[index].mode != .leaf {
            let next = Int(nodes[index].whenFalse)
            guard nodes[next].mode != .leaf, chance(0.7) else { continue }
            nodes[next].column = nodes[index].column
            guard nodes[next].whenTrue > nodes[index].whenTrue else { continue }
            nodes[index].whenTrue = nodes[next].whenTrue
        }
    }

    /// A row of thresholds, numbers between them and, sometimes, missing values.
    mutating func row(missing: Double = 0) -> [Float] {
        (0..<features).map { feature in
            if chance(missing) { return .nan }
            return chance(0.3) ? thresholds[feature][pick(thresholds[feature].count)] : 3 * generator.uniform() - 1.5
        }
    }
}

/// Forms that ensembles come in, with the decision that is attacked.
struct TreeCase {
    let form: TreeEnsemble.Form
    let decision: TreeDecision
    let outputsOfTree: @Sendable (Int) -> [Int]

    private static func form(
        _ outputs: Int, classes: Int, _ transform: TreeEnsemble.Transform = .none,
        _ convention: TreeEnsemble.Convention = .onnxRuntime, base: [Double] = [], isDouble: Bool = false
    ) -> TreeEnsemble.Form {
        var form = TreeEnsemble.Form(outputs: outputs)
        form.classes = (0..<classes).map { "c\($0)" }
        (form.transform, form.convention, form.base, form.isDouble) = (transform, convention, base, isDouble)
        return form
    }

    static let all: [TreeCase] = {
        var average = form(1, classes: 0)
        average.aggregate = .average
        return [
            TreeCase(form: form(1, classes: 2, .logistic, .boosting, base: [0.125]), decision: .label) { _ in [0] },
            TreeCase(form: form(2, classes: 2, .logistic), decision: .label) { _ in [1] },
            TreeCase(form: form(2, classes: 2, .none, base: [0.25, -0.25]), decision: .label) { _ in [0, 1] },
            TreeCase(form: form(2, classes: 2, .softmax), decision: .score(output: 1, atLeast: 0.4)) { _ in [0, 1] },
            TreeCase(
                form: form(1, classes: 2, .logistic, .boosting, isDouble: true),
                decision: .score(output: 1, atLeast: 0.28)
            ) { _ in [0] },
            TreeCase(form: form(2, classes: 2, .logistic), decision: .score(output: 1, atLeast: 0.6)) { _ in [1] },
            TreeCase(form: form(3, classes: 3, .softmax), decision: .label) { [$0 % 3] },
            TreeCase(form: form(3, classes: 3, .none, base: [0.1, 0, -0.1]), decision: .label) { _ in [0, 1, 2] },
            TreeCase(form: form(4, classes: 4, .softmax, .boosting), decision: .label) { [$0 % 4] },
            TreeCase(form: form(1, classes: 0, base: [0.5]), decision: .score(output: 0, atLeast: 0.75)) { _ in [0] },
            TreeCase(form: average, decision: .score(output: 0, atLeast: 0.1)) { _ in [0] },
            TreeCase(
                form: form(2, classes: 0, .exponential, .boosting), decision: .score(output: 1, atLeast: 1.2)
            ) { _ in [0, 1] },
        ]
    }()
}

/// Every product of cells of a small table, found by the outcomes of the comparisons alone.
struct CellScan {
    let ensemble: TreeEnsemble
    let decision: TreeDecision
    let columns: [TreeColumn]
    let space: FeatureSpace?

    init(
        _ ensemble: TreeEnsemble, _ decision: TreeDecision, columns: [TreeColumn]? = nil, space: FeatureSpace? = nil
    ) {
        (self.ensemble, self.decision, self.space) = (ensemble, decision, space)
        self.columns = columns ?? (0..<ensemble.width).map { .number(feature: $0, offset: 0, scale: 1) }
    }

    /// Values of the trees' columns.
    func input(_ row: [Float]) -> [Float] {
        columns.map { column in
            switch column {
            case .number(let feature, let offset, let scale): Float((Double(row[feature]) - offset) * scale)
            case .level(let feature, let level): row[feature] == Float(level) ? 1 : 0
            case .unknown: .nan
            }
        }
    }

    func label(_ row: [Float]) throws -> Int32 {
        let answers = ensemble.answers(try ensemble.leaves(input(row), width: max(columns.count, 1)))
        switch decision {
        case .label: return answers.labels[0]
        case .score(let output, let cut): return answers.scores[output] >= cut ? 1 : 0
        }
    }

    /// Values of one feature that stand for all others: one for each set of outcomes, the nearest to `value`.
    private func options(_ feature: Int, _ value: Float) -> [Float] {
        if value.isNaN { return [value] }
        var candidates: [Float] = [value]
        let rule = space?.rules[feature]
        switch rule?.domain {
        case .integer: candidates += (-12...12).map { Float($0) }
        case .ordinal(let steps): candidates += steps
        case .categorical(let levels, _): return candidates + (0..<levels).map { Float($0) }
        case .continuous, nil:
            for node in ensemble.nodes where node.mode != .leaf {
                guard case .number(feature, let offset, let scale) = columns[Int(node.column)] else { continue }
                let at = node.mode == .member ? Self.ends(ensemble.sets[Int(node.set)]) : [node.threshold]
                for threshold in at {
                    let middle = Float(Double(threshold) / scale + offset)
                    candidates += [middle.nextDown, middle, middle.nextUp]
                    guard scale != 1 || offset != 0 else { continue }
                    for step in 1...8 { candidates += [middle - Float(step) * 6e-8, middle + Float(step) * 6e-8] }
                }
            }
            if let rule, rule.low.isFinite { candidates.append(rule.low) }
            if let rule, rule.high.isFinite { candidates.append(rule.high) }
        }
        candidates.sort { abs($0 - value) < abs($1 - value) }
        var seen = Set<[Bool]>()
        return candidates.filter { candidate in
            if let rule, candidate != value, !rule.allows(candidate, from: value) { return false }
            let outcomes = ensemble.nodes.compactMap { node -> Bool? in
                guard node.mode != .leaf, case .number(feature, let offset, let scale) = columns[Int(node.column)]
                else { return nil }
                return ensemble.holds(node, Float((Double(candidate) - offset) * scale))
            }
            return seen.insert(outcomes).inserted
        }
    }

    /// Members of a set, and the numbers behind them.
    private static func ends(_ set: [UInt32]) -> [Float] {
        (0..<set.count * 32).filter { set[$0 / 32] >> UInt32($0 % 32) & 1 == 1 }.flatMap { [Float($0), Float($0 + 1)] }
    }

    /// All rows that stand for a cell and may be reached from `row`.
    func rows(from row: [Float]) -> [[Float]] {
        var result: [[Float]] = [[]]
        let groups = space?.oneHotGroups ?? []
        for feature in row.indices {
            let isMember = groups.contains { $0.contains(feature) }
            let options = isMember ? (row[feature].isNaN ? [row[feature]] : [0, 1]) : options(feature, row[feature])
            result = result.flatMap { start in options.map { start + [$0] } }
        }
        guard let space else { return result }
        return result.filter { space.violations(of: $0, from: row).isEmpty }
    }

    func distance(_ norm: FeatureSpace.Norm, _ row: [Float], _ other: [Float]) -> Double {
        if let space { return space.distance(norm, from: row, to: other) }
        let changes = zip(row, other).map { $0.isNaN ? 0 : abs(Double($0) - Double($1)) }
        switch norm {
        case .linf: return changes.max() ?? 0
        case .l2: return changes.reduce(0) { $0 + $1 * $1 }.squareRoot()
        case .l1, .l0: return changes.reduce(0, +)
        }
    }

    /// The smallest distances to a row of another class, up to the last digit of the values, one a measure.
    func smallest(_ norms: [FeatureSpace.Norm], from row: [Float]) throws -> [Double] {
        let label = try label(row)
        var best = norms.map { _ in Double.infinity }
        for other in rows(from: row) {
            let distances = norms.map { distance($0, row, other) }
            guard zip(distances, best).contains(where: { $0 < $1 }), try self.label(other) != label else { continue }
            for index in best.indices { best[index] = min(best[index], distances[index]) }
        }
        return best
    }
}
