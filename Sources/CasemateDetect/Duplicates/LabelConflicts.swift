import CasemateCore

/// Equal rows with different labels: whether that says anything, and which of the labels are in doubt.
struct LabelConflicts {
    /// Groups of labelled rows, those with different labels, and the number that would have them by chance.
    let groups: Int, mixed: Int, expected: Double
    /// Whether equal rows share their label clearly oftener than any rows do, so that an exception means something.
    let isTelling: Bool
    /// Whether there are groups enough to see that labels of equal rows are as mixed as those of any rows.
    var isMixedByNature: Bool { !isTelling && expected >= 5 }

    /// - Parameters:
    ///   - sizes: Groups of equal rows by size.
    ///   - shares: Share of each class over all rows.
    init(_ sizes: [EqualRows.Size], shares: [Double]) {
        groups = sizes.reduce(0) { $0 + $1.groups }
        mixed = sizes.reduce(0) { $0 + $1.mixed }
        var (mean, variance) = (0.0, 0.0)
        for size in sizes {
            let alike = shares.reduce(0) { $0 + Self.power($1, size.rows) }
            mean += Double(size.groups) * (1 - alike)
            variance += Double(size.groups) * alike * (1 - alike)
        }
        expected = mean
        let z = variance > 0 ? (Double(mixed) - mean) / variance.squareRoot() : 0
        isTelling = Double(mixed) < 0.5 * mean && z < -2.33
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        exponent > 1_000 ? (base >= 1 ? 1 : 0) : (0..<exponent).reduce(1) { power, _ in power * base }
    }

    /// The rows of a group whose label is in doubt: those of the minority; all where no label leads.
    func suspects(_ group: EqualRows.Group, favourable: String?, copies: String = "equal row") -> [Suspect] {
        var counts: [String: Int] = [:]
        for label in group.labels { if let label { counts[label, default: 0] += 1 } }
        guard !isMixedByNature, counts.count > 1, let most = counts.values.max() else { return [] }
        let leaders = counts.filter { $0.value == most }.keys.sorted()
        let weight = isTelling ? 1 : 0.3
        return zip(group.rows, group.labels).compactMap { row, label in
            guard let label, let own = counts[label] else { return nil }
            if leaders.count == 1, label == leaders[0] { return nil }
            let other = leaders.first { $0 != label } ?? leaders[0]
            let strength =
                leaders.count > 1
                ? 0.25 : 0.3 + 0.6 * Double(most - own) / Double(most + own + 1)
            let direction =
                favourable.map { good in
                    label == good
                        ? ": integrity, bad let through" : other == good ? ": availability, good turned away" : ""
                } ?? ""
            return Suspect(
                row: row, strength: weight * strength,
                reason: "label \(label.clipped(to: 30)), \(RowWords.count(most, copies)) say\(most == 1 ? "s" : "") "
                    + other.clipped(to: 30)
                    + direction)
        }
    }
}
