import CasemateCore
import CasemateData
import Foundation

/// Rows by source and by window of time, with their labels.
struct ProfileGroups {
    let table: DataTable, label: LabelProfile?, context: RunContext
    /// Windows of time at most; each holds about as many rows.
    static let windowLimit = 12

    /// The most frequent values of a column.
    func sources(_ column: String) throws -> GroupProfile? {
        let listed = try table.distinct(column, limit: GroupProfile.limit)
        guard listed.count > 1 else { return nil }
        let code = try sourceCode(column, listed.map(\.value))
        let labels = try labels(by: code, count: listed.count)
        let groups = listed.enumerated().map { index, entry in
            GroupProfile.Group(name: entry.value, low: nil, high: nil, rows: entry.count, labels: labels[index])
        }
        return GroupProfile(
            column: column, groups: groups, others: table.count - listed.reduce(0) { $0 + $1.count })
    }

    /// Windows of a column of dates, moments or numbers; of its sorted values where it holds few texts.
    func windows(_ column: String, sample: [Double]) throws -> GroupProfile? {
        let found = try table.column(column)
        guard found.type != .text else {
            guard let groups = try sources(column), groups.others == found.missing else { return nil }
            return GroupProfile(
                column: column, groups: groups.groups.sorted { $0.name < $1.name }, others: groups.others)
        }
        let sorted = sample.filter(\.isFinite).sorted()
        guard let low = sorted.first, let high = sorted.last, low < high else { return nil }
        let cuts = NumberDistribution.distinct(
            (1..<Self.windowLimit).map { sorted[$0 * sorted.count / Self.windowLimit] }
        ).filter { $0 > low }
        guard !cuts.isEmpty else { return nil }
        let labels = try labels(by: windowCode(found, cuts), count: cuts.count + 1)
        let rows = try counts(by: windowCode(found, cuts), count: cuts.count + 1)
        let groups = (0...cuts.count).map { index in
            let from = index == 0 ? nil : cuts[index - 1], below = index == cuts.count ? nil : cuts[index]
            return GroupProfile.Group(
                name: Self.words(from, below, found.type), low: from, high: below?.nextDown, rows: rows[index],
                labels: labels[index])
        }
        return GroupProfile(column: column, groups: groups, others: table.count - rows.reduce(0, +))
    }

    /// The group of every row of a sample.
    func codes(of groups: GroupProfile, rows: [Int]) throws -> [Int32] {
        let column = try table.column(groups.column)
        let cuts = groups.groups.dropFirst().compactMap(\.low)
        let code =
            cuts.isEmpty
            ? try sourceCode(groups.column, groups.groups.map(\.name)) : try windowCode(column, Array(cuts))
        let scan = ProfileScan(table: table, context: context)
        let sample = try scan.accumulate([code], rows: rows).first?.sample ?? []
        return sample.map { $0.isFinite ? Int32($0) : -1 }
    }

    /// SQL for the position of a row's value among others, from 0; null for none.
    private func sourceCode(_ column: String, _ values: [String]) throws -> String {
        let found = try table.column(column)
        let cell =
            found.type == .number
            ? "CAST(\(quoted(column)) AS DOUBLE)" : "CAST(\(quoted(column)) AS VARCHAR)"
        let list = values.map { found.type == .number ? "CAST(\(Self.literal($0)) AS DOUBLE)" : Self.literal($0) }
        return "nullif(list_position([\(list.joined(separator: ", "))], \(cell)), 0) - 1"
    }

    private func windowCode(_ column: Column, _ cuts: [Double]) throws -> String {
        let value = try MeasuredTable.expression(column)
        let steps = cuts.map { "CAST((\(value)) >= \($0.description) AS INTEGER)" }
        return "CASE WHEN isfinite(CAST((\(value)) AS DOUBLE)) THEN \(steps.joined(separator: " + ")) END"
    }

    private func labels(by code: String, count: Int) throws -> [[Int]] {
        guard let label else { return [[Int]](repeating: [], count: count) }
        let classes = try sourceCode(label.column, label.classes)
        let sql = """
            SELECT CAST(g AS BIGINT), CAST(l AS BIGINT), count(*) FROM (SELECT \(code) AS g, \(classes) AS l FROM {table}) \
            WHERE g IS NOT NULL AND l IS NOT NULL GROUP BY 1, 2
            """
        var found = [[Int]](repeating: [Int](repeating: 0, count: label.classes.count), count: count)
        let answer = try table.query(sql).columns.map { $0.numbers ?? [] }
        for row in answer[0].indices { found[Int(answer[0][row])][Int(answer[1][row])] = Int(answer[2][row]) }
        return found
    }

    private func counts(by code: String, count: Int) throws -> [Int] {
        let sql =
            "SELECT CAST(g AS BIGINT), count(*) FROM (SELECT \(code) AS g FROM {table}) WHERE g IS NOT NULL GROUP BY 1"
        var found = [Int](repeating: 0, count: count)
        let answer = try table.query(sql).columns.map { $0.numbers ?? [] }
        for row in answer[0].indices { found[Int(answer[0][row])] = Int(answer[1][row]) }
        return found
    }

    private static func literal(_ text: String) -> String {
        "'\(text.replacingOccurrences(of: "'", with: "''").replacingOccurrences(of: "\0", with: ""))'"
    }

    /// A window in words: `before 2024-01-05`, `2024-01-05 to 2024-02-01`.
    private static func words(_ from: Double?, _ below: Double?, _ type: ColumnType) -> String {
        func text(_ value: Double) -> String {
            guard type == .date || type == .timestamp else { return Figure.text(value) }
            let date = Date(timeIntervalSince1970: type == .date ? value * 86400 : value)
            return String(date.ISO8601Format().prefix(type == .date ? 10 : 16)).replacing("T", with: " ")
        }
        switch (from, below) {
        case (nil, let below?): return "before \(text(below))"
        case (let from?, nil): return "from \(text(from)) on"
        case (let from?, let below?): return "\(text(from)) to before \(text(below))"
        case (nil, nil): return "all"
        }
    }
}
