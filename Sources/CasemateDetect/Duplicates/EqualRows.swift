import CasemateCore
import CasemateData

/// Finds equal rows of a table in SQL, by a hash of the compared columns, in passes that bound the memory.
///
/// A hash has 63 bits: that two different rows of 10 million share one happens once in 180,000 tables. Rows that are
/// named are compared by a second hash of the columns in reverse order.
struct EqualRows {
    /// One group of equal rows.
    struct Group: Hashable, Sendable {
        /// Rows, ascending.
        let rows: [Int]
        /// The label of each, `nil` where missing.
        let labels: [String?]
    }
    /// How many groups have so many rows, and how many of them have labels that differ.
    struct Size: Hashable, Sendable {
        let rows: Int, groups: Int, mixed: Int
    }
    let source: RowSQL
    /// Compared columns.
    let columns: [Column]
    /// Column of labels, where there is one.
    let label: String?
    /// Rows a pass groups at most.
    static let passRows = 8_000_000
    private static let block = 200

    /// Passes over the data.
    private var passes: Int { (source.table.count + Self.passRows - 1) / Self.passRows }

    /// A value as equal values of another table are written: `asNumber` names columns whose types differ there.
    private static func value(_ column: Column, asNumber: Set<String>) -> String {
        let name = quoted(column.name)
        switch column.type {
        case .number: return "(CAST(\(name) AS DOUBLE) + 0)"
        case .integer: return asNumber.contains(column.name) ? "CAST(\(name) AS DOUBLE)" : "CAST(\(name) AS BIGINT)"
        case .boolean: return asNumber.contains(column.name) ? "CAST(\(name) AS DOUBLE)" : name
        case .text, .date, .timestamp: return asNumber.contains(column.name) ? "CAST(\(name) AS VARCHAR)" : name
        }
    }

    /// SQL of the hash of a row.
    static func key(_ columns: [Column], asNumber: Set<String> = []) -> String {
        var parts = columns.map { value($0, asNumber: asNumber) }
        // why nested: one call of ten thousand arguments takes minutes to plan.
        while parts.count > block {
            parts = stride(from: 0, to: parts.count, by: block).map { first in
                "hash(\(parts[first..<min(first + block, parts.count)].joined(separator: ", ")))"
            }
        }
        return "CAST(hash(\(parts.joined(separator: ", "))) >> 1 AS BIGINT)"
    }

    private var keyed: String {
        let label = label.map { "CAST(\(quoted($0)) AS VARCHAR)" } ?? "CAST(NULL AS VARCHAR)"
        return "SELECT \(source.row) AS r, \(Self.key(columns)) AS h, \(label) AS y FROM \(source.relation)"
    }

    private func condition(_ pass: Int) -> String { passes > 1 ? "WHERE h % \(passes) = \(pass)" : "" }

    /// Sizes of groups of at least two rows, the largest first.
    func sizes() throws -> [Size] {
        var found: [Int: (groups: Int, mixed: Int)] = [:]
        for pass in 0..<passes {
            let sql = """
                WITH g AS (SELECT h, y, count(*) AS n FROM (\(keyed)) \(condition(pass)) GROUP BY h, y), \
                s AS (SELECT h, CAST(sum(n) AS BIGINT) AS n, count(y) AS labels FROM g GROUP BY h) \
                SELECT n, count(*), count(*) FILTER (WHERE labels > 1) FROM s WHERE n > 1 GROUP BY n
                """
            let answer = try source.table.query(sql)
            let (groups, mixed) = (answer.wholes(1), answer.wholes(2))
            for (index, rows) in answer.wholes(0).enumerated() {
                found[rows, default: (0, 0)].groups += groups[index]
                found[rows, default: (0, 0)].mixed += mixed[index]
            }
        }
        return found.map { Size(rows: $0.key, groups: $0.value.groups, mixed: $0.value.mixed) }
            .sorted { $0.rows > $1.rows }
    }

    /// Groups whose labels differ; at most about `limit` rows of them.
    func conflicts(limit: Int) throws -> [Group] {
        try groups(
            "SELECT h FROM g GROUP BY h HAVING count(y) > 1", limit: limit)
    }

    /// The largest groups, of at least `least` rows.
    func largest(_ count: Int, least: Int, limit: Int) throws -> [Group] {
        try groups(
            "SELECT h FROM g GROUP BY h HAVING sum(n) >= \(least) ORDER BY sum(n) DESC, h LIMIT \(count)", limit: limit)
    }

    private func groups(_ chosen: String, limit: Int) throws -> [Group] {
        var all: [Group] = []
        var named = 0
        for pass in 0..<passes where named < limit {
            let reversed = Self.key(columns.reversed())
            let sql = """
                WITH k AS (\(keyed)), g AS (SELECT h, y, count(*) AS n FROM k \(condition(pass)) GROUP BY h, y), \
                c AS (\(chosen)) SELECT k.h, o.v, k.r, k.y FROM k JOIN c ON k.h = c.h \
                JOIN (SELECT \(source.row) AS r, \(reversed) AS v FROM \(source.relation)) AS o ON o.r = k.r \
                ORDER BY 1, 2, 3 LIMIT \(limit - named + 1)
                """
            let answer = try source.table.query(sql)
            let (keys, others, rows, labels) = (answer.wholes(0), answer.wholes(1), answer.wholes(2), answer.texts(3))
            named += rows.count
            // why: the last group of a cut answer may lack rows, and a majority in it would mean nothing.
            let end = named > limit ? keys.lastIndex { $0 != keys.last } ?? -1 : keys.count - 1
            var first = 0
            while first <= end {
                var last = first
                while last < end, keys[last + 1] == keys[first], others[last + 1] == others[first] { last += 1 }
                if last > first {
                    all.append(Group(rows: Array(rows[first...last]), labels: Array(labels[first...last])))
                }
                first = last + 1
            }
        }
        return all
    }

    /// Rows of another table that are in this one, over columns of the same names; at most `limit` are named.
    /// - Returns: How many, their first numbers, and how many of them have another label there.
    func overlap(with other: RowSQL, limit: Int) throws -> (count: Int, rows: [Int]) {
        let types = Dictionary(other.table.columns.map { ($0.name, $0.type) }, uniquingKeysWith: { one, _ in one })
        let differing = Set(columns.filter { types[$0.name] != $0.type }.map(\.name))
        let theirs = columns.compactMap { column in other.table.columns.first { $0.name == column.name } }
        guard theirs.count == columns.count else { return (0, []) }
        var (count, rows): (Int, [Int]) = (0, [])
        for pass in 0..<passes {
            let condition = passes > 1 ? "WHERE h % \(passes) = \(pass)" : ""
            let sql = """
                WITH own AS (SELECT DISTINCT h FROM (SELECT \(Self.key(columns, asNumber: differing)) AS h \
                FROM \(source.relation)) \(condition)), hits AS (SELECT r FROM (SELECT \(other.row) AS r, \
                \(Self.key(theirs, asNumber: differing)) AS h FROM \(other.relation)) AS t JOIN own ON t.h = own.h) \
                SELECT r, count(*) OVER () FROM hits ORDER BY 1 LIMIT \(limit)
                """
            let answer = try other.table.query(sql)
            rows += answer.wholes(0)
            count += answer.wholes(1).first ?? 0
        }
        return (count, Array(rows.sorted().prefix(limit)))
    }
}
