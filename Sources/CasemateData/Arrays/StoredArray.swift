import CasemateCore

/// An array of a file with its bytes.
struct StoredArray {
    let header: ArrayHeader
    let place: String
    private let bytes: ArraySlice<UInt8>

    /// Takes the array that `header` describes and that takes all of `content`.
    /// - Throws: `CasemateError`: `limitExceeded`, `malformed` when the bytes are not as many as the header says.
    init(
        _ header: ArrayHeader, _ content: [UInt8], place: String, limits: SampleLimits
    ) throws(CasemateError) {
        try Self.check(header, bytes: content.count, place: place, limits: limits)
        (self.header, self.place, bytes) = (header, place, content[header.dataOffset...])
    }

    /// Reads a NumPy array that takes all of `content`.
    /// - Throws: what `ArrayHeader` throws, and as above.
    init(npy content: [UInt8], place: String, limits: SampleLimits) throws(CasemateError) {
        try self.init(ArrayHeader(npy: content[...], place: place), content, place: place, limits: limits)
    }

    /// Compares what the header says with the `bytes` of the whole array, header included.
    static func check(
        _ header: ArrayHeader, bytes: Int, place: String, limits: SampleLimits
    ) throws(CasemateError) {
        guard header.count <= limits.values else {
            throw CasemateError(
                .limitExceeded, at: place, "holds \(header.count) values, \(limits.values) are the limit",
                help: "save fewer samples")
        }
        let (size, overflow) = header.count.multipliedReportingOverflow(by: header.itemBytes)
        guard !overflow, bytes >= header.dataOffset, size == bytes - header.dataOffset else {
            let shown = overflow ? "more bytes than can be counted" : "\(size) bytes"
            throw ArrayHeader.malformed(
                place,
                "its shape \(PrintableText.shape(header.shape)) takes \(shown), "
                    + "\(max(0, bytes - header.dataOffset)) follow the header")
        }
    }

    /// The values as float32 in row-major order, with their type.
    func floats() throws(CasemateError) -> (values: [Float], element: SampleSet.Element, inexact: Int) {
        guard case .number(let element) = header.kind else {
            throw CasemateError(.unsupported, at: place, "holds texts, numbers are needed", help: "name another array")
        }
        let (values, inexact) = numbers(element).floats()
        return (header.isFortranOrder ? Self.turned(values, header.shape) : values, element, inexact)
    }

    /// The values as whole numbers in row-major order; `nil` for texts and for numbers that are not whole.
    func integers() -> [Int64]? {
        guard case .number(let element) = header.kind, let values = numbers(element).integers() else { return nil }
        return header.isFortranOrder ? Self.turned(values, header.shape) : values
    }

    /// The texts of an array of one axis; `nil` for numbers.
    func texts() -> [String]? {
        guard case .text(_, let isWide) = header.kind, header.shape.count == 1, header.itemBytes > 0 else { return nil }
        return stride(from: bytes.startIndex, to: bytes.endIndex, by: header.itemBytes).map { start in
            let item = bytes[start..<start + header.itemBytes]
            guard isWide else {
                return String(decoding: item.prefix { $0 != 0 }, as: UTF8.self)
            }
            var text = String.UnicodeScalarView()
            for place in stride(from: item.startIndex, to: item.endIndex, by: 4) {
                let order = header.isBigEndian ? [0, 1, 2, 3] : [3, 2, 1, 0]
                let code = order.reduce(UInt32(0)) { $0 << 8 | UInt32(item[place + $1]) }
                if code == 0 { break }
                text.append(Unicode.Scalar(code) ?? "\u{FFFD}")
            }
            return String(text)
        }
    }

    private func numbers(_ element: SampleSet.Element) -> StoredNumbers {
        StoredNumbers(bytes: bytes, element: element, isBigEndian: header.isBigEndian)
    }

    /// Values whose first axis moves fastest, in row-major order.
    static func turned<Value>(_ values: [Value], _ shape: [Int]) -> [Value] {
        guard shape.count > 1, !values.isEmpty else { return values }
        var strides: [Int] = []
        var step = 1
        for axis in shape {
            strides.append(step)
            step *= axis
        }
        let last = shape.count - 1
        var position = [Int](repeating: 0, count: shape.count)
        var start = 0
        return [Value](unsafeUninitializedCapacity: values.count) { target, done in
            values.withUnsafeBufferPointer { source in
                while done < source.count {
                    for place in 0..<shape[last] {
                        target.initializeElement(at: done + place, to: source[start + place * strides[last]])
                    }
                    done += shape[last]
                    var axis = last - 1
                    while axis >= 0 {
                        position[axis] += 1
                        start += strides[axis]
                        if position[axis] < shape[axis] { break }
                        start -= position[axis] * strides[axis]
                        position[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
    }
}
