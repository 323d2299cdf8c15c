import CasemateCore
import CasemateData
import CasemateModels
import Foundation

/// What holds in every row: groups of 0/1 columns, and orderings between columns.
///
/// Candidates come from the first rows; only what then holds in all rows of both files is kept.
struct StarterPatterns: Sendable {
    /// 0/1 columns of which exactly one is 1 in every row.
    struct OneHot: Hashable, Sendable {
        let name: String, columns: [String]
    }
    /// A rule that every row keeps.
    struct Rule: Hashable, Sendable {
        let text: String
        /// Rows that it says something about.
        let rows: Int
        /// Share of rows that would break it if the columns had nothing to do with each other; `nil` for a range.
        let chance: Double?
    }
    let oneHot: [OneHot]
    let rules: [Rule]
    let notes: [String]

    /// Rows that candidates are sought in; the least that a rule must hold in; the most columns and rules.
    private static let head = 2000, leastRows = 100, mostColumns = 60, mostRules = 6

    init(_ facts: StarterFacts, _ data: StarterData, cancellation: Cancellation) throws {
        guard facts.signature.layout != .image, facts.signature.layout != .text else {
            (oneHot, rules, notes) = ([], [], [])
            return
        }
        let names = facts.features.filter { $0.levels == nil }.map(\.name)
        oneHot = try Self.groups(names, data)
        let members = Set(oneHot.flatMap(\.columns))
        let skipped = members.union(facts.roles.identifiers).union([facts.target.name])
        let numbers = data.shared.filter {
            ($0.column.type == .integer || $0.column.type == .number) && !skipped.contains($0.name) && !$0.isBinary
                && $0.distinct > 5 && $0.name != facts.roles.weights
        }
        notes =
            numbers.count > Self.mostColumns
            ? ["Orderings were sought among the first \(Self.mostColumns) columns."] : []
        let orderings = try Self.orderings(Array(numbers.prefix(Self.mostColumns)), data, cancellation)
        rules = Array((orderings + (try Self.shares(numbers, data))).prefix(Self.mostRules))
    }

    // MARK: Groups of 0/1 columns

    private static func groups(_ names: [String], _ data: StarterData) throws -> [OneHot] {
        let binary = names.compactMap { data.leading[$0] }.filter { $0.isBinary }.map(\.name)
        guard binary.count > 1, binary.count <= 500, data.leading.table.count >= 30 else { return [] }
        let cells = try data.leading.head(binary, rows: head)
        let count = cells.first?.count ?? 0
        var groups: [OneHot] = []
        var used: Set<Int> = []
        func isGroup(_ members: [Int]) throws -> Bool {
            guard members.count > 1 else { return false }
            for row in 0..<count where members.reduce(0, { $0 + cells[$1][row] }) != 1 { return false }
            return try holds(members.map { binary[$0] }, data)
        }
        func take(_ members: [Int], _ name: String) {
            used.formUnion(members)
            groups.append(OneHot(name: name, columns: members.map { binary[$0] }))
        }
        for (prefix, members) in prefixes(binary) where try isGroup(members) { take(members, prefix) }
        var start = 0
        while start < binary.count {
            let members = run(from: start, cells, used)
            if try isGroup(members) {
                take(members, common(members.map { binary[$0] }) ?? "group \(groups.count + 1)")
                start += members.count
            } else {
                start += 1
            }
        }
        return groups
    }

    /// Neighbours from `start` on of which at most one is 1 in each row, up to where every row has its 1.
    private static func run(from start: Int, _ cells: [[Double]], _ used: Set<Int>) -> [Int] {
        var sums = [Double](repeating: 0, count: cells[start].count)
        var members: [Int] = []
        for index in start..<cells.count where members.count == index - start && !used.contains(index) {
            for (row, value) in cells[index].enumerated() { sums[row] += value }
            guard sums.allSatisfy({ $0 <= 1 }) else { break }
            members.append(index)
            if sums.allSatisfy({ $0 == 1 }) { break }
        }
        return members
    }

    /// The beginning that names have in common, where it is long enough to say something.
    private static func common(_ names: [String]) -> String? {
        guard var prefix = names.first else { return nil }
        for name in names { prefix = prefix.commonPrefix(with: name) }
        while let last = prefix.last, "_=.- :".contains(last) { prefix.removeLast() }
        return prefix.count >= 3 ? prefix : nil
    }

    /// Columns that share the beginning of their names, up to the last sign between words, in the order of the table.
    private static func prefixes(_ names: [String]) -> [(String, [Int])] {
        var order: [String] = [], members: [String: [Int]] = [:]
        for (index, name) in names.enumerated() {
            guard let cut = name.lastIndex(where: { "_=.- :".contains($0) }), cut > name.startIndex else { continue }
            let prefix = String(name[..<cut])
            if members[prefix] == nil { order.append(prefix) }
            members[prefix, default: []].append(index)
        }
        return order.map { ($0, members[$0] ?? []) }
    }

