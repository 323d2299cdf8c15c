import CasemateCore
import Foundation

/// Turns a combination of counted codes into the pattern that explains the labels best with the fewest choices: ranges
/// get their exact ends, needless conditions go, missing ones come.
struct PatternRefinement: Sendable {
    let columns: TriggerColumns
    let views: [ColumnView]
    let evidence: LabelEvidence
    let settings: TriggerSettings
    let fewest: Int, most: Int
    /// Rows that an earlier trigger does not explain.
    let rows: [Int]
    /// Number of families of hypotheses.
    let families: Double

    /// A pattern with its rows and evidence.
    struct Refined: Sendable {
        var pattern: TriggerPattern
        var target: Int
        var rows: [Int]
        var evidence: Double
        /// Logarithm of the number of hypotheses that stand behind such a pattern.
        var choices: Double
        /// What is left of the evidence.
        var net: Double { evidence - choices }
    }

    /// Logarithm of the number of patterns of this make: families, classes, columns, and values or ranges of each.
    /// The reciprocals of these numbers add up to at most 1 over everything searched, so that they share `alpha` out
    /// as Bonferroni does with equal parts. Source: Genovese, Roeder, Wasserman, "False discovery control with p-value
    /// weighting", Biometrika, 2006.
    func choices(_ pattern: TriggerPattern) -> Double {
        var sum = log(families * Double(evidence.classes))
        for (index, part) in pattern.parts.enumerated() {
            sum += log(Double(columns.count - index)) - log(Double(index + 1))
            let distinct = Double(columns.distinct[part.column])
            sum +=
                part.isExact
                ? log(Double(max(1, columns.frequent[part.column])) / TriggerSettings.exactShare)
                : log(distinct * (distinct + 1) / 2 / (1 - TriggerSettings.exactShare))
        }
        return sum
    }

    func measured(_ pattern: TriggerPattern, _ target: Int) -> Refined? {
        let held = pattern.rows(in: columns, among: rows)
        guard held.count >= fewest, held.count <= most else { return nil }
        return Refined(
            pattern: pattern, target: target, rows: held, evidence: evidence.sum(held, target),
            choices: choices(pattern))
    }

    /// The best pattern near a candidate; `nil` when its rows are gone.
    func refined(_ candidate: CombinationSearch.Candidate) -> Refined? {
        let parts = candidate.items.map { item in
            TriggerPattern.Part(column: views[item.view].column, meaning: views[item.view].meanings[item.code - 1])
        }
        guard var best = measured(TriggerPattern(parts: parts), candidate.target) else { return nil }
        for _ in 0..<6 {
            let before = best.net
            tighten(&best)
            pin(&best)
            drop(&best)
            extend(&best)
            if best.net <= before + 1e-9 { break }
        }
        sharpen(&best)
        return best
    }

    /// Gives every range its best ends.
    private func tighten(_ best: inout Refined) {
        for index in best.pattern.parts.indices {
            let part = best.pattern.parts[index]
            guard !columns.categorical.contains(part.column), part.meaning != .missing else { continue }
            let others = best.pattern.dropping(index)
            let free = others.rows(in: columns, among: rows)
            let scan = IntervalScan(values: columns.values[part.column], rows: free, fewest: fewest, most: most)
            guard let found = scan.best(evidence, best.target) else { continue }
            var pattern = best.pattern
            pattern.parts[index] = TriggerPattern.Part(column: part.column, meaning: .range(found.low, found.high))
            if let other = measured(pattern, best.target), other.net > best.net + 1e-9 { best = other }
        }
    }

    /// Puts the value that most of its rows have in the place of a range.
    private func pin(_ best: inout Refined) {
        for index in best.pattern.parts.indices where !best.pattern.parts[index].isExact {
            let column = best.pattern.parts[index].column
            var counts: [Float: Int] = [:]
            for row in best.rows { counts[columns.values[column][row], default: 0] += 1 }
            guard let common = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { continue }
            var pattern = best.pattern
            pattern.parts[index] = TriggerPattern.Part(column: column, meaning: .range(common.key, common.key))
            if let other = measured(pattern, best.target), other.net > best.net { best = other }
        }
    }

