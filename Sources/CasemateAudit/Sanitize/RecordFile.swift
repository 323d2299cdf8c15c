import CasemateCore
import CasemateData
import Foundation

/// A data file whose records can be taken apart without changing a byte: what it holds, found out from its first bytes
/// and its name, as the reader of data files does.
struct RecordFile {
    /// What the file holds, once expanded.
    enum Format: Hashable {
        /// Cells with this delimiter; names of the columns in order.
        case delimited(UInt8, names: [String])
        /// One JSON object a line.
        case jsonLines
        /// Apache Parquet.
        case parquet
    }
    /// How characters are written.
    enum Encoding: String {
        case utf8 = "UTF-8", utf16LittleEndian = "UTF-16LE", utf16BigEndian = "UTF-16BE", singleByte = "one byte"
        /// Bytes of a unit.
        var width: Int { self == .utf16LittleEndian || self == .utf16BigEndian ? 2 : 1 }
    }
    /// The path as it was given.
    let path: String
    let format: Format
    let encoding: Encoding
    /// Bytes of a byte order mark.
    let mark: Int
    /// Whether the file is gzip.
    let isCompressed: Bool
    /// Ending of the files that are made of it: `csv`, `csv.gz`, `parquet`.
    let suffix: String
    private static let prefixLimit = 1 << 22

    /// Looks at a file.
    /// - Throws: `notFound`, `unreadable`, `malformed`; `unsupported` for files whose records cannot be divided.
    init(_ path: String, cancellation: Cancellation) throws {
        self.path = path
        let descriptor = try FileBytes.open(path).descriptor
        defer { close(descriptor) }
        var prefix = try Self.prefix(descriptor, path)
        let isCompressed = prefix.bytes.starts(with: [0x1f, 0x8b])
        if isCompressed { prefix = try Self.expandedPrefix(descriptor, path, cancellation) }
        let bytes = prefix.bytes
        guard !bytes.isEmpty else {
            throw CasemateError(.malformed, at: path, "is empty", help: "name a file with a header and data rows")
        }
        self.isCompressed = isCompressed
        (encoding, mark) = Self.encoding(of: bytes, isWhole: prefix.isWhole)
        let endings = Self.endings(of: path)
        if bytes.starts(with: Array("PAR1".utf8)) {
            guard !isCompressed else {
                throw CasemateError(.unsupported, at: path, "is Parquet inside gzip", help: "unpack it first")
            }
            (format, suffix) = (.parquet, "parquet")
            return
        }
        let text = Self.utf8(bytes.dropFirst(mark), encoding)
        let kind = try Self.kind(of: text, endings, path)
        let ending = endings.last { ["csv", "tsv", "tab", "txt", "jsonl", "ndjson", "json"].contains($0) }
        suffix = (ending ?? (kind == .delimited ? "csv" : "jsonl")) + (isCompressed ? ".gz" : "")
        guard kind == .delimited else {
            guard encoding == .utf8 || encoding == .singleByte else {
                throw CasemateError(.unsupported, at: path, "is JSON in UTF-16", help: "save the file as UTF-8")
            }
            format = .jsonLines
            return
        }
        let header = try DelimitedHeader(Array(text), isWhole: prefix.isWhole, path: path)
        format = .delimited(header.delimiter, names: header.names)
    }

    private init(_ other: RecordFile, path: String) {
        self.path = path
        (format, encoding, mark, isCompressed) = (other.format, other.encoding, other.mark, other.isCompressed)
        suffix = other.suffix
    }

    /// Another file that is written like this one.
    func at(_ path: String) -> RecordFile { RecordFile(self, path: path) }

    private enum Kind { case delimited, jsonLines }

    private static func kind(of text: ArraySlice<UInt8>, _ endings: [String], _ path: String) throws -> Kind {
        let isNamedDelimited = endings.contains { ["csv", "tsv", "tab", "txt"].contains($0) }
        let first = text.first { !" \t\r\n".utf8.contains($0) }
        guard !isNamedDelimited else { return .delimited }
        if first == UInt8(ascii: "[") {
            throw CasemateError(
                .unsupported, at: path, "is one JSON array, which cannot be divided line by line",
                help: "write one JSON object a line, CSV or Parquet")
        }
        return first == UInt8(ascii: "{") ? .jsonLines : .delimited
    }

