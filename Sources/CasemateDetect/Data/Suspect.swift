import CasemateCore

/// A row that one check points at.
public struct Suspect: Hashable, Sendable {
    /// Row of the data, from 0.
    public let row: Int
    /// How sure the check is that something is wrong with this row, in 0…1: its own estimate of the probability.
    public let strength: Double
    /// Why, a short clause without values of other rows: `label 0, the other rows say 1 (0.97)`.
    public let reason: String
    /// Makes a suspect; a strength outside 0…1 is brought inside.
    public init(row: Int, strength: Double, reason: String) {
        (self.row, self.reason) = (row, reason)
        self.strength = strength.isFinite ? min(1, max(0, strength)) : 0
    }
}

/// A row that some checks point at, with the probability that something is wrong with it.
public struct RankedSuspect: Hashable, Sendable, Codable {
    /// Row of the data, from 0.
    public let row: Int
    /// Combined estimate in 0…1.
    public let score: Double
    /// Checks that point at it, the surest first.
    public let checks: [String]
    /// Their reasons in the same order, `; ` between them.
    public let reason: String
    /// Makes an entry.
    public init(row: Int, score: Double, checks: [String], reason: String) {
        (self.row, self.score, self.checks, self.reason) = (row, score, checks, reason)
    }
}

/// Turns what several checks say into one list.
public enum SuspectRanking {
    /// Rows, the likeliest first and then by row: the checks are taken as independent witnesses, so that a row is fine
    /// only if each of them is wrong about it, `1 - Π (1 - reliability · strength)`.
    /// - Parameter reliability: By check, the share of its rows that reviewers found bad; 1 where nobody looked yet.
    public static func ranked(
        _ results: [(check: String, suspects: [Suspect])], reliability: [String: Double] = [:]
    ) -> [RankedSuspect] {
        var byRow: [Int: [(check: String, strength: Double, reason: String)]] = [:]
        for (check, suspects) in results {
            let trust = min(1, max(0, reliability[check] ?? 1))
            for suspect in suspects {
                byRow[suspect.row, default: []].append((check, trust * suspect.strength, suspect.reason))
            }
        }
        let all = byRow.map { row, witnesses in
            let sorted = witnesses.sorted { ($1.strength, $0.check) < ($0.strength, $1.check) }
            return RankedSuspect(
                row: row, score: 1 - sorted.reduce(1) { $0 * (1 - $1.strength) }, checks: sorted.map(\.check),
                reason: sorted.map(\.reason).joined(separator: "; "))
        }
        return all.sorted { ($1.score, $0.row) < ($0.score, $1.row) }
    }
}
