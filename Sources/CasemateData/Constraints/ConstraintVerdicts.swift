import CDuckDB
import CasemateCore

/// What one rule says of the rows of a table.
public struct ConstraintCounts: Hashable, Sendable {
    /// Rows that keep the rule.
    public let holds: Int
    /// Rows that break it.
    public let violated: Int
    /// Rows of which it says nothing, because it touches a missing value there or its arithmetic has no result.
    public let notApplicable: Int
    /// The first rows that break it, as indices from 0 in the order of the file, at most `ConstraintCounts.listed`.
    public let firstViolations: [Int]
    /// Rows of which the rule says something.
    public var applicable: Int { holds + violated }
    /// The most rows that are listed.
    public static let listed = 100
}

/// What each of several rules says of each row of a table, found in one pass over it.
public struct ConstraintVerdicts: Sendable {
    /// The rules.
    public let rules: [ConstraintRule]
    /// Number of rows.
    public let count: Int
    /// Bits of the rows that keep, and that break, each rule; 64 rows a word.
    private(set) var holding: [[UInt64]], breaking: [[UInt64]]

    /// Asks DuckDB for the verdict of every rule on every row.
    /// - Throws: `CasemateError` with `notFound` when the table lacks a column that a rule reads, `mismatch` when a column
    ///   has another type there, save that a column without any value goes with every rule, and whole numbers with one
    ///   that was written for numbers; `Cancelled`.
    public init(of rules: [ConstraintRule], in table: DataTable) throws {
        (self.rules, count) = (rules, table.count)
        let words = (table.count + 63) / 64
        holding = [[UInt64]](repeating: [UInt64](repeating: 0, count: words), count: rules.count)
        breaking = holding
        for rule in rules { try Self.check(rule, table) }
        // why blocks: planning a query takes longer than in proportion to its columns.
        for start in stride(from: 0, to: rules.count, by: 128) {
            try read(start..<min(start + 128, rules.count), table)
        }
    }

    private static func check(_ rule: ConstraintRule, _ table: DataTable) throws {
        for input in rule.inputs {
            let found = try table.column(input.name)
            let isWider = input.type == .number && found.type == .integer
            guard found.type == input.type || isWider || found.missing == table.count else {
                throw CasemateError(
                    .mismatch, at: table.path,
                    "column '\(input.name.shortened(to: 60))' holds \(found.type.rawValue), and rule "
                        + "'\(rule.name.shortened(to: 60))' was written for \(input.type.rawValue)",
                    help: "declare the type of the column")
            }
        }
    }

    /// One condition a rule, over the columns that the rules read, each turned into its value once.
    private func query(_ block: Range<Int>, _ table: DataTable) throws -> String {
        var positions: [Column: Int] = [:], values: [String] = []
        let conditions = try block.map { index in
            let sources = try rules[index].inputs.map { input in
                let key = Column(name: input.name, type: input.type, missing: 0)
                let position = positions[key] ?? values.count
                if position == values.count {
                    positions[key] = position
                    values.append("\(try Self.value(of: input, in: table)) AS c\(position)")
                }
                return "c\(position)"
            }
            return "CAST(\(ConstraintSQL(columns: sources).truth(rules[index].root)) AS BOOLEAN)"
        }
        let source = values.isEmpty ? ["1"] : values
        return """
            SELECT \(conditions.joined(separator: ", ")) FROM (SELECT \(source.joined(separator: ", ")) \
            FROM \(table.reference))
            """
    }

    private mutating func read(_ block: Range<Int>, _ table: DataTable) throws {
        var row = 0
        try table.database.read(query(block, table), for: table.path) { chunk in
            guard row + chunk.count <= count, chunk.columns.count == block.count else {
                throw DuckFailure.inconsistent(table.path)
            }
            for (vector, rule) in zip(chunk.columns, block) {
                guard UInt32(vector.type) == CDUCK_TYPE_BOOLEAN.rawValue else {
                    throw DuckFailure.inconsistent(table.path)
                }
                vector.forEach(UInt8.self) { offset, value in
                    guard let value else { return }
                    let place = row + offset
                    if value != 0 {
                        holding[rule][place >> 6] |= 1 << UInt64(place & 63)
                    } else {
                        breaking[rule][place >> 6] |= 1 << UInt64(place & 63)
                    }
                }
            }
            row += chunk.count
        }
        guard row == count else { throw DuckFailure.inconsistent(table.path) }
    }

