import CasemateCore

/// What is wrong with a set of rules themselves: rules that say nothing, and rules that exclude each other.
public struct ConstraintReview: Hashable, Sendable {
    /// One fault; rules are indices into the set.
    public enum Fault: Hashable, Sendable {
        /// True for every row by its form.
        case alwaysTrue(rule: Int)
        /// False for every row to which it applies by its form; `columns` are left without a value.
        case neverTrue(rule: Int, columns: [String])
        /// No row of the table has what it needs; `missing` are its columns without any value there.
        case neverApplies(rule: Int, missing: [String])
        /// Every row to which it applies breaks it.
        case brokenByAll(rule: Int, rows: Int)
        /// No value of `columns` keeps both, by their form; `rows` rows of the table have both applied to them.
        case clash(Int, Int, columns: [String], rows: Int)
        /// Both apply to `rows` rows, each is kept by some, and none keeps both: more often apart than chance explains.
        /// `pValue` is Fisher's exact, adjusted by Holm over all pairs.
        case apart(Int, Int, rows: Int, pValue: Double)
    }
    /// Faults of single rules first, in the order of the rules; pairs are formed of the rules without such a fault.
    public let faults: [Fault]
    /// Rules that say nothing about rows, because nothing keeps them: false by form, broken by every row, or excluded by
    /// the text of another. A row that breaks one of these is not shown to be wrong.
    public var unsound: Set<Int> {
        var rules: Set<Int> = []
        for fault in faults {
            switch fault {
            case .neverTrue(let rule, _), .brokenByAll(let rule, _): rules.insert(rule)
            case .clash(let one, let other, _, _): rules.formUnion([one, other])
            case .alwaysTrue, .neverApplies, .apart: break
            }
        }
        return rules
    }
    /// Whether every pair of rules was compared on the rows; with many rules on many rows only their texts are.
    public let comparesRows: Bool
    /// The most 64-bit words that comparing pairs may read.
    static let effort = 200_000_000

    /// Looks at rules and at what they said of a table; `alpha` is the level for `apart`.
    public init(of verdicts: ConstraintVerdicts, in table: DataTable, alpha: Double = 0.01) {
        let (rules, counts) = (verdicts.rules, verdicts.counts(listing: 0))
        var faults: [Fault] = []
        var sound: [Int] = []
        for (index, rule) in rules.enumerated() {
            if let fault = Self.fault(rule, index, counts[index], table) {
                faults.append(fault)
            } else {
                sound.append(index)
            }
        }
        let words = (verdicts.count + 63) / 64
        let pairs = sound.count * max(0, sound.count - 1) / 2
        comparesRows = pairs <= Self.effort / max(1, words)
        var suspects: [(one: Int, other: Int, rows: Int, pValue: Double)] = []
        for one in sound {
            for other in sound where other > one {
                let columns = rules[one].conflicts(with: rules[other])
                guard comparesRows || !columns.isEmpty else { continue }
                let shared = verdicts.overlap(one, other)
                if !columns.isEmpty {
                    faults.append(.clash(one, other, columns: columns, rows: shared.both))
                } else if shared.kept == 0, shared.first > 0, shared.second > 0 {
                    let rest = shared.both - shared.first - shared.second
                    let p = HypothesisTests.fisherExact(0, shared.first, shared.second, rest)
                    suspects.append((one, other, shared.both, p))
                }
            }
        }
        // why padded: pairs that are never apart were looked at, too.
        let adjusted = HypothesisTests.holm(
            suspects.map(\.pValue) + [Double](repeating: 1, count: max(0, min(pairs, 100_000) - suspects.count)))
        for (suspect, p) in zip(suspects, adjusted) where p < alpha {
            faults.append(.apart(suspect.one, suspect.other, rows: suspect.rows, pValue: p))
        }
        self.faults = faults
    }

    private static func fault(
        _ rule: ConstraintRule, _ index: Int, _ counts: ConstraintCounts, _ table: DataTable
    ) -> Fault? {
        switch rule.constantVerdict {
        case .holds: return .alwaysTrue(rule: index)
        case .violated: return .neverTrue(rule: index, columns: ConstraintBounds(rule).empty)
        case .notApplicable: return .neverApplies(rule: index, missing: [])
        case nil: break
        }
        if counts.applicable == 0 {
            let missing = rule.columns.filter { name in
                table.columns.contains { $0.name == name && $0.missing == table.count }
            }
            return .neverApplies(rule: index, missing: missing)
        }
        return counts.holds == 0 ? .brokenByAll(rule: index, rows: counts.violated) : nil
    }
}