    /// Adds a condition that keeps nearly all of the evidence and leaves out many rows: those that a rule of the data
    /// brings in beside the planted ones have the label by luck.
    private func sharpen(_ best: inout Refined) {
        let taken = Set(best.pattern.parts.map(\.column))
        var sharper: Refined?
        for view in views where !taken.contains(view.column) {
            for code in 1..<view.size {
                let count = best.rows.count { Int(view.codes[$0]) == code }
                guard count >= fewest, count * 10 >= best.rows.count * 3, count * 10 <= best.rows.count * 9 else {
                    continue
                }
                var pattern = best.pattern
                pattern.parts.append(.init(column: view.column, meaning: view.meanings[code - 1]))
                guard let other = measured(pattern, best.target), isSharper(other, than: best) else { continue }
                if other.net > sharper?.net ?? -.infinity { sharper = other }
            }
        }
        if let sharper { best = sharper }
    }

    /// Whether the rows that are left out carry hardly any evidence, or have other labels where the kept ones have none.
    private func isSharper(_ other: Refined, than best: Refined) -> Bool {
        let gone = best.rows.count - other.rows.count
        let rest = (best.evidence - other.evidence) / Double(gone)
        if other.evidence >= 0.85 * best.evidence, rest < 0.35 * other.evidence / Double(other.rows.count) {
            return true
        }
        let missed = other.rows.count { Int(evidence.labels[$0]) != best.target }
        let all = best.rows.count { Int(evidence.labels[$0]) != best.target }
        guard (all - missed) * other.rows.count > 4 * missed * gone, other.evidence >= 0.5 * best.evidence else {
            return false
        }
        return HypothesisTests.fisherExact(missed, other.rows.count - missed, all - missed, gone - (all - missed))
            < 5e-3
    }

    /// Leaves conditions out while that costs nothing.
    private func drop(_ best: inout Refined) {
        while best.pattern.parts.count > 1 {
            let shorter = best.pattern.parts.indices.compactMap {
                measured(best.pattern.dropping($0), best.target)
            }
            guard let other = shorter.max(by: { $0.net < $1.net }), other.net >= best.net else { return }
            best = other
        }
    }

    /// Adds the frequent value that explains most, while that pays.
    private func extend(_ best: inout Refined) {
        while best.pattern.parts.count < 8 {
            let taken = Set(best.pattern.parts.map(\.column))
            let first = best.target * evidence.count
            var better: Refined?
            for view in views where !taken.contains(view.column) {
                var sums = [Double](repeating: 0, count: view.size)
                var counts = [Int](repeating: 0, count: view.size)
                for row in best.rows {
                    sums[Int(view.codes[row])] += Double(evidence.scores[first + row])
                    counts[Int(view.codes[row])] += 1
                }
                for code in 1..<view.size where counts[code] >= fewest && sums[code] > best.evidence {
                    var pattern = best.pattern
                    pattern.parts.append(.init(column: view.column, meaning: view.meanings[code - 1]))
                    if let other = measured(pattern, best.target), other.net > (better ?? best).net + 1e-9 {
                        better = other
                    }
                }
            }
            guard let better else { return }
            best = better
        }
    }

    /// The pattern with all conditions that its rows share by no accident, what an attacker wrote there too, and
    /// without those that only keep rows out that have the label as well.
    ///
    /// A condition belongs to it when as many rows drawn from the others would hardly ever share a value, and when no
    /// other condition of the pattern brings it along in the other rows.
    func closed(_ refined: Refined) -> Refined {
        var best = refined
        let held = refined.rows.filter { Int(evidence.labels[$0]) == refined.target }
        let inside = Set(refined.rows)
        let outside = rows.filter { !inside.contains($0) }
        guard held.count > 2, !outside.isEmpty else { return best }
        for column in 0..<columns.count where !refined.pattern.parts.contains(where: { $0.column == column }) {
            guard let part = shared(column, held, outside) else { continue }
            let isBrought = refined.pattern.parts.contains { other in
                let alike = outside.filter { other.holds(columns.values[other.column][$0]) }
                return alike.count >= 5
                    && Double(alike.count { part.holds(columns.values[column][$0]) }) >= 0.9 * Double(alike.count)
            }
            guard !isBrought else { continue }
            var pattern = best.pattern
            pattern.parts.append(part)
            if let other = measured(pattern, best.target) { best = other }
        }
        widen(&best)
        trim(&best)
        best.pattern = best.pattern.sorted
        return best
    }

