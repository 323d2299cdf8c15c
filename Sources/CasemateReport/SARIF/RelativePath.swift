import Foundation

/// Paths as SARIF wants them: relative to the working folder, percent-encoded, without scheme and without decoration.
package enum RelativePath {
    /// A relative URI reference for `path`.
    ///
    /// A path outside the working folder is named by its last component, so that no absolute path leaves the machine.
    package static func uri(of path: String, workingFolder: String?) -> String {
        let parts = relativeParts(of: path, workingFolder: workingFolder)
        return parts.map(encoded).joined(separator: "/")
    }

    private static func relativeParts(of path: String, workingFolder: String?) -> [String] {
        var parts = normalised(path)
        if path.hasPrefix("/") {
            let root = workingFolder.map(normalised) ?? []
            let isBelow = !root.isEmpty && !root.contains("..") && parts.starts(with: root) && parts.count > root.count
            parts = isBelow ? Array(parts.dropFirst(root.count)) : Array(parts.suffix(1))
        } else if parts.first == ".." {
            parts = Array(parts.suffix(1))
        }
        return parts.isEmpty || parts == [".."] ? ["unknown"] : parts
    }

    /// Components without `.`, with `..` resolved where possible.
    private static func normalised(_ path: String) -> [String] {
        var parts: [String] = []
        for part in path.split(separator: "/").map(String.init) where part != "." {
            if part == "..", let last = parts.last, last != ".." { parts.removeLast() } else { parts.append(part) }
        }
        return parts
    }

    /// Percent-encodes all but the unreserved characters of RFC 3986.
    private static func encoded(_ part: String) -> String {
        var text = ""
        for byte in part.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%" + String(UInt16(byte) + 256, radix: 16, uppercase: true).suffix(2)
            }
        }
        return text
    }
}