    private static func endings(of path: String) -> [String] {
        var parts = URL(fileURLWithPath: path).lastPathComponent.lowercased().split(separator: ".").dropFirst()
        if parts.last == "gz" { parts.removeLast() }
        return parts.suffix(1).map(String.init)
    }

    private static func encoding(of bytes: [UInt8], isWhole: Bool) -> (Encoding, mark: Int) {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { return (.utf8, 3) }
        if bytes.starts(with: [0xff, 0xfe]) { return (.utf16LittleEndian, 2) }
        if bytes.starts(with: [0xfe, 0xff]) { return (.utf16BigEndian, 2) }
        // why the last bytes are left out: the prefix may end inside a character.
        let whole = bytes.dropLast(isWhole ? 0 : 4)
        return (String(validating: whole, as: UTF8.self) == nil ? .singleByte : .utf8, 0)
    }

    /// The text as UTF-8.
    private static func utf8(_ bytes: ArraySlice<UInt8>, _ encoding: Encoding) -> ArraySlice<UInt8> {
        switch encoding {
        case .utf8: return bytes
        case .singleByte:
            return ArraySlice(String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) })).utf8)
        case .utf16LittleEndian, .utf16BigEndian:
            let (low, high) = encoding == .utf16LittleEndian ? (0, 1) : (1, 0)
            let units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).map { index in
                UInt16(bytes[index + high]) << 8 | UInt16(bytes[index + low])
            }
            return ArraySlice(String(decoding: units, as: UTF16.self).utf8)
        }
    }
}

extension RecordFile {
    private static func prefix(_ descriptor: Int32, _ path: String) throws -> (bytes: [UInt8], isWhole: Bool) {
        var bytes: [UInt8] = []
        try read(descriptor, path) { block in
            bytes += block
            return bytes.count <= prefixLimit
        }
        return (Array(bytes.prefix(prefixLimit)), bytes.count <= prefixLimit)
    }

    private struct Enough: Error {}

    private static func expandedPrefix(
        _ descriptor: Int32, _ path: String, _ cancellation: Cancellation
    ) throws -> (bytes: [UInt8], isWhole: Bool) {
        var bytes: [UInt8] = []
        lseek(descriptor, 0, SEEK_SET)
        do {
            try Gzip.expand(descriptor: descriptor, path: path, limit: Int.max) { block in
                try cancellation.check()
                bytes += block
                if bytes.count > prefixLimit { throw Enough() }
            }
        } catch is Enough {
            return (Array(bytes.prefix(prefixLimit)), false)
        }
        return (bytes, true)
    }

    /// Hands over a file in blocks, as long as `body` asks for more.
    private static func read(
        _ descriptor: Int32, _ path: String, _ body: (UnsafeBufferPointer<UInt8>) throws -> Bool
    ) throws {
        var block = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = block.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CasemateError(.unreadable, at: path, "reading stopped", help: "check the disk")
            }
            guard count > 0,
                try block.withUnsafeBufferPointer({ try body(UnsafeBufferPointer(rebasing: $0[..<count])) })
            else { return }
        }
    }

    /// The most that a gzip file may expand to, in bytes: what the reader of data files allows.
    private static let expandedLimit = 1 << 38

    /// Hands over the content in blocks, expanded.
    func forEachBlock(context: RunContext, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        let descriptor = try FileBytes.open(path).descriptor
        defer { close(descriptor) }
        if isCompressed {
            try Gzip.expand(descriptor: descriptor, path: path, limit: Self.expandedLimit) { block in
                try context.cancellation.check()
                try block.withUnsafeBufferPointer(body)
            }
            return
        }
        try Self.read(descriptor, path) { block in
            try context.cancellation.check()
            try body(block)
            return true
        }
    }
}
