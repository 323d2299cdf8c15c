package import CasemateCore
import Foundation

/// What data were made from, back to their sources.
package struct DataLineage: Sendable {
    /// One step back.
    package indirect enum Node: Sendable {
        /// An entry with what became of its file, and what it was made from.
        case entry(LedgerReview.Placed, DataVerifier.Checked?, parents: [Node])
        /// An entry that was shown before.
        case seen(LedgerReview.Placed)
        /// A parent that the ledger knows nothing of.
        case unknown(LedgerEntry.Parent)
    }
    private let entries: [LedgerReview.Placed]
    private let verifier: DataVerifier?
    private let location: LedgerLocation

    /// Makes it.
    /// - Parameter verifier: Checks the files on the way; `nil` leaves them alone.
    package init(_ location: LedgerLocation, entries: [LedgerReview.Placed], verifier: DataVerifier?) {
        (self.location, self.entries, self.verifier) = (location, entries, verifier)
    }

    /// The entry that a file or a text means.
    /// - Throws: `notFound`.
    package func entry(_ text: String) throws(CasemateError) -> LedgerReview.Placed {
        let name = location.name(of: text)
        if let placed = entries.last(where: { $0.entry.path == name }) { return placed }
        if let placed = try LedgerEntry.find(text, among: entries) { return placed }
        throw CasemateError(
            .notFound, at: text, "no entry is about it",
            help: "register it with `casemate data register`, or name an entry by number or hash")
    }

    /// The tree above an entry. Each entry is followed once, so that nothing goes round in circles.
    package func tree(of placed: LedgerReview.Placed) throws -> Node {
        var seen: Set<String> = []
        return try node(placed, &seen, depth: 0)
    }

    private func node(_ placed: LedgerReview.Placed, _ seen: inout Set<String>, depth: Int) throws -> Node {
        guard seen.insert(placed.hash).inserted, depth < 200 else { return .seen(placed) }
        let isLatest = entries.last { $0.entry.path == placed.entry.path }?.hash == placed.hash
        // why only the latest: an older state of a file is not expected to be there any more.
        let checked = isLatest ? try verifier?.check(location.path(of: placed.entry.path)) : nil
        var parents: [Node] = []
        for parent in placed.entry.parents {
            guard let found = find(parent) else {
                parents.append(.unknown(parent))
                continue
            }
            parents.append(try node(found, &seen, depth: depth + 1))
        }
        return .entry(placed, checked, parents: parents)
    }

    private func find(_ parent: LedgerEntry.Parent) -> LedgerReview.Placed? {
        switch parent {
        case .entry(let hash): entries.first { $0.hash == hash }
        case .content(let hash): entries.last { $0.entry.digest.content.hexadecimal == hash }
        }
    }
}
