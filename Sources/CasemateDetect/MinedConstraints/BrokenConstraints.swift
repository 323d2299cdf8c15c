import CasemateCore

/// Statements that training rows break, with what is to be thought of it.
struct BrokenConstraints {
    /// One statement.
    struct Entry {
        let constraint: MinedConstraint
        /// Training rows that break it, at most `ConstraintTally.rowLimit`.
        let rows: [Int]
        /// p-value, after Holm, that training rows break it no oftener than the reference; `nil` without one.
        let pValue: Double?
        /// Probability that a row that breaks it is wrong.
        let strength: Double
    }
    /// The statements, the likeliest to be wrongly broken first.
    let entries: [Entry]
    /// Whether there is a reference.
    let hasReference: Bool

    init(_ constraints: [MinedConstraint], rows: [[Int]], hasReference: Bool) {
        self.hasReference = hasReference
        let adjusted = HypothesisTests.holm(constraints.map { Self.excess($0) })
        let all = constraints.indices.map { index in
            let constraint = constraints[index]
            let strength = hasReference ? Self.strength(constraint) : Self.ownStrength(constraint)
            return Entry(
                constraint: constraint, rows: rows[index], pValue: hasReference ? adjusted[index] : nil,
                strength: strength)
        }
        entries = all.sorted { ($1.strength, $0.constraint.statement) < ($0.strength, $1.constraint.statement) }
    }

    /// One-sided p-value that the training data break it no oftener: both samples share a rate (Fisher's exact test).
    private static func excess(_ constraint: MinedConstraint) -> Double {
        let (a, n) = (constraint.trainBroken, constraint.trainApplicable)
        let (b, m) = (constraint.broken + edges(constraint), constraint.applicable + edges(constraint))
        guard n > 0, m > 0 else { return 1 }
        guard Double(a) / Double(n) > Double(b) / Double(m) else { return 1 }
        return min(1, HypothesisTests.fisherExact(a, n - a, b, m - b))
    }

    /// Rows beyond the outermost values of the reference that were to be expected in another sample of its size.
    private static func edges(_ constraint: MinedConstraint) -> Int { constraint.kind == .implication ? 2 : 0 }

    /// The share of the breaking rows beyond what the reference lets expect: of `b` broken in `m`, (b + 1) / (m + 1).
    private static func strength(_ constraint: MinedConstraint) -> Double {
        let honest = Double(constraint.broken + 1 + edges(constraint)) / Double(constraint.applicable + 1)
        let expected = honest * Double(constraint.trainApplicable)
        return min(0.95, max(0, 1 - expected / Double(max(1, constraint.trainBroken))))
    }

    /// Without a reference nothing tells a rare honest row from a wrong one: at most an even chance, less where more
    /// rows break the statement, and least for implications, which have honest exceptions most often.
    private static func ownStrength(_ constraint: MinedConstraint) -> Double {
        let base: Double =
            switch constraint.kind {
            case .sum: 0.5
            case .ordering, .dependency, .shape: 0.4
            case .implication: 0.2
            }
        return base * (1 - 0.5 * min(1, constraint.brokenShare / 0.001))
    }

    /// The rows: each with the statements that it breaks, stronger the more there are.
    func suspects(limit: Int) -> [Suspect] {
        var byRow: [Int: (strength: Double, count: Int, columns: Set<String>, first: String)] = [:]
        for entry in entries where entry.strength >= 0.05 {
            for row in entry.rows {
                guard let known = byRow[row] else {
                    let said = entry.constraint.rule ?? entry.constraint.statement
                    let columns = Set(entry.constraint.columns)
                    byRow[row] = (entry.strength, 1, columns, "breaks \(said.clipped(to: 120))")
                    continue
                }
                // why: two rules about the same columns are one witness.
                let isNew = !entry.constraint.columns.allSatisfy(known.columns.contains)
                byRow[row] = (
                    isNew ? 1 - (1 - known.strength) * (1 - 0.3 * entry.strength) : known.strength, known.count + 1,
                    known.columns.union(entry.constraint.columns), known.first
                )
            }
        }
        let all = byRow.map { row, found in
            let more = found.count > 1 ? " and \(RowWords.count(found.count - 1, "other rule"))" : ""
            return Suspect(row: row, strength: min(0.97, found.strength), reason: found.first + more)
        }
        return Array(all.sorted { ($1.strength, $0.row) < ($0.strength, $1.row) }.prefix(limit))
    }
}
