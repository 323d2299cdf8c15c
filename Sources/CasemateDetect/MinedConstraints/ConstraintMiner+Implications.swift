import CasemateCore
import CasemateData

extension ConstraintMiner {
    /// Fewest rows of a value that may imply something, and smallest share that would break it by chance.
    private static let support = 100, leastShare = 0.2

    /// Values of a category that fix or limit another column, the most surprising first.
    func implications(_ context: RunContext) throws -> [MinedConstraint] {
        var found: [(constraint: MinedConstraint, weight: Double)] = []
        for category in sample.categories where category.names.count <= MiningSample.levelLimit {
            try context.cancellation.check()
            for level in category.names.indices where category.counts[level] >= Self.support {
                let rows = category.codes.indices.filter { Int(category.codes[$0]) == level }
                for constraint in implied(by: category, level, rows) {
                    found.append((constraint, constraint.chance * Double(rows.count)))
                }
            }
        }
        found.sort { ($0.weight, $1.constraint.statement) > ($1.weight, $0.constraint.statement) }
        return found.map(\.constraint)
    }

    private func implied(by category: MiningSample.Codes, _ level: Int, _ rows: [Int]) -> [MinedConstraint] {
        var result: [MinedConstraint] = []
        let name = category.column.name
        func add(_ part: String, _ words: String, _ column: String, _ chance: Double) {
            let value = category.names[level].clipped(to: 30)
            result.append(
                MinedConstraint(
                    .implication, rule: "\(RuleText.member(name)) != \(category.literals[level]) || \(part)",
                    statement: "\(name.clipped(to: 40)) \(value) implies \(column.clipped(to: 40)) \(words)",
                    columns: [name, column], chance: chance))
        }
        for other in sample.categories where other.column.name != name {
            if let (value, chance) = fixed(other, rows) {
                let part = "\(RuleText.member(other.column.name)) == \(other.literals[value])"
                add(part, "is \(other.names[value].clipped(to: 30))", other.column.name, chance)
            }
        }
        for other in sample.numbers where other.column.name != name {
            let isMoment = other.column.type == .date || other.column.type == .timestamp
            let member = RuleText.member(other.column.name)
            if let (isMissing, chance) = presence(other.values, rows) {
                let words = isMissing ? "is missing" : "is there"
                add("\(member) \(isMissing ? "==" : "!=") null", words, other.column.name, chance)
            } else if !isMoment, other.distinct > MiningSample.levelLimit, let (value, chance) = constant(other, rows) {
                add(
                    "\(member) == \(CanonicalText.of(value))", "is \(CanonicalText.of(value))", other.column.name,
                    chance)
            } else if !isMoment, other.distinct > MiningSample.levelLimit, let range = range(other, rows) {
                let bounds = [
                    range.low.map { "\(member) >= \(CanonicalText.of($0))" },
                    range.high.map { "\(member) <= \(CanonicalText.of($0))" },
                ].compactMap(\.self)
                let words = [
                    range.low.map { "at least \(CanonicalText.of($0))" },
                    range.high.map { "at most \(CanonicalText.of($0))" },
                ].compactMap(\.self).joined(separator: " and ")
                let part = bounds.count > 1 ? "(\(bounds.joined(separator: " && ")))" : bounds[0]
                add(part, words, other.column.name, range.chance)
            }
        }
        return result
    }

    /// The one value of a category in nearly all of the rows, and how often it is another one elsewhere.
    private func fixed(_ other: MiningSample.Codes, _ rows: [Int]) -> (value: Int, chance: Double)? {
        var counts = [Int](repeating: 0, count: other.names.count)
        var known = 0
        other.codes.withUnsafeBufferPointer { codes in
            for row in rows where codes[row] >= 0 {
                counts[Int(codes[row])] += 1
                known += 1
            }
        }
        guard known >= Self.support, let value = counts.indices.max(by: { counts[$0] < counts[$1] }),
            known - counts[value] <= allowed(known)
        else { return nil }
        let total = other.counts.reduce(0, +)
        let chance = 1 - Double(other.counts[value]) / Double(max(1, total))
        return isSurprising(chance, rows: known, least: Self.leastShare) ? (value, chance) : nil
    }

