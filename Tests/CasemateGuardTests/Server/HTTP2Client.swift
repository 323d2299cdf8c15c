import Foundation

/// Frames of HTTP/2 written by hand, well-formed or not. Source: RFC 9113.
enum HTTP2Frames {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, [])

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: Int, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + [24, 16, 8, 0].map { UInt8(stream >> $0 & 255) } + payload
    }
    /// A header block for `GET path` (RFC 7541, sections 6.1 and 6.2.2).
    static func block(_ path: String) -> [UInt8] {
        [0x82, 0x86, 0x04, UInt8(path.utf8.count)] + Array(path.utf8) + [0x01, 1, UInt8(ascii: "a")]
    }
    static func get(_ path: String, stream: Int) -> [UInt8] { frame(1, 5, stream, block(path)) }

    struct Frame: Sendable {
        let type: UInt8, flags: UInt8, stream: Int, payload: [UInt8]
    }
    static func parsed(_ bytes: [UInt8]) -> [Frame] {
        var (frames, offset): ([Frame], Int) = ([], 0)
        while offset + 9 <= bytes.count {
            let count = Int(bytes[offset]) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2])
            guard offset + 9 + count <= bytes.count else { break }
            let stream = bytes[offset + 5..<offset + 9].reduce(0) { $0 << 8 | Int($1) }
            frames.append(
                Frame(
                    type: bytes[offset + 3], flags: bytes[offset + 4], stream: stream,
                    payload: Array(bytes[offset + 9..<offset + 9 + count])))
            offset += 9 + count
        }
        return frames
    }
}

extension RawClient.Reply {
    var frames: [HTTP2Frames.Frame] { HTTP2Frames.parsed(bytes) }
    /// The body that a stream was answered with; `nil` where it was not.
    func body(of stream: Int) -> String? {
        let data = frames.filter { $0.type == 0 && $0.stream == stream }
        return data.isEmpty ? nil : String(decoding: data.flatMap(\.payload), as: UTF8.self)
    }
    var hasGoneAway: Bool { frames.contains { $0.type == 7 } }
}
