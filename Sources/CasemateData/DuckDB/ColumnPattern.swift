/// SQL that says what a text cell is and turns it into a value: one place for reading, overriding and checking.
struct ColumnPattern {
    /// SQL of the cell, a text or null.
    let cell: String
    /// Cells that stand for a missing value besides empty ones, without blanks around them.
    let markers: [String]

    init(cell: String, markers: [String] = []) {
        (self.cell, self.markers) = (cell, markers.map(\.trimmed))
    }

    /// What a column is surveyed for, in the order of preference.
    enum Test: String, CaseIterable {
        case boolean, integer, whole, number, date, timestamp
        /// The type of a column all of whose cells pass; whole numbers beyond 64 bits stay exact as text.
        var type: ColumnType {
            switch self {
            case .boolean: .boolean
            case .integer: .integer
            case .whole: .text
            case .number: .number
            case .date: .date
            case .timestamp: .timestamp
            }
        }
    }

    private static let day = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    private static let zone = ":[0-9.]+(Z|[+-][0-9]{2}(:[0-9]{2})?)$"
    private static let moment =
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:[0-9]{2})?)?)?$"

    /// The cell without blanks around it.
    private var bare: String { "trim(\(cell), ' \t')" }

    private func matches(_ pattern: String) -> String { "regexp_matches(\(bare), \(literal(pattern)))" }

    /// True when the cell is empty or a marker.
    var isMissing: String { "\(bare) IN (\(([""] + markers).map { literal($0) }.joined(separator: ", ")))" }

    /// True when the cell is there and passes a test.
    func fits(_ test: Test) -> String {
        markers.isEmpty ? condition(test) : "(\(condition(test))) AND NOT (\(isMissing))"
    }

    /// True when the cell is there and does not pass a test.
    func misfits(_ test: Test) -> String {
        "\(cell) IS NOT NULL AND NOT (\(condition(test))) AND NOT (\(isMissing))"
    }

    // why casts first: they cost a quarter of a regular expression, which only has to refuse what they allow too much.
    private func condition(_ test: Test) -> String {
        switch test {
        case .boolean: "lower(\(bare)) IN ('true', 'false')"
        case .integer:
            "TRY_CAST(\(cell) AS BIGINT) IS NOT NULL AND regexp_matches(\(cell), '^[ \t]*[+-]?[0-9]+[ \t]*$')"
        case .whole: matches("^[+-]?[0-9]+$")
        case .number: "TRY_CAST(\(cell) AS DOUBLE) IS NOT NULL AND NOT contains(\(cell), '_')"
        case .date, .timestamp: "(\(value(test.type))) IS NOT NULL"
        }
    }

    /// The value of a cell that is known to fit or to be missing.
    func checkedValue(_ type: ColumnType) -> String {
        let plain =
            switch type {
            case .integer: "TRY_CAST(\(cell) AS BIGINT)"
            case .number: "TRY_CAST(\(cell) AS DOUBLE)"
            case .text: cell
            case .boolean, .date, .timestamp: value(type)
            }
        return markers.isEmpty && type != .text ? plain : "CASE WHEN \(isMissing) THEN NULL ELSE \(plain) END"
    }

    /// The value of any cell; null when it is missing or does not fit.
    func value(_ type: ColumnType) -> String {
        switch type {
        case .text: return checkedValue(.text)
        case .boolean:
            return """
                CASE WHEN lower(\(bare)) IN ('true', '1', '1.0', 'yes', 't', 'y') THEN true \
                WHEN lower(\(bare)) IN ('false', '0', '0.0', 'no', 'f', 'n') THEN false END
                """
        case .integer:
            let double = "TRY_CAST(\(cell) AS DOUBLE)"
            return """
                CASE WHEN \(condition(.integer)) THEN TRY_CAST(\(cell) AS BIGINT) \
                WHEN \(condition(.number)) AND \(double) = trunc(\(double)) AND abs(\(double)) <= 9007199254740992 \
                THEN TRY_CAST(\(double) AS BIGINT) END
                """
        case .number: return "CASE WHEN \(condition(.number)) THEN TRY_CAST(\(cell) AS DOUBLE) END"
        case .date: return "CASE WHEN \(matches(Self.day)) THEN TRY_CAST(\(bare) AS DATE) END"
        case .timestamp:
            // why two casts: the one to TIMESTAMP passes over the offset from UTC.
            return """
                CASE WHEN \(matches(Self.moment)) THEN CASE WHEN \(matches(Self.zone)) \
                THEN make_timestamp(epoch_us(TRY_CAST(\(bare) AS TIMESTAMP WITH TIME ZONE))) \
                ELSE TRY_CAST(\(bare) AS TIMESTAMP) END END
                """
        }
    }

    /// The value as a declared type: a marker is missing whatever else it could mean.
    func declaredValue(_ type: ColumnType) -> String {
        type == .text ? checkedValue(.text) : "CASE WHEN \(isMissing) THEN NULL ELSE (\(value(type))) END"
    }
}
