import CasemateCore
import CasemateDetect

/// Which rows are taken away, and why: reviewers' decisions first, scores where nobody decided.
struct SanitizeRule {
    /// A row that is taken away.
    struct Removal {
        /// Row of the data, from 0.
        let row: Int
        /// What the list says of it; `nil` for a row that only a reviewer named.
        let suspect: RankedSuspect?
        /// What a reviewer decided; `nil` where nobody did.
        let decision: ReviewDecision?
    }
    /// Rows that go, ascending.
    let removals: [Removal]
    /// Rows that would go by their score and stay because a reviewer found them fine.
    let rescued: Int
    /// The last row that is named anywhere.
    let last: Int?

    /// Decides.
    init(_ suspects: [RankedSuspect], decisions: [Int: ReviewDecision], _ settings: SanitizeJob.Settings) {
        let wanted = Set(settings.checks)
        var removals: [Removal] = []
        var rescued = 0
        for suspect in suspects {
            let decision = decisions[suspect.row]
            let isHigh =
                suspect.score >= settings.minimumScore && (wanted.isEmpty || !wanted.isDisjoint(with: suspect.checks))
            let isBad = decision?.verdict.isBad
            if isBad == false, isHigh { rescued += 1 }
            guard isBad ?? isHigh else { continue }
            removals.append(Removal(row: suspect.row, suspect: suspect, decision: isBad == nil ? nil : decision))
        }
        let listed = Set(suspects.map(\.row))
        for (row, decision) in decisions where decision.verdict.isBad == true && !listed.contains(row) {
            removals.append(Removal(row: row, suspect: nil, decision: decision))
        }
        self.removals = removals.sorted { $0.row < $1.row }
        self.rescued = rescued
        last =
            (suspects.lazy.map(\.row).max()).map { max($0, removals.lazy.map(\.row).max() ?? 0) }
            ?? removals.lazy.map(\.row).max()
    }

    /// Rows that go, ascending.
    var rows: [Int] { removals.map(\.row) }

    /// One line of `manifest.csv`, with its line end.
    static func line(_ removal: Removal) -> String {
        let (suspect, decision) = (removal.suspect, removal.decision)
        let reasons = [
            decision.map { "\($0.verdict.rawValue), decided by \($0.who)" }, suspect.map(\.reason).flatMap(nonEmpty),
        ]
        let cells = [
            String(removal.row), suspect.map { SuspectFile.decimal($0.score) } ?? "",
            (suspect?.checks ?? decision?.checks ?? []).joined(separator: ";"),
            reasons.compactMap(\.self).joined(separator: "; "), decision?.verdict.rawValue ?? "", decision?.who ?? "",
            decision?.when ?? "", decision?.note ?? "",
        ]
        return cells.map(SuspectFile.cell).joined(separator: ",") + "\n"
    }

    /// The first line of `manifest.csv`.
    static let header = "row,score,checks,reason,decision,who,when,note\n"

    private static func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
}
