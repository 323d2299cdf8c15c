import CZlib
import Foundation

/// Unpacks bodies by `Content-Encoding`, within bounds.
public enum BodyDecoding {
    /// The body without its encoding: `identity`, `gzip` (RFC 1952) or `deflate` (the zlib form, RFC 1950), one of them.
    /// - Throws: `GuardRefusal` with `mediaType` for encodings that are not served, `tooLarge` for a body that unpacks to
    ///   more than `limit` bytes, `malformed` for a broken one.
    public static func decoded(_ body: [UInt8], encoding: String?, limit: Int) throws -> [UInt8] {
        guard let encoding else { return body }
        switch encoding.lowercased().trimmingCharacters(in: .whitespaces) {
        case "", "identity": return body
        // why: the windows say to zlib which header it has to see, and that it checks the sum at the end.
        case "gzip", "x-gzip": return try unpacked(body, window: 31, limit: limit)
        case "deflate": return try unpacked(body, window: 15, limit: limit)
        default:
            throw GuardRefusal(
                .mediaType, "the encodings gzip and deflate are served, one at a time", field: "content-encoding")
        }
    }

    private static func unpacked(_ body: [UInt8], window: Int32, limit: Int) throws -> [UInt8] {
        var stream = z_stream()
        guard inflateInit2_(&stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw GuardRefusal(.unavailable, "there is no memory to unpack the body", retryAfter: 1)
        }
        defer { inflateEnd(&stream) }
        guard body.count <= Int(UInt32.max) else { throw tooLarge(limit) }
        var result: [UInt8] = []
        // why: memory follows what really comes out, step by step; what the body says of its size is not believed.
        var room = [UInt8](repeating: 0, count: min(1 << 16, max(1, limit) + 1))
        var used = 0
        while true {
            let step = inflateStep(&stream, body, used, &room)
            used = step.used
            guard result.count + step.written <= limit else { throw tooLarge(limit) }
            result.append(contentsOf: room[..<step.written])
            switch step.code {
            case Z_STREAM_END:
                guard used == body.count else { throw broken("something follows its end") }
                return result
            case Z_OK where step.written > 0 || used < body.count: continue
            case Z_OK, Z_BUF_ERROR: throw broken("it ends early")
            case Z_MEM_ERROR: throw GuardRefusal(.unavailable, "there is no memory to unpack the body", retryAfter: 1)
            default: throw broken("it is damaged")
            }
        }
    }

    private static func inflateStep(
        _ stream: inout z_stream, _ body: [UInt8], _ used: Int, _ room: inout [UInt8]
    ) -> (code: Int32, used: Int, written: Int) {
        body.withUnsafeBufferPointer { source in
            room.withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let into = target.baseAddress else {
                    return (Z_BUF_ERROR, used, 0)
                }
                // why mutating: zlib declares its input without const and does not write to it.
                stream.next_in = UnsafeMutablePointer(mutating: from + used)
                stream.avail_in = UInt32(source.count - used)
                stream.next_out = into
                stream.avail_out = UInt32(target.count)
                let code = inflate(&stream, Z_NO_FLUSH)
                return (code, source.count - Int(stream.avail_in), target.count - Int(stream.avail_out))
            }
        }
    }

    private static func tooLarge(_ limit: Int) -> GuardRefusal {
        GuardRefusal(.tooLarge, "the body may unpack to at most \(limit) bytes", reason: "expansion")
    }
    private static func broken(_ what: String) -> GuardRefusal {
        GuardRefusal(.malformed, "the compressed body cannot be unpacked: \(what)", field: "content-encoding")
    }
}
