import Crypto
public import Foundation

/// Size and SHA-256 of a file, read in blocks.
public struct FileDigest: Hashable, Sendable {
    /// SHA-256 in lower-case hexadecimal.
    public let sha256: String
    /// Size in bytes.
    public let bytes: Int

    /// Reads the file once.
    /// - Throws: `CasemateError` when it is missing, a folder or cannot be read.
    public init(of path: String) throws(CasemateError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CasemateError(.notFound, at: path, "no such file", help: "check the path and the working folder")
        }
        guard !isFolder.boolValue, let handle = FileHandle(forReadingAtPath: path) else {
            let what = isFolder.boolValue ? "is a folder, a file is needed" : "cannot be opened for reading"
            throw CasemateError(.unreadable, at: path, what, help: "name a readable file")
        }
        defer { try? handle.close() }
        var hash = SHA256()
        var size = 0
        do {
            while let block = try handle.read(upToCount: 1 << 20), !block.isEmpty {
                hash.update(data: block)
                size += block.count
            }
        } catch {
            throw CasemateError(.unreadable, at: path, "reading stopped after \(size) bytes", help: "check the disk")
        }
        sha256 = hash.finalize().map { String(UInt16($0) + 256, radix: 16).suffix(2) }.joined()
        bytes = size
    }

    /// SHA-256 of bytes in memory, in lower-case hexadecimal.
    public static func sha256(_ data: Data) -> String {
        SHA256.hash(data: data).map { String(UInt16($0) + 256, radix: 16).suffix(2) }.joined()
    }
}
