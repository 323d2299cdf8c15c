import CasemateCore
import CasemateData

/// Finds statements that nearly every row of a sample keeps and that chance would not keep.
///
/// Sources: Fan and Geerts, "Foundations of Data Quality Management", 2012 (dependencies, conditional rules); Huhtala,
/// Kärkkäinen, Porkka, Toivonen, "TANE", 1999 (the g3 error of a dependency); Raman and Hellerstein, "Potter's Wheel",
/// 2001 (structure of texts).
struct ConstraintMiner {
    let sample: MiningSample
    let seed: UInt64
    /// Smallest share of rows that would break a statement by chance, and smallest number of them in the sample.
    var leastChance = 0.05, leastExpected = 20.0
    /// Share of the sample that may break a candidate; all rows decide later.
    var slack = 0.003
    /// Most statements of a kind.
    var limit = 40

    /// Candidates of all kinds, the most surprising of each first.
    /// - Throws: `Cancelled`.
    func candidates(_ context: RunContext) throws -> [MinedConstraint] {
        let sums = try sums(context)
        let totals = Set(sums.flatMap { sum in sum.columns.dropFirst().map { [$0, sum.columns[0]] } })
        let orderings = try orderings(context).filter { !totals.contains($0.columns) }
        let dependencies = try dependencies(context)
        let decided = Set(dependencies.map(\.columns))
        let groups = sums.filter { $0.columns.count > 2 }.map { Set($0.columns) }
        let implications = try implications(context).filter { found in
            !decided.contains(found.columns) && !groups.contains { $0.isSuperset(of: found.columns) }
        }
        return orderings + sums + dependencies + Array(implications.prefix(limit)) + shapes()
    }

    /// How many of `count` rows may break a candidate.
    func allowed(_ count: Int) -> Int { Int(slack * Double(count)) + 1 }

    /// Whether chance would break a statement often enough that keeping it means something.
    func isSurprising(_ chance: Double, rows: Int, least: Double? = nil) -> Bool {
        chance >= (least ?? leastChance) && chance * Double(rows) >= leastExpected
    }

    // MARK: Orderings

    private func orderings(_ context: RunContext) throws -> [MinedConstraint] {
        let columns = sample.numbers.filter { $0.distinct > 5 }
        var found: [(low: Int, high: Int, chance: Double)] = []
        for low in columns.indices {
            try context.cancellation.check()
            for high in columns.indices where high != low {
                let (one, other) = (columns[low], columns[high])
                guard isMoment(one.column) == isMoment(other.column),
                    let rows = Self.ordered(one.values, other.values, allowed: allowed(sample.count))
                else { continue }
                let chance = Self.breaking(one.sorted, other.sorted)
                if isSurprising(chance, rows: rows) { found.append((low, high, chance)) }
            }
        }
        found.sort { ($0.chance, $1.low, $1.high) > ($1.chance, $0.low, $0.high) }
        var kept: [(low: Int, high: Int, chance: Double)] = []
        for pair in found where kept.count < limit {
            // why: what two kept orderings already say, and what two equal columns say both ways, is said once.
            let isImplied = found.contains { first in
                first.low == pair.low && first.high != pair.high
                    && found.contains { $0.low == first.high && $0.high == pair.high }
            }
            if isImplied || kept.contains(where: { $0.low == pair.high && $0.high == pair.low }) { continue }
            kept.append(pair)
        }
        return kept.map { pair in
            let (low, high) = (columns[pair.low].column.name, columns[pair.high].column.name)
            return MinedConstraint(
                .ordering, rule: "\(RuleText.member(low)) <= \(RuleText.member(high))",
                statement: "\(low.clipped(to: 40)) <= \(high.clipped(to: 40))", columns: [low, high],
                chance: pair.chance)
        }
    }

    private func isMoment(_ column: Column) -> Bool { column.type == .date || column.type == .timestamp }

    /// Number of rows with both values when at most `allowed` of them are out of order, else `nil`.
    private static func ordered(_ low: [Double], _ high: [Double], allowed: Int) -> Int? {
        low.withUnsafeBufferPointer { low in
            high.withUnsafeBufferPointer { high in
                var (rows, broken) = (0, 0)
                for row in 0..<min(low.count, high.count) {
                    let (one, other) = (low[row], high[row])
                    if one <= other {
                        rows += 1
                    } else if one > other {
                        rows += 1
                        broken += 1
                        if broken > allowed { return nil }
                    }
                }
                return rows
            }
        }
    }

    /// Share of pairs of values, each taken from any row, that are out of order.
    static func breaking(_ low: [Double], _ high: [Double]) -> Double {
        guard !low.isEmpty, !high.isEmpty else { return 0 }
        var (place, broken) = (0, 0)
        for value in low {
            while place < high.count, high[place] < value { place += 1 }
            broken += place
        }
        return Double(broken) / (Double(low.count) * Double(high.count))
    }
}
