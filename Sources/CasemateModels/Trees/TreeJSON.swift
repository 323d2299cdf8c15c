import CasemateCore
import Foundation

/// Reads JSON in one pass, with bounds on nesting and memory; lists of numbers become arrays at once.
///
/// `NaN`, `Infinity` and `-Infinity` are numbers, as XGBoost writes them; `true` and `false` are 1 and 0.
/// Source: RFC 8259.
struct TreeJSON {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let path: String
    private let skipped: Set<String>
    private var at = 0
    private var budget: TreeBudget

    private init(_ bytes: UnsafeBufferPointer<UInt8>, path: String, skipped: Set<String>) {
        (self.bytes, self.path, self.skipped) = (bytes, path, skipped)
        budget = TreeBudget(bytes: bytes.count, place: path)
    }

    /// Reads a whole file.
    /// - Parameter skipped: Names of members whose values are checked and dropped.
    /// - Throws: `malformed` with the byte; `limitExceeded`.
    static func read(_ data: Data, path: String, skipped: Set<String>) throws(CasemateError) -> TreeValue {
        // why: an error thrown through Foundation's closure would lose its type.
        let result = data.withUnsafeBytes { raw -> Result<TreeValue, CasemateError> in
            var reader = TreeJSON(raw.bindMemory(to: UInt8.self), path: path, skipped: skipped)
            return Result { () throws(CasemateError) in try reader.document() }
        }
        return try result.get()
    }

    private mutating func document() throws(CasemateError) -> TreeValue {
        let value = try value(depth: 0)
        space()
        guard at == bytes.count else { throw malformed("something follows the end") }
        return value
    }

    private mutating func value(depth: Int) throws(CasemateError) -> TreeValue {
        space()
        guard at < bytes.count else { throw malformed("the file ends within a value") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try text())
        case UInt8(ascii: "n"):
            try word("null")
            return .null
        default: return .number(try number())
        }
    }

    private mutating func deeper(_ depth: Int) throws(CasemateError) {
        guard depth < TreeBudget.depth else {
            throw CasemateError(
                .limitExceeded, at: "\(path):byte \(at)", "values are nested deeper than \(TreeBudget.depth)",
                help: "no tree file needs this: check where it is from")
        }
    }

    private mutating func object(depth: Int) throws(CasemateError) -> TreeValue {
        try deeper(depth)
        try budget.take(128)
        at += 1
        var members: [String: TreeValue] = [:]
        space()
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            space()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw malformed("a name is expected") }
            let name = try text()
            space()
            guard take(UInt8(ascii: ":")) else { throw malformed("':' is expected") }
            try budget.take(128)
            let member = try value(depth: depth + 1)
            guard members.updateValue(skipped.contains(name) ? .null : member, forKey: name) == nil else {
                throw malformed("'\(OnnxLook.printable(name))' is there twice")
            }
            space()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw malformed("',' or '}' is expected") }
        return .object(members)
    }

    private mutating func list(depth: Int) throws(CasemateError) -> TreeValue {
        try deeper(depth)
        at += 1
        space()
        if take(UInt8(ascii: "]")) { return .numbers([]) }
        var numbers: [Double] = []
        var values: [TreeValue]?
        repeat {
            space()
            if values == nil, startsNumber {
                numbers.append(try number())
            } else {
                if values == nil { values = numbers.map { .number($0) } }
                try budget.take(48)
                values?.append(try value(depth: depth + 1))
            }
            space()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw malformed("',' or ']' is expected") }
        return values.map { .list($0) } ?? .numbers(numbers)
    }

    private var startsNumber: Bool {
        guard at < bytes.count else { return false }
        switch bytes[at] {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""), UInt8(ascii: "n"): return false
        default: return true
        }
    }

    // MARK: Scalars

    private mutating func number() throws(CasemateError) -> Double {
        if let (value, next) = TreeNumber.decimal(bytes, from: at) {
            at = next
            return value
        }
        let words: [(String, Double)] = [
            ("true", 1), ("false", 0), ("NaN", .nan), ("Infinity", .infinity), ("-Infinity", -.infinity),
        ]
        for (text, value) in words where bytes[at...].prefix(text.utf8.count).elementsEqual(text.utf8) {
            at += text.utf8.count
            return value
        }
        throw malformed("a value is expected")
    }

    private mutating func word(_ text: String) throws(CasemateError) {
        guard bytes[at...].prefix(text.utf8.count).elementsEqual(text.utf8) else {
            throw malformed("a value is expected")
        }
        at += text.utf8.count
    }

    private mutating func text() throws(CasemateError) -> String {
        at += 1
        let start = at
        var hasEscape = false
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
            if bytes[at] == UInt8(ascii: "\\") {
                hasEscape = true
                at += 1
            }
            at += 1
        }
        guard at < bytes.count else { throw malformed("the file ends within a text") }
        defer { at += 1 }
        try budget.take(32 + 2 * (at - start))
        let part = UnsafeBufferPointer(rebasing: bytes[start..<at])
        if !hasEscape {
            guard let text = String(validating: part, as: UTF8.self) else { throw malformed("a text is no UTF-8") }
            return text
        }
        // why: escapes are rare and short, and Foundation knows them all.
        let quoted = Data([UInt8(ascii: "\"")] + part + [UInt8(ascii: "\"")])
        let decoded = try? JSONSerialization.jsonObject(with: quoted, options: .fragmentsAllowed)
        guard let text = decoded as? String else { throw malformed("a text has a broken escape") }
        return text
    }

    private mutating func space() {
        while at < bytes.count, bytes[at] <= 32, [32, 10, 13, 9].contains(bytes[at]) { at += 1 }
    }
    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }
    private func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: "\(path):byte \(at)", what, help: "save the model again")
    }
}

