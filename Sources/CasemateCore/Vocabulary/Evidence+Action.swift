import Foundation

extension RowChange {
    /// The change as something to do: ``raise `duration` from 12 to 13, move `savings` from A61 to A62: rejected →
    /// accepted, cost 3.0``.
    ///
    /// Says nothing of the values where they are masked: ``change `duration`, change `savings` (values masked): …``.
    public var action: String {
        let moves = steps.map { isRedacted ? "change `\($0.feature)`" : $0.action }.joined(separator: ", ")
        let what = moves.isEmpty ? "change nothing" : moves + (isRedacted ? " (values masked)" : "")
        let price = cost.map { ", cost \(Self.text(ofCost: $0))" } ?? ""
        return "\(what): \(decisionBefore) → \(decisionAfter)\(price)"
    }

    /// A cost with the digits that tell it from others: `3.0`, `1.25`, `0.037`.
    public static func text(ofCost cost: Double) -> String {
        if cost != 0, cost.magnitude < 0.001 || cost.magnitude >= 1e9 {
            return String(format: "%.1e", cost)
        }
        var text = String(format: cost.magnitude < 1 ? "%.3f" : "%.2f", cost)
        while text.hasSuffix("0"), !text.hasSuffix(".0") { text.removeLast() }
        return text
    }
}

extension RowChange.Step {
    /// The step as something to do: ``raise `duration` from 12 to 13``, ``move `housing` from own to rent``,
    /// ``set `income` from missing to 1200``.
    public var action: String { "\(verbInWords) `\(feature)` from \(before) to \(after)" }

    /// What is done to the feature: the verb that was stated, else what the values say.
    public var verbInWords: String { (verb ?? impliedVerb).rawValue }

    /// What the values themselves say: two numbers are raised or lowered, what is missing is set, the rest moves.
    private var impliedVerb: Verb {
        if [before, after].contains("missing") { return .set }
        guard let from = Double(before), let to = Double(after), from != to else { return .move }
        return from < to ? .raise : .lower
    }
}

extension RowChange {
    private enum CodingKeys: String, CodingKey {
        case row, steps, decisionBefore, decisionAfter, distance, cost, action, isRedacted
    }

    /// Reads a change; `action` is worked out anew.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            row: try container.decode(Int.self, forKey: .row),
            steps: try container.decode([Step].self, forKey: .steps),
            decisionBefore: try container.decode(String.self, forKey: .decisionBefore),
            decisionAfter: try container.decode(String.self, forKey: .decisionAfter),
            distance: try container.decode(Double.self, forKey: .distance),
            cost: try container.decodeIfPresent(Double.self, forKey: .cost),
            isRedacted: try container.decode(Bool.self, forKey: .isRedacted))
    }

    /// Writes the change; where a cost is known, with it and with the action in words.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(row, forKey: .row)
        try container.encode(steps, forKey: .steps)
        try container.encode(decisionBefore, forKey: .decisionBefore)
        try container.encode(decisionAfter, forKey: .decisionAfter)
        try container.encode(distance, forKey: .distance)
        if let cost {
            try container.encode(cost, forKey: .cost)
            try container.encode(action, forKey: .action)
        }
        try container.encode(isRedacted, forKey: .isRedacted)
    }
}