    /// The one number in nearly all of the rows, and how often it is another one elsewhere.
    private func constant(_ other: MiningSample.Numbers, _ rows: [Int]) -> (value: Double, chance: Double)? {
        let values = rows.map { other.values[$0] }.filter { !$0.isNaN }.sorted()
        guard values.count >= Self.support else { return nil }
        let value = values[values.count / 2]
        guard values.count(where: { $0 != value }) <= allowed(values.count) else { return nil }
        let chance = Double(other.sorted.count { $0 != value }) / Double(max(1, other.sorted.count))
        return isSurprising(chance, rows: values.count, least: Self.leastShare) ? (value, chance) : nil
    }

    private func presence(_ values: [Double], _ rows: [Int]) -> (isMissing: Bool, chance: Double)? {
        let missing = rows.count { values[$0].isNaN }
        let share = Double(values.count { $0.isNaN }) / Double(max(1, values.count))
        guard share > 0 else { return nil }
        if missing <= allowed(rows.count), isSurprising(share, rows: rows.count, least: Self.leastShare) {
            return (false, share)
        }
        if rows.count - missing <= allowed(rows.count),
            isSurprising(1 - share, rows: rows.count, least: Self.leastShare)
        {
            return (true, 1 - share)
        }
        return nil
    }

    /// Bounds that the rows keep and other rows often break. A bound is the outermost value and a twentieth of the range
    /// beyond it, or, where a few values lie far from all others, a quarter beyond these others.
    private func range(
        _ other: MiningSample.Numbers, _ rows: [Int]
    ) -> (low: Double?, high: Double?, chance: Double)? {
        let values = rows.map { other.values[$0] }.filter { !$0.isNaN }.sorted()
        guard values.count >= Self.support, let least = other.sorted.first, let most = other.sorted.last else {
            return nil
        }
        let few = allowed(values.count)
        let (first, last) = (Self.core(values, few), values.count - 1 - Self.core(values.reversed().map { -$0 }, few))
        guard first < last, values[last] > values[first] else { return nil }
        let width = values[last] - values[first]
        var low: Double? = Self.round(values[first] - width * (first > 0 ? 0.25 : 0.05), width, .down)
        var high: Double? = Self.round(
            values[last] + width * (last < values.count - 1 ? 0.25 : 0.05), width, .up)
        if let bound = low, bound <= least { low = nil }
        if let bound = high, bound >= most { high = nil }
        guard low != nil || high != nil else { return nil }
        let outside = other.sorted.count { $0 < low ?? -.infinity || $0 > high ?? .infinity }
        let chance = Double(outside) / Double(other.sorted.count)
        guard isSurprising(chance, rows: values.count, least: Self.leastShare) else { return nil }
        return (low, high, chance)
    }

    /// Where the values begin that belong together: behind the last of the first `few` gaps as wide as half of the rest.
    private static func core(_ sorted: [Double], _ few: Int) -> Int {
        for index in stride(from: min(few, sorted.count - 2), to: 0, by: -1) {
            let rest = sorted[sorted.count - 1 - min(few, sorted.count - 1 - index)] - sorted[index]
            if rest > 0, sorted[index] - sorted[index - 1] >= 0.5 * rest { return index }
        }
        return 0
    }

    private static func round(_ value: Double, _ width: Double, _ rule: FloatingPointRoundingRule) -> Double {
        guard width > 0, width.isFinite else { return value }
        var unit = 1.0
        while unit > width / 20, unit > 1e-12 { unit /= 10 }
        while unit * 10 <= width / 20, unit < 1e15 { unit *= 10 }
        let scaled = (value / unit).rounded(rule)
        return unit < 1 ? scaled / (1 / unit).rounded() : scaled * unit
    }
}
