/// A plot as data: renderers draw it, and every renderer can also say it in words.
public struct Plot: Hashable, Sendable, Codable {
    /// A line, step or bar series.
    public struct Series: Hashable, Sendable, Codable {
        /// How points are joined.
        public enum Style: String, Sendable, Codable { case line, step, points, bars }
        /// Name in the legend.
        public let name: String
        /// How points are joined.
        public let style: Style
        /// Points in drawing order.
        public let points: [Point]
        /// Makes a series.
        public init(name: String, style: Style, points: [Point]) {
            (self.name, self.style, self.points) = (name, style, points)
        }
    }
    /// A point with an optional interval in y and an optional label (bars, groups).
    public struct Point: Hashable, Sendable, Codable {
        /// Position; for bars the index of the category.
        public let x: Double, y: Double
        /// Interval of `y`.
        public let low: Double?, high: Double?
        /// Name of the category or group.
        public let label: String?
        /// Makes a point.
        public init(x: Double, y: Double, low: Double? = nil, high: Double? = nil, label: String? = nil) {
            (self.x, self.y, self.low, self.high, self.label) = (x, y, low, high, label)
        }
    }
    /// One axis.
    public struct Axis: Hashable, Sendable, Codable {
        /// Title with unit.
        public let title: String
        /// Ends of the axis; `nil` fits the data.
        public let low: Double?, high: Double?
        /// Whether values are shown as percentages.
        public let isPercent: Bool
        /// Whether equal ratios take equal room. Values that are not positive stand at the low end, which must be
        /// positive; a low end that is not is fitted to the data.
        public let isLogarithmic: Bool
        /// Makes an axis.
        public init(
            _ title: String, low: Double? = nil, high: Double? = nil, isPercent: Bool = false,
            isLogarithmic: Bool = false
        ) {
            (self.title, self.low, self.high) = (title, low, high)
            (self.isPercent, self.isLogarithmic) = (isPercent, isLogarithmic)
        }
        /// Reads an axis; reports of releases that knew no logarithmic axes lack that member.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            title = try container.decode(String.self, forKey: .title)
            low = try container.decodeIfPresent(Double.self, forKey: .low)
            high = try container.decodeIfPresent(Double.self, forKey: .high)
            isPercent = try container.decode(Bool.self, forKey: .isPercent)
            isLogarithmic = try container.decodeIfPresent(Bool.self, forKey: .isLogarithmic) ?? false
        }
    }
    /// A reference line across the plot, such as the four-fifths line or the diagonal of chance.
    public struct Reference: Hashable, Sendable, Codable {
        /// Kinds of lines.
        public enum Kind: String, Sendable, Codable { case horizontal, vertical, diagonal }
        /// Direction.
        public let kind: Kind
        /// Position on the axis that the line crosses; unused for a diagonal.
        public let at: Double
        /// What the line means.
        public let label: String
        /// Makes a reference line.
        public init(_ kind: Kind, at: Double = 0, label: String) {
            (self.kind, self.at, self.label) = (kind, at, label)
        }
    }
    /// Stable identifier within the report, such as `evasion.robustness_curve`.
    public let id: String
    /// Heading.
    public let title: String
    /// Axes.
    public let x: Axis, y: Axis
    /// What is drawn.
    public let series: [Series]
    /// Reference lines.
    public let references: [Reference]
    /// The plot said in one or two sentences, for those who cannot see it.
    public let summary: String
    /// Whether points stand for single rows of the data, which a redacted report does not show; `nil` where none does.
    public let isPersonal: Bool?

    /// Makes a plot.
    public init(
        id: String, title: String, x: Axis, y: Axis, series: [Series], references: [Reference] = [], summary: String,
        isPersonal: Bool = false
    ) {
        (self.id, self.title, self.x, self.y) = (id, title, x, y)
        (self.series, self.references, self.summary) = (series, references, summary)
        self.isPersonal = isPersonal ? true : nil
    }
}