    /// The value of a column that nine in ten of some rows share and others hardly have.
    private func shared(_ column: Int, _ held: [Int], _ outside: [Int]) -> TriggerPattern.Part? {
        let values = columns.values[column]
        var counts: [UInt32: Int] = [:]
        for row in held { counts[values[row].bitPattern, default: 0] += 1 }
        guard let common = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return nil }
        let value = Float(bitPattern: common.key)
        let part = TriggerPattern.Part(column: column, meaning: value.isNaN ? .missing : .range(value, value))
        let (count, hits) = (Double(held.count), Double(common.value))
        guard hits >= 0.9 * count else { return nil }
        let share = (Double(outside.count { part.holds(values[$0]) }) + 1) / Double(outside.count + 2)
        guard share < hits / count else { return nil }
        // Chernoff's bound of a binomial tail: the count times the Kullback-Leibler divergence of the shares.
        let rate = hits / count
        let rest = rate < 1 ? (1 - rate) * log((1 - rate) / (1 - share)) : 0
        let divergence = rate * log(rate / share) + rest
        return count * divergence >= log(1e6 * Double(columns.count)) ? part : nil
    }

    /// Leaves out conditions that many other rows meet too and that only keep out rows with the same label.
    private func widen(_ best: inout Refined) {
        guard let start = measured(best.pattern, best.target) else { return }
        best = start
        while best.pattern.parts.count > 1 {
            let inside = Set(best.rows)
            let outside = rows.filter { !inside.contains($0) }
            let wider = best.pattern.parts.indices.compactMap { index -> Refined? in
                let part = best.pattern.parts[index]
                let alike = outside.count { part.holds(columns.values[part.column][$0]) }
                guard Double(alike) >= 0.3 * Double(outside.count),
                    let other = measured(best.pattern.dropping(index), best.target), other.net >= best.net
                else { return nil }
                return other
            }
            // why few rows more: what doubles them is a rule of the data, no part of the trigger that was left out.
            guard let other = wider.min(by: { $0.rows.count < $1.rows.count }),
                other.rows.count * 4 <= best.rows.count * 5
            else { return }
            best = other
        }
    }

    /// Moves the ends of ranges inwards past rows that lie apart from the bulk.
    private func trim(_ best: inout Refined) {
        for index in best.pattern.parts.indices where !best.pattern.parts[index].isExact {
            let column = best.pattern.parts[index].column
            let values = best.rows.map { columns.values[column][$0] }.sorted()
            var (first, last) = (0, values.count - 1)
            while last - first >= fewest {
                let width = values[last] - values[first]
                guard width > 0 else { break }
                let few = max(1, (last - first + 1) / 50)
                let (low, high) = (values[first + few] - values[first], values[last] - values[last - few])
                // why a tenth: a fiftieth of evenly spread rows takes a fiftieth of the range.
                guard max(low, high) > 0.1 * width else { break }
                if low > high { first += few } else { last -= few }
            }
            var pattern = best.pattern
            pattern.parts[index] = TriggerPattern.Part(column: column, meaning: .range(values[first], values[last]))
            if let other = measured(pattern, best.target), other.evidence >= 0.9 * best.evidence { best = other }
        }
    }
}

/// The range of a column with the most evidence.
struct IntervalScan {
    let values: [Float]
    let rows: [Int]
    let fewest: Int, most: Int

    /// The best range whose number of rows is allowed; ends are values of the data. Linear after sorting.
    func best(_ evidence: LabelEvidence, _ target: Int) -> (low: Float, high: Float, evidence: Double)? {
        let order = rows.filter { !values[$0].isNaN }.sorted { (values[$0], $0) < (values[$1], $1) }
        guard order.count >= fewest else { return nil }
        // Sums of evidence before each different value, and the rows before it.
        var levels: [Float] = []
        var sums = [0.0], counts = [0]
        for row in order {
            let score = Double(evidence.scores[target * evidence.count + row])
            if levels.last == values[row] {
                sums[sums.count - 1] += score
                counts[counts.count - 1] += 1
            } else {
                levels.append(values[row])
                sums.append(sums[sums.count - 1] + score)
                counts.append(counts[counts.count - 1] + 1)
            }
        }
        var best: (low: Float, high: Float, evidence: Double)?
        // Positions that may begin a range, their sums ascending: a queue of minima over a sliding window.
        var queue: [Int] = []
        var (head, next) = (0, 0)
        for end in 1...levels.count {
            while next < end, counts[end] - counts[next] >= fewest {
                while queue.count > head, sums[queue[queue.count - 1]] >= sums[next] { queue.removeLast() }
                queue.append(next)
                next += 1
            }
            while head < queue.count, counts[end] - counts[queue[head]] > most { head += 1 }
            guard head < queue.count else { continue }
            let start = queue[head]
            let sum = sums[end] - sums[start]
            if sum > best?.evidence ?? -.infinity { best = (levels[start], levels[end - 1], sum) }
        }
        return best
    }
}
