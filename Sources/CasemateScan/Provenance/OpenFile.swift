import CasemateCore
import Crypto
import Foundation

/// A regular file that is open for reading, and that must not change while it is read.
final class OpenFile {
    let path: String, descriptor: Int32, size: Int
    private let facts: stat

    /// Opens it; nothing else than a regular file is waited for.
    /// - Throws: `notFound`, `unreadable`.
    init(_ path: String) throws(CasemateError) {
        let opened = path.utf8.contains(0) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard opened >= 0 else {
            let isMissing = path.utf8.contains(0) || errno == ENOENT || errno == ENOTDIR
            throw CasemateError(
                isMissing ? .notFound : .unreadable, at: path,
                isMissing ? "no such file" : "cannot be opened for reading",
                help: isMissing ? "check the path and the working folder" : "name a readable file")
        }
        var facts = stat()
        guard fstat(opened, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            let isFolder = facts.st_mode & S_IFMT == S_IFDIR
            throw CasemateError(
                .unreadable, at: path, isFolder ? "is a folder, a file is needed" : "is not a regular file",
                help: "name a file")
        }
        (self.path, descriptor, size, self.facts) = (path, opened, Int(facts.st_size), facts)
    }

    deinit { close(descriptor) }

    /// The first bytes.
    func prefix(_ limit: Int) throws(CasemateError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(limit, size)), filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Result { () throws(CasemateError) in
                    try read(UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]), at: filled)
                }
            }
            let count = try got.get()
            if count == 0 { break }
            filled += count
        }
        return Array(bytes.prefix(filled))
    }

    /// Hands over all bytes in order.
    func forEachPiece(context: RunContext, stage: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { piece.deallocate() }
        #if os(Linux)
            _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        #endif
        var offset = 0
        while true {
            try context.cancellation.check()
            let got = try read(piece, at: offset)
            guard got > 0 else { break }
            try body(UnsafeRawBufferPointer(rebasing: piece[..<got]))
            offset += got
            context.progress(stage, min(offset, size), max(size, 1))
        }
        try checkUnchanged(read: offset)
    }

    private func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(CasemateError) -> Int {
        while true {
            let got = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if got >= 0 { return got }
            guard errno == EINTR else {
                throw CasemateError(
                    .unreadable, at: path, "reading stopped after \(offset) bytes", help: "check the disk")
            }
        }
    }

    /// Refuses a file that somebody wrote to meanwhile.
    func checkUnchanged(read bytes: Int? = nil) throws(CasemateError) {
        var now = stat()
        let isSame =
            fstat(descriptor, &now) == 0 && now.st_size == facts.st_size
            && now.st_mtim.tv_sec == facts.st_mtim.tv_sec && now.st_mtim.tv_nsec == facts.st_mtim.tv_nsec
        guard isSame, bytes ?? size == size else {
            throw CasemateError(
                .unreadable, at: path, "was written to while it was read", help: "wait until it is finished")
        }
    }

    /// SHA-256 of everything.
    func content(context: RunContext) throws -> Hash256 {
        var hash = SHA256()
        try forEachPiece(context: context, stage: "hashing") { hash.update(bufferPointer: $0) }
        return Hash256(hash.finalize())
    }
}
