import CasemateCore
import Foundation

/// A data file that is open for reading: what it holds, found out from its first bytes and its name.
///
/// The engine reads it through the descriptor, so that what was looked at is what is read, whatever its name holds. Text
/// of another encoding than UTF-8 is converted into a nameless temporary file first.
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
    /// Whether the engine reads gzip.
    let isCompressed: Bool
    /// The first bytes of the content, once expanded and converted, at most `prefixLimit`.
    let prefix: [UInt8]
    /// Whether `prefix` is all there is.
    let isPrefixWhole: Bool
    /// Size of the content in bytes, once expanded and converted.
    let contentSize: Int
    /// What the user should know, a sentence each.
    let notes: [String]
    private let descriptor: Int32, size: Int
    /// How much of the content is kept to look at.
    static let prefixLimit = 1 << 22

    /// Opens the file and looks at it; a gzip file is expanded once to see that it is whole.
    /// - Parameters:
    ///   - encoding: reads a text file so, whatever it looks like.
    ///   - folder: where a converted text is kept.
    /// - Throws: `CasemateError` when there is no readable file or its kind is not served, `Cancelled`.
    init(
        _ path: String, encoding: TextEncoding? = nil, folder: String, cancellation: Cancellation?,
        expansion: ExpansionLimit = ExpansionLimit()
    ) throws {
        let raw = try RawFile(path, expansion: expansion, cancellation: cancellation)
        self.path = path
        guard let encoding = try encoding ?? Self.encoding(of: raw) else {
            format = try Self.format(of: path, prefix: raw.prefix, isCompressed: raw.isCompressed)
            if format == .parquet { try raw.checkTail() }
            (isCompressed, prefix, contentSize) = (raw.isCompressed, raw.prefix, raw.total)
            (isPrefixWhole, descriptor, size, notes) = (raw.prefix.count == raw.total, raw.release(), raw.size, [])
            return
        }
        let converted = try Self.convert(raw, encoding, folder: folder, cancellation)
        do {
            format = try Self.format(of: path, prefix: converted.prefix, isCompressed: false)
        } catch {
            close(converted.descriptor)
            throw error
        }
        (isCompressed, prefix, contentSize) = (false, converted.prefix, converted.size)
        (isPrefixWhole, descriptor, size) = (prefix.count == converted.size, converted.descriptor, converted.size)
        notes = ["The file is \(encoding.title) text and was converted to UTF-8 while it was read."]
    }

    deinit { close(descriptor) }

    /// The path under which the engine reads the file while this object lives.
    var enginePath: String { "/dev/fd/\(descriptor)" }

    /// Whether the file has lost its name since it was opened.
    var isGone: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_nlink == 0 && notes.isEmpty
    }

    /// The whole content, `nil` when it is larger than `limit` bytes or cannot be read again.
    func content(limit: Int) -> [UInt8]? {
        if isPrefixWhole { return prefix }
        guard !isCompressed, size <= limit else { return nil }
        return try? RawFile.read(descriptor, path, at: 0, count: size)
    }

    /// Hands over the whole content block by block, expanded.
    func forEachBlock(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
        try RawFile.forEachBlock(descriptor, path, size: size, isCompressed: isCompressed, limit: .max, body)
    }

    /// The encoding of text that is not UTF-8; `nil` for UTF-8, for other formats and for what is no text.
    private static func encoding(of raw: RawFile) throws(CasemateError) -> TextEncoding? {
        if raw.prefix.starts(with: [0xff, 0xfe, 0, 0]) || raw.prefix.starts(with: [0, 0, 0xfe, 0xff]) {
            throw CasemateError(.unsupported, at: raw.path, "is UTF-32 text", help: "save it as UTF-8")
        }
        if raw.prefix.starts(with: Array("PAR1".utf8)) { return nil }
        if let wide = TextEncoding.wide(raw.prefix) { return wide }
        guard !raw.prefix.prefix(4096).contains(0), !isRefused(raw.prefix) else { return nil }
        let isJSON = try format(of: raw.path, prefix: raw.prefix, isCompressed: raw.isCompressed) != .delimited
        var census = EncodingCensus()
        census.add(raw.prefix[...])
        // why not JSON: its standard knows UTF-8 only.
        return census.isWindows1252 && !isJSON ? .windows1252 : nil
    }

    private static func convert(
        _ raw: RawFile, _ encoding: TextEncoding, folder: String, _ cancellation: Cancellation?
    ) throws -> (descriptor: Int32, size: Int, prefix: [UInt8]) {
        let target = try TemporaryFolder.file(in: folder)
        do {
            var transcoder = Transcoder(encoding, path: raw.path)
            var prefix: [UInt8] = [], size = 0
            try raw.forEachBlock { block in
                try cancellation?.check()
                let text = try transcoder.convert(block)
                size += text.count
                if prefix.count < prefixLimit { prefix += text.prefix(prefixLimit - prefix.count) }
                try TemporaryFolder.write(text, to: target)
            }
            try transcoder.finish()
            return (target, size, prefix)
        } catch {
            close(target)
            throw error
        }
    }
}
