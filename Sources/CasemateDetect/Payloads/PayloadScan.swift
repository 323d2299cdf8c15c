import CasemateCore
import CasemateData

/// Looks for payloads in the text columns of a table: patterns in SQL over all cells, the rest on the cells that they hit.
struct PayloadScan {
    /// A cell with what was found in it.
    struct Hit: Hashable {
        let row: Int, column: String
        let kinds: [PayloadKind]
        /// The format of a serialised object, for the reason.
        let detail: String?
    }
    let source: RowSQL
    /// Cells of a column that are looked into, and code points of each.
    static let cellLimit = 20_000, lengthLimit = 1 << 16
    /// Lengths beyond which a cell may be oversized.
    static let oversize = 10_000

    private static let matched = PayloadKind.allCases.filter { $0.pattern != nil }
    /// Kinds that the pattern alone decides.
    private static let plain: Set<PayloadKind> = [.script, .template, .sql, .shell, .prompt]

    private static func condition(_ cell: String) -> String {
        Set(matched.compactMap(\.pattern)).sorted().map { "regexp_matches(\(cell), '\(escaped($0))')" }
            .joined(separator: " OR ")
    }
    private static func escaped(_ pattern: String) -> String { "(?m)" + pattern.replacing("'", with: "''") }

    /// Columns whose cells one search joins.
    private static let block = 48

    /// The text columns that have a hit, with the number of cells that patterns hit.
    ///
    /// Cells of a row are joined by line ends first: a pattern is compiled once for many columns, and only where that hits
    /// is each column asked.
    func columns(_ names: [String], _ context: RunContext) throws -> [(name: String, cells: Int)] {
        var hit: [(name: String, cells: Int)] = []
        for first in stride(from: 0, to: names.count, by: Self.block) {
            try context.cancellation.check()
            let part = Array(names[first..<min(first + Self.block, names.count)])
            if part.count > 2 {
                let joined = "concat_ws(chr(10), \(part.map(quoted).joined(separator: ", ")))"
                let rows = try source.figures(["count(*) FILTER (WHERE \(Self.condition(joined)))"])
                if rows.first == 0 { continue }
            }
            let figures = try source.figures(part.map { "count(*) FILTER (WHERE \(Self.condition(quoted($0))))" })
            hit += zip(part, figures).compactMap { $1 > 0 ? ($0, Int($1)) : nil }
        }
        return hit
    }

    /// Hits in a column, by row.
    func hits(_ column: String) throws -> [Hit] {
        let flags = Self.matched.map { kind in
            "CAST(regexp_matches(c, '\(Self.escaped(kind.pattern ?? ""))') AS TINYINT)"
        }
        let sql = """
            SELECT r, substr(c, 1, \(Self.lengthLimit)), \(flags.joined(separator: ", ")) FROM \
            (SELECT \(source.row) AS r, CAST(\(quoted(column)) AS VARCHAR) AS c FROM \(source.relation)) \
            WHERE \(Self.condition("c")) ORDER BY r LIMIT \(Self.cellLimit)
            """
        let answer = try source.table.query(sql)
        let (rows, texts) = (answer.wholes(0), answer.texts(1))
        let marks = Self.matched.indices.map { answer.wholes(2 + $0) }
        return rows.indices.compactMap { index in
            let kinds = Set(Self.matched.indices.filter { marks[$0][index] == 1 }.map { Self.matched[$0] })
            return Self.hit(texts[index] ?? "", kinds, row: rows[index], column: column)
        }
    }

    /// What the patterns' hits come to.
    private static func hit(_ text: String, _ marked: Set<PayloadKind>, row: Int, column: String) -> Hit? {
        var kinds = marked.intersection(plain)
        if marked.contains(.formula), let kind = FormulaText.kind(text) { kinds.insert(kind) }
        if !marked.isDisjoint(with: [.bidirectional, .invisible, .control, .lookalike]) {
            kinds.formUnion(UnseenText.kinds(text))
        }
        var detail: String?
        if !marked.isDisjoint(with: [.object, .program]), let format = ObjectText.format(text) {
            detail = format
            kinds.insert(format.contains("program") ? .program : .object)
        }
        // why: a formula that runs something is one thing, not two.
        if kinds.contains(.activeFormula) { kinds.subtract([.formula, .shell]) }
        guard !kinds.isEmpty else { return nil }
        return Hit(row: row, column: column, kinds: PayloadKind.allCases.filter(kinds.contains), detail: detail)
    }

    /// Payloads in names of columns: they reach reports, SQL and spreadsheets as much as cells do.
    func names(_ names: [String]) throws -> [(name: String, kinds: [PayloadKind])] {
        var found: [(name: String, kinds: [PayloadKind])] = []
        let flags = Self.matched.map { kind in
            "CAST(regexp_matches(c, '\(Self.escaped(kind.pattern ?? ""))') AS TINYINT)"
        }
        for first in stride(from: 0, to: names.count, by: 200) {
            let part = Array(names[first..<min(first + 200, names.count)])
            let values = part.indices.map { "(\($0), $\($0 + 1))" }.joined(separator: ", ")
            let sql = """
                SELECT i, \(flags.joined(separator: ", ")) FROM (VALUES \(values)) AS t(i, c) \
                WHERE \(Self.condition("c")) ORDER BY i
                """
            let answer = try source.table.query(sql, parameters: part.map { .text($0) })
            for (index, place) in answer.wholes(0).enumerated() {
                let kinds = Self.matched.indices.filter { answer.wholes(1 + $0)[index] == 1 }.map { Self.matched[$0] }
                if let hit = Self.hit(part[place], Set(kinds), row: 0, column: "") {
                    found.append((part[place], hit.kinds))
                }
            }
        }
        return found
    }

    /// Cells far longer than the rest of their column: beyond 10,000 code points and 20 times the 99 % quantile.
    func oversized(_ names: [String]) throws -> [(row: Int, column: String, length: Int)] {
        let longest = try source.figures(names.map { "max(length(\(quoted($0))))" })
        var found: [(row: Int, column: String, length: Int)] = []
        for (name, most) in zip(names, longest) where most > Double(Self.oversize) {
            let column = quoted(name)
            let typical = try source.figures(["quantile_disc(length(\(column)), 0.99)"]).first ?? 0
            let limit = max(Double(Self.oversize), 20 * typical)
            guard most > limit else { continue }
            let sql = """
                SELECT \(source.row), length(\(column)) FROM \(source.relation) WHERE length(\(column)) > \(Int(limit)) \
                ORDER BY 2 DESC, 1 LIMIT 1000
                """
            let answer = try source.table.query(sql)
            let lengths = answer.wholes(1)
            found += answer.wholes(0).enumerated().map { (row: $1, column: name, length: lengths[$0]) }
        }
        return found
    }
}
