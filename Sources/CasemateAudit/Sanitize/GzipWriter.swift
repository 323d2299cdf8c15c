import CZlib
import CasemateCore

/// Compresses bytes as one gzip member without name and time, so that the same content gives the same file.
final class GzipWriter {
    private var stream = z_stream()
    private var output = [UInt8](repeating: 0, count: 1 << 16)
    private let path: String

    /// Starts a member.
    /// - Throws: `engineFailed` when zlib cannot start.
    init(path: String) throws(CasemateError) {
        self.path = path
        // why 31: the largest window, and a gzip header; 6 is zlib's own level, 8 its memory.
        let size = Int32(MemoryLayout<z_stream>.size)
        guard deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK else {
            throw CasemateError(.engineFailed, at: path, "zlib cannot start", help: "free memory and try again")
        }
    }

    deinit { deflateEnd(&stream) }

    /// Compresses bytes; `isLast` ends the member.
    func write(
        _ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, _ sink: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        var done = 0
        repeat {
            let part = min(bytes.count - done, Int(UInt32.max / 2))
            // why mutating: zlib declares its input without const and does not write to it.
            stream.next_in = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0 + done) }
            stream.avail_in = UInt32(part)
            let flush = isLast && done + part == bytes.count ? Z_FINISH : Z_NO_FLUSH
            try drain(flush, sink)
            done += part
        } while done < bytes.count
    }

    private func drain(_ flush: Int32, _ sink: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        while true {
            let (code, count) = output.withUnsafeMutableBufferPointer { buffer -> (Int32, Int) in
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(buffer.count)
                let code = deflate(&stream, flush)
                return (code, buffer.count - Int(stream.avail_out))
            }
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw CasemateError(
                    .engineFailed, at: path, "zlib stopped with \(code)", help: "free memory, try again")
            }
            if count > 0 {
                try output.withUnsafeBufferPointer { try sink(UnsafeBufferPointer(rebasing: $0[..<count])) }
            }
            if code == Z_STREAM_END || count < output.count { return }
        }
    }
}
