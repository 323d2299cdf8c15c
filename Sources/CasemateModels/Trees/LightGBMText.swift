import CasemateCore
import Foundation

/// The lines of a LightGBM model: a head, trees, and what follows them.
struct LightGBMText {
    /// `key=value` lines of one part; a line without `=` has the empty value.
    struct Section {
        let place: String
        fileprivate(set) var values: [String: Range<Int>] = [:]
    }
    private(set) var head: Section
    private(set) var trees: [Section] = []
    /// Settings behind the trees, as `[name: value]` lines.
    private(set) var parameters: [String: Range<Int>] = [:]
    /// JSON text of the categories that pandas had.
    private(set) var categories: Range<Int>?
    private let bytes: UnsafeBufferPointer<UInt8>

    /// Lines that predictions do not need.
    private static let skipped: Set<String> = [
        "split_gain", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count", "shrinkage",
    ]

    /// Splits the content of a file; the bytes must outlive the result.
    /// - Throws: `malformed` when the trees do not end or are fewer than the head says.
    init(_ bytes: UnsafeBufferPointer<UInt8>, path: String) throws(CasemateError) {
        self.bytes = bytes
        head = Section(place: path)
        var (at, hasEnded) = (0, false)
        while at < bytes.count {
            let end = bytes[at...].firstIndex(of: 10) ?? bytes.count
            let stop = end > at && bytes[end - 1] == 13 ? end - 1 : end
            if !hasEnded {
                hasEnded = read(at..<stop, path)
            } else {
                readTail(at..<stop)
            }
            at = end + 1
        }
        let stated = head.values["tree_sizes"].map { words($0).count }
        guard hasEnded, stated ?? trees.count == trees.count else {
            throw CasemateError(
                .malformed, at: path, "the trees do not end: \(trees.count) of \(stated.map { "\($0)" } ?? "more")",
                help: "save the model again")
        }
    }

    /// Takes a line before the end of the trees; whether it is that end.
    private mutating func read(_ line: Range<Int>, _ path: String) -> Bool {
        guard let equals = bytes[line].firstIndex(of: UInt8(ascii: "=")) else {
            let text = string(line)
            // why: files before version 3 go on with the importances at once.
            if text == "end of trees" || text == "feature importances:" { return true }
            if trees.isEmpty, !text.isEmpty { head.values[text] = line.upperBound..<line.upperBound }
            return false
        }
        let key = string(line.lowerBound..<equals)
        let value = equals + 1..<line.upperBound
        if key == "Tree" {
            trees.append(Section(place: "\(path): tree \(trees.count)"))
        } else if trees.isEmpty {
            head.values[key] = value
        } else if !Self.skipped.contains(key) {
            trees[trees.count - 1].values[key] = value
        }
        return false
    }

    private mutating func readTail(_ line: Range<Int>) {
        let name = Array("pandas_categorical:".utf8)
        if bytes[line].starts(with: name) {
            categories = line.lowerBound + name.count..<line.upperBound
        } else if line.count > 2, bytes[line.lowerBound] == UInt8(ascii: "["),
            bytes[line.upperBound - 1] == UInt8(ascii: "]"), let colon = bytes[line].firstIndex(of: UInt8(ascii: ":"))
        {
            parameters[string(line.lowerBound + 1..<colon)] = colon + 1..<line.upperBound - 1
        }
    }

    // MARK: Values

    /// Text of a range, without spaces around it.
    func string(_ range: Range<Int>) -> String {
        String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
            .trimmingCharacters(in: .whitespaces)
    }
    /// Text of a value; `nil` where the line is absent.
    func text(_ section: Section, _ key: String) -> String? { section.values[key].map { string($0) } }
    /// The words of a range.
    func words(_ range: Range<Int>) -> [String] {
        bytes[range].split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The numbers of a value, `count` of them.
    func numbers(_ section: Section, _ key: String, count: Int) throws(CasemateError) -> [Double] {
        let range = section.values[key] ?? 0..<0
        let part = UnsafeBufferPointer(rebasing: bytes[range])
        var result: [Double] = []
        // why: the count is the file's word; a number and its space take two bytes at least.
        result.reserveCapacity(min(count, part.count / 2 + 1))
        var at = 0
        while true {
            while at < part.count, part[at] == 32 { at += 1 }
            if at == part.count { break }
            guard let (value, next) = TreeNumber.decimal(part, from: at) ?? Self.infinite(part, from: at),
                next == part.count || part[next] == 32
            else { throw malformed(section, "'\(key)' holds what is no number") }
            result.append(value)
            at = next
        }
        guard result.count == count else {
            throw malformed(section, "'\(key)' has \(result.count) values, not \(count)")
        }
        return result
    }

    private static func infinite(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> (Double, Int)? {
        let rest = bytes[start...]
        for (text, value) in [("inf", Double.infinity), ("-inf", -.infinity)] where rest.starts(with: text.utf8) {
            return (value, start + text.utf8.count)
        }
        return nil
    }

    /// Whole numbers of a value within 32 bits.
    func integers(_ section: Section, _ key: String, count: Int) throws(CasemateError) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(min(count, (section.values[key]?.count ?? 0) / 2 + 1))
        for number in try numbers(section, key, count: count) {
            guard let whole = Int32(exactly: number) else {
                throw malformed(section, "'\(key)' holds \(number), which is no whole number")
            }
            result.append(whole)
        }
        return result
    }

    /// A count; `fallback` where the line is absent.
    func count(_ section: Section, _ key: String, fallback: Int? = nil) throws(CasemateError) -> Int {
        guard let text = text(section, key) else {
            if let fallback { return fallback }
            throw malformed(section, "has no '\(key)'")
        }
        guard let count = Int32(text), count >= 0 else {
            throw malformed(section, "'\(key)' is no count: '\(OnnxLook.printable(text))'")
        }
        return Int(count)
    }

    /// An error about a part.
    func malformed(_ section: Section, _ what: String) -> CasemateError {
        CasemateError(.malformed, at: section.place, what, help: "save the model again")
    }
}
