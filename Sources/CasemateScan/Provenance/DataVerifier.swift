package import CasemateCore
import Foundation

/// Compares files with what a ledger says of them.
package struct DataVerifier: Sendable {
    /// What became of one file.
    package enum Verdict: Sendable {
        /// It is what was registered.
        case same
        /// The rows are the same in another order, which was declared not to matter.
        case sameRows(DataDifference)
        /// It is not what was registered.
        case changed(DataDifference)
        /// There is no such file any more.
        case missing
        /// No entry is about it.
        case unregistered
    }
    /// A file with its verdict.
    package struct Checked: Sendable {
        /// Path as it was given, or as the ledger leads to it.
        package let path: String
        /// The latest entry about it; `nil` for a file that no entry is about.
        package let entry: LedgerReview.Placed?
        /// The entry with exactly this content, when it is another one: an older state, or the same file elsewhere.
        package let twin: LedgerReview.Placed?
        /// What became of it.
        package let verdict: Verdict
        /// SHA-256 now; `nil` for a missing file.
        package let sha256: String?
        /// Bytes now.
        package let bytes: Int
    }
    private let location: LedgerLocation, entries: [LedgerReview.Placed]
    private let hasher: DataFileHasher, context: RunContext
    private let scratch: String
    /// Rows that are listed at most.
    private let limit: Int

    /// Makes a verifier over the entries of a ledger that are what they were.
    /// - Parameters:
    ///   - scratch: Folder for temporary files.
    ///   - limit: Rows that are listed for one file at most.
    package init(
        _ location: LedgerLocation, entries: [LedgerReview.Placed], search: EngineSearch, context: RunContext,
        scratch: String = FileManager.default.temporaryDirectory.path, limit: Int = 1000
    ) {
        (self.location, self.entries, self.context, self.limit) = (location, entries, context, limit)
        (hasher, self.scratch) = (DataFileHasher(search: search, context: context), scratch)
    }

    /// All files that the ledger names, each by its latest entry.
    package func registered() -> [String] {
        var seen: Set<String> = []
        return entries.reversed().filter { seen.insert($0.entry.path).inserted }.reversed()
            .map { location.path(of: $0.entry.path) }
    }

    /// Checks one file.
    /// - Throws: `CasemateError` when the file is there and cannot be read; `Cancelled`.
    package func check(_ path: String) throws -> Checked {
        let name = location.name(of: path)
        let entry = entries.last { $0.entry.path == name }
        let content: (content: Hash256, bytes: Int)
        do { content = try hasher.content(of: path) } catch let error as CasemateError where error.code == .notFound {
            guard let entry else { throw error }
            return Checked(path: path, entry: entry, twin: nil, verdict: .missing, sha256: nil, bytes: 0)
        }
        let hash = content.content.hexadecimal
        let twin = entries.last { $0.entry.digest.content == content.content && $0.hash != entry?.hash }
        func checked(_ verdict: Verdict) -> Checked {
            Checked(path: path, entry: entry, twin: twin, verdict: verdict, sha256: hash, bytes: content.bytes)
        }
        guard let entry else { return checked(.unregistered) }
        if entry.entry.digest.content == content.content { return checked(.same) }
        let (difference, isSame) = try compare(path, entry.entry)
        return checked(isSame ? .sameRows(difference) : .changed(difference))
    }

    // MARK: Differences

    private func compare(_ path: String, _ entry: LedgerEntry) throws -> (DataDifference, isSame: Bool) {
        let old = entry.digest
        var difference = DataDifference()
        (difference.bytesBefore, difference.rowsBefore) = (old.bytes, old.rows?.count)
        let prints = try FingerprintFile(in: scratch)
        let sorter = old.sortedRoot == nil ? nil : LeafSorter(folder: scratch)
        let new: DataDigest
        do {
            new = try hasher.digest(of: path, form: old.form, .init(fingerprints: prints, sorter: sorter))
        } catch let error as CasemateError where Self.unreadable.contains(error.code) {
            difference.notes.append("Its rows cannot be read as they were: \(error.what).")
            try compareBlocksOnly(path, entry, &difference)
            return (difference, false)
        }
        (difference.bytesNow, difference.rowsNow) = (new.bytes, new.rows?.count)
        compareHeaders(old, new, &difference)
        if old.sortedRoot != nil, old.sortedRoot == new.sortedRoot, old.header == new.header {
            difference.isReordered = true
            return (difference, true)
        }
        let side = sideFile(of: entry, &difference)
        let current = try Fingerprints(contentsOf: prints.path)
        if let rows = new.rows, let oldRows = old.rows, rows.root != oldRows.root || rows.count != oldRows.count {
            if let side {
                try compareRows(side, current, path, old.form, &difference)
                if difference.rows.isEmpty, difference.rowCount == 0 {
                    difference.notes.append("Rows changed whose short hashes are equal: somebody made them so.")
                    compareParts(oldRows, new.rowParts, &difference.rowParts)
                }
            } else {
                compareParts(oldRows, new.rowParts, &difference.rowParts)
            }
        } else if let side, new.rows != nil {
            try compareRows(side, current, path, old.form, &difference)
            if side.headerLayout != current.headerLayout {
                difference.isHeaderChanged = true
                difference.notes.append("The line end or blank lines behind the header changed.")
            }
        }
        compareBytes(old, new.blocks, new.byteParts, side, current, &difference)
        if let rows = new.rows, rows.root == old.rows?.root, rows.count == old.rows?.count, !difference.isHeaderChanged
        {
            difference.notes.append("No row changed: the file was written in another way.")
        }
        return (difference, false)
    }

    /// Failures that say something about the content, or that there is nothing to read rows with.
    private static let unreadable: [CasemateError.Code] = [
        .malformed, .unsupported, .limitExceeded, .unusableData, .engineMissing, .engineFailed,
    ]

    private func compareHeaders(_ old: DataDigest, _ new: DataDigest, _ difference: inout DataDifference) {
        guard old.header != new.header else { return }
        difference.isHeaderChanged = true
        difference.columnsAdded = new.columns.filter { !old.columns.contains($0) }
        difference.columnsRemoved = old.columns.filter { !new.columns.contains($0) }
        // why: an entry names the first columns only, so names behind them say nothing.
        if old.columns.count >= DataDigest.mostColumns {
            (difference.columnsAdded, difference.columnsRemoved) = ([], [])
        }
    }

    /// The short hashes that were kept, when they are what they were.
    private func sideFile(of entry: LedgerEntry, _ difference: inout DataDifference) -> Fingerprints? {
        guard let side = entry.sideFile else { return nil }
        let path = location.sideFolder + "/" + side.name
        guard FileManager.default.fileExists(atPath: path) else {
            difference.notes.append("'\(path)' is missing, so single rows cannot be named.")
            return nil
        }
        guard let content = try? hasher.content(of: path), content.content.hexadecimal == side.sha256,
            let prints = try? Fingerprints(contentsOf: path)
        else {
            difference.notes.append("'\(path)' was altered, so single rows cannot be named.")
            return nil
        }
        return prints
    }

    private func compareRows(
        _ old: Fingerprints, _ new: Fingerprints, _ path: String, _ form: DataForm,
        _ difference: inout DataDifference
    ) throws {
        let alignment = old.withRows { old in new.withRows { new in RowAlignment(old, new, limit: limit) } }
        for (kind, count) in alignment.counts { difference.rowCounts[kind.rawValue] = count }
        if !alignment.isAligned {
            difference.notes.append(
                "Too many rows differ to be aligned: rows were compared by content, whatever their place.")
        }
        var places: [Int: RecordLocator.Place] = [:]
        if !form.hasBlocks {
            let rows = Set(alignment.edits.compactMap(\.row))
            places = try RecordLocator.places(of: rows, in: OpenFile(path), form: form, context: context)
        }
        difference.rows = alignment.edits.map { edit in
            let place = edit.row.flatMap { places[$0] }
            return DataDifference.RowEdit(
                kind: edit.kind.rawValue, row: edit.row, oldRow: edit.oldRow, byteOffset: place?.offset,
                byteLength: place?.length, line: place?.line)
        }
    }

    /// Parts of a tree whose roots differ.
    private func compareParts(_ old: MerkleSummary, _ blocks: [Hash256], _ parts: inout [Range<Int>]) {
        let width = old.segment / MerkleTree.block
        let new = stride(from: 0, to: blocks.count, by: width).map {
            MerkleTree.root(blocks[$0..<min($0 + width, blocks.count)])
        }
        for index in 0..<max(old.segments.count, new.count) {
            let isSame = index < old.segments.count && index < new.count && old.segments[index] == new[index]
            guard !isSame else { continue }
            let range = index * old.segment..<(index + 1) * old.segment
            if let last = parts.last, last.upperBound == range.lowerBound {
                parts[parts.count - 1] = last.lowerBound..<range.upperBound
            } else {
                parts.append(range)
            }
        }
    }

    /// Blocks of bytes, by their short hashes where there are some.
    private func compareBytes(
        _ old: DataDigest, _ blocks: MerkleSummary?, _ roots: [Hash256], _ side: Fingerprints?, _ new: Fingerprints,
        _ difference: inout DataDifference
    ) {
        guard let tree = old.blocks, let blocks, tree.root != blocks.root || tree.count != blocks.count else { return }
        var parts: [Range<Int>] = []
        if let side, side.blocks == tree.count {
            side.withBlocks { before in
                new.withBlocks { after in
                    for index in 0..<max(before.count, after.count) {
                        let isSame = index < before.count && index < after.count && before[index] == after[index]
                        guard !isSame else { continue }
                        if let last = parts.last, last.upperBound == index {
                            parts[parts.count - 1] = last.lowerBound..<index + 1
                        } else {
                            parts.append(index..<index + 1)
                        }
                    }
                }
            }
        }
        if parts.isEmpty { compareParts(tree, roots, &parts) }
        let end = max(old.bytes, difference.bytesNow)
        difference.byteParts = parts.prefix(limit).map {
            $0.lowerBound * DataForm.blockBytes..<min($0.upperBound * DataForm.blockBytes, end)
        }
    }

    /// A file whose rows cannot be read any more: blocks of bytes, or nothing but its size.
    private func compareBlocksOnly(_ path: String, _ entry: LedgerEntry, _ difference: inout DataDifference) throws {
        let prints = try FingerprintFile(in: scratch)
        let summary = try hasher.blocks(of: path, .init(fingerprints: prints))
        try prints.endBlocks()
        try prints.finish(headerLayout: 3)
        difference.bytesNow = try hasher.content(of: path).bytes
        let side = sideFile(of: entry, &difference)
        compareBytes(
            entry.digest, summary.tree, summary.blocks, side, try Fingerprints(contentsOf: prints.path), &difference)
    }
}
