import CasemateCore
import Foundation

/// A data file that is open for reading: what it holds, found out from its first bytes and its name.
///
/// The engine reads it through the descriptor, so that what was looked at is what is read, whatever its name holds.
final class SourceFile: Sendable {
    /// What a file holds.
    enum Format: Hashable, Sendable {
        /// Cells with a delimiter between them.
        case delimited
        /// One JSON object a line.
        case jsonLines
        /// One JSON array of objects.
        case jsonArray
        /// Apache Parquet.
        case parquet
    }
    /// The path as the user gave it.
    let path: String
    /// What the content is, once expanded.
    let format: Format
    /// Whether the file is gzip.
    let isCompressed: Bool
    /// The first bytes of the content, once expanded, at most `prefixLimit`.
    let prefix: [UInt8]
    /// Whether `prefix` is all there is.
    let isPrefixWhole: Bool
    private let descriptor: Int32, size: Int
    /// How much of the content is kept to look at.
    static let prefixLimit = 1 << 22
    /// The most that a gzip file may expand to, in bytes.
    static let expandedLimit = 1 << 38

    /// Opens the file and looks at it; a gzip file is expanded once to see that it is whole.
    /// - Throws: `CasemateError` when there is no readable file or its kind is not served, `Cancelled`.
    init(_ path: String, cancellation: Cancellation?) throws {
        self.path = path
        let (descriptor, size) = try FileBytes.open(path)
        do {
            guard size > 0 else {
                throw CasemateError(.malformed, at: path, "is empty", help: "name a file with a header and data rows")
            }
            var prefix = try Self.read(descriptor, path, at: 0, count: min(size, Self.prefixLimit))
            isCompressed = prefix.starts(with: [0x1f, 0x8b])
            var total = size
            if isCompressed { (prefix, total) = try Self.expand(descriptor, path, cancellation) }
            guard total > 0 else {
                throw CasemateError(.malformed, at: path, "is empty", help: "name a file with a header and data rows")
            }
            format = try Self.format(of: path, prefix: prefix, isCompressed: isCompressed)
            if format == .parquet {
                let tail = try Self.read(descriptor, path, at: max(0, size - 4), count: 4)
                guard size >= 12, tail == Array("PAR1".utf8) else {
                    throw CasemateError(
                        .malformed, at: path, "is cut short: no Parquet signature at its end",
                        help: "fetch or write the file again")
                }
            }
            (self.prefix, isPrefixWhole) = (prefix, prefix.count == total)
        } catch {
            close(descriptor)
            throw error
        }
        (self.descriptor, self.size) = (descriptor, size)
    }

    deinit { close(descriptor) }

    /// The path under which the engine reads the file while this object lives.
    var enginePath: String { "/dev/fd/\(descriptor)" }

    /// The whole content, `nil` when it is larger than `limit` bytes or cannot be read again.
    func content(limit: Int) -> [UInt8]? {
        if isPrefixWhole { return prefix }
        guard !isCompressed, size <= limit else { return nil }
        return try? Self.read(descriptor, path, at: 0, count: size)
    }

    private static func read(
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

    private static func expand(
        _ descriptor: Int32, _ path: String, _ cancellation: Cancellation?
    ) throws -> (prefix: [UInt8], total: Int) {
        var prefix: [UInt8] = [], total = 0
        try Gzip.expand(descriptor: descriptor, path: path, limit: expandedLimit) { block in
            try cancellation?.check()
            total += block.count
            if prefix.count < prefixLimit { prefix += block.prefix(prefixLimit - prefix.count) }
        }
        return (prefix, total)
    }
}
