package import CasemateCore
import Foundation

extension AuditHead {
    /// Reads the heads of a file: lines of JSON, as `checkpoint.export` writes them. A last line without end that is no
    /// head is left out: a crash may have cut it.
    /// - Throws: `CasemateError`: `notFound`, `limitExceeded` beyond 64 MiB, `malformed` with the line.
    package static func read(_ path: String) throws(CasemateError) -> [AuditHead] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw CasemateError(.notFound, at: path, "cannot be read", help: "name the file of `checkpoint.export`")
        }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: 64 << 20 + 1), data.count <= 64 << 20 else {
            throw CasemateError(.limitExceeded, at: path, "is larger than 64 MiB", help: "name the last of its lines")
        }
        var heads: [AuditHead] = []
        let lines = data.split(separator: UInt8(ascii: "\n"))
        for (index, line) in lines.enumerated() {
            guard let head = AuditHead(line) else {
                if index == lines.count - 1, index > 0, data.last != UInt8(ascii: "\n") { break }
                throw CasemateError(
                    .malformed, at: "\(path):\(index + 1)", "is no head of an audit log",
                    help: "name the file of `checkpoint.export`")
            }
            heads.append(head)
        }
        guard !heads.isEmpty else {
            throw CasemateError(.malformed, at: path, "holds no head", help: "name the file of `checkpoint.export`")
        }
        return heads
    }
}
