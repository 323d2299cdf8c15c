import CasemateCore
import Foundation

/// Writes numbers and texts one behind the other, little-endian, lengths in front.
struct OutlierWriter {
    private(set) var data = Data()

    mutating func put(_ value: UInt8) { data.append(value) }
    mutating func put(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) } }
    mutating func put(_ value: Int) { put(UInt64(bitPattern: Int64(value))) }
    mutating func put(_ value: Double) { put(value.bitPattern) }
    mutating func put(_ value: Bool) { put(value ? UInt8(1) : 0) }
    mutating func put(_ text: String) { put(Data(text.utf8)) }
    mutating func put(_ bytes: Data) {
        put(bytes.count)
        data.append(bytes)
    }
    mutating func put(_ values: [Float]) {
        put(values.count)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
    }
    mutating func put(_ values: [Int32]) {
        put(values.count)
        for value in values { withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) } }
    }
    mutating func put(_ values: [Double]) {
        put(values.count)
        for value in values { put(value) }
    }
}

/// Reads what `OutlierWriter` wrote; looks at every length before it is used.
struct OutlierReader {
    private let data: Data
    private let place: String
    private var offset: Int

    init(_ data: Data, place: String) { (self.data, self.place, offset) = (data, place, data.startIndex) }

    /// Whether all was read.
    var isAtEnd: Bool { offset == data.endIndex }

    /// The error for content that does not fit.
    func malformed(_ what: String) -> CasemateError {
        CasemateError(
            .malformed, at: "\(place):\(offset - data.startIndex)", what, help: "fit the outlier detector again")
    }

    private mutating func bytes(_ count: Int) throws(CasemateError) -> Data {
        guard count >= 0, count <= data.endIndex - offset else { throw malformed("the file ends too early") }
        defer { offset += count }
        return data[offset..<offset + count]
    }

    mutating func byte() throws(CasemateError) -> UInt8 { try bytes(1).first ?? 0 }

    mutating func bool() throws(CasemateError) -> Bool {
        let value = try byte()
        guard value <= 1 else { throw malformed("a truth value is \(value)") }
        return value == 1
    }

    mutating func word() throws(CasemateError) -> UInt64 {
        try bytes(8).withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    }

    /// A whole number inside a range.
    mutating func int(_ range: ClosedRange<Int>, _ what: String) throws(CasemateError) -> Int {
        let value = Int64(bitPattern: try word())
        guard let whole = Int(exactly: value), range.contains(whole) else {
            throw malformed("\(what) is \(value), outside \(range)")
        }
        return whole
    }

    /// A finite number.
    mutating func double(_ what: String) throws(CasemateError) -> Double {
        let value = Double(bitPattern: try word())
        guard value.isFinite else { throw malformed("\(what) is no finite number") }
        return value
    }

    mutating func blob(upTo limit: Int, _ what: String) throws(CasemateError) -> Data {
        Data(try bytes(try int(0...limit, "the length of \(what)")))
    }

    mutating func text(upTo limit: Int, _ what: String) throws(CasemateError) -> String {
        guard let text = String(validating: try blob(upTo: limit, what), as: UTF8.self) else {
            throw malformed("\(what) is not UTF-8")
        }
        return text
    }

    /// Finite numbers; `count` sets how many there must be.
    mutating func floats(
        upTo limit: Int, count: Int? = nil, _ what: String
    ) throws(CasemateError) -> [Float] {
        let values = try list(upTo: limit, count, 4, what) {
            Float(bitPattern: UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: UInt32.self)))
        }
        guard values.allSatisfy(\.isFinite) else { throw malformed("\(what) hold no finite number") }
        return values
    }

    /// Finite numbers; `count` sets how many there must be.
    mutating func doubles(
        upTo limit: Int, count: Int? = nil, _ what: String
    ) throws(CasemateError) -> [Double] {
        let values = try list(upTo: limit, count, 8, what) {
            Double(bitPattern: UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: UInt64.self)))
        }
        guard values.allSatisfy(\.isFinite) else { throw malformed("\(what) hold no finite number") }
        return values
    }

    /// Whole numbers inside a range.
    mutating func wholes(
        upTo limit: Int, in range: ClosedRange<Int32>, _ what: String
    ) throws(CasemateError) -> [Int32] {
        let values = try list(upTo: limit, nil, 4, what) {
            Int32(littleEndian: $0.loadUnaligned(fromByteOffset: $1, as: Int32.self))
        }
        guard values.allSatisfy(range.contains) else { throw malformed("\(what) lie outside \(range)") }
        return values
    }

    private mutating func list<Value>(
        upTo limit: Int, _ count: Int?, _ size: Int, _ what: String,
        _ value: (UnsafeRawBufferPointer, Int) -> Value
    ) throws(CasemateError) -> [Value] {
        let range = count.map { $0...$0 } ?? 0...limit
        let number = try int(range, "the number of \(what)")
        return try bytes(number * size).withUnsafeBytes { bytes in
            (0..<number).map { value(bytes, $0 * size) }
        }
    }
}
