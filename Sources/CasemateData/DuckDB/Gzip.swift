import CZlib
import CasemateCore
import Foundation

/// Expands gzip files to the end with zlib, which checks length and CRC-32, so that a file that was cut short is never
/// taken for a shorter table.
package enum Gzip {
    private static let block = 1 << 18

    /// Expands every member of the file behind `descriptor` and hands the content to `sink` in blocks.
    /// - Throws: `CasemateError` with code `malformed` that names `path`, `limitExceeded` above `limit` bytes of
    ///   content, and what `sink` throws.
    package static func expand(
        descriptor: Int32, path: String, limit: Int, sink: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        var stream = z_stream()
        // why 31: the largest window, and gzip instead of zlib headers.
        guard inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw CasemateError(.engineFailed, at: path, "zlib cannot start", help: "free memory and try again")
        }
        defer { inflateEnd(&stream) }
        var input = [UInt8](repeating: 0, count: block)
        var output = [UInt8](repeating: 0, count: block)
        var (total, isInMember) = (0, true)
        while true {
            let count = try fill(&input, from: descriptor, path: path)
            guard count > 0 else {
                if isInMember { throw malformed(path, "the gzip data end too early: the file is cut short") }
                return
            }
            var used = 0
            // why isFull: zlib may hold back output although it has taken all of the input.
            var isFull = false
            while used < count || isFull {
                if !isInMember, used < count {
                    // why: zlib stops at the end of a member; only another member may follow.
                    guard input[used] == 0x1f, inflateReset(&stream) == Z_OK else {
                        throw malformed(path, "bytes follow the end of the gzip data")
                    }
                    isInMember = true
                }
                let step = inflateStep(&stream, input, used, count, &output)
                used += step.read
                isFull = step.written == output.count && step.code == Z_OK
                total += step.written
                guard total <= limit else {
                    throw CasemateError(
                        .limitExceeded, at: path, "expands to more than \(limit) bytes", help: "give it uncompressed")
                }
                if step.written > 0 { try sink(output[0..<step.written]) }
                switch step.code {
                case Z_OK, Z_BUF_ERROR:
                    if step.read == 0, step.written == 0, used < count {
                        throw malformed(path, "the gzip data are damaged")
                    }
                case Z_STREAM_END: isInMember = false
                default: throw malformed(path, "the gzip data are damaged, or do not match their checksum")
                }
            }
        }
    }

    private static func inflateStep(
        _ stream: inout z_stream, _ input: [UInt8], _ used: Int, _ count: Int, _ output: inout [UInt8]
    ) -> (code: Int32, read: Int, written: Int) {
        input.withUnsafeBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let into = target.baseAddress else {
                    return (Z_STREAM_ERROR, 0, 0)
                }
                // why mutating: zlib declares its input without const and does not write to it.
                stream.next_in = UnsafeMutablePointer(mutating: from + used)
                stream.avail_in = UInt32(count - used)
                stream.next_out = into
                stream.avail_out = UInt32(target.count)
                let code = inflate(&stream, Z_NO_FLUSH)
                return (code, count - used - Int(stream.avail_in), target.count - Int(stream.avail_out))
            }
        }
    }

    private static func fill(
        _ input: inout [UInt8], from descriptor: Int32, path: String
    ) throws(CasemateError) -> Int {
        while true {
            let count = input.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            guard errno == EINTR else {
                throw CasemateError(.unreadable, at: path, "reading stopped", help: "check the disk")
            }
        }
    }

    private static func malformed(_ path: String, _ what: String) -> CasemateError {
        CasemateError(.malformed, at: path, what, help: "download or compress the file again")
    }
}
