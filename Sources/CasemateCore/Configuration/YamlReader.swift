import Foundation
import Yams

/// Reads one YAML document within bounds: at most 1 MiB, 64 levels, 100,000 nodes, no aliases.
package enum YamlReader {
    /// Largest file in bytes.
    package static let largestFile = 1 << 20
    /// Deepest nesting.
    package static let deepest = 64
    /// Most nodes.
    package static let mostNodes = 100_000

    /// Reads a file.
    /// - Throws: `notFound`, `unreadable`, or what `read(_:file:)` throws.
    package static func read(contentsOf path: String) throws(CasemateError) -> YamlNode {
        let help = "name a YAML file, such as casemate.yaml"
        guard let handle = FileHandle(forReadingAtPath: path) else {
            let isThere = FileManager.default.fileExists(atPath: path)
            throw CasemateError(
                isThere ? .unreadable : .notFound, at: path, isThere ? "cannot be read" : "there is no such file",
                help: isThere ? "give yourself the right to read it" : help)
        }
        defer { try? handle.close() }
        let data: Data
        do { data = try handle.read(upToCount: largestFile + 1) ?? Data() } catch {
            throw CasemateError(.unreadable, at: path, "cannot be read", help: help)
        }
        guard data.count <= largestFile else { throw tooLarge(path) }
        guard let text = String(data: data, encoding: .utf8) else {
            throw CasemateError(.malformed, at: path, "is not UTF-8 text", help: "save it as UTF-8")
        }
        return try read(text, file: path)
    }

    /// Reads a text; `file` stands in messages, and `page` in the help for one that is empty.
    /// - Throws: `malformed` for bad YAML, doubled keys, several documents or none; `limitExceeded`; `unsupported` for
    ///   anchors with aliases.
    package static func read(
        _ text: String, file: String, page: String = SettingChecker.page
    ) throws(CasemateError) -> YamlNode {
        guard text.utf8.count <= largestFile else { throw tooLarge(file) }
        if let alias = YamlAliases.first(in: text) {
            throw CasemateError(
                .unsupported, at: "\(file):\(alias.line)", "YAML anchors and aliases are not read ('&\(alias.name)')",
                help: "write the value out in both places")
        }
        let root: Node?
        do {
            // why: the default encoding looks at an environment variable.
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch { throw failure(error, file) }
        guard let root else {
            throw CasemateError(.malformed, at: file, "is empty", help: "see \(page)")
        }
        var budget = mostNodes
        return try convert(root, file, depth: 0, &budget)
    }

    private static func convert(
        _ node: Node, _ file: String, depth: Int, _ budget: inout Int
    ) throws(CasemateError) -> YamlNode {
        let place = place(node, file)
        budget -= 1
        guard budget >= 0, depth <= deepest else {
            let what = depth > deepest ? "is nested deeper than \(deepest) levels" : "has more than \(mostNodes) values"
            throw CasemateError(.limitExceeded, at: place, what, help: "a configuration never needs that")
        }
        switch node {
        case .scalar(let scalar):
            return YamlNode(.scalar(scalar.string, isPlain: scalar.style == .plain), at: place)
        case .sequence(let sequence):
            var items: [YamlNode] = []
            for item in sequence { items.append(try convert(item, file, depth: depth + 1, &budget)) }
            return YamlNode(.list(items), at: place)
        case .mapping(let mapping):
            var entries: [YamlNode.Entry] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw CasemateError(
                        .malformed, at: self.place(key, file), "a key must be a word, found a list or a mapping",
                        help: "quote it, if the key has brackets or braces in it")
                }
                let entry = YamlNode.Entry(
                    key: name.string, place: self.place(key, file),
                    value: try convert(value, file, depth: depth + 1, &budget))
                entries.append(entry)
            }
            return YamlNode(.mapping(entries), at: place)
        case .alias:
            throw CasemateError(.unsupported, at: place, "YAML aliases are not read", help: "write the value out")
        }
    }

    private static func place(_ node: Node, _ file: String) -> String {
        node.mark.map { "\(file):\($0.line):\($0.column)" } ?? file
    }

    private static func tooLarge(_ file: String) -> CasemateError {
        CasemateError(
            .limitExceeded, at: file, "is larger than \(largestFile) bytes", help: "a configuration never needs that")
    }

    private static func failure(_ error: any Error, _ file: String) -> CasemateError {
        guard let error = error as? YamlError else {
            return CasemateError(.malformed, at: file, "is not YAML", help: "check it with a YAML linter")
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = "\(file):\(mark.line):\(mark.column)"
            if problem == "but found another document" {
                return CasemateError(
                    .malformed, at: place, "a second YAML document begins here", help: "keep one document a file")
            }
            let within = (context?.text).map { " (\($0.trimmingCharacters(in: .whitespaces)))" } ?? ""
            return CasemateError(
                .malformed, at: place, "is not YAML: \(problem)\(within)",
                help: "check indentation (spaces only), colons and quotes around here")
        case .duplicatedKeysInMapping(let names, let context):
            let list = names.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
            return CasemateError(
                .malformed, at: "\(file):\(context.mark.line):\(context.mark.column)",
                "\(names.count == 1 ? "the key" : "the keys") \(list) \(names.count == 1 ? "is" : "are") given twice",
                help: "keep one of them")
        case .reader(let problem, let offset, _, let text):
            let line = offset.map { ":\(text.prefix($0).count { $0.isNewline } + 1)" } ?? ""
            return CasemateError(
                .malformed, at: file + line, "is not YAML: \(problem)", help: "remove control characters")
        default: return CasemateError(.malformed, at: file, "is not YAML", help: "check it with a YAML linter")
        }
    }
}

/// Looks for an anchor that some alias names, before the parser sees the text.
///
/// why: nested aliases blow up to any size while keys are compared, and no setting needs them. Every alias `*x` needs an
/// anchor `&x` in the same text, so text without such a pair has none; a pair within quotes is refused too.
enum YamlAliases {
    /// Name and line of the first anchor that an alias could name.
    static func first(in text: String) -> (name: String, line: Int)? {
        var anchors: [(name: String, line: Int)] = []
        var aliases: Set<String> = []
        var (line, previous) = (1, UInt8(ascii: "\n"))
        let bytes = Array(text.utf8)
        for (index, byte) in bytes.enumerated() {
            let isMarker = (byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*")) && previous != byte
            if isMarker {
                let name = bytes[(index + 1)...].prefix { isWordByte($0) }
                if !name.isEmpty {
                    let word = String(decoding: name, as: UTF8.self)
                    if byte == UInt8(ascii: "&") { anchors.append((word, line)) } else { aliases.insert(word) }
                }
            }
            if byte == UInt8(ascii: "\n") { line += 1 }
            previous = byte
        }
        return anchors.first { aliases.contains($0.name) }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
