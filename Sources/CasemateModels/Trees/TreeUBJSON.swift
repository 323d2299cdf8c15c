import CasemateCore
import Foundation

/// Reads Universal Binary JSON as XGBoost writes it: big-endian, lists with a type and a count.
///
/// Every count is held against the bytes that are left before anything is made.
/// Source: UBJSON specification, draft 12.
struct TreeUBJSON {
    private let bytes: UnsafeRawBufferPointer
    private let path: String
    private let skipped: Set<String>
    private var at = 0
    private var budget: TreeBudget

    private init(_ bytes: UnsafeRawBufferPointer, path: String, skipped: Set<String>) {
        (self.bytes, self.path, self.skipped) = (bytes, path, skipped)
        budget = TreeBudget(bytes: bytes.count, place: path)
    }

    /// Reads a whole file; see `TreeJSON.read`.
    static func read(_ data: Data, path: String, skipped: Set<String>) throws(CasemateError) -> TreeValue {
        let result = data.withUnsafeBytes { raw -> Result<TreeValue, CasemateError> in
            var reader = TreeUBJSON(raw, path: path, skipped: skipped)
            return Result { () throws(CasemateError) in try reader.document() }
        }
        return try result.get()
    }

    private mutating func document() throws(CasemateError) -> TreeValue {
        let value = try value(of: try marker(), depth: 0)
        guard at == bytes.count else { throw malformed("something follows the end") }
        return value
    }

    /// The next marker that means something.
    private mutating func marker() throws(CasemateError) -> UInt8 {
        while at < bytes.count, bytes[at] == UInt8(ascii: "N") { at += 1 }
        guard at < bytes.count else { throw malformed("the file ends within a value") }
        defer { at += 1 }
        return bytes[at]
    }

    private mutating func value(of marker: UInt8, depth: Int) throws(CasemateError) -> TreeValue {
        switch marker {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "S"): return .text(try text())
        case UInt8(ascii: "Z"): return .null
        case UInt8(ascii: "T"): return .number(1)
        case UInt8(ascii: "F"): return .number(0)
        default:
            guard let size = Self.size(of: marker) else { throw malformed("type \(marker) is not served") }
            guard bytes.count - at >= size else { throw malformed("the file ends within a number") }
            defer { at += size }
            return .number(number(of: marker, at: at))
        }
    }

    private mutating func deeper(_ depth: Int) throws(CasemateError) {
        guard depth < TreeBudget.depth else {
            throw CasemateError(
                .limitExceeded, at: "\(path):byte \(at)", "values are nested deeper than \(TreeBudget.depth)",
                help: "no tree file needs this: check where it is from")
        }
        try budget.take(128)
    }

    private mutating func object(depth: Int) throws(CasemateError) -> TreeValue {
        try deeper(depth)
        let (type, count) = try header()
        guard type == nil else { throw malformed("an object of one type is not served") }
        var members: [String: TreeValue] = [:]
        while count.map({ members.count < $0 }) ?? true {
            if count == nil {
                guard at < bytes.count else { throw malformed("the file ends within an object") }
                if bytes[at] == UInt8(ascii: "}") {
                    at += 1
                    break
                }
            }
            let name = try text()
            try budget.take(128)
            let member = try value(of: try marker(), depth: depth + 1)
            guard members.updateValue(skipped.contains(name) ? .null : member, forKey: name) == nil else {
                throw malformed("'\(OnnxLook.printable(name))' is there twice")
            }
        }
        return .object(members)
    }

    private mutating func list(depth: Int) throws(CasemateError) -> TreeValue {
        try deeper(depth)
        let (type, count) = try header()
        if let type, let size = Self.size(of: type) {
            guard let count, count <= (bytes.count - at) / size else {
                throw malformed("a list is longer than the file")
            }
            defer { at += count * size }
            if type == UInt8(ascii: "d") { return .numbers(floats(count)) }
            return .numbers((0..<count).map { number(of: type, at: at + $0 * size) })
        }
        guard type == nil else { throw malformed("a list of that type is not served") }
        var values: [TreeValue] = []
        while count.map({ values.count < $0 }) ?? true {
            let marker = try marker()
            if count == nil, marker == UInt8(ascii: "]") { break }
            try budget.take(48)
            values.append(try value(of: marker, depth: depth + 1))
        }
        let numbers = values.compactMap { if case .number(let number) = $0 { number } else { nil } }
        return numbers.count == values.count ? .numbers(numbers) : .list(values)
    }

    private func floats(_ count: Int) -> [Double] {
        [Double](unsafeUninitializedCapacity: count) { buffer, done in
            for index in 0..<count {
                let bits = bytes.loadUnaligned(fromByteOffset: at + index * 4, as: UInt32.self)
                buffer.initializeElement(at: index, to: Double(Float(bitPattern: UInt32(bigEndian: bits))))
            }
            done = count
        }
    }

    /// The type and the count behind `[` or `{`, where they stand.
    private mutating func header() throws(CasemateError) -> (type: UInt8?, count: Int?) {
        var type: UInt8?
        if at + 1 < bytes.count, bytes[at] == UInt8(ascii: "$") {
            type = bytes[at + 1]
            at += 2
        }
        guard at < bytes.count, bytes[at] == UInt8(ascii: "#") else {
            guard type == nil else { throw malformed("a list of one type has no count") }
            return (nil, nil)
        }
        at += 1
        let count = try length()
        // why: without a type each value takes a byte at least.
        guard type != nil || count <= bytes.count - at else { throw malformed("a list is longer than the file") }
        return (type, count)
    }

    private mutating func length() throws(CasemateError) -> Int {
        let marker = try marker()
        guard let size = Self.size(of: marker), ![UInt8(ascii: "d"), UInt8(ascii: "D")].contains(marker),
            bytes.count - at >= size, let length = Int(exactly: number(of: marker, at: at)), length >= 0
        else { throw malformed("a count is expected") }
        at += size
        return length
    }

    private mutating func text() throws(CasemateError) -> String {
        let length = try length()
        guard length <= bytes.count - at else { throw malformed("a text is longer than the file") }
        try budget.take(32 + 2 * length)
        defer { at += length }
        guard let text = String(validating: bytes[at..<at + length], as: UTF8.self) else {
            throw malformed("a text is no UTF-8")
        }
        return text
    }

    private static func size(of marker: UInt8) -> Int? {
        switch marker {
        case UInt8(ascii: "i"), UInt8(ascii: "U"), UInt8(ascii: "C"): 1
        case UInt8(ascii: "I"): 2
        case UInt8(ascii: "l"), UInt8(ascii: "d"): 4
        case UInt8(ascii: "L"), UInt8(ascii: "D"): 8
        default: nil
        }
    }

    private func number(of marker: UInt8, at offset: Int) -> Double {
        func load<Value: FixedWidthInteger>(_ type: Value.Type) -> Value {
            Value(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
        }
        return switch marker {
        case UInt8(ascii: "i"): Double(load(Int8.self))
        case UInt8(ascii: "I"): Double(load(Int16.self))
        case UInt8(ascii: "l"): Double(load(Int32.self))
        case UInt8(ascii: "L"): Double(load(Int64.self))
        case UInt8(ascii: "d"): Double(Float(bitPattern: load(UInt32.self)))
        case UInt8(ascii: "D"): Double(bitPattern: load(UInt64.self))
        default: Double(bytes[offset])
        }
    }
    private func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: "\(path):byte \(at)", what, help: "save the model again")
    }
}
