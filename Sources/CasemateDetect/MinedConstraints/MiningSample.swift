import CasemateCore
import CasemateData

/// Rows in which candidates are looked for, column by column.
struct MiningSample: Sendable {
    /// A column of numbers.
    struct Numbers: Sendable {
        let column: Column
        /// Values by row, NaN where missing.
        let values: [Double]
        /// The same ascending, without missing ones.
        let sorted: [Double]
        /// Number of different values.
        let distinct: Int
        /// Whether every value is 0 or 1, both occurring.
        let isBinary: Bool
        /// Whether every value is whole.
        let isWhole: Bool
    }
    /// A column of few or repeated values.
    struct Codes: Sendable {
        let column: Column
        /// Index of the value by row, -1 where missing.
        let codes: [Int32]
        /// The values as rules spell them, in order of first appearance.
        let literals: [String]
        /// The values as people read them.
        let names: [String]
        /// Rows of each value.
        let counts: [Int]
    }
    /// Number of rows.
    let count: Int
    let numbers: [Numbers]
    /// Columns with at most `levelLimit` values.
    let categories: [Codes]
    /// Columns that may decide others: values repeat, but there may be many.
    let deciders: [Codes]
    /// Texts of columns with many values, cut at 200 code points; `nil` where missing.
    let texts: [(column: Column, values: [String?])]
    /// Columns that were left out because there are so many.
    let leftOut: Int

    /// Most rows looked at, most columns of numbers and of others, most values of a category.
    static let rows = 10_000, numberLimit = 150, otherLimit = 80, levelLimit = 20

    /// Columns that one query reads.
    private static let block = 32

    /// Reads a sample.
    /// - Parameter shapesOnly: Columns whose values name rows, so that only how they are written is looked at.
    init(_ source: RowSQL, columns: [Column], shapesOnly: Set<String>, context: RunContext) throws {
        func isNumber(_ column: Column) -> Bool { column.type != .text && column.type != .boolean }
        let numeric = columns.filter { isNumber($0) && !shapesOnly.contains($0.name) }.prefix(Self.numberLimit)
        let others = columns.filter { !isNumber($0) }.prefix(Self.otherLimit)
        leftOut = columns.count { !shapesOnly.contains($0.name) || !isNumber($0) } - numeric.count - others.count
        let condition = source.sampled(Self.rows, seed: context.seed)
        var (numbers, categories, deciders, total): ([Numbers], [Codes], [Codes], Int) = ([], [], [], 0)
        try Self.read(numeric.map { ($0, RowSQL.number($0)) }, "DOUBLE", source, condition, context) { column, answer in
            let found = Numbers(column, answer.numbers ?? [])
            total = found.values.count
            guard found.distinct > 1 else { return }
            numbers.append(found)
            guard column.type == .integer || column.type == .number else { return }
            let codes = Codes(column, numbers: found.values)
            if codes.names.count <= Self.levelLimit { categories.append(codes) }
            if column.type == .integer, codes.canDecide { deciders.append(codes) }
        }
        var texts: [(column: Column, values: [String?])] = []
        let cut = others.map { ($0, "substr(CAST(\(quoted($0.name)) AS VARCHAR), 1, 200)") }
        try Self.read(cut, "VARCHAR", source, condition, context) { column, answer in
            guard case .texts(let values) = answer else { return }
            total = values.count
            let codes = Codes(column, texts: values)
            if column.type == .text, codes.names.count > Self.levelLimit { texts.append((column, values)) }
            guard !shapesOnly.contains(column.name), codes.names.count > 1 else { return }
            if codes.names.count <= Self.levelLimit { categories.append(codes) }
            if codes.canDecide { deciders.append(codes) }
        }
        (self.numbers, self.categories, self.deciders, self.texts) = (numbers, categories, deciders, texts)
        count = total
    }

    private static func read(
        _ columns: [(column: Column, sql: String)], _ type: String, _ source: RowSQL, _ condition: String,
        _ context: RunContext, _ body: (Column, QueryValues) -> Void
    ) throws {
        for first in stride(from: 0, to: columns.count, by: block) {
            try context.cancellation.check()
            let part = columns[first..<min(first + block, columns.count)]
            let list = part.map { "CAST(\($0.sql) AS \(type))" }.joined(separator: ", ")
            let answer = try source.table.query("SELECT \(list) FROM \(source.relation) WHERE \(condition)")
            for (column, values) in zip(part, answer.columns) { body(column.column, values) }
        }
    }
}

extension MiningSample.Numbers {
    init(_ column: Column, _ values: [Double]) {
        (self.column, self.values) = (column, values)
        sorted = values.filter { !$0.isNaN }.sorted()
        var distinct = 0
        for index in sorted.indices where index == 0 || sorted[index] != sorted[index - 1] { distinct += 1 }
        self.distinct = distinct
        isBinary = distinct == 2 && sorted.first == 0 && sorted.last == 1
        isWhole = sorted.allSatisfy { $0 == $0.rounded() }
    }
}

extension MiningSample.Codes {
    init(_ column: Column, texts: [String?]) {
        let isTruth = column.type == .boolean
        self.init(column, values: texts, spell: { isTruth ? $0 : RuleText.text($0) }, name: { $0 })
    }
    init(_ column: Column, numbers: [Double]) {
        self.init(
            column, values: numbers.map { $0.isNaN ? nil : $0 }, spell: { CanonicalText.of($0) },
            name: { CanonicalText.of($0) })
    }
    private init<Value: Hashable>(
        _ column: Column, values: [Value?], spell: (Value) -> String, name: (Value) -> String
    ) {
        var known: [Value: Int32] = [:]
        var order: [Value] = []
        var counts: [Int] = []
        let codes = values.map { value -> Int32 in
            guard let value else { return -1 }
            if let code = known[value] {
                counts[Int(code)] += 1
                return code
            }
            let code = Int32(order.count)
            known[value] = code
            order.append(value)
            counts.append(1)
            return code
        }
        (self.column, self.codes, self.counts) = (column, codes, counts)
        (literals, names) = (order.map(spell), order.map(name))
    }
    /// Whether rows share values: at least four rows a value on average.
    var canDecide: Bool { names.count >= 2 && names.count * 4 <= codes.count }
}
