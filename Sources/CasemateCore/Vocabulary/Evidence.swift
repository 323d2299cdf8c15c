import Foundation

/// What proves a finding. Before/after rows are personal data: `redacted()` masks them here, once, for every format.
public enum Evidence: Hashable, Sendable, Codable {
    /// A sentence that holds no personal data.
    case text(String)
    /// A measured number.
    case metric(Metric)
    /// A small table; only cells of the columns that it names as personal hold such data.
    case table(EvidenceTable)
    /// A row that an attacker changed, in words.
    case change(RowChange)
    /// A place in a file.
    case location(FileLocation)
    /// Where in the data something was found: a trigger, a source of rows, a segment.
    case pattern(DataPattern)

    /// The same evidence with values of data rows masked.
    public func redacted() -> Evidence {
        switch self {
        case .change(let change): .change(change.redacted())
        case .table(let table): .table(table.redacted())
        case .text, .metric, .location, .pattern: self
        }
    }
}

/// A small table of evidence: a header and rows of the same width.
public struct EvidenceTable: Hashable, Sendable, Codable {
    /// What the table shows.
    public let title: String
    /// Column headings.
    public let columns: [String]
    /// Cells, row by row, formatted for reading.
    public let rows: [[String]]
    /// Columns whose cells say something of single rows of the data, their numbers included; `nil` where none does.
    public let personal: [String]?
    /// Makes a table; every row must be as wide as the header, and `personal` must name columns.
    public init(title: String, columns: [String], rows: [[String]], personal: [String] = []) {
        precondition(rows.allSatisfy { $0.count == columns.count }, "table '\(title)': a row has another width")
        precondition(personal.allSatisfy(columns.contains), "table '\(title)': a personal column is none of its own")
        (self.title, self.columns, self.rows) = (title, columns, rows)
        self.personal = personal.isEmpty ? nil : personal
    }

    /// The same table with the cells of personal columns masked.
    public func redacted() -> EvidenceTable {
        guard let personal else { return self }
        let masked = rows.map { row in zip(columns, row).map { personal.contains($0) ? "▒▒▒" : $1 } }
        return EvidenceTable(title: title, columns: columns, rows: masked, personal: personal)
    }
}

/// A row before and after an attack, said in words: which features moved, what the model answered.
public struct RowChange: Hashable, Sendable, Codable {
    /// One feature that moved, or one group of columns of which exactly one is 1.
    public struct Step: Hashable, Sendable, Codable {
        /// What to do to get there.
        public enum Verb: String, Hashable, Sendable, Codable, CaseIterable {
            /// A number goes up, or down.
            case raise, lower
            /// A category becomes another.
            case move
            /// A value that was missing appears, or one vanishes.
            case set
        }
        /// Name of the feature.
        public let feature: String
        /// Value before and after, formatted for reading.
        public let before: String, after: String
        /// What to do; `nil` leaves it to the values (`action` then reads them).
        public let verb: Verb?
        /// Makes a step.
        public init(feature: String, before: String, after: String, verb: Verb? = nil) {
            (self.feature, self.before, self.after, self.verb) = (feature, before, after, verb)
        }
    }
    /// Number of the row in its data file, from 1 for the first row below the header.
    public let row: Int
    /// Features that moved, the largest share of the distance first.
    public let steps: [Step]
    /// What the model decided before and after.
    public let decisionBefore: String, decisionAfter: String
    /// Distance in the measure that the attack states.
    public let distance: Double
    /// What the change costs the attacker, by the costs of the feature space; `nil` where nobody counted.
    public let cost: Double?
    /// Whether values are masked.
    public let isRedacted: Bool

    /// Makes a change; a cost that is no finite number counts as none.
    public init(
        row: Int, steps: [Step], decisionBefore: String, decisionAfter: String, distance: Double, cost: Double? = nil,
        isRedacted: Bool = false
    ) {
        self.cost = cost.flatMap { $0.isFinite ? $0 : nil }
        (self.row, self.steps, self.distance, self.isRedacted) = (row, steps, distance, isRedacted)
        (self.decisionBefore, self.decisionAfter) = (decisionBefore, decisionAfter)
    }

    /// The same change with row number, values and scores masked; which features moved and how far stays.
    public func redacted() -> RowChange {
        RowChange(
            row: 0, steps: steps.map { Step(feature: $0.feature, before: "▒▒▒", after: "▒▒▒") },
            decisionBefore: Self.withoutScore(decisionBefore), decisionAfter: Self.withoutScore(decisionAfter),
            distance: distance, cost: cost, isRedacted: true)
    }

    /// A decision without the exact score that may stand behind it, as in `1 (favourable), score 0.62`.
    private static func withoutScore(_ decision: String) -> String {
        guard let range = decision.range(of: ", score ", options: .backwards) else {
            return decision.hasPrefix("score ") ? "score ▒▒▒" : decision
        }
        return String(decision[..<range.lowerBound])
    }
}

/// A place in a file, as SARIF wants it.
public struct FileLocation: Hashable, Sendable, Codable {
    /// Path as the user gave it.
    public let path: String
    /// First byte and length of the region, where known.
    public let byteOffset: Int?, byteLength: Int?
    /// Line, from 1, for text files.
    public let line: Int?
    /// Makes a location.
    public init(path: String, byteOffset: Int? = nil, byteLength: Int? = nil, line: Int? = nil) {
        (self.path, self.byteOffset, self.byteLength, self.line) = (path, byteOffset, byteLength, line)
    }
}
