import CasemateData
import CasemateModels

/// The way from the roots of an ensemble to its nodes.
struct TreePaths {
    /// First parent of each node, -1 for a root.
    let parents: [Int32]
    /// Whether a node has several parents, so that no single path leads to it.
    let isShared: [Bool]
    private let ensemble: TreeEnsemble

    init(_ ensemble: TreeEnsemble) {
        self.ensemble = ensemble
        var parents = [Int32](repeating: -1, count: ensemble.nodes.count)
        var isShared = [Bool](repeating: false, count: ensemble.nodes.count)
        for (index, node) in ensemble.nodes.enumerated() where node.mode != .leaf {
            for child in Set([Int(node.whenTrue), Int(node.whenFalse)]) {
                if parents[child] >= 0 { isShared[child] = true } else { parents[child] = Int32(index) }
            }
        }
        (self.parents, self.isShared) = (parents, isShared)
    }

    /// A comparison on a path and how it went.
    struct Step {
        let node: TreeEnsemble.Node
        let holds: Bool
        /// Smallest and largest value of the column that go this way; `nil` where these are no interval.
        var interval: (low: Float, high: Float)? {
            let at = node.threshold
            return switch (node.mode, holds) {
            case (.lessOrEqual, true), (.greater, false): (-.infinity, at)
            case (.lessOrEqual, false), (.greater, true): (at.nextUp, .infinity)
            case (.less, true), (.greaterOrEqual, false): (-.infinity, at.nextDown)
            case (.less, false), (.greaterOrEqual, true): (at, .infinity)
            case (.equal, true), (.notEqual, false): (at, at)
            default: nil
            }
        }
    }

    /// The comparisons from the root to a node; `nil` when several paths lead there.
    func steps(to node: Int) -> [Step]? {
        var steps: [Step] = []
        var index = node
        while parents[index] >= 0 {
            if isShared[index] { return nil }
            let above = ensemble.nodes[Int(parents[index])]
            if above.whenTrue == above.whenFalse { return nil }
            steps.append(Step(node: above, holds: Int(above.whenTrue) == index))
            index = Int(parents[index])
        }
        return steps.reversed()
    }
}

/// Says paths in trees as segments of a table.
struct TreeSegments {
    private let paths: TreePaths
    private let columns: [TreeColumn]
    private let features: [Feature]
    /// Known values of each numeric feature, ascending.
    private let values: [[Float]]

    /// Prepares for the rows over which segments are said: bounds become the nearest values that occur in them.
    init(_ model: TreeModel, rows: FeatureMatrix) {
        (paths, columns, features) = (TreePaths(model.ensemble), model.columns, rows.features)
        let width = rows.features.count
        values = rows.features.indices.map { feature in
            guard rows.features[feature].levels == nil else { return [] }
            return Set((0..<rows.count).map { rows.values[$0 * width + feature] }.filter { !$0.isNaN }).sorted()
        }
    }

    /// The rows that reach a node, as far as a segment says it: rows without a value are left out. `nil` where a
    /// condition cannot be said, for a root, and where more than `most` features are asked.
    func segment(ofNode node: Int, most: Int) -> Segment? {
        guard let steps = paths.steps(to: node), !steps.isEmpty else { return nil }
        var bounds: [Int: (low: Float, high: Float)] = [:]
        for step in steps {
            guard let interval = step.interval, columns.indices.contains(Int(step.node.column)) else { return nil }
            guard let (feature, low, high) = said(columns[Int(step.node.column)], interval) else { return nil }
            let known = bounds[feature] ?? (-.infinity, .infinity)
            bounds[feature] = (max(known.low, low), min(known.high, high))
        }
        guard bounds.count <= most else { return nil }
        var conditions: [Segment.Condition] = []
        for (feature, bound) in bounds.sorted(by: { $0.key < $1.key }) {
            guard let (low, high) = snapped(feature, bound) else { return nil }
            conditions.append(Segment.Condition(feature: feature, low: low, high: high))
        }
        return Segment(conditions)
    }

    private func said(
        _ column: TreeColumn, _ interval: (low: Float, high: Float)
    ) -> (feature: Int, low: Float, high: Float)? {
        switch column {
        case .unknown: return nil
        case .level(let feature, let level):
            guard interval.low > 0, interval.low <= 1, interval.high >= 1 else { return nil }
            return (feature, Float(level), Float(level))
        case .number(let feature, 0, 1):
            return features[feature].levels == nil ? (feature, interval.low, interval.high) : nil
        case .number(let feature, let offset, let scale):
            guard features[feature].levels == nil else { return nil }
            let ends = [interval.low, interval.high].map { Float(Double($0) / scale + offset) }
            return (feature, ends.min() ?? -.infinity, ends.max() ?? .infinity)
        }
    }

    /// The bounds at values that occur; `nil` when none lies between them.
    private func snapped(_ feature: Int, _ bound: (low: Float, high: Float)) -> (low: Float, high: Float)? {
        let known = values[feature]
        guard !known.isEmpty else { return bound.low == bound.high ? bound : nil }
        guard let low = known.first(where: { $0 >= bound.low }), let high = known.last(where: { $0 <= bound.high }),
            low <= high
        else { return nil }
        let (isOpenBelow, isOpenAbove) = (bound.low == -.infinity, bound.high == .infinity)
        if isOpenBelow && isOpenAbove { return bound }
        return (isOpenBelow ? -.infinity : low, isOpenAbove ? .infinity : high)
    }
}
