import CasemateCore
import Foundation

/// A ledger of JSON lines: entries are only ever appended, under a lock, and flushed.
package struct LedgerFile: LedgerStore {
    package let path: String

    /// Names the file; it is made by the first `append`.
    package init(_ path: String) { self.path = path }

    private func failure(_ code: CasemateError.Code, _ what: String) -> CasemateError {
        CasemateError(code, at: path, what, help: "name another ledger with --ledger, or mend what is in the way")
    }

    /// Opens the file, `nil` when it is missing and not to be made; the lock goes with the descriptor.
    private func open(_ flags: Int32, lock: Int32) throws(CasemateError) -> Int32? {
        // why O_NOFOLLOW only for writing: a link that others planted must not lead our writing elsewhere.
        let writes = flags & O_ACCMODE != O_RDONLY
        let descriptor = Foundation.open(path, flags | O_CLOEXEC | O_NONBLOCK | (writes ? O_NOFOLLOW : 0), 0o644)
        guard descriptor >= 0 else {
            if errno == ENOENT, flags & O_CREAT == 0 { return nil }
            throw failure(
                writes ? .unwritable : .unreadable, String(cString: strerror(errno)).lowercased())
        }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw failure(.unreadable, "is not a regular file")
        }
        guard Int(facts.st_size) <= LedgerContent.limit else {
            close(descriptor)
            throw failure(.limitExceeded, "is larger than \(LedgerContent.limit) bytes")
        }
        while flock(descriptor, lock) != 0 {
            guard errno == EINTR else {
                close(descriptor)
                throw failure(.unreadable, "cannot be locked")
            }
        }
        return descriptor
    }

    package func read() throws -> LedgerContent? {
        guard let descriptor = try open(O_RDONLY, lock: LOCK_SH) else { return nil }
        defer { close(descriptor) }
        return try content(descriptor)
    }

    private func content(_ descriptor: Int32) throws(CasemateError) -> LedgerContent? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let got = piece.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(bytes.count)) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw failure(.unreadable, "reading stopped") }
            if got == 0 { break }
            bytes += piece.prefix(got)
        }
        guard !bytes.isEmpty else { return nil }
        var content = LedgerContent(lines: [])
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            content.lines.append(bytes[start..<end])
            content.offsets.append(start)
            start = end + 1
        }
        if start < bytes.count { content.torn = bytes[start...] }
        return content
    }

    package func append(_ make: (LedgerContent?) throws -> [UInt8]) throws {
        let isNew = !FileManager.default.fileExists(atPath: path)
        guard let descriptor = try open(O_RDWR | O_CREAT | O_APPEND, lock: LOCK_EX) else { return }
        defer { close(descriptor) }
        // An empty file that a failure leaves behind is a ledger without entries: to remove it could take away the one
        // that somebody else has just begun.
        let line = try make(try content(descriptor)) + [UInt8(ascii: "\n")]
        let end = lseek(descriptor, 0, SEEK_END)
        guard FileWriting.all(line, to: descriptor), fsync(descriptor) == 0 else {
            let reason = String(cString: strerror(errno)).lowercased()
            // why: whoever reads next must not meet half a line.
            ftruncate(descriptor, end)
            throw failure(.unwritable, "an entry cannot be written: \(reason)")
        }
        if isNew { Self.flushFolder(of: path) }
    }

    package func mend() throws -> String? {
        guard let descriptor = try open(O_RDWR, lock: LOCK_EX) else { return nil }
        defer { close(descriptor) }
        guard let content = try content(descriptor), let torn = content.torn else { return nil }
        let review = LedgerReview(LedgerContent(lines: content.lines + [torn]), trusted: [])
        if let last = review.entries.last, last.position == content.lines.count, review.problems.isEmpty {
            guard lseek(descriptor, 0, SEEK_END) >= 0, FileWriting.all([UInt8(ascii: "\n")], to: descriptor),
                fsync(descriptor) == 0
            else { throw failure(.unwritable, "cannot be written") }
            return "ended the last line, which was whole"
        }
        let kept = path + ".torn"
        let copy = Foundation.open(kept, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard copy >= 0 else {
            throw failure(.unwritable, "'\(kept)' cannot be made, in which the half line is to be kept")
        }
        let isCopied = FileWriting.all(Array(torn), to: copy) && fsync(copy) == 0
        close(copy)
        guard isCopied, ftruncate(descriptor, off_t(torn.startIndex)) == 0, fsync(descriptor) == 0 else {
            throw failure(.unwritable, "cannot be mended")
        }
        return "cut \(torn.count) bytes of a half-written entry off the end, and kept them in \(kept)"
    }

    private static func flushFolder(of path: String) {
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = Foundation.open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
