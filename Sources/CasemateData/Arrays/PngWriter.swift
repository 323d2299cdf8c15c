import CZlib
public import CasemateCore
public import Foundation

/// Writes grey and RGB images of 8 bits as PNG, for sheets in reports: no time stamps, the same bytes for the same
/// pixels. Source: the PNG specification, third edition.
public enum PngWriter {
    /// The bytes of an image of `[height, width, channels]` pixels, row-major; `channels` is 1 or 3.
    /// - Throws: `invalidSetting` for sizes that do not fit, `engineFailed` without memory.
    public static func bytes(
        _ pixels: [UInt8], width: Int, height: Int, channels: Int
    ) throws(CasemateError) -> Data {
        let side = 1...16_384
        guard side.contains(width), side.contains(height), channels == 1 || channels == 3,
            pixels.count == width * height * channels
        else {
            throw CasemateError(
                .invalidSetting, at: "image",
                "\(pixels.count) bytes are no image of \(width) × \(height) × \(channels)",
                help: "give 1 or 3 bytes a pixel, at most 16384 pixels a side")
        }
        var header = big(UInt32(width)) + big(UInt32(height))
        header += [8, channels == 3 ? 2 : 0, 0, 0, 0]
        let content = try compressed(filtered(pixels, stride: width * channels, channels: channels))
        var file: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        for (name, body) in [("IHDR", header), ("IDAT", content), ("IEND", [])] {
            let named = Array(name.utf8) + body
            file += big(UInt32(body.count)) + named + big(ZipArchive.crc(named))
        }
        return Data(file)
    }

    /// Each row with the filter before it that makes the sum of its bytes, taken as signed, smallest: none, or the
    /// difference to the pixel on the left or to the row above.
    private static func filtered(_ pixels: [UInt8], stride: Int, channels: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(pixels.count + pixels.count / stride)
        for start in Swift.stride(from: 0, to: pixels.count, by: stride) {
            var best: (sum: Int, row: [UInt8]) = (Int.max, [])
            for filter in [0, 1, 2] as [UInt8] {
                var row = [filter], sum = 0
                row.reserveCapacity(stride + 1)
                for place in 0..<stride {
                    let other: UInt8 =
                        switch filter {
                        case 1: place >= channels ? pixels[start + place - channels] : 0
                        case 2: start >= stride ? pixels[start + place - stride] : 0
                        default: 0
                        }
                    let value = pixels[start + place] &- other
                    sum += abs(Int(Int8(bitPattern: value)))
                    row.append(value)
                }
                if sum < best.sum { best = (sum, row) }
            }
            result += best.row
        }
        return result
    }

    private static func compressed(_ bytes: [UInt8]) throws(CasemateError) -> [UInt8] {
        var size = compressBound(UInt(bytes.count))
        var code = Z_MEM_ERROR
        let result = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            code = compress2(buffer.baseAddress, &size, bytes, UInt(bytes.count), 9)
            count = code == Z_OK ? Int(size) : 0
        }
        guard code == Z_OK else {
            throw CasemateError(
                .engineFailed, at: "image", "zlib cannot compress it", help: "free memory and try again")
        }
        return result
    }

    private static func big(_ number: UInt32) -> [UInt8] { NpzWriter.little(number).reversed() }
}
