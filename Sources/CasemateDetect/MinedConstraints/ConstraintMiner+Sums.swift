import CasemateCore
import CasemateData
import Foundation

extension ConstraintMiner {
    /// Most columns among which sums are looked for, and most terms of a run of neighbours.
    private static let sumColumns = 80, runLimit = 12

    /// Sums: a column that is the sum of two others or of a run of neighbours, and 0/1 columns that add up to 1.
    func sums(_ context: RunContext) throws -> [MinedConstraint] {
        let columns = Array(
            sample.numbers.filter { $0.column.type == .integer || $0.column.type == .number }.prefix(Self.sumColumns))
        let wide = columns.indices.filter { columns[$0].distinct > 5 }
        let digits = columns.map(Self.decimals)
        var generator = SeededGenerator(seed: seed, stream: 0x5355_4d)
        let probes = (0..<2).map { _ in probeRows(columns, wide, &generator) }
        var found = oneHot(columns)
        var seen = Set(found.map { Set($0.columns) })
        for terms in Self.pairs(wide) + Self.runs(columns.indices, wide) {
            try context.cancellation.check()
            for total in wide where !terms.contains(total) && found.count < limit {
                guard probes.contains(where: { Self.isLikely(columns, digits, total, terms, $0) }),
                    let sum = verified(columns, digits, total, terms, &generator)
                else { continue }
                if seen.insert(Set(sum.columns)).inserted { found.append(sum) }
            }
        }
        return found
    }

    private static func pairs(_ columns: [Int]) -> [[Int]] {
        columns.indices.flatMap { one in columns[(one + 1)...].map { [columns[one], $0] } }
    }

    private static func runs(_ all: Range<Int>, _ wide: [Int]) -> [[Int]] {
        let isWide = Set(wide)
        return all.flatMap { first in
            stride(from: 3, through: runLimit, by: 1).compactMap { length -> [Int]? in
                let run = Array(first..<min(first + length, all.upperBound))
                return run.count == length && run.allSatisfy(isWide.contains) ? run : nil
            }
        }
    }

    /// Rows with few zeros and gaps: where everything is 0, everything adds up.
    private func probeRows(
        _ columns: [MiningSample.Numbers], _ wide: [Int], _ generator: inout SeededGenerator
    ) -> [Int] {
        guard sample.count > 0 else { return [] }
        let drawn = (0..<200).map { _ in Int.random(in: 0..<sample.count, using: &generator) }
        let filled = drawn.map { row in
            (row: row, zeros: wide.count { columns[$0].values[row] == 0 || columns[$0].values[row].isNaN })
        }
        return filled.sorted { ($0.zeros, $0.row) < ($1.zeros, $1.row) }.prefix(12).map(\.row)
    }

    /// Whether the sum holds in all of these rows, and says something in at least two of them.
    private static func isLikely(
        _ columns: [MiningSample.Numbers], _ digits: [Int], _ total: Int, _ terms: [Int], _ rows: [Int]
    ) -> Bool {
        var telling = 0
        let step = step(digits, total, terms)
        for row in rows {
            let value = columns[total].values[row]
            var (sum, isFull) = (0.0, value != 0)
            for term in terms {
                let part = columns[term].values[row]
                sum += part
                if part == 0 { isFull = false }
            }
            // why: a gap says nothing, so that a probe with one decides nothing.
            if sum.isNaN || value.isNaN { continue }
            guard abs(value - sum) <= step + 1e-6 * max(1, abs(value)) else { return false }
            if isFull { telling += 1 }
        }
        return telling >= 2
    }

    /// Half a last digit for each rounded term; 0 where all are whole.
    private static func step(_ digits: [Int], _ total: Int, _ terms: [Int]) -> Double {
        let most = terms.reduce(digits[total]) { max($0, digits[$1]) }
        return most == 0 ? 0 : 0.5 * Double(terms.count + 1) * pow(10, -Double(most))
    }

    /// Decimals that the values are written with, at most 6.
    private static func decimals(_ column: MiningSample.Numbers) -> Int {
        if column.isWhole { return 0 }
        let values = column.sorted.enumerated().filter { $0.offset.isMultiple(of: max(1, column.sorted.count / 50)) }
        for digits in 1..<6 {
            let scale = pow(10, Double(digits))
            if values.allSatisfy({ abs($0.element * scale - ($0.element * scale).rounded()) < 1e-6 * scale }) {
                return digits
            }
        }
        return 6
    }

