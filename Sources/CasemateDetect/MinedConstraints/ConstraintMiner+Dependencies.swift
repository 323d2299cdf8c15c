import CasemateCore
import CasemateData

extension ConstraintMiner {
    /// Functional dependencies between columns: each value of one comes with one value of the other.
    func dependencies(_ context: RunContext) throws -> [MinedConstraint] {
        var generator = SeededGenerator(seed: seed, stream: 0x4644)
        let targets = targets()
        var found: [(decider: Int, target: Int, chance: Double)] = []
        for (index, decider) in sample.deciders.enumerated() {
            try context.cancellation.check()
            for (place, target) in targets.enumerated() where target.column.name != decider.column.name {
                guard let (rows, error) = Self.disagreement(decider, target.codes), error <= allowed(rows) else {
                    continue
                }
                let shuffled = target.codes.shuffled(using: &generator)
                guard let (others, chance) = Self.disagreement(decider, shuffled), others > 0 else { continue }
                let share = Double(chance) / Double(others)
                if isSurprising(share, rows: rows) { found.append((index, place, share)) }
            }
        }
        found.sort { ($0.chance, $1.decider, $1.target) > ($1.chance, $0.decider, $0.target) }
        return found.prefix(limit).map { pair in
            statement(sample.deciders[pair.decider], targets[pair.target], chance: pair.chance)
        }
    }

    /// Columns that may be decided.
    private func targets() -> [MiningSample.Codes] {
        var result = sample.categories
        let known = Set(result.map(\.column.name))
        result += sample.deciders.filter { !known.contains($0.column.name) }
        return result
    }

    /// Rows in groups of at least two, and those of them that differ from most of their group; O(rows).
    private static func disagreement(_ decider: MiningSample.Codes, _ target: [Int32]) -> (rows: Int, error: Int)? {
        var counts: [UInt64: Int] = [:]
        counts.reserveCapacity(1024)
        for (one, other) in zip(decider.codes, target) where one >= 0 && other >= 0 {
            counts[UInt64(UInt32(bitPattern: one)) << 32 | UInt64(UInt32(bitPattern: other)), default: 0] += 1
        }
        var (most, total) = (
            [Int](repeating: 0, count: decider.names.count), [Int](repeating: 0, count: decider.names.count)
        )
        for (key, count) in counts {
            let group = Int(key >> 32)
            most[group] = max(most[group], count)
            total[group] += count
        }
        var (rows, error) = (0, 0)
        for group in total.indices where total[group] > 1 {
            rows += total[group]
            error += total[group] - most[group]
        }
        return rows > 0 ? (rows, error) : nil
    }

    private func statement(
        _ decider: MiningSample.Codes, _ target: MiningSample.Codes, chance: Double
    ) -> MinedConstraint {
        let (one, other) = (decider.column.name, target.column.name)
        var rule: String?
        if decider.names.count <= 8 {
            let parts = decider.names.indices.compactMap { level -> String? in
                guard let value = majority(decider.codes, level, target) else { return nil }
                return
                    "(\(RuleText.member(one)) != \(decider.literals[level]) || \(RuleText.member(other)) == \(value))"
            }
            rule = parts.isEmpty ? nil : parts.joined(separator: " && ")
        }
        return MinedConstraint(
            .dependency, rule: rule, statement: "\(one.clipped(to: 40)) decides \(other.clipped(to: 40))",
            columns: [one, other], chance: chance)
    }

    /// The commonest value of the target among rows of a level, as rules spell it.
    private func majority(_ codes: [Int32], _ level: Int, _ target: MiningSample.Codes) -> String? {
        var counts = [Int](repeating: 0, count: target.names.count)
        for (one, other) in zip(codes, target.codes) where Int(one) == level && other >= 0 { counts[Int(other)] += 1 }
        guard let best = counts.indices.max(by: { (counts[$0], $1) < (counts[$1], $0) }), counts[best] > 0 else {
            return nil
        }
        return target.literals[best]
    }
}