/// Decimal numbers in bytes.
enum TreeNumber {
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// The number at a position and where it ends; `nil` where none stands.
    ///
    /// Up to 15 digits with a small exponent are exact in float64 and need one operation (Clinger, "How to read
    /// floating point numbers accurately", 1990); all others go through the standard library.
    static func decimal(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> (value: Double, next: Int)? {
        var at = start
        var (mantissa, digits, scale): (UInt64, Int, Int) = (0, 0, 0)
        func digit() -> UInt64? {
            guard at < bytes.count else { return nil }
            let value = bytes[at] &- 48
            return value < 10 ? UInt64(value) : nil
        }
        func accept(_ one: UInt8, _ other: UInt8) -> UInt8? {
            guard at < bytes.count, bytes[at] == one || bytes[at] == other else { return nil }
            at += 1
            return bytes[at - 1]
        }
        let isNegative = accept(UInt8(ascii: "-"), UInt8(ascii: "+")) == UInt8(ascii: "-")
        let first = at
        while let value = digit() {
            mantissa = mantissa &* 10 &+ value
            at += 1
        }
        digits = at - first
        if accept(UInt8(ascii: "."), UInt8(ascii: ".")) != nil {
            let point = at
            while let value = digit() {
                mantissa = mantissa &* 10 &+ value
                at += 1
            }
            scale = point - at
            digits -= scale
        }
        guard digits > 0 else { return nil }
        let end = at
        if accept(UInt8(ascii: "e"), UInt8(ascii: "E")) != nil {
            let isSmall = accept(UInt8(ascii: "-"), UInt8(ascii: "+")) == UInt8(ascii: "-")
            var exponent = 0
            let from = at
            while let value = digit() {
                exponent = min(exponent * 10 + Int(value), 100_000)
                at += 1
            }
            if at == from { at = end } else { scale += isSmall ? -exponent : exponent }
        }
        if digits <= 15, abs(scale) <= 22 {
            let whole = Double(mantissa)
            let value = scale < 0 ? whole / powers[-scale] : whole * powers[scale]
            return (isNegative ? -value : value, at)
        }
        guard at - start <= 512 else { return nil }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self)
        return Double(text).map { ($0, at) }
    }
}
