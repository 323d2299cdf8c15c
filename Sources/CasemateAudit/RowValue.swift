import CasemateData

/// A value of a row in a verb's own JSON: a number, the name of a level, or nothing where it is missing.
public enum RowValue: Hashable, Sendable, Encodable {
    case number(Double), text(String), missing

    /// A value of a feature; what is not finite counts as missing.
    init(_ value: Float?, _ feature: Feature) {
        guard let value, value.isFinite else {
            self = .missing
            return
        }
        // why: the shortest decimal that gives the same float32, not the float64 behind it.
        self = feature.levels == nil ? .number(Double("\(value)") ?? Double(value)) : .text(feature.text(of: value))
    }

    /// A row by feature.
    static func row(_ row: [Float], _ features: [Feature]) -> [String: RowValue] {
        Dictionary(zip(features, row).map { ($0.name, RowValue($1, $0)) }) { first, _ in first }
    }

    /// Writes the value itself.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .missing: try container.encodeNil()
        }
    }
}
