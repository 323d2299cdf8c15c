import CasemateCore
import Foundation

/// What a file that is no ONNX model looks like, for messages.
enum OnnxLook {
    /// First bytes that give a format away, with the offset they stand at.
    private static let signs: [(offset: Int, bytes: [UInt8], name: String)] = [
        (0, [0x50, 0x4B, 0x03, 0x04], "a zip archive (a PyTorch, Keras or NumPy file)"),
        (0, [0x89, 0x48, 0x44, 0x46], "an HDF5 file (a Keras model)"),
        (0, [0x1F, 0x8B], "a gzip archive"),
        (0, [0x28, 0xB5, 0x2F, 0xFD], "a Zstandard archive"),
        (0, [0x42, 0x5A, 0x68], "a bzip2 archive"),
        (4, Array("TFL3".utf8), "a TensorFlow Lite model"),
        (4, Array("ORTM".utf8), "a model in ONNX Runtime's own format"),
        (0, Array("GGUF".utf8), "a GGUF model"),
        (0, Array("PAR1".utf8), "a Parquet file"),
        (0, [0x93] + Array("NUMPY".utf8), "a NumPy array"),
        (0, [0x7F] + Array("ELF".utf8), "a program or library"),
        (0, Array("MZ".utf8), "a Windows program or library"),
        (0, [0x89] + Array("PNG".utf8), "a PNG image"),
        (0, [0xFF, 0xD8, 0xFF], "a JPEG image"),
        (8, Array("{\"".utf8), "a safetensors file"),
        (0, Array("version https://git-lfs".utf8), "a Git LFS pointer: the file itself was not fetched"),
        (0, Array("{L".utf8), "an XGBoost model in binary JSON"),
    ]

    /// The format that the first bytes show; `nil` when they could begin an ONNX file.
    static func sign(of data: Data) -> String? {
        let head = Array(data.prefix(512))
        if head.count > 1, head[0] == 0x80, (0...5).contains(head[1]) { return "a Python pickle" }
        for sign in signs where head.count >= sign.offset + sign.bytes.count {
            if head[sign.offset..<sign.offset + sign.bytes.count].elementsEqual(sign.bytes) { return sign.name }
        }
        return nil
    }

    /// What the bytes are taken for once they proved to be no ONNX file.
    static func guess(of data: Data) -> String {
        if let sign = sign(of: data) { return sign }
        let head = data.prefix(512)
        let isText = head.allSatisfy { ($0 >= 32 && $0 != 127) || $0 == 9 || $0 == 10 || $0 == 13 }
        guard isText, let first = head.first(where: { $0 > 32 }) else { return "something else" }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return "JSON text" }
        if first == UInt8(ascii: "<") { return "HTML or XML text" }
        if head.starts(with: Array("tree\n".utf8)) { return "a LightGBM model as text" }
        return "text"
    }

    /// A name from a file, fit for a terminal: control characters escaped, at most 80 characters.
    static func printable(_ name: String) -> String {
        var result = ""
        for scalar in name.unicodeScalars.prefix(80) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return name.unicodeScalars.count > 80 ? result + "…" : result
    }
}
