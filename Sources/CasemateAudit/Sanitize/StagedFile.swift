import CasemateCore
import Crypto
import Foundation

/// A file that gets its name only when everything is there; until then it has a temporary one, and goes when nobody
/// holds it any more.
final class StagedName {
    /// Name in the folder, and the temporary path.
    let name: String, temporary: String
    private let final: String
    private var isRenamed = false

    init(_ name: String, in folder: String) {
        self.name = name
        temporary = "\(folder)/.\(name).\(ProcessInfo.processInfo.processIdentifier).part"
        final = "\(folder)/\(name)"
    }

    deinit { if !isRenamed { unlink(temporary) } }

    /// Gives the file its name.
    func commit() throws(CasemateError) {
        guard rename(temporary, final) == 0 else { throw failure() }
        isRenamed = true
    }

    /// What the system said last.
    func failure() -> CasemateError {
        CasemateError(
            .unwritable, at: final, String(cString: strerror(errno)).lowercased(),
            help: "free space or rights there, or name another folder with --output")
    }
}

/// A large file that is written in parts.
final class StagedFile {
    /// Its names.
    let staged: StagedName
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private var hash = SHA256()
    private let gzip: GzipWriter?
    /// Bytes of content, before compression.
    private(set) var contentBytes = 0
    /// Bytes on the disk so far.
    private(set) var bytes = 0
    private static let bufferSize = 1 << 18

    /// Makes the temporary file.
    /// - Throws: `unwritable`.
    init(_ name: String, in folder: String, isCompressed: Bool = false) throws(CasemateError) {
        staged = StagedName(name, in: folder)
        gzip = isCompressed ? try GzipWriter(path: folder + "/" + name) : nil
        descriptor = open(staged.temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw staged.failure() }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Appends content.
    func write(_ part: UnsafeBufferPointer<UInt8>) throws {
        contentBytes += part.count
        guard let gzip else { return try append(part) }
        try gzip.write(part, isLast: false) { try append($0) }
    }

    /// Appends text.
    func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write($0) }
    }

    /// Ends the content and brings it to the disk.
    /// - Returns: SHA-256 of the file in lower-case hexadecimal.
    func finish() throws -> String {
        if let gzip { try gzip.write(UnsafeBufferPointer(start: nil, count: 0), isLast: true) { try append($0) } }
        try flush()
        guard fsync(descriptor) == 0 else { throw staged.failure() }
        return hash.finalize().map { String(UInt16($0) + 256, radix: 16).suffix(2) }.joined()
    }

    private func append(_ part: UnsafeBufferPointer<UInt8>) throws {
        buffer += part
        if buffer.count >= Self.bufferSize { try flush() }
    }

    private func flush() throws {
        hash.update(data: buffer)
        bytes += buffer.count
        var offset = 0
        while offset < buffer.count {
            let written = buffer.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                return Foundation.write(descriptor, base + offset, bytes.count - offset)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw staged.failure() }
            offset += written
        }
        buffer.removeAll(keepingCapacity: true)
    }
}