    /// The sum over the whole sample, when it holds, has several terms that matter and chance would not give it.
    private func verified(
        _ columns: [MiningSample.Numbers], _ digits: [Int], _ total: Int, _ terms: [Int],
        _ generator: inout SeededGenerator
    ) -> MinedConstraint? {
        var (rows, broken) = (0, 0)
        var moved = [Int](repeating: 0, count: terms.count)
        let order = (0..<sample.count).shuffled(using: &generator)
        var (shuffled, missed) = (0, 0)
        let tolerance = Self.step(digits, total, terms)
        for row in 0..<sample.count {
            let sum = terms.reduce(0) { $0 + columns[$1].values[row] }
            let value = columns[total].values[row]
            guard !sum.isNaN, !value.isNaN else { continue }
            rows += 1
            if abs(value - sum) > tolerance + 1e-9 * max(1, abs(value)) { broken += 1 }
            for (index, term) in terms.enumerated() where columns[term].values[row] != 0 { moved[index] += 1 }
            let other = columns[total].values[order[row]]
            guard !other.isNaN else { continue }
            shuffled += 1
            if abs(other - sum) > tolerance + 1e-9 * max(1, abs(other)) { missed += 1 }
        }
        let chance = shuffled > 0 ? Double(missed) / Double(shuffled) : 0
        guard broken <= allowed(rows), isSurprising(chance, rows: rows, least: 0.2),
            moved.allSatisfy({ Double($0) >= 0.05 * Double(rows) })
        else { return nil }
        let names = terms.map { columns[$0].column.name }
        let (head, sum) = (columns[total].column.name, names.map(RuleText.member).joined(separator: " + "))
        let rule: String
        if tolerance == 0 {
            rule = "\(RuleText.member(head)) == \(sum)"
        } else {
            let (difference, margin) = ("\(RuleText.member(head)) - (\(sum))", CanonicalText.of(tolerance * 1.001))
            rule = "\(difference) <= \(margin) && \(difference) >= -\(margin)"
        }
        let words = names.map { $0.clipped(to: 40) }.joined(separator: " + ")
        return MinedConstraint(
            .sum, rule: rule, statement: "\(head.clipped(to: 40)) = \(words)", columns: [head] + names, chance: chance)
    }

    /// Neighbouring 0/1 columns of which exactly one is 1.
    private func oneHot(_ columns: [MiningSample.Numbers]) -> [MinedConstraint] {
        var found: [MinedConstraint] = []
        var start = 0
        while start < columns.count {
            guard columns[start].isBinary, let end = groupEnd(columns, start) else {
                start += 1
                continue
            }
            let members = columns[start..<end]
            // why: the chance that none or several are 1 if each were drawn by itself.
            let shares = members.map { $0.sorted.reduce(0, +) / Double(max(1, $0.sorted.count)) }
            let none = shares.reduce(1) { $0 * (1 - $1) }
            let one = shares.reduce(0) { $0 + $1 * none / max(1e-12, 1 - $1) }
            if isSurprising(1 - one, rows: sample.count) {
                let names = members.map(\.column.name)
                found.append(
                    MinedConstraint(
                        .sum, rule: names.map(RuleText.member).joined(separator: " + ") + " == 1",
                        statement: "exactly one of \(names.map { $0.clipped(to: 30) }.joined(separator: ", ")) is 1",
                        columns: names, chance: 1 - one))
            }
            start = end
        }
        return found
    }

    private func groupEnd(_ columns: [MiningSample.Numbers], _ start: Int) -> Int? {
        var sums = [Double](repeating: 0, count: sample.count)
        for end in start..<min(columns.count, start + 100) where columns[end].isBinary {
            if end > start, !columns[start...end].allSatisfy(\.isBinary) { return nil }
            for row in 0..<sample.count { sums[row] += columns[end].values[row] }
            if sums.count(where: { $0 > 1 }) > allowed(sample.count) { return nil }
            if end > start, sums.count(where: { $0 != 1 }) <= allowed(sample.count) { return end + 1 }
        }
        return nil
    }
}
