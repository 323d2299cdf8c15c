/// What a file says about the array of values behind it.
struct ArrayHeader: Hashable, Sendable {
    /// What the values are.
    enum Kind: Hashable, Sendable {
        /// Numbers.
        case number(SampleSet.Element)
        /// Texts of a fixed length, four bytes a character (UCS-4) or one (bytes).
        case text(length: Int, isWide: Bool)
    }
    let kind: Kind
    let isBigEndian: Bool
    /// Whether the first axis moves fastest.
    let isFortranOrder: Bool
    let shape: [Int]
    /// Number of values, the product of `shape`.
    let count: Int
    /// Where the values begin.
    let dataOffset: Int

    /// Bytes of one value.
    var itemBytes: Int {
        switch kind {
        case .number(let element): element.bytes
        case .text(let length, let isWide): isWide ? 4 * length : length
        }
    }
    /// As in a list of arrays: `uint8 [300, 32, 32, 3]`.
    var description: String {
        switch kind {
        case .number(let element): "\(element.rawValue) \(PrintableText.shape(shape))"
        case .text: "text \(PrintableText.shape(shape))"
        }
    }

    /// Number of values of `shape`; `nil` when it cannot be counted.
    static func count(_ shape: [Int]) -> Int? {
        var total = 1
        // why: an axis of 0 makes an empty array, whatever the others say, but no product may overflow on the way.
        for axis in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: max(1, axis))
            guard !overflow else { return nil }
            total = product
        }
        return shape.contains(0) ? 0 : total
    }
}

extension SampleSet.Element {
    /// Bytes of one value.
    var bytes: Int {
        switch self {
        case .bool, .int8, .uint8: 1
        case .int16, .uint16, .float16: 2
        case .int32, .uint32, .float32: 4
        case .int64, .uint64, .float64: 8
        }
    }
}
