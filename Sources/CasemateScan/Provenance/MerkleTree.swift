import CasemateCore
import Crypto

/// A SHA-256 digest as four words, so that many of them lie close together.
package struct Hash256: Hashable, Sendable, BitwiseCopyable, Comparable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(_ digest: SHA256.Digest) {
        words = digest.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
    }
    private init() { words = (0, 0, 0, 0) }
    /// A place that no hash was written to yet.
    static let unset = Hash256()
    /// Reads 64 lower-case hexadecimal digits.
    package init?(hexadecimal text: String) {
        guard let bytes = Hexadecimal.bytes(text), bytes.count == 32 else { return nil }
        words = bytes.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
    }
    /// 64 lower-case hexadecimal digits.
    package var hexadecimal: String { withUnsafeBytes(of: words) { Hexadecimal.text(of: $0) } }
    /// The first eight bytes, the first byte in the lowest place.
    var prefix: UInt64 { UInt64(littleEndian: words.0) }

    package static func == (one: Hash256, other: Hash256) -> Bool { one.words == other.words }
    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
    /// Orders by the bytes.
    package static func < (one: Hash256, other: Hash256) -> Bool {
        if one.words.0 != other.words.0 { return one.words.0.bigEndian < other.words.0.bigEndian }
        if one.words.1 != other.words.1 { return one.words.1.bigEndian < other.words.1.bigEndian }
        if one.words.2 != other.words.2 { return one.words.2.bigEndian < other.words.2.bigEndian }
        return one.words.3.bigEndian < other.words.3.bigEndian
    }
}

/// The hash tree of RFC 6962, section 2.1: a leaf is SHA-256 of a zero byte and the record, a node SHA-256 of a one byte
/// and its two children; an odd one at the end of a level moves up as it is. The tree of nothing is SHA-256 of nothing.
package enum MerkleTree {
    /// Leaves of one block; blocks are complete subtrees, so that they can be made apart from each other.
    static let block = 1024

    /// A leaf, over a record that lies in memory.
    package static func leaf(_ record: UnsafeRawBufferPointer, scratch: UnsafeMutableRawBufferPointer) -> Hash256 {
        // why copied: one call over a prefix and a short record takes less time than two calls.
        if record.count < scratch.count {
            scratch[0] = 0
            if let base = record.baseAddress {
                scratch.baseAddress?.advanced(by: 1).copyMemory(from: base, byteCount: record.count)
            }
            return Hash256(SHA256.hash(data: UnsafeRawBufferPointer(rebasing: scratch[...record.count])))
        }
        var hash = openLeaf()
        hash.update(bufferPointer: record)
        return Hash256(hash.finalize())
    }

    /// A leaf whose record comes in pieces.
    static func openLeaf() -> SHA256 {
        var hash = SHA256()
        hash.update(data: [0])
        return hash
    }

    /// A node.
    static func node(_ left: Hash256, _ right: Hash256) -> Hash256 {
        var content: (UInt8, Hash256, Hash256) = (1, left, right)
        return withUnsafeMutableBytes(of: &content) { bytes in
            // why moved: the words are aligned, so that seven bytes stand between the mark and the first of them.
            let gap = MemoryLayout<UInt64>.alignment - 1
            bytes[gap] = 1
            return Hash256(SHA256.hash(data: UnsafeRawBufferPointer(rebasing: bytes[gap..<gap + 65])))
        }
    }

    /// The root over leaves or over roots of complete subtrees of one size, the last of which may be smaller.
    package static func root(_ hashes: some Collection<Hash256>) -> Hash256 {
        guard !hashes.isEmpty else { return Hash256(SHA256.hash(data: [UInt8]())) }
        var level = Array(hashes)
        while level.count > 1 { level = raised(level) }
        return level[0]
    }

    private static func raised(_ level: [Hash256]) -> [Hash256] {
        var next: [Hash256] = []
        next.reserveCapacity((level.count + 1) / 2)
        for index in stride(from: 0, to: level.count - 1, by: 2) { next.append(node(level[index], level[index + 1])) }
        if !level.count.isMultiple(of: 2) { next.append(level[level.count - 1]) }
        return next
    }
}

/// What is kept of a tree in a ledger: its root, and the roots of at most 64 equal parts, so that a change is placed
/// within one of them by the ledger alone.
package struct MerkleSummary: Hashable, Sendable {
    /// The most parts.
    static let mostSegments = 64
    /// Number of leaves.
    package let count: Int
    /// The root.
    package let root: Hash256
    /// Leaves of one part: 1,024 times a power of two.
    package let segment: Int
    /// Roots of the parts in order; the last one may be smaller.
    package let segments: [Hash256]

    /// Summarises a tree by the roots of its blocks.
    init(count: Int, blocks: [Hash256]) {
        var size = MerkleTree.block, level = blocks
        while level.count > Self.mostSegments {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                index + 1 < level.count ? MerkleTree.node(level[index], level[index + 1]) : level[index]
            }
            size *= 2
        }
        (self.count, segment, segments, root) = (count, size, level, MerkleTree.root(level))
    }

    /// Takes what a ledger says; `nil` when it contradicts itself.
    package init?(count: Int, root: Hash256, segment: Int, segments: [Hash256]) {
        guard count >= 0, segment >= MerkleTree.block, segment & (segment - 1) == 0, segments.count <= 64,
            segments.count == count / segment + (count % segment > 0 ? 1 : 0), MerkleTree.root(segments) == root
        else { return nil }
        (self.count, self.root, self.segment, self.segments) = (count, root, segment, segments)
    }
}
