import CasemateCore
import Crypto
import Dispatch
import Foundation
import Synchronization

/// Hashes a stream record by record: while one window of it is being hashed on several threads, the next one is filled
/// and cut. Memory does not depend on the length of the stream or of a record.
///
/// One thread calls it; results do not depend on the number of threads.
final class LeafPipeline {
    /// What the whole stream gave.
    struct Summary {
        /// SHA-256 of the stream; `nil` when it was not asked for.
        let content: Hash256?
        /// Leaf of the first record, where it names columns.
        let header: Hash256?
        /// Code of what stands behind the header; 3 without one.
        let headerLayout: UInt8
        /// The tree over the other records.
        let tree: MerkleSummary
        /// Roots of its blocks of 1,024 leaves.
        let blocks: [Hash256]
        /// The root over the leaves in ascending order; `nil` when it was not asked for.
        let sortedRoot: Hash256?
    }
    /// Bytes of a window, and how much of an unfinished record goes into the next one at most.
    private static let window = 1 << 22, longest = 1 << 21

    private var splitter: RecordSplitter
    private let hasher: WindowHasher
    private let cancellation: Cancellation
    private var current = Window(capacity: window), other = Window(capacity: window)
    private var long: SHA256?
    private let queue = DispatchQueue(label: "casemate.leaves")
    private let running = DispatchGroup()

    /// Makes a pipeline.
    /// - Parameters:
    ///   - hasHeader: Whether the first record stands apart.
    ///   - hashesContent: Whether the stream itself is hashed.
    ///   - fingerprints: Takes a short hash of every record but the header.
    ///   - sorter: Takes every leaf but the header's.
    init(
        _ cutting: RecordSplitter.Cutting, hasHeader: Bool, hashesContent: Bool, context: RunContext,
        fingerprints: FingerprintFile?, sorter: LeafSorter?
    ) {
        splitter = RecordSplitter(cutting)
        cancellation = context.cancellation
        hasher = WindowHasher(
            threads: max(1, context.threads), hasHeader: hasHeader, hashesContent: hashesContent,
            fingerprints: fingerprints, sorter: sorter)
    }

    /// Takes the next bytes.
    /// - Throws: `Cancelled`; what writing fingerprints throws.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = min(rest.count, current.capacity - current.count)
            current.fill(UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
            rest = rest.dropFirst(count)
            if current.count == current.capacity { try hand(isLast: false) }
        }
    }

    /// Ends the stream.
    func finish() throws -> Summary {
        try hand(isLast: true)
        running.wait()
        return try hasher.finish()
    }

    deinit { running.wait() }

    /// Cuts the window and hands it to the hashing threads.
    private func hand(isLast: Bool) throws {
        try cancellation.check()
        let window = current, wasInside = splitter.isInside
        window.batch.removeAll()
        window.longLeaf = nil
        let rest = splitter.scan(window.bytes(from: 0), isLast: isLast, into: &window.batch)
        if wasInside, !window.batch.starts.isEmpty { finishLong(window) }
        running.wait()
        try hasher.check()
        other.count = 0
        other.fresh = 0
        if !isLast {
            var kept = window.bytes(from: rest)
            if kept.count > Self.longest || splitter.isInside {
                // why here: a record that no window can hold is hashed as it comes.
                let taken = splitter.takeAway(kept)
                var hash = long ?? MerkleTree.openLeaf()
                hash.update(bufferPointer: UnsafeRawBufferPointer(start: kept.baseAddress, count: taken))
                long = hash
                kept = UnsafeBufferPointer(rebasing: kept[taken...])
            }
            other.fill(UnsafeRawBufferPointer(start: kept.baseAddress, count: kept.count))
            other.fresh = other.count
        }
        (current, other) = (other, window)
        let hasher = hasher
        queue.async(group: running) { hasher.process(window) }
    }

    /// The first record of the window is the end of one that was hashed as it came.
    private func finishLong(_ window: Window) {
        var hash = long ?? MerkleTree.openLeaf()
        let end = window.batch.starts[0] + window.batch.lengths[0]
        hash.update(
            bufferPointer: UnsafeRawBufferPointer(
                rebasing: UnsafeRawBufferPointer(window.bytes(from: 0))[window.batch.starts[0]..<end]))
        window.longLeaf = Hash256(hash.finalize())
        long = nil
    }
}

/// A piece of the stream with its records.
///
/// why unchecked: one thread at a time uses it: the one that fills it until it is handed over, then those that hash it
/// until the pipeline has waited for them.
final class Window: @unchecked Sendable {
    let capacity: Int
    private let storage: UnsafeMutableRawPointer
    /// Bytes that are there; those before `fresh` were in the window before as well.
    fileprivate(set) var count = 0, fresh = 0
    fileprivate(set) var batch = RecordBatch()
    fileprivate(set) var longLeaf: Hash256?

    init(capacity: Int) {
        self.capacity = capacity
        storage = .allocate(byteCount: capacity, alignment: 16)
    }
    deinit { storage.deallocate() }

