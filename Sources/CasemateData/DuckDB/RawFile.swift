import CasemateCore
import Foundation

/// An open file before anybody knows what is in it, expanded where it is gzip.
final class RawFile {
    let path: String, size: Int
    /// Whether it is gzip, and how much it holds.
    private(set) var isCompressed = false, total = 0
    /// Its first bytes, expanded.
    private(set) var prefix: [UInt8] = []
    private var descriptor: Int32
    private let limit: Int

    init(_ path: String, expansion: ExpansionLimit, cancellation: Cancellation?) throws {
        self.path = path
        (descriptor, size) = try FileBytes.open(path)
        limit = expansion.bytes(compressed: size)
        let empty = CasemateError(
            .malformed, at: path, "is empty", help: "name a file with a header and data rows")
        guard size > 0 else { throw empty }
        prefix = try Self.read(descriptor, path, at: 0, count: min(size, SourceFile.prefixLimit))
        isCompressed = prefix.starts(with: [0x1f, 0x8b])
        total = size
        if isCompressed { try expand(cancellation) }
        guard total > 0 else { throw empty }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Hands over the descriptor, which is the caller's from now on.
    func release() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// A Parquet file ends as it begins.
    func checkTail() throws(CasemateError) {
        let tail = try Self.read(descriptor, path, at: max(0, size - 4), count: 4)
        guard size >= 12, tail == Array("PAR1".utf8) else {
            throw CasemateError(
                .malformed, at: path, "is cut short: no Parquet signature at its end",
                help: "fetch or write the file again")
        }
    }

    /// Hands over the whole content block by block, expanded.
    func forEachBlock(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
        try Self.forEachBlock(descriptor, path, size: size, isCompressed: isCompressed, limit: limit, body)
    }

    private func expand(_ cancellation: Cancellation?) throws {
        (prefix, total) = ([], 0)
        do {
            try forEachBlock { block in
                try cancellation?.check()
                total += block.count
                let room = SourceFile.prefixLimit - prefix.count
                if room > 0 { prefix += block.prefix(room) }
            }
        } catch let error as CasemateError where error.code == .limitExceeded {
            throw CasemateError(
                .limitExceeded, at: path,
                "\(size) bytes of gzip expand to more than \(limit): this may be a decompression bomb",
                help: "unpack it yourself if you trust it, and name the unpacked file")
        }
    }

    /// Content block by block, through the position of the descriptor, which nothing else may use meanwhile.
    static func forEachBlock(
        _ descriptor: Int32, _ path: String, size: Int, isCompressed: Bool, limit: Int,
        _ body: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        if isCompressed {
            lseek(descriptor, 0, SEEK_SET)
            return try Gzip.expand(descriptor: descriptor, path: path, limit: limit, sink: body)
        }
        let block = 1 << 20
        for start in stride(from: 0, to: size, by: block) {
            try body(try read(descriptor, path, at: start, count: min(block, size - start))[...])
        }
    }

    /// Bytes at a place of the file; fewer at its end.
    static func read(
        _ descriptor: Int32, _ path: String, at offset: Int, count: Int
    ) throws(CasemateError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count), filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer -> Int in
                pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
            }
            guard got >= 0 else {
                throw CasemateError(
                    .unreadable, at: path, "reading stopped after \(filled) bytes", help: "check the disk")
            }
            if got == 0 { break }
            filled += got
        }
        return Array(bytes.prefix(filled))
    }
}
