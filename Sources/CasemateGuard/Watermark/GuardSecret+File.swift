public import CasemateCore
import Crypto
import Foundation

extension GuardSecret {
    /// Number of bytes in a file.
    private static let fileBytes = 32

    /// Reads the secret of a file: 64 hexadecimal digits on one line.
    /// - Throws: `notFound`, `unreadable`; `refused` where others than the owner may read the file or it is no plain file;
    ///   `malformed` for other content. The content is never shown.
    public init(contentsOf path: String) throws(CasemateError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let isMissing = errno == ENOENT
            throw CasemateError(
                isMissing ? .notFound : .unreadable, at: path, isMissing ? "no such file" : "cannot be read",
                help: isMissing
                    ? "make one with `casemate watermark keygen --output \(path)`"
                    : "give its owner the right to read it, and run Casemate as that user")
        }
        defer { close(descriptor) }
        guard let facts = FileFacts(descriptor: descriptor), facts.isPlainFile else {
            throw CasemateError(.refused, at: path, "is no plain file", help: "name the file of the secret")
        }
        guard facts.permissions & 0o077 == 0 else {
            throw CasemateError(
                .refused, at: path, "others than its owner may read or write the secret", help: "chmod 600 the file")
        }
        var buffer = [UInt8](repeating: 0, count: 2 * Self.fileBytes + 3)
        let count = read(descriptor, &buffer, buffer.count)
        var text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        while text.hasSuffix("\n") || text.hasSuffix("\r") || text.hasSuffix("\r\n") { text.removeLast() }
        guard let bytes = Hexadecimal.bytes(text), bytes.count == Self.fileBytes else {
            throw CasemateError(
                .malformed, at: path, "is not 64 lower-case hexadecimal digits on one line",
                help: "restore the secret; a new one cannot prove marks of the old one")
        }
        self.init(bytes)
    }

    /// Makes a new secret and a file of it, readable by its owner alone. Nothing is ever replaced.
    /// - Throws: `refused` where the file is there; `unwritable`.
    @discardableResult
    public static func create(at path: String) throws(CasemateError) -> GuardSecret {
        let bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            throw CasemateError(
                isThere ? .refused : .unwritable, at: path, isThere ? "the file is there" : "cannot be written",
                help: isThere ? "a secret is never replaced; name another file" : "name a folder that can be written")
        }
        let line = Array((Hexadecimal.text(of: bytes) + "\n").utf8)
        let isWritten = write(descriptor, line, line.count) == line.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten else {
            unlink(path)
            throw CasemateError(.unwritable, at: path, "cannot be written", help: "free space there")
        }
        return GuardSecret(bytes)
    }

    /// Reads the secret of a file, or makes both where there is none.
    /// - Throws: what `init(contentsOf:)` and `create(at:)` throw.
    public static func opened(at path: String) throws(CasemateError) -> GuardSecret {
        do { return try GuardSecret(contentsOf: path) } catch {
            guard error.code == .notFound else { throw error }
        }
        do { return try create(at: path) } catch {
            // why: another process may have made it meanwhile.
            guard error.code == .refused else { throw error }
            return try GuardSecret(contentsOf: path)
        }
    }
}