    /// A column that has no value at all is one of any type.
    private static func value(of input: Column, in table: DataTable) throws -> String {
        let found = try table.column(input.name)
        if found.type == input.type || found.missing < table.count { return ConstraintSQL.value(of: input) }
        switch input.type {
        case .integer, .date, .timestamp: return "CAST(NULL AS BIGINT)"
        case .number: return "CAST(NULL AS DOUBLE)"
        case .text: return "CAST(NULL AS VARCHAR)"
        case .boolean: return "CAST(NULL AS BOOLEAN)"
        }
    }

    /// What a rule says of a row, both by index from 0.
    public func verdict(rule: Int, row: Int) -> ConstraintRule.Verdict {
        precondition((0..<count).contains(row), "row \(row) of \(count)")
        let bit: UInt64 = 1 << UInt64(row & 63)
        if holding[rule][row >> 6] & bit != 0 { return .holds }
        return breaking[rule][row >> 6] & bit != 0 ? .violated : .notApplicable
    }

    /// Rows that each of the rules counts, in the order of the rules; at most `listing` violations are listed.
    public func counts(listing: Int = ConstraintCounts.listed) -> [ConstraintCounts] {
        rules.indices.map { rule in
            let (holds, violated) = (Self.ones(holding[rule]), Self.ones(breaking[rule]))
            return ConstraintCounts(
                holds: holds, violated: violated, notApplicable: count - holds - violated,
                firstViolations: Self.rows(breaking[rule], most: min(max(0, listing), ConstraintCounts.listed)))
        }
    }

    /// Rows that break at least one of the given rules (all where `nil`), as indices from 0 in the order of the file.
    public func rowsBreaking(_ chosen: [Int]? = nil) -> [Int] {
        var any = [UInt64](repeating: 0, count: (count + 63) / 64)
        for rule in chosen ?? Array(rules.indices) {
            for word in any.indices { any[word] |= breaking[rule][word] }
        }
        return Self.rows(any, most: count)
    }

    /// Number of rows to which two rules apply, and of those that keep the first, the second, and both.
    func overlap(_ one: Int, _ other: Int) -> (both: Int, first: Int, second: Int, kept: Int) {
        var result = (both: 0, first: 0, second: 0, kept: 0)
        for word in holding[one].indices {
            let (left, right) = (holding[one][word], holding[other][word])
            let applies = (left | breaking[one][word]) & (right | breaking[other][word])
            result.both += applies.nonzeroBitCount
            result.first += (left & applies).nonzeroBitCount
            result.second += (right & applies).nonzeroBitCount
            result.kept += (left & right).nonzeroBitCount
        }
        return result
    }

    private static func ones(_ bits: [UInt64]) -> Int { bits.reduce(0) { $0 + $1.nonzeroBitCount } }

    private static func rows(_ bits: [UInt64], most: Int) -> [Int] {
        var rows: [Int] = []
        for (index, word) in bits.enumerated() where word != 0 {
            var rest = word
            while rest != 0 {
                guard rows.count < most else { return rows }
                rows.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return rows
    }
}

extension ConstraintRule {
    /// How many rows of a table keep the rule, break it, or give it nothing to say.
    /// - Throws: as `ConstraintVerdicts.init(of:in:)`.
    public func count(in table: DataTable) throws -> ConstraintCounts {
        guard let counts = try Self.counts(of: [self], in: table).first else {
            throw DuckFailure.inconsistent(table.path)
        }
        return counts
    }

    /// The same for several rules in one pass, in their order.
    /// - Throws: as `ConstraintVerdicts.init(of:in:)`.
    public static func counts(of rules: [ConstraintRule], in table: DataTable) throws -> [ConstraintCounts] {
        try ConstraintVerdicts(of: rules, in: table).counts()
    }
}