    private static func holds(_ columns: [String], _ data: StarterData) throws -> Bool {
        let sum = columns.map { "CAST(\(quoted($0)) AS DOUBLE)" }.joined(separator: " + ")
        for table in data.tables {
            let wrong = try StarterSurvey.figures(
                ["CAST(count(*) FILTER (WHERE (\(sum)) IS DISTINCT FROM 1) AS DOUBLE)"], table)[0]
            if wrong != 0 { return false }
        }
        return true
    }

    // MARK: Rules

    private static func orderings(
        _ columns: [StarterColumn], _ data: StarterData, _ cancellation: Cancellation
    ) throws -> [Rule] {
        let cells = try data.leading.head(columns.map(\.name), rows: head)
        let sorted = cells.map { $0.filter(\.isFinite).sorted() }
        var found: [(low: Int, high: Int, chance: Double)] = []
        for low in columns.indices {
            try cancellation.check()
            for high in columns.indices where high != low {
                guard isOrdered(cells[low], cells[high]) else { continue }
                let chance = breaking(sorted[low], sorted[high])
                // why: an ordering that separate ranges enforce says nothing about the rows.
                if chance >= 0.05 { found.append((low, high, chance)) }
            }
        }
        found.sort { ($0.chance, $1.low, $1.high) > ($1.chance, $0.low, $0.high) }
        var kept: [(low: Int, high: Int)] = []
        var rules: [Rule] = []
        for pair in found where rules.count < mostRules {
            let isImplied = kept.contains { first in
                first.low == pair.low && kept.contains { $0.low == first.high && $0.high == pair.high }
            }
            if isImplied || kept.contains(where: { $0.low == pair.high && $0.high == pair.low }) { continue }
            let (low, high) = (columns[pair.low].name, columns[pair.high].name)
            let text = "\(member(low)) <= \(member(high))"
            guard let rows = try Self.kept(text, data), Double(rows) * pair.chance >= 20 else { continue }
            kept.append((pair.low, pair.high))
            rules.append(Rule(text: text, rows: rows, chance: pair.chance))
        }
        return rules
    }

    /// Columns of fractions that stay within 0 and 1.
    private static func shares(_ columns: [StarterColumn], _ data: StarterData) throws -> [Rule] {
        var rules: [Rule] = []
        for column in columns where rules.count < 2 {
            guard !column.isWhole, let low = column.low, let high = column.high, low >= 0, high <= 1, high > 0.5 else {
                continue
            }
            let text = "\(member(column.name)) >= 0 && \(member(column.name)) <= 1"
            if let rows = try kept(text, data) { rules.append(Rule(text: text, rows: rows, chance: nil)) }
        }
        return rules
    }

    /// In how many rows the rule holds, by the rule's own evaluation; `nil` where a row breaks it or there are few.
    private static func kept(_ text: String, _ data: StarterData) throws -> Int? {
        guard let rule = try? ConstraintRule(text, columns: data.leading.table.columns, at: "constraints") else {
            return nil
        }
        var rows = 0
        for table in data.tables {
            let sql = rule.sql
            let figures = try StarterSurvey.figures(
                [
                    "CAST(count(*) FILTER (WHERE \(sql)) AS DOUBLE)",
                    "CAST(count(*) FILTER (WHERE NOT (\(sql))) AS DOUBLE)",
                ], table)
            guard figures[1] == 0 else { return nil }
            rows += Int(figures[0])
        }
        return rows >= leastRows ? rows : nil
    }

    private static func isOrdered(_ low: [Double], _ high: [Double]) -> Bool {
        for (one, other) in zip(low, high) where one > other { return false }
        return true
    }

    /// The share of pairs of values, each taken from any row, that break the ordering.
    private static func breaking(_ low: [Double], _ high: [Double]) -> Double {
        guard !low.isEmpty, !high.isEmpty else { return 0 }
        var (place, broken) = (0, 0)
        for value in low {
            while place < high.count, high[place] < value { place += 1 }
            broken += place
        }
        return Double(broken) / (Double(low.count) * Double(high.count))
    }

    /// How a rule names a column.
    static func member(_ name: String) -> String {
        let isWord =
            name.unicodeScalars.first.map { !("0"..."9").contains($0) } ?? false
            && name.unicodeScalars.allSatisfy {
                $0 == "_" || ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
            }
        if isWord, !["true", "false", "null", "in"].contains(name) { return "row.\(name)" }
        let escaped = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        return "row[\"\(escaped)\"]"
    }
}
