import CasemateCore
import CasemateData

/// The rows about which something is said: bounds of features, everything else as the space has it.
///
/// Whoever asks about rows in general has no row from which they come: of a `FeatureSpace` the domains, bounds and
/// one-hot groups hold; what depends on a row (immutable features, directions, moves) does not.
public struct TreeBox: Hashable, Sendable {
    /// Smallest and largest value of features; the others are not bounded further.
    public var bounds: [Int: ClosedRange<Float>]
    /// Features that are missing (NaN); all others have values.
    public var missing: Set<Int>

    /// Makes a box; without bounds it holds everything.
    public init(_ bounds: [Int: ClosedRange<Float>] = [:], missing: Set<Int> = []) {
        (self.bounds, self.missing) = (bounds, missing)
    }

    /// The cells of each variable that hold an allowed value; none for one that is missing.
    /// - Throws: `invalidSetting` for features that do not exist, and boxes that hold nothing of a feature.
    func open(_ grid: TreeGrid, _ space: FeatureSpace?) throws(CasemateError) -> [[Bool]] {
        for feature in missing.union(bounds.keys) where !(0..<grid.width).contains(feature) {
            throw CasemateError(
                .invalidSetting, at: "trees", "a box bounds feature \(feature) of \(grid.width)",
                help: "count features from 0")
        }
        var result: [[Bool]] = []
        for variable in grid.variables {
            if variable.features.contains(where: missing.contains) {
                result.append([])
                continue
            }
            let cells = (0..<variable.cells).map { value(variable, cell: $0, space) != nil }
            guard cells.contains(true) else {
                let feature = variable.features[0]
                let name = space.map { "'\($0.features[feature].name)'" } ?? String(feature)
                throw CasemateError(
                    .invalidSetting, at: "trees", "the box holds no allowed value of feature \(name)",
                    help: "widen its bounds")
            }
            result.append(cells)
        }
        return result
    }

    /// Values of a variable's features in one of its cells, those nearest to 0; `nil` where none is allowed.
    func value(_ variable: TreeGrid.Variable, cell: Int, _ space: FeatureSpace?) -> [Float]? {
        guard variable.isNumber else {
            let values = variable.options[cell]
            let isInside = zip(variable.features, values).allSatisfy { feature, value in
                bounds[feature]?.contains(value) ?? true
            }
            return isInside ? values : nil
        }
        let feature = variable.features[0]
        let rule = space?.rules[feature]
        let range = bounds[feature]
        let low = max(variable.bottom(cell), max(rule?.low ?? -.infinity, range?.lowerBound ?? -.infinity))
        let high = min(variable.top(cell), min(rule?.high ?? .infinity, range?.upperBound ?? .infinity))
        guard low <= high else { return nil }
        switch rule?.domain {
        case .integer:
            let (first, last) = (low.rounded(.up), high.rounded(.down))
            return first <= last ? [min(max(0, first), last)] : nil
        case .ordinal(let steps):
            return steps.filter { $0 >= low && $0 <= high }.min { abs($0) < abs($1) }.map { [$0] }
        case .continuous, .categorical, nil: return [min(max(0, low), high)]
        }
    }
}
