/// One column as attacks and models see it.
public struct Feature: Hashable, Sendable {
    /// What the values of a feature are.
    public enum Kind: Hashable, Sendable {
        /// A number.
        case numeric
        /// One of the named levels; the value in a matrix is the level's index.
        case categorical(levels: [String])
    }
    /// Name of the column.
    public let name: String
    /// What its values are.
    public let kind: Kind
    /// Makes a feature.
    public init(_ name: String, _ kind: Kind = .numeric) { (self.name, self.kind) = (name, kind) }
    /// The levels of a categorical feature, `nil` for a numeric one.
    public var levels: [String]? {
        if case .categorical(let levels) = kind { levels } else { nil }
    }
}

/// Rows over features, `[count, features.count]` row-major float32. A categorical value is the index of its level;
/// a missing value is NaN.
public struct FeatureMatrix: Hashable, Sendable {
    /// The columns.
    public let features: [Feature]
    /// Values, row by row.
    public var values: [Float]
    /// Number of rows.
    public var count: Int { features.isEmpty ? 0 : values.count / features.count }

    /// Makes a matrix; `values` must hold whole rows.
    public init(features: [Feature], values: [Float]) {
        precondition(
            features.isEmpty ? values.isEmpty : values.count.isMultiple(of: features.count),
            "\(values.count) values do not make rows of \(features.count)")
        (self.features, self.values) = (features, values)
    }
    /// One row.
    public subscript(row row: Int) -> ArraySlice<Float> {
        values[row * features.count..<(row + 1) * features.count]
    }
    /// The rows with the given indices, in that order.
    public func rows(_ indices: some Sequence<Int>) -> FeatureMatrix {
        FeatureMatrix(features: features, values: indices.flatMap { self[row: $0] })
    }
    /// A value as a person would write it: the level's name, or the shortest decimal that gives the same float32.
    public func text(row: Int, feature: Int) -> String {
        features[feature].text(of: values[row * features.count + feature])
    }
}

extension Feature {
    /// A value of this feature as a person would write it; `missing` for NaN.
    public func text(of value: Float) -> String {
        if value.isNaN { return "missing" }
        if let levels {
            let index = Int(exactly: value.rounded()) ?? -1
            return levels.indices.contains(index) ? levels[index] : "unknown"
        }
        if value == value.rounded(), abs(value) < 1e7 { return String(Int(value)) }
        return String(value)
    }
}
