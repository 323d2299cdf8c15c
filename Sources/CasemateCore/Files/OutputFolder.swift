public import Foundation

/// Writes a set of files so that a reader sees each one whole or not at all.
///
/// Every file is first written and flushed under a temporary name in the same folder; only when all are there are
/// they renamed. When writing fails, what was begun is removed and older files stay as they were; only a rename that the
/// file system refuses can leave a mixture of whole old and whole new files.
public struct OutputFolder: Sendable {
    /// Path of the folder.
    public let path: String
    /// Names a folder; nothing is touched before `write`.
    public init(_ path: String) { self.path = path }

    /// Makes the folder if need be and fails early when nothing can be written there.
    public func prepare() throws(CasemateError) {
        let existed = FileManager.default.fileExists(atPath: path)
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw unwritable("the folder cannot be made")
        }
        let trial = path + "/.casemate-trial-\(ProcessInfo.processInfo.processIdentifier)"
        let descriptor = open(trial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw unwritable(String(cString: strerror(errno)).lowercased()) }
        close(descriptor)
        unlink(trial)
        if !existed { rmdir(path) }
    }

    /// Writes all `files` (name to content), replacing older ones of the same names.
    /// - Throws: `CasemateError` with code `unwritable`; nothing is half-written then.
    public func write(_ files: [(name: String, content: Data)]) throws(CasemateError) {
        try write(files, isConfidential: false)
    }

    /// Writes as `write(_:)`; what is confidential is for its owner alone, and so is the folder where it is made.
    package func write(_ files: [(name: String, content: Data)], isConfidential: Bool) throws(CasemateError) {
        let existed = FileManager.default.fileExists(atPath: path)
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: isConfidential ? [.posixPermissions: 0o700] : nil)
        } catch { throw unwritable("the folder cannot be made") }
        var begun: [(temporary: String, final: String)] = []
        do throws(CasemateError) {
            for file in files {
                let final = path + "/" + file.name
                let temporary = path + "/.\(file.name).\(ProcessInfo.processInfo.processIdentifier).part"
                begun.append((temporary, final))
                try Self.writeFlushed(file.content, to: temporary, mode: isConfidential ? 0o600 : 0o644)
            }
            for (temporary, final) in begun where rename(temporary, final) != 0 {
                throw unwritable(String(cString: strerror(errno)).lowercased())
            }
        } catch {
            for (temporary, _) in begun { unlink(temporary) }
            if !existed { rmdir(path) }
            throw error
        }
    }

    private func unwritable(_ what: String) -> CasemateError {
        CasemateError(.unwritable, at: path, what, help: "free space or rights there, or name another with --output")
    }

    private static func writeFlushed(_ content: Data, to path: String, mode: mode_t) throws(CasemateError) {
        func failure() -> CasemateError {
            CasemateError(
                .unwritable, at: path, String(cString: strerror(errno)).lowercased(),
                help: "free space or rights there, or name another with --output")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var offset = 0
        while offset < content.count {
            let written = content.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                return Foundation.write(descriptor, base + offset, content.count - offset)
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure() }
            offset += written
        }
        guard fsync(descriptor) == 0 else { throw failure() }
    }
}
