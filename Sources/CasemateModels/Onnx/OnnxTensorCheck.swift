import CasemateCore

/// Checks that a constant holds what its type and dimensions claim.
struct OnnxTensorCheck {
    let path: String
    let limits: OnnxLimits

    /// The number of values and the bytes they take; the values themselves are only counted.
    /// - Throws: `malformed` when the dimensions, the type or the amount of data are impossible.
    func check(_ tensor: OnnxTensorProto, of owner: String) throws(CasemateError) -> (count: Int, bytes: Int) {
        let place = "\(path): tensor '\(OnnxLook.printable(tensor.name))'" + (owner.isEmpty ? "" : " of \(owner)")
        guard let element = OnnxElement.table[tensor.dataType] else {
            throw malformed(place, "data type \(tensor.dataType) is not known")
        }
        let count = try self.count(tensor.dims, at: place)
        guard !tensor.hasSegment else {
            throw CasemateError(.unsupported, at: place, "is stored in segments", help: "export the model again")
        }
        let (bits, overflow) = count.multipliedReportingOverflow(by: max(element.bits, 8 * (element.bits == 0 ? 1 : 0)))
        guard !overflow, bits / 8 <= limits.tensorBytes else {
            throw malformed(
                place, "claims \(Self.shape(tensor.dims)) values of \(element.name), more than any machine holds")
        }
        let bytes = bits / 8 + (bits % 8 > 0 ? 1 : 0)
        if tensor.dataLocation == .external {
            guard element.bits > 0 else { throw malformed(place, "strings cannot lie in another file") }
            return (count, bytes)
        }
        if tensor.hasRawData {
            guard element.bits > 0 else { throw malformed(place, "strings cannot stand in raw data") }
            guard tensor.rawData.count == bytes else {
                throw malformed(
                    place,
                    "\(element.name) \(Self.shape(tensor.dims)) takes \(bytes) bytes, the file holds \(tensor.rawData.count)"
                )
            }
            return (count, bytes)
        }
        let (held, wanted) = typed(tensor, count: count, bits: element.bits)
        guard held == wanted else {
            throw malformed(
                place, "\(element.name) \(Self.shape(tensor.dims)) takes \(wanted) values, the file holds \(held)")
        }
        return (count, bytes)
    }

    /// The product of dimensions.
    func count(_ dims: [Int64], at place: String) throws(CasemateError) -> Int {
        guard dims.count <= limits.axes else {
            throw malformed(place, "\(dims.count) axes, \(limits.axes) are the limit")
        }
        var product = 1
        for dim in dims {
            guard dim >= 0 else { throw malformed(place, "dimension \(dim) is negative") }
            let (next, overflow) = product.multipliedReportingOverflow(by: Int(dim))
            guard !overflow else { throw malformed(place, "dimensions \(Self.shape(dims)) overflow") }
            product = next
        }
        return product
    }

    /// How many typed values the tensor holds and should hold.
    private func typed(_ tensor: OnnxTensorProto, count: Int, bits: Int) -> (held: Int, wanted: Int) {
        switch tensor.dataType {
        case 1: (tensor.floatData.count, count)
        case 14: (tensor.floatData.count, count &* 2)
        case 11: (tensor.doubleData.count, count)
        case 15: (tensor.doubleData.count, count &* 2)
        case 7: (tensor.int64Data.count, count)
        case 8: (tensor.stringData.count, count)
        case 12, 13: (tensor.uint64Data.count, count)
        case 21, 22, 23: (tensor.int32Data.count, count / 2 + count % 2)
        case 25, 26: (tensor.int32Data.count, count / 4 + (count % 4 > 0 ? 1 : 0))
        default: (tensor.int32Data.count, count)
        }
    }

    private static func shape(_ dims: [Int64]) -> String {
        "[" + dims.prefix(8).map(String.init).joined(separator: ",") + (dims.count > 8 ? ",…]" : "]")
    }

    private func malformed(_ place: String, _ what: String) -> CasemateError {
        CasemateError(.malformed, at: place, what, help: "export or download the model again and compare its SHA-256")
    }
}
