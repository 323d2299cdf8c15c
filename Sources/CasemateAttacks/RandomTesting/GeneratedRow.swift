public import CasemateData

/// A made-up input row, as the model's inputs take it.
public struct GeneratedRow: Hashable, Sendable {
    /// What is unusual about a row.
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// Every value from a real row, each from another one.
        case shuffled
        /// Every value drawn from the range or the levels of the training data.
        case uniform
        /// A real row with one value beyond the range of the training data.
        case beyond = "beyond the range"
        /// The same number in every feature.
        case constant
        /// A real row with a value of the wrong form: a fraction in a whole number, an empty one-hot group, control
        /// characters, a text of thousands of letters.
        case malformed
        /// A real row with a category that the training data do not hold.
        case unseen = "unseen category"
        /// A real row with a missing value, or a row of nothing else.
        case missing
        /// A real row with a value at the end of the number type, or a row of nothing else.
        case extreme
        /// A real row with an infinite value, or a row of nothing else.
        case infinite
    }
    /// One value.
    public enum Cell: Hashable, Sendable {
        /// A number; NaN is missing.
        case number(Double)
        /// A text; the empty one is missing.
        case text(String)
    }
    /// What is unusual about it.
    public let kind: Kind
    /// A value for each feature, in the model's order.
    public let cells: [Cell]
    /// Features whose value is made up; the others hold values of real rows, which are personal data.
    public let invented: [Int]

    /// Whether every number is missing, or finite and of a size that the number type takes with ease (10⁹, of half
    /// precision 10³): what a careless client might send.
    public let isOrdinary: Bool

    /// Makes a row; numbers up to `limit` in size are ordinary.
    public init(_ kind: Kind, _ cells: [Cell], invented: [Int], limit: Double = 1e9) {
        (self.kind, self.cells, self.invented) = (kind, cells, invented)
        isOrdinary = cells.allSatisfy { $0.isMissing || $0.size <= limit }
    }

    /// Whether nothing that was made up is missing.
    public var isComplete: Bool { invented.allSatisfy { !cells[$0].isMissing } }

    /// The row as a matrix holds it; `nil` when a text is no level of its feature.
    public func values(over features: [Feature]) -> [Float]? {
        var values: [Float] = []
        for (cell, feature) in zip(cells, features) {
            switch (cell, feature.levels) {
            case (.number(let number), _): values.append(Float(number))
            case (.text, _) where cell.isMissing: values.append(.nan)
            case (.text(let text), let levels):
                guard let index = levels?.firstIndex(of: text) else { return nil }
                values.append(Float(index))
            }
        }
        return values
    }
}

extension GeneratedRow.Cell {
    /// Whether it stands for a missing value.
    public var isMissing: Bool {
        switch self {
        case .number(let number): number.isNaN
        case .text(let text): text.isEmpty
        }
    }
    /// The absolute value of a number; 0 for texts.
    var size: Double { if case .number(let number) = self { abs(number) } else { 0 } }
    /// The value in words, short, without characters that could do anything to a terminal.
    public var words: String {
        if isMissing { return "missing" }
        switch self {
        case .number(let number):
            if abs(number) < 1e15, let whole = Int64(exactly: number) { return String(whole) }
            return Double(Float(number)) == number ? Float(number).description : number.description
        case .text(let text):
            guard text.count <= 40 else { return "a text of \(text.count) characters" }
            let shown = text.unicodeScalars.map { scalar in
                scalar.properties.isAlphabetic || (scalar.value > 31 && scalar.value < 127)
                    ? String(scalar) : "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
            return "'\(shown.joined())'"
        }
    }
}
