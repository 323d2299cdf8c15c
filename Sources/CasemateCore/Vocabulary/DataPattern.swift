/// Where in the data something was found: rows that hold a trigger, come from a source, or lie in a segment.
///
/// Encoded flat: `trigger[]{column, value}`, `token` or `patch` with `targetLabel`; `source` with `column`;
/// `segment[]{column, low, high, value}`.
public struct DataPattern: Hashable, Sendable {
    /// What the rows share.
    public enum Kind: String, Hashable, Sendable, Codable { case trigger, source, segment }
    /// One condition on a column.
    public struct Condition: Hashable, Sendable, Codable {
        /// Name of the column.
        public let column: String
        /// Smallest and largest number that meets it, both included; `nil` where open or where `value` says it.
        public let low: Double?, high: Double?
        /// The one value that meets it, as the data spell it; `missing` for a missing one. `nil` for a range.
        public let value: String?
        /// Makes a condition.
        public init(column: String, low: Double? = nil, high: Double? = nil, value: String? = nil) {
            (self.column, self.low, self.high, self.value) = (column, low, high, value)
        }
    }
    /// A rectangle of a picture, in pixels from the upper left corner.
    public struct Patch: Hashable, Sendable, Codable {
        /// Upper left corner and size.
        public let x: Int, y: Int, width: Int, height: Int
        /// Makes a rectangle.
        public init(x: Int, y: Int, width: Int, height: Int) {
            (self.x, self.y, self.width, self.height) = (x, y, width, height)
        }
    }
    /// What the rows share.
    public let kind: Kind
    /// Conditions on columns that the rows meet, all of them; empty for a token, a patch and a source.
    public let conditions: [Condition]
    /// The column that holds the token, or that names the source.
    public let column: String?
    /// A word, or a sequence of bytes at the beginning of a text, that is the trigger.
    public let token: String?
    /// A part of the picture that is the trigger.
    public let patch: Patch?
    /// The source of the rows.
    public let source: String?
    /// The class that the trigger brings about, or that labels moved to.
    public let targetLabel: String?
    /// Rows that share it.
    public let rows: Int
    /// Share of a label (or mean of a value) in these rows, and where it was expected to be; `nil` where none is.
    public let share: Double?, expected: Double?
    /// Adjusted p-value; `nil` where nothing was tested.
    public let pValue: Double?

    /// Makes a pattern.
    public init(
        _ kind: Kind, conditions: [Condition] = [], column: String? = nil, token: String? = nil, patch: Patch? = nil,
        source: String? = nil, targetLabel: String? = nil, rows: Int, share: Double? = nil, expected: Double? = nil,
        pValue: Double? = nil
    ) {
        (self.kind, self.conditions, self.column, self.token, self.patch) = (kind, conditions, column, token, patch)
        (self.source, self.targetLabel, self.rows) = (source, targetLabel, rows)
        func finite(_ number: Double?) -> Double? { number.flatMap { $0.isFinite ? $0 : nil } }
        (self.share, self.expected, self.pValue) = (finite(share), finite(expected), finite(pValue))
    }

    /// The pattern in words: `purpose car and age from 20 to 25`, `token 'cf' in message`, `channel broker-7`.
    public var inWords: String {
        if let token { return "token '\(token)'" + (column.map { " in \($0)" } ?? "") }
        if let patch { return "patch of \(patch.width) x \(patch.height) pixels at (\(patch.x), \(patch.y))" }
        if let source { return "\(column ?? "source") \(source)" }
        return conditions.isEmpty ? "all rows" : conditions.map(\.inWords).joined(separator: " and ")
    }
}

extension DataPattern.Condition {
    /// The condition in words: `age from 20 to 25`.
    public var inWords: String {
        func text(_ number: Double) -> String {
            number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : "\(number)"
        }
        if let value { return "\(column) \(value)" }
        switch (low, high) {
        case (let low?, let high?):
            return low == high ? "\(column) \(text(low))" : "\(column) from \(text(low)) to \(text(high))"
        case (let low?, nil): return "\(column) from \(text(low)) on"
        case (nil, let high?): return "\(column) up to \(text(high))"
        case (nil, nil): return "\(column) known"
        }
    }
}

extension DataPattern: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, trigger, segment, column, token, patch, source, targetLabel, rows, share, expected, pValue
    }

    /// Reads the flat form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let kind = try container.decode(Kind.self, forKey: .kind)
        let key: CodingKeys = kind == .segment ? .segment : .trigger
        self.init(
            kind, conditions: try container.decodeIfPresent([Condition].self, forKey: key) ?? [],
            column: try container.decodeIfPresent(String.self, forKey: .column),
            token: try container.decodeIfPresent(String.self, forKey: .token),
            patch: try container.decodeIfPresent(Patch.self, forKey: .patch),
            source: try container.decodeIfPresent(String.self, forKey: .source),
            targetLabel: try container.decodeIfPresent(String.self, forKey: .targetLabel),
            rows: try container.decode(Int.self, forKey: .rows),
            share: try container.decodeIfPresent(Double.self, forKey: .share),
            expected: try container.decodeIfPresent(Double.self, forKey: .expected),
            pValue: try container.decodeIfPresent(Double.self, forKey: .pValue))
    }

    /// Writes the flat form; members that say nothing are left out.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        if !conditions.isEmpty {
            try container.encode(conditions, forKey: kind == .segment ? .segment : .trigger)
        }
        try container.encodeIfPresent(column, forKey: .column)
        try container.encodeIfPresent(token, forKey: .token)
        try container.encodeIfPresent(patch, forKey: .patch)
        try container.encodeIfPresent(source, forKey: .source)
        try container.encodeIfPresent(targetLabel, forKey: .targetLabel)
        try container.encode(rows, forKey: .rows)
        try container.encodeIfPresent(share, forKey: .share)
        try container.encodeIfPresent(expected, forKey: .expected)
        try container.encodeIfPresent(pValue, forKey: .pValue)
    }
}
