import CasemateCore

/// The header of an idx file, the format of MNIST: two zero bytes, type, number of axes, their lengths.
///
/// Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
extension ArrayHeader {
    private static let idxTypes: [UInt8: SampleSet.Element] = [
        0x08: .uint8, 0x09: .int8, 0x0b: .int16, 0x0c: .int32, 0x0d: .float32, 0x0e: .float64,
    ]

    /// Whether the first four bytes are those of an idx file.
    static func isIdx(_ bytes: some Collection<UInt8>) -> Bool {
        let head = Array(bytes.prefix(4))
        return head.count == 4 && head[0] == 0 && head[1] == 0 && idxTypes[head[2]] != nil && (1...8).contains(head[3])
    }

    /// Reads the header at the start of `bytes`.
    /// - Throws: `malformed`.
    init(idx bytes: [UInt8], place: String) throws(CasemateError) {
        func malformed(_ what: String) -> CasemateError {
            CasemateError(.malformed, at: place, what, help: "fetch the file again")
        }
        guard Self.isIdx(bytes), let element = Self.idxTypes[bytes[2]] else {
            throw malformed("is not an idx file: no zero bytes, type and number of axes at its start")
        }
        let axes = Int(bytes[3]), offset = 4 + 4 * axes
        guard bytes.count >= offset else { throw malformed("is cut short inside the header") }
        let shape = (0..<axes).map { axis in
            (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * axis + $1]) }
        }
        guard let count = Self.count(shape) else { throw malformed("holds more values than can be counted") }
        self.init(
            kind: .number(element), isBigEndian: true, isFortranOrder: false, shape: shape, count: count,
            dataOffset: offset)
    }
}
