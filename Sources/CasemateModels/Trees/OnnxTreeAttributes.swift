import CasemateCore
import Foundation

/// The attributes of a tree operator, with the lengths that they must have.
struct OnnxTreeAttributes {
    let place: String
    private let named: [String: OnnxAttributeProto]

    init(_ node: OnnxNodeProto, path: String) {
        place = "\(path): node '\(OnnxLook.printable(node.name.isEmpty ? node.output.first ?? "" : node.name))'"
        named = Dictionary(node.attribute.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Whether an attribute is there with at least one value.
    func has(_ name: String) -> Bool {
        named[name].map { !$0.ints.isEmpty || !$0.floats.isEmpty || !$0.strings.isEmpty || $0.hasT } ?? false
    }
    /// Whole numbers; `count` of them where it is given.
    func ints(_ name: String, count: Int? = nil) throws(CasemateError) -> [Int64] {
        try counted(named[name]?.ints ?? [], name, count)
    }
    /// A single whole number.
    func int(_ name: String) -> Int64? { named[name].flatMap { $0.hasI ? $0.i : nil } }
    /// A single text.
    func text(_ name: String) -> String? { named[name].map { String(decoding: $0.s, as: UTF8.self) } }
    /// Texts.
    func texts(_ name: String, count: Int? = nil) throws(CasemateError) -> [String] {
        try counted((named[name]?.strings ?? []).map { String(decoding: $0, as: UTF8.self) }, name, count)
    }
    /// Numbers from `name` as float32, or from `name_as_tensor`; `isOptional` lets both be absent.
    func numbers(_ name: String, count: Int? = nil, isOptional: Bool = false) throws(CasemateError) -> [Double] {
        let floats = named[name]?.floats ?? []
        if !floats.isEmpty { return try counted(floats.map(Double.init), name, count) }
        if let tensor = named[name + "_as_tensor"] { return try counted(values(tensor, name), name, count) }
        return isOptional ? [] : try counted([], name, count)
    }
    /// Numbers of a tensor.
    func tensor(_ name: String, count: Int? = nil) throws(CasemateError) -> [Double] {
        guard let attribute = named[name] else { return try counted([], name, count) }
        return try counted(values(attribute, name), name, count)
    }

    private func values(_ attribute: OnnxAttributeProto, _ name: String) throws(CasemateError) -> [Double] {
        guard attribute.hasT, let values = OnnxNumbers.doubles(attribute.t) else {
            throw malformed("'\(name)' is no tensor of numbers")
        }
        return values
    }
    private func counted<Value>(_ values: [Value], _ name: String, _ count: Int?) throws(CasemateError) -> [Value] {
        if let count, values.count != count { throw malformed("'\(name)' has \(values.count) values, not \(count)") }
        return values
    }
    /// An error about this operator.
    func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: place, what, help: "export the model again")
    }
}

/// Numbers of a constant that lies in the file itself.
enum OnnxNumbers {
    /// The values as float64; `nil` for text, other files and types that trees do not use.
    static func doubles(_ tensor: OnnxTensorProto) -> [Double]? {
        guard tensor.dataLocation != .external else { return nil }
        let raw = tensor.hasRawData ? tensor.rawData : nil
        switch tensor.dataType {
        case 1:
            guard let raw else { return tensor.floatData.map(Double.init) }
            return values(raw, of: UInt32.self).map { Double(Float(bitPattern: UInt32(littleEndian: $0))) }
        case 11:
            guard let raw else { return tensor.doubleData }
            return values(raw, of: UInt64.self).map { Double(bitPattern: UInt64(littleEndian: $0)) }
        case 2: return raw.map { $0.map(Double.init) } ?? tensor.int32Data.map(Double.init)
        case 6:
            guard let raw else { return tensor.int32Data.map(Double.init) }
            return values(raw, of: Int32.self).map { Double(Int32(littleEndian: $0)) }
        case 7: return (raw.map(OnnxConstant.int64(raw:)) ?? tensor.int64Data).map(Double.init)
        default: return nil
        }
    }

    private static func values<Value: BitwiseCopyable>(_ raw: Data, of type: Value.Type) -> [Value] {
        raw.withUnsafeBytes { bytes in
            (0..<bytes.count / MemoryLayout<Value>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.size, as: Value.self)
            }
        }
    }
}
