package import CasemateCore
import Foundation

/// The root over leaves in ascending order, so that the order of rows does not matter and equal rows still count.
///
/// Leaves are sorted in runs that go to a temporary file; memory does not depend on their number.
package final class LeafSorter {
    private let folder: String, runLength: Int
    private var run: [Hash256] = []
    private var descriptor: Int32 = -1
    private var runs: [Int] = []
    private static let size = MemoryLayout<Hash256>.size

    /// Sorts in runs of `runLength` leaves; the temporary file lies in `folder` and has no name.
    package init(folder: String, runLength: Int = 1 << 20) { (self.folder, self.runLength) = (folder, runLength) }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Takes leaves.
    package func append(_ leaves: [Hash256]) throws(CasemateError) {
        for leaf in leaves {
            run.append(leaf)
            if run.count == runLength { try spill() }
        }
    }

    private func unwritable() -> CasemateError {
        CasemateError(
            .unwritable, at: folder, "row hashes cannot be sorted there", help: "free space in the temporary folder")
    }

    private func spill() throws(CasemateError) {
        if descriptor < 0 {
            let path = folder + "/.casemate-\(UUID().uuidString)"
            descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw unwritable() }
            unlink(path)
        }
        run.sort()
        guard FileWriting.all(run.withUnsafeBytes { Array($0) }, to: descriptor) else { throw unwritable() }
        runs.append(run.count)
        run.removeAll(keepingCapacity: true)
    }

    /// The root; nothing may be appended afterwards.
    package func root() throws(CasemateError) -> Hash256 {
        if runs.isEmpty {
            run.sort()
            return MerkleTree.root(run)
        }
        if !run.isEmpty { try spill() }
        var readers: [Reader] = []
        var start = 0
        for count in runs {
            readers.append(Reader(descriptor: descriptor, position: start, end: start + count))
            start += count
        }
        return try merge(&readers)
    }

    private func merge(_ readers: inout [Reader]) throws(CasemateError) -> Hash256 {
        var blocks: [Hash256] = [], block: [Hash256] = []
        var heads: [(leaf: Hash256, reader: Int)] = []
        for index in readers.indices {
            if let leaf = try readers[index].next(failure: unwritable) { heads.append((leaf, index)) }
        }
        heads.sort { $0.leaf > $1.leaf }
        while let head = heads.popLast() {
            block.append(head.leaf)
            if block.count == MerkleTree.block {
                blocks.append(MerkleTree.root(block))
                block.removeAll(keepingCapacity: true)
            }
            guard let leaf = try readers[head.reader].next(failure: unwritable) else { continue }
            // The heads stand in descending order; the new one goes where it belongs.
            var low = 0, high = heads.count
            while low < high {
                let middle = (low + high) / 2
                if heads[middle].leaf > leaf { low = middle + 1 } else { high = middle }
            }
            heads.insert((leaf, head.reader), at: low)
        }
        if !block.isEmpty { blocks.append(MerkleTree.root(block)) }
        return MerkleTree.root(blocks)
    }

    /// One sorted run, read in pieces.
    private struct Reader {
        let descriptor: Int32
        var position: Int
        let end: Int
        var piece: ArraySlice<Hash256> = []

        mutating func next(failure: () -> CasemateError) throws(CasemateError) -> Hash256? {
            if let leaf = piece.popFirst() { return leaf }
            guard position < end else { return nil }
            let count = min(1024, end - position)
            var read = [Hash256](repeating: .unset, count: count)
            let wanted = count * LeafSorter.size, place = off_t(position * LeafSorter.size)
            let got = read.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, place) }
            guard got == wanted else { throw failure() }
            position += count
            piece = read[...]
            return piece.popFirst()
        }
    }
}
