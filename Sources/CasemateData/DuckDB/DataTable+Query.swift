import CasemateCore

/// A value for a `?` or `$1` in SQL.
public enum QueryParameter: Hashable, Sendable {
    /// A whole number.
    case integer(Int)
    /// A number.
    case number(Double)
    /// A text.
    case text(String)
    /// True or false.
    case boolean(Bool)
    /// No value.
    case null
}

/// The values of one column of an answer, `nil` where null.
public enum QueryValues: Hashable, Sendable {
    /// Whole numbers.
    case integers([Int?])
    /// Numbers.
    case numbers([Double?])
    /// Texts.
    case texts([String?])
    /// True or false.
    case booleans([Bool?])
    /// Number of rows.
    public var count: Int {
        switch self {
        case .integers(let values): values.count
        case .numbers(let values): values.count
        case .texts(let values): values.count
        case .booleans(let values): values.count
        }
    }
    /// The values as numbers, NaN where null; `nil` for texts.
    public var numbers: [Double]? {
        switch self {
        case .integers(let values): values.map { $0.map(Double.init) ?? .nan }
        case .numbers(let values): values.map { $0 ?? .nan }
        case .booleans(let values): values.map { $0.map { $0 ? 1 : 0 } ?? .nan }
        case .texts: nil
        }
    }
}

/// The answer to a query.
public struct QueryResult: Hashable, Sendable {
    /// Column names in order.
    public let names: [String]
    /// Values by column.
    public let columns: [QueryValues]
    /// Number of rows.
    public var count: Int { columns.first?.count ?? 0 }
}

extension DataTable {
    /// Answers one `SELECT` in DuckDB's SQL, in which `{table}` stands for this table; column names go through
    /// `quoted`. Nothing outside the opened tables can be read or changed: no file, network, extension or setting.
    /// - Throws: `CasemateError`: `refused` for anything but a `SELECT` and for access to files, `invalidSetting` for
    ///   SQL that cannot be understood, `unsupported` for a type of answer other than numbers, texts and booleans;
    ///   `Cancelled`.
    public func query(_ sql: String, parameters: [QueryParameter] = []) throws -> QueryResult {
        let bound = sql.replacing("{table}", with: reference)
        return try database.answer(bound, parameters: parameters, for: path)
    }
}
