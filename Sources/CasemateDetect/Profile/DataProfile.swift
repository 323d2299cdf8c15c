public import CasemateData

/// What a table looks like, column by column, without any of its rows: written once, compared with later data.
///
/// Statistics of numbers come from one ordered pass over the table, so that they do not depend on the number of
/// threads. Documentation: `docs/data/data_profile.md`.
public struct DataProfile: Hashable, Sendable {
    /// Version of the file format.
    public static let schemaVersion = 1
    /// Name of the file that was profiled, without its folder.
    public let name: String
    /// Number of rows.
    public let rows: Int
    /// Rows that correlations, sources, windows and the edges of bins rest on; all rows where equal to `rows`.
    public let sampledRows: Int
    /// The seed that drew them.
    public let seed: UInt64
    /// Every served column, in file order.
    public let columns: [ColumnProfile]
    /// Columns that are not served, with their type.
    public let unsupported: [String: String]
    /// The target and its classes; `nil` without one.
    public let label: LabelProfile?
    /// Rank correlations between numeric columns; `nil` where fewer than two vary.
    public let correlations: CorrelationMatrix?
    /// Rows by source and by window of time; `nil` where the column is not named.
    public let sources: GroupProfile?, windows: GroupProfile?

    /// The profile of a column.
    public func column(_ name: String) -> ColumnProfile? { columns.first { $0.name == name } }
}

/// What one column holds.
public struct ColumnProfile: Hashable, Sendable, Codable {
    /// Name in the file.
    public let name: String
    /// What its values are.
    public let type: ColumnType
    /// Rows without a value.
    public let missing: Int
    /// Different values, and whether they were counted or estimated (HyperLogLog, standard error about 3 %).
    public let distinct: Int, isDistinctExact: Bool
    /// Whether whole numbers count the rows: every value once, none left out between the first and the last.
    public let isRowNumber: Bool
    /// Numbers, truth values as 0 and 1, dates as days and moments as seconds since 1970; `nil` for texts.
    public let numbers: NumberProfile?
    /// Values with their counts, for texts that are categories; `nil` for numbers and free text.
    public let categories: CategoryProfile?
    /// Lengths of texts in characters; `nil` for others.
    public let lengths: NumberProfile?
}

/// What the numbers of a column are like. All figures are of finite values.
public struct NumberProfile: Hashable, Sendable, Codable {
    /// Finite values, and written-out NaN and infinities.
    public let count: Int, notFinite: Int
    /// Smallest and largest value, mean and standard deviation of the sample (n - 1); `nil` where too few.
    public let low: Double?, high: Double?, mean: Double?, deviation: Double?
    /// Quantiles at `NumberProfile.levels`; exact where `distribution` is, else to within a bin.
    public let quantiles: [Double]
    /// How the values are spread.
    public let distribution: NumberDistribution
    /// Levels of `quantiles`.
    public static let levels = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
}

/// Values of a category.
public struct CategoryProfile: Hashable, Sendable, Codable {
    /// The most values that are listed.
    public static let limit = 1000
    /// Values, the most frequent first, and the rows of each.
    public let values: [String], counts: [Int]
    /// Rows with a value that is not listed.
    public let others: Int
}

/// The target of a classification.
public struct LabelProfile: Hashable, Sendable, Codable {
    /// Its column.
    public let column: String
    /// Classes and the rows of each; rows without a label.
    public let classes: [String], counts: [Int], missing: Int
}

/// Spearman's rank correlations, the lower triangle row by row: (1, 0), (2, 0), (2, 1), …
public struct CorrelationMatrix: Hashable, Sendable, Codable {
    /// The most columns that are correlated.
    public static let limit = 200
    /// Columns, in file order.
    public let columns: [String]
    /// Rows that the correlations rest on; a missing value counts as the middle rank.
    public let rows: Int
    /// `columns.count · (columns.count - 1) / 2` values in -1…1.
    public let values: [Double]
}

/// Rows by the value of one column.
public struct GroupProfile: Hashable, Sendable, Codable {
    /// One group.
    public struct Group: Hashable, Sendable, Codable {
        /// Value of the column, or the range of a window in words.
        public let name: String
        /// First and last value of a window of numbers.
        public let low: Double?, high: Double?
        /// Rows, and rows of each class of the label.
        public let rows: Int, labels: [Int]
    }
    /// The most groups.
    public static let limit = 100
    /// The column.
    public let column: String
    /// Groups: the most frequent source first, windows in their order.
    public let groups: [Group]
    /// Rows in no listed group.
    public let others: Int
}
