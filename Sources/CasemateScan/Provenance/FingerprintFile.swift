package import CasemateCore
import Crypto
import Foundation

/// Short hashes of all records of a file, in a file of their own: what is needed to tell which rows changed once the
/// old data are gone.
///
/// 16 bytes of signature, counts of blocks and rows (8 bytes each, little-endian), the code behind the header (1 byte and
/// 7 zeros), then 8 bytes for every block and row: the first seven of its leaf hash, and the code of what stands behind it.
final class FingerprintFile {
    static let signature = Array("CASEMATE-ROWS-1\n".utf8), headBytes = 40
    /// The bits of a fingerprint that come from the hash.
    static let hashMask: UInt64 = 0x00FF_FFFF_FFFF_FFFF
    /// Path while it is being written.
    let path: String
    private let descriptor: Int32
    private var buffer: [UInt64] = []
    private var hashes: [UInt64] = [], codes: [UInt8] = []
    private var written = 0, blocks = 0
    private var isKept = false

    /// Begins a file in a folder; it goes when this object goes, unless it is kept.
    init(in folder: String) throws(CasemateError) {
        path = folder + "/.\(UUID().uuidString).part"
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.unwritable(folder) }
        try append([UInt8](repeating: 0, count: Self.headBytes))
    }

    deinit {
        close(descriptor)
        if !isKept { unlink(path) }
    }

    private static func unwritable(_ path: String) -> CasemateError {
        CasemateError(
            .unwritable, at: path, "short hashes of the rows cannot be written",
            help: "free space or rights there, or leave them out with --no-rows")
    }

    private func append(_ bytes: [UInt8]) throws(CasemateError) {
        guard FileWriting.all(bytes, to: descriptor) else { throw Self.unwritable(path) }
    }

    /// Takes leaves and codes in order; codes may come one call later than their leaves.
    func append(_ leaves: [Hash256], _ layouts: [UInt8]) throws(CasemateError) {
        for leaf in leaves { hashes.append(leaf.prefix & Self.hashMask) }
        codes += layouts
        let count = min(hashes.count, codes.count)
        for index in 0..<count { buffer.append(hashes[index] | UInt64(codes[index]) << 56) }
        hashes.removeFirst(count)
        codes.removeFirst(count)
        if buffer.count >= 1 << 16 { try flush() }
    }

    private func flush() throws(CasemateError) {
        written += buffer.count
        try append(buffer.withUnsafeBytes { Array($0) })
        buffer.removeAll(keepingCapacity: true)
    }

    /// Says that what was taken so far were blocks, and that rows follow.
    func endBlocks() throws(CasemateError) {
        try flush()
        (blocks, hashes, codes) = (written, [], [])
    }

    /// Writes the counts, and makes sure that everything is on the disk.
    func finish(headerLayout: UInt8) throws(CasemateError) {
        try flush()
        var head = Self.signature
        for count in [UInt64(blocks), UInt64(written - blocks), UInt64(headerLayout)] {
            withUnsafeBytes(of: count.littleEndian) { head += $0 }
        }
        let count = head.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == head.count, fsync(descriptor) == 0 else { throw Self.unwritable(path) }
    }

    /// Gives the file its name; a file of that name is replaced.
    func keep(as name: String) throws(CasemateError) {
        guard rename(path, name) == 0 else { throw Self.unwritable(name) }
        isKept = true
    }
}

/// Reads what `FingerprintFile` wrote; the file is mapped, not read.
package struct Fingerprints: Sendable {
    private let data: Data
    /// How many blocks and rows there are.
    package let blocks: Int, rows: Int
    /// Code of what stands behind the header.
    let headerLayout: UInt8

    /// Opens a file.
    /// - Throws: `malformed` when its counts do not fit its length.
    package init(contentsOf path: String) throws(CasemateError) {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else {
            throw CasemateError(
                .notFound, at: path, "the short hashes of the rows are missing", help: "fetch the file again")
        }
        func number(_ offset: Int) -> Int? {
            data.withUnsafeBytes {
                Int(exactly: UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            }
        }
        let head = FingerprintFile.headBytes
        guard data.count >= head, data.starts(with: FingerprintFile.signature), let blocks = number(16),
            let rows = number(24), let layout = number(32), layout < 256,
            blocks <= data.count / 8, rows <= data.count / 8, head + (blocks + rows) * 8 == data.count
        else {
            throw CasemateError(
                .malformed, at: path, "is no file of short hashes, or was cut short", help: "fetch it again")
        }
        (self.data, self.blocks, self.rows, headerLayout) = (data, blocks, rows, UInt8(layout))
    }

    /// Hands over the fingerprints of all rows, or of all blocks.
    func withRows<Value>(_ body: (UnsafeBufferPointer<UInt64>) -> Value) -> Value {
        with(from: blocks, count: rows, body)
    }
    /// Hands over the fingerprints of all blocks.
    func withBlocks<Value>(_ body: (UnsafeBufferPointer<UInt64>) -> Value) -> Value {
        with(from: 0, count: blocks, body)
    }

    private func with<Value>(
        from start: Int, count: Int, _ body: (UnsafeBufferPointer<UInt64>) -> Value
    ) -> Value {
        // why no swap of bytes: every platform that is served is little-endian; the head is a multiple of 8 bytes.
        data.withUnsafeBytes { bytes in
            let part = bytes[(FingerprintFile.headBytes + start * 8)...].prefix(count * 8)
            return UnsafeRawBufferPointer(rebasing: part).withMemoryRebound(to: UInt64.self) { body($0) }
        }
    }
}

/// Writes to descriptors.
enum FileWriting {
    /// Writes everything; false when that fails.
    static func all(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let wrote = bytes.withUnsafeBytes { buffer -> Int in
                write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
            }
            if wrote < 0, errno == EINTR { continue }
            guard wrote > 0 else { return false }
            offset += wrote
        }
        return true
    }
}
