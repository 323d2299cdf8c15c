import CJpeg
import CPng
import CasemateCore

/// Decodes PNG and JPEG images of 8 bits a sample in memory.
enum ImageDecoder {
    /// The formats, known by their first bytes.
    enum Format: Hashable { case png, jpeg }
    /// What an image is, from its header.
    struct Facts: Hashable {
        let format: Format
        let width: Int, height: Int
        /// 1 for grey, 3 for RGB.
        let channels: Int
        let hasAlpha: Bool
        let isDeep: Bool
    }

    /// The format that the first bytes show.
    static func format(_ bytes: some Collection<UInt8>) -> Format? {
        if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) { return .png }
        return bytes.starts(with: [0xff, 0xd8, 0xff]) ? .jpeg : nil
    }

    /// Reads the header.
    /// - Throws: `malformed`, `unsupported` for CMYK, `limitExceeded` above `pixels` pixels.
    static func inspect(_ bytes: [UInt8], path: String, pixels limit: Int) throws(CasemateError) -> Facts {
        switch format(bytes) {
        case .png:
            var info = cpng_info()
            try check(path) { cpng_inspect(bytes, bytes.count, UInt64(limit), &info, $0, $1) }
            return Facts(
                format: .png, width: Int(info.width), height: Int(info.height), channels: Int(info.channels),
                hasAlpha: info.has_alpha, isDeep: info.bits > 8)
        case .jpeg:
            var info = cjpeg_info()
            try check(path) { cjpeg_inspect(bytes, bytes.count, UInt64(limit), &info, $0, $1) }
            return Facts(
                format: .jpeg, width: Int(info.width), height: Int(info.height), channels: Int(info.channels),
                hasAlpha: false, isDeep: false)
        case nil: throw malformed(path, "is neither PNG nor JPEG")
        }
    }

    /// Decodes an image that was inspected into `[height, width, channels]`; `channels` may be 3 for a grey one.
    /// - Throws: `malformed`.
    static func decode(
        _ bytes: [UInt8], _ facts: Facts, channels: Int, path: String
    ) throws(CasemateError) -> [UInt8] {
        var pixels = [UInt8](repeating: 0, count: facts.width * facts.height * channels)
        let size = pixels.count
        try pixels.withUnsafeMutableBufferPointer { (buffer) throws(CasemateError) in
            try check(path) { message, capacity in
                switch facts.format {
                case .png:
                    cpng_decode(bytes, bytes.count, Int32(channels), buffer.baseAddress, size, message, capacity)
                case .jpeg:
                    cjpeg_decode(bytes, bytes.count, Int32(channels), buffer.baseAddress, size, message, capacity)
                }
            }
        }
        return pixels
    }

    /// Runs a call of a shim and throws what it complains about. Both shims number their errors alike up to 2.
    private static func check(
        _ path: String, _ call: (UnsafeMutablePointer<CChar>, Int) -> Int32
    ) throws(CasemateError) {
        var code: Int32 = 0
        let room = [CChar](unsafeUninitializedCapacity: 256) { buffer, count in
            buffer.initialize(repeating: 0)
            count = 256
            if let base = buffer.baseAddress { code = call(base, 255) }
        }
        let text = String(decoding: room.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        switch code {
        case 0: return
        case 2:
            throw CasemateError(
                .limitExceeded, at: path, "has too many pixels", help: "scale the images to the model's size")
        case 3 where text.contains("CMYK"):
            throw CasemateError(.unsupported, at: path, "is a CMYK image", help: "convert it to RGB")
        default: throw malformed(path, "does not decode: \(PrintableText.of(text))")
        }
    }

    private static func malformed(_ path: String, _ what: String) -> CasemateError {
        CasemateError(.malformed, at: path, what, help: "write or fetch the image again, as PNG or JPEG")
    }
}
