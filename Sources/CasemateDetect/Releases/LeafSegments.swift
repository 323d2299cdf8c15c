import CasemateCore
import CasemateData
import CasemateModels

/// Finds the segments, named by paths in the trees, of which one sample holds more.
struct LeafSegments {
    private let model: TreeModel
    private let pooled: FeatureMatrix
    private let leaves: [Int32]
    private let old: Int
    private let minimum: Int
    private let settings: LeafShift.Settings
    /// Most segments that are looked at, in the order of the trees.
    private let mostCandidates = 20_000

    init(
        _ model: TreeModel, pooled: FeatureMatrix, leaves: [Int32], old: Int, minimum: Int, settings: LeafShift.Settings
    ) {
        (self.model, self.pooled, self.leaves, self.old) = (model, pooled, leaves, old)
        (self.minimum, self.settings) = (minimum, settings)
    }

    private struct Candidate {
        let segment: Segment
        let pValue: Double
    }

    func run(_ cells: LeafCells, _ cancellation: Cancellation) throws -> (shifted: [LeafShift.Shifted], tested: Int) {
        let candidates = try self.candidates(cells, cancellation)
        let order = candidates.indices.sorted {
            let (one, two) = (candidates[$0], candidates[$1])
            return (one.pValue, one.segment.conditions.count, $0) < (two.pValue, two.segment.conditions.count, $1)
        }
        var pValues = candidates.map(\.pValue)
        var chosen: [(index: Int, rows: [Bool])] = []
        // why: one shift shows in many overlapping segments; those that say nothing new are passed over.
        for index in order.prefix(40 * settings.segments) where chosen.count < settings.segments {
            try cancellation.check()
            let rows = (0..<pooled.count).map { candidates[index].segment.contains(pooled[row: $0]) }
            // why: the walk in the tree counts rows without a value too, the words do not.
            pValues[index] = pValue(rows)
            if chosen.allSatisfy({ abs(Self.correlation($0.rows, rows)) < 0.5 }) { chosen.append((index, rows)) }
        }
        let adjusted = HypothesisTests.holm(pValues)
        let shifted = chosen.filter { adjusted[$0.index] < settings.alpha }
            .map { self.shifted(candidates[$0.index].segment, $0.rows, adjusted[$0.index]) }
        return (shifted.sorted { $0.pValue < $1.pValue }, candidates.count)
    }

    /// Every different segment that a node with enough rows names.
    private func candidates(_ cells: LeafCells, _ cancellation: Cancellation) throws -> [Candidate] {
        let ensemble = model.ensemble
        var own = [Int](repeating: 0, count: ensemble.nodes.count)
        for leaf in leaves[..<(old * ensemble.trees)] { own[Int(leaf)] += 1 }
        let parents = TreePaths(ensemble).parents
        for node in ensemble.nodes.indices.reversed() where parents[node] >= 0 { own[Int(parents[node])] += own[node] }
        let words = TreeSegments(model, rows: pooled)
        var seen: Set<Segment> = []
        var found: [Candidate] = []
        for node in ensemble.nodes.indices {
            if node.isMultiple(of: 1_024) { try cancellation.check() }
            let size = cells.nodeSizes[node]
            guard size >= minimum, size <= pooled.count - minimum, found.count < mostCandidates,
                let segment = words.segment(ofNode: node, most: settings.conditions), seen.insert(segment).inserted
            else { continue }
            found.append(Candidate(segment: segment, pValue: pValue(reference: own[node], current: size - own[node])))
        }
        return found
    }

    private func pValue(_ rows: [Bool]) -> Double {
        pValue(reference: rows[..<old].count { $0 }, current: rows[old...].count { $0 })
    }
    private func pValue(reference: Int, current: Int) -> Double {
        let new = pooled.count - old
        let cells = [reference, current, old - reference, new - current]
        if cells.contains(where: { $0 < 5 }) {
            return HypothesisTests.fisherExact(current, new - current, reference, old - reference)
        }
        return HypothesisTests.twoProportionZ(
            successes: current, trials: new, referenceSuccesses: reference, referenceTrials: old) ?? 1
    }

    private func shifted(_ segment: Segment, _ rows: [Bool], _ pValue: Double) -> LeafShift.Shifted {
        let (reference, current) = (rows[..<old].count { $0 }, rows[old...].count { $0 })
        return LeafShift.Shifted(
            segment: segment, reference: reference, current: current,
            difference: Intervals.newcombeDifference(
                successes: current, trials: pooled.count - old, referenceSuccesses: reference, referenceTrials: old),
            pValue: pValue)
    }

    /// Pearson's correlation of two memberships; 1 for the same rows, -1 for complements.
    static func correlation(_ one: [Bool], _ two: [Bool]) -> Double {
        let n = Double(one.count)
        let (a, b) = (Double(one.count { $0 }) / n, Double(two.count { $0 }) / n)
        let both = Double(zip(one, two).count { $0 && $1 }) / n
        let spread = (a * (1 - a) * b * (1 - b)).squareRoot()
        return spread > 0 ? (both - a * b) / spread : 0
    }
}
