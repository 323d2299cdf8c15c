package import CasemateCore
import Foundation

/// Reads whole files into memory, expanded when they are gzip, never more than a limit.
package enum FileBytes {
    /// The content of a regular file; gzip is known by its first bytes and checked to its end.
    /// - Throws: `CasemateError`: `notFound`, `unreadable`, `limitExceeded` above `limit` bytes before or after
    ///   expansion, `malformed` for damaged gzip data.
    package static func content(of path: String, limit: Int) throws(CasemateError) -> [UInt8] {
        let (descriptor, size) = try open(path)
        defer { close(descriptor) }
        guard size <= limit else {
            throw CasemateError(
                .limitExceeded, at: path, "is \(size) bytes, \(limit) are the limit", help: "split it into parts")
        }
        let bytes = try read(descriptor, path, count: size)
        return bytes.starts(with: [0x1f, 0x8b]) ? try expanded(descriptor, path, limit: limit) : bytes
    }

    /// The content of a gzip file of at most `limit` bytes.
    package static func expanded(_ path: String, limit: Int) throws(CasemateError) -> [UInt8] {
        let (descriptor, _) = try open(path)
        defer { close(descriptor) }
        return try expanded(descriptor, path, limit: limit)
    }

    /// Opens a regular file and tells its size; nothing else, such as a pipe, is waited for.
    package static func open(_ path: String) throws(CasemateError) -> (descriptor: Int32, size: Int) {
        var status = stat()
        guard !path.utf8.contains(0), stat(path, &status) == 0 else {
            throw CasemateError(.notFound, at: path, "no such file", help: "check the path and the working folder")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let what = status.st_mode & S_IFMT == S_IFDIR ? "is a folder, a file is needed" : "is not a regular file"
            throw CasemateError(.unreadable, at: path, what, help: "name a readable file")
        }
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw CasemateError(.unreadable, at: path, "cannot be opened for reading", help: "name a readable file")
        }
        return (descriptor, Int(status.st_size))
    }

    private static func expanded(_ descriptor: Int32, _ path: String, limit: Int) throws(CasemateError) -> [UInt8] {
        var content: [UInt8] = []
        lseek(descriptor, 0, SEEK_SET)
        do {
            try Gzip.expand(descriptor: descriptor, path: path, limit: limit) { content += $0 }
        } catch let error as CasemateError {
            throw error
        } catch {
            throw CasemateError(.unreadable, at: path, "cannot be expanded", help: "give it uncompressed")
        }
        return content
    }

    private static func read(_ descriptor: Int32, _ path: String, count: Int) throws(CasemateError) -> [UInt8] {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(filled))
                if got < 0, errno == EINTR { continue }
                failed = got < 0
                guard got > 0 else { break }
                filled += got
            }
        }
        guard !failed else {
            throw CasemateError(.unreadable, at: path, "reading stopped", help: "check the disk")
        }
        return bytes
    }
}
