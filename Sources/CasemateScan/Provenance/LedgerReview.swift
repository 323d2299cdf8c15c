package import CasemateCore
import Foundation

/// Examines the lines of a ledger: which entries there are, and which one was altered, removed, moved, repeated or cut
/// off.
///
/// Every entry names the hash of the one before it, so each line but the last is vouched for by the next one: a line
/// that nobody vouches for was altered. Sequence numbers say which ones are missing, repeated or in the wrong place,
/// signatures which one is not what its signer wrote.
package struct LedgerReview: Sendable {
    /// An entry with its place.
    package struct Placed: Hashable, Sendable {
        /// The entry.
        package let entry: LedgerEntry
        /// Its hash.
        package let hash: String
        /// Which line it is, from 0.
        package let position: Int
    }
    /// Something wrong.
    package struct Problem: Hashable, Sendable {
        /// What was done to the ledger.
        package enum Kind: String, Hashable, Sendable {
            /// A line that is no entry, or not what it was when the next one was written or it was signed.
            case altered
            /// A sequence number that no line has.
            case removed
            /// A line in the wrong place.
            case reordered
            /// A line that is there twice.
            case repeated
            /// Entries that a checkpoint knows and that are gone.
            case truncated
            /// A last line that was never finished.
            case torn
        }
        /// What was done.
        package let kind: Kind
        /// The entry concerned, where its number is known.
        package let sequence: Int?
        /// The line concerned, from 0; `nil` for entries that are gone.
        package let position: Int?
        /// A sentence.
        package let sentence: String
    }
    /// Entries that are what they were, in order.
    package let entries: [Placed]
    /// What is wrong.
    package let problems: [Problem]
    /// Entries whose key is none of those to be trusted, and entries without signature.
    package let unknownSigners: [Placed], unsigned: [Placed]
    /// Identifier of the ledger; `nil` for one without entries.
    package let ledger: String?
    /// Hash of the last entry.
    package var head: String? { entries.last?.hash }

    /// Examines lines.
    /// - Parameter trusted: Keys whose signatures count; with none, every signature that fits the key in its own entry
    ///   does, which proves that the entry was not altered by somebody without any key, and nothing more.
    package init(_ content: LedgerContent, trusted: [VerifyingKey]) {
        var examiner = LedgerExaminer(content, trusted: trusted)
        examiner.run()
        entries = examiner.sound.sorted { $0.entry.sequence < $1.entry.sequence }
        problems = examiner.problems
        ledger = examiner.ledger
        let known = Set(trusted.map(\.identifier))
        unknownSigners =
            trusted.isEmpty ? [] : entries.filter { $0.entry.signer.map { !known.contains($0.identifier) } ?? false }
        unsigned = entries.filter { $0.entry.signer == nil }
    }

    /// What a checkpoint has to say: the entry that it names must be there, at its place.
    package func problems(with checkpoint: LedgerCheckpoint) -> [Problem] {
        if let place = entries.first(where: { $0.hash == checkpoint.head }) {
            guard let count = checkpoint.entries, place.entry.sequence + 1 != count else { return [] }
            return [
                Problem(
                    kind: .altered, sequence: place.entry.sequence, position: place.position,
                    sentence:
                        "The checkpoint counts \(count) entries up to a hash that entry \(place.entry.sequence) has.")
            ]
        }
        let last = entries.last?.entry.sequence ?? -1
        guard let count = checkpoint.entries else {
            return [
                Problem(
                    kind: .truncated, sequence: nil, position: nil,
                    sentence:
                        "No entry has the expected hash \(checkpoint.head.prefix(16))…: the end of the ledger was "
                        + "cut off or rewritten.")
            ]
        }
        if last + 1 < count {
            let gone = last + 2 == count ? "entry \(count - 1) is" : "entries \(last + 1) to \(count - 1) are"
            return [
                Problem(
                    kind: .truncated, sequence: last + 1, position: nil,
                    sentence: "The checkpoint knows \(count) entries, the ledger has \(last + 1): \(gone) cut off.")
            ]
        }
        return [
            Problem(
                kind: .altered, sequence: count - 1,
                position: entries.first { $0.entry.sequence == count - 1 }?.position,
                sentence: "Entry \(count - 1) is not the one that the checkpoint names: it, or one before it, was "
                    + "rewritten.")
        ]
    }
}