    fileprivate func fill(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        (storage + count).copyMemory(from: base, byteCount: bytes.count)
        count += bytes.count
    }
    func bytes(from start: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: (storage + start).assumingMemoryBound(to: UInt8.self), count: count - start)
    }
}

/// Hashes windows: the content on one thread, records and blocks of the tree on the others.
///
/// why unchecked: `process` is called for one window after the other, and its threads write to places of their own.
private final class WindowHasher: @unchecked Sendable {
    private let threads: Int, hashesContent: Bool
    private let fingerprints: FingerprintFile?, sorter: LeafSorter?
    private var content = SHA256()
    private var needsHeader: Bool, header: Hash256?, headerLayout: UInt8 = 3, needsLayout: Bool
    private var pending: [Hash256] = [], blocks: [Hash256] = [], leaves = 0
    private var failure: (any Error)?
    /// Records of one task.
    private static let chunk = 2048

    init(
        threads: Int, hasHeader: Bool, hashesContent: Bool, fingerprints: FingerprintFile?, sorter: LeafSorter?
    ) {
        (self.threads, self.hashesContent) = (threads, hashesContent)
        (self.fingerprints, self.sorter) = (fingerprints, sorter)
        (needsHeader, needsLayout) = (hasHeader, hasHeader)
    }

    func check() throws { if let failure { throw failure } }

    func process(_ window: Window) {
        let count = window.batch.starts.count
        let chunks = (count + Self.chunk - 1) / Self.chunk
        let full = pending.count / MerkleTree.block
        var made = [Hash256](repeating: .unset, count: count)
        var raised = [Hash256](repeating: .unset, count: full)
        let old = pending
        made.withUnsafeMutableBufferPointer { made in
            raised.withUnsafeMutableBufferPointer { raised in
                let targets = Targets(leaves: made, blocks: raised)
                let next = Atomic(0)
                let tasks = 1 + chunks + full
                DispatchQueue.concurrentPerform(iterations: min(threads, tasks)) { _ in
                    while true {
                        let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
                        guard task < tasks else { return }
                        if task == 0 {
                            hashContent(window)
                        } else if task <= chunks {
                            let start = (task - 1) * Self.chunk
                            Self.hashRecords(window, start..<min(start + Self.chunk, count), targets.leaves)
                        } else {
                            let block = task - 1 - chunks
                            let start = block * MerkleTree.block
                            targets.blocks[block] = MerkleTree.root(old[start..<start + MerkleTree.block])
                        }
                    }
                }
            }
        }
        blocks += raised
        pending.removeFirst(full * MerkleTree.block)
        take(made, window.batch.layouts, longLeaf: window.longLeaf)
    }

    /// Where the threads write.
    ///
    /// why unchecked: every task writes to elements that no other task touches.
    private struct Targets: @unchecked Sendable {
        let leaves: UnsafeMutableBufferPointer<Hash256>, blocks: UnsafeMutableBufferPointer<Hash256>
    }

    private func hashContent(_ window: Window) {
        guard hashesContent else { return }
        content.update(bufferPointer: UnsafeRawBufferPointer(window.bytes(from: window.fresh)))
    }

    private static func hashRecords(
        _ window: Window, _ range: Range<Int>, _ leaves: UnsafeMutableBufferPointer<Hash256>
    ) {
        let bytes = UnsafeRawBufferPointer(window.bytes(from: 0))
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { scratch in
            window.batch.starts.withUnsafeBufferPointer { starts in
                window.batch.lengths.withUnsafeBufferPointer { lengths in
                    for index in range {
                        let record = bytes[starts[index]..<starts[index] + lengths[index]]
                        leaves[index] = MerkleTree.leaf(UnsafeRawBufferPointer(rebasing: record), scratch: scratch)
                    }
                }
            }
        }
    }

    private func take(_ made: [Hash256], _ layouts: [UInt8], longLeaf: Hash256?) {
        var made = made, layouts = layouts
        if let longLeaf, !made.isEmpty { made[0] = longLeaf }
        if needsHeader, !made.isEmpty {
            header = made.removeFirst()
            needsHeader = false
        }
        if needsLayout, !layouts.isEmpty {
            headerLayout = layouts.removeFirst()
            needsLayout = false
        }
        leaves += made.count
        pending += made
        do {
            try fingerprints?.append(made, layouts)
            try sorter?.append(made)
        } catch { failure = failure ?? error }
    }

    func finish() throws -> LeafPipeline.Summary {
        try check()
        for start in stride(from: 0, to: pending.count, by: MerkleTree.block) {
            blocks.append(MerkleTree.root(pending[start..<min(start + MerkleTree.block, pending.count)]))
        }
        pending = []
        return LeafPipeline.Summary(
            content: hashesContent ? Hash256(content.finalize()) : nil, header: header, headerLayout: headerLayout,
            tree: MerkleSummary(count: leaves, blocks: blocks), blocks: blocks, sortedRoot: try sorter?.root())
    }
}
