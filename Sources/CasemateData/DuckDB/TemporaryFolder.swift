import CasemateCore
import Foundation

/// A folder for what does not fit memory; it is removed with everything in it when this object ends.
final class TemporaryFolder: Sendable {
    /// Path of the folder.
    let path: String

    /// Makes a folder that only this user can read, inside `parent`.
    init(in parent: String) throws(CasemateError) {
        var name = Array("\(parent)/casemate-XXXXXX".utf8CString)
        guard name.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
            throw CasemateError(
                .unwritable, at: parent, "no temporary folder can be made there",
                help: "set TMPDIR to a folder with room"
            )
        }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Opens a new file that has no name any more: it vanishes with its descriptor, also after a crash.
    static func file(in parent: String) throws(CasemateError) -> Int32 {
        var name = Array("\(parent)/casemate-XXXXXX".utf8CString)
        let descriptor = name.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
        guard descriptor >= 0 else {
            throw CasemateError(
                .unwritable, at: parent, "no temporary file can be made there", help: "set TMPDIR to a folder with room"
            )
        }
        _ = name.withUnsafeBufferPointer { $0.baseAddress.map { unlink($0) } }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    /// Writes all bytes to a descriptor.
    static func write(_ bytes: [UInt8], to descriptor: Int32) throws(CasemateError) {
        var done = 0
        while done < bytes.count {
            let put = bytes.withUnsafeBytes { buffer in
                Foundation.write(descriptor, buffer.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if put < 0, errno == EINTR { continue }
            guard put > 0 else {
                throw CasemateError(
                    .unwritable, at: "temporary file", "the disk is full", help: "set TMPDIR to a folder with room")
            }
            done += put
        }
    }
}
