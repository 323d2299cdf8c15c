import CasemateCore

/// Walks the bytes of a model once, before they are decoded: every length against what is left, nesting, and how much
/// memory decoding would take. Needs no memory of its own.
///
/// Source: Protocol Buffers Encoding, protobuf.dev/programming-guides/encoding.
struct OnnxWireScan {
    /// What a message is, as far as its fields differ.
    enum Kind: UInt8 {
        case model, graph, node, attribute, function, tensor, sparseTensor, valueInfo, type, typeWithShape, typeWithType
        case mapType, shape, training, annotation, withEntries, flat, deviceSettings, sharding, shardedDimension
    }
    /// What a length-delimited field holds.
    enum Content {
        case message(Kind), text, bytes, varints(width: Int), fixed
    }

    let path: String
    let limits: OnnxLimits
    /// Estimate of the memory that decoding takes.
    private var decoded = 0
    /// What that may be: an allowance and a multiple of the file.
    private var allowed = 0
    /// Whether the top level holds a graph.
    private(set) var hasGraph = false

    /// Prepares a walk over the content of the file at `path`.
    init(path: String, limits: OnnxLimits) { (self.path, self.limits) = (path, limits) }

    /// Walks the message that takes up all bytes.
    mutating func run(_ bytes: Span<UInt8>) throws(CasemateError) {
        allowed = min(limits.decodedBytes, 256 << 20 + 8 * bytes.count)
        try message(.model, bytes, from: 0, to: bytes.count, depth: 1)
    }

    private mutating func message(
        _ kind: Kind, _ bytes: Span<UInt8>, from start: Int, to end: Int, depth: Int
    ) throws(CasemateError) {
        guard depth <= limits.messageDepth else {
            throw exceeded(start, "messages are nested deeper than \(limits.messageDepth)")
        }
        try grow(by: 320, at: start)
        var at = start
        while at < end {
            let place = at
            let tag = try varint(bytes, &at, end: end)
            let (field, wire) = (tag >> 3, tag & 7)
            guard field > 0, field < 1 << 29 else { throw malformed(place, "field number \(field) is not possible") }
            switch wire {
            case 0:
                _ = try varint(bytes, &at, end: end)
                try grow(by: 16, at: place)
            case 1: try skip(8, &at, end: end, from: place)
            case 5: try skip(4, &at, end: end, from: place)
            case 2: try delimited(kind, bytes, field: Int(field), &at, end: end, from: place, depth: depth)
            default: throw malformed(place, "wire type \(wire) is not used by ONNX")
            }
        }
    }

    private mutating func delimited(
        _ kind: Kind, _ bytes: Span<UInt8>, field: Int, _ at: inout Int, end: Int, from place: Int, depth: Int
    ) throws(CasemateError) {
        let length = try varint(bytes, &at, end: end)
        guard length <= UInt64(end - at) else {
            throw malformed(
                place, "a field says \(length) bytes, \(end - at) are left: the file is cut off or its length is wrong")
        }
        let stop = at + Int(length)
        switch Self.content(of: kind, field: field) {
        case .message(let inner):
            if kind == .model, field == 7 { hasGraph = true }
            try message(inner, bytes, from: at, to: stop, depth: depth + 1)
        case .text where length > UInt64(limits.nameBytes) && !Self.mayBeLong(kind, field):
            throw exceeded(place, "a name of \(length) bytes, \(limits.nameBytes) are the limit")
        case .varints(let width): try grow(by: Int(length) &* width, at: place)
        case .text, .bytes, .fixed: try grow(by: Int(length) &+ 32, at: place)
        }
        at = stop
    }

    private mutating func grow(by amount: Int, at place: Int) throws(CasemateError) {
        decoded += amount
        if decoded > allowed {
            throw exceeded(place, "decoding would take more than \(allowed >> 20) MiB")
        }
    }

    private mutating func skip(_ width: Int, _ at: inout Int, end: Int, from place: Int) throws(CasemateError) {
        guard end - at >= width else { throw malformed(place, "the file is cut off inside a number") }
        at += width
        try grow(by: 16, at: place)
    }

    private func varint(_ bytes: Span<UInt8>, _ at: inout Int, end: Int) throws(CasemateError) -> UInt64 {
        let place = at
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard at < end else { throw malformed(place, "the file is cut off inside a number") }
            let byte = bytes[at]
            at += 1
            value |= UInt64(byte & 127) << shift
            if byte < 128 { return value }
        }
        throw malformed(place, "a number of more than ten bytes")
    }

    private func malformed(_ at: Int, _ what: String) -> CasemateError {
        CasemateError(
            .malformed, at: "\(path):\(at)", what, help: "export or download the model again and compare its SHA-256")
    }
    private func exceeded(_ at: Int, _ what: String) -> CasemateError {
        CasemateError(
            .limitExceeded, at: "\(path):\(at)", what, help: "no usual model needs this: check where the file is from")
    }
}

extension OnnxWireScan {
    /// What a field of a message holds; a field that the schema does not know is skipped as bytes.
    static func content(of kind: Kind, field: Int) -> Content {
        switch (kind, field) {
        case (.model, 7): .message(.graph)
        case (.model, 20): .message(.training)
        case (.model, 25): .message(.function)
        case (.model, 8), (.model, 14), (.model, 26): .message(.flat)
        case (.graph, 1), (.function, 7): .message(.node)
        case (.graph, 5): .message(.tensor)
        case (.graph, 11), (.graph, 12), (.graph, 13), (.function, 12): .message(.valueInfo)
        case (.graph, 14): .message(.annotation)
        case (.graph, 15): .message(.sparseTensor)
        case (.graph, 16), (.node, 9), (.function, 9), (.function, 14), (.valueInfo, 4): .message(.flat)
        case (.node, 5), (.function, 11): .message(.attribute)
        case (.node, 10): .message(.deviceSettings)
        case (.attribute, 5), (.attribute, 10): .message(.tensor)
        case (.attribute, 6), (.attribute, 11): .message(.graph)
        case (.attribute, 14), (.attribute, 15), (.valueInfo, 2): .message(.type)
        case (.attribute, 22), (.attribute, 23): .message(.sparseTensor)
        case (.attribute, 8): .varints(width: 8)
        case (.attribute, 7): .fixed
        case (.tensor, 3), (.tensor, 13), (.tensor, 16): .message(.flat)
        case (.tensor, 1), (.tensor, 7), (.tensor, 11), (.sparseTensor, 3): .varints(width: 8)
        case (.tensor, 5): .varints(width: 4)
        case (.sparseTensor, 1), (.sparseTensor, 2): .message(.tensor)
        default: rest(of: kind, field: field)
        }
    }

    private static func rest(of kind: Kind, field: Int) -> Content {
        switch (kind, field) {
        case (.type, 1), (.type, 8): .message(.typeWithShape)
        case (.type, 4), (.type, 9): .message(.typeWithType)
        case (.type, 5): .message(.mapType)
        case (.type, 7): .message(.flat)
        case (.typeWithShape, 2): .message(.shape)
        case (.typeWithType, 1), (.mapType, 2): .message(.type)
        case (.shape, 1): .message(.flat)
        case (.training, 1), (.training, 2): .message(.graph)
        case (.training, 3), (.training, 4), (.annotation, 2): .message(.flat)
        case (.deviceSettings, 2): .message(.sharding)
        case (.sharding, 2): .varints(width: 8)
        case (.sharding, 3): .message(.withEntries)
        case (.sharding, 4): .message(.shardedDimension)
        case (.shardedDimension, 2): .message(.flat)
        case (.withEntries, 2): .varints(width: 8)
        case (.tensor, 4), (.tensor, 10): .fixed
        case (.tensor, 6), (.tensor, 9), (.attribute, 4), (.attribute, 9): .bytes
        default: .text
        }
    }

    /// Documentation, metadata and fields that the schema does not know may be of any length.
    private static func mayBeLong(_ kind: Kind, _ field: Int) -> Bool {
        switch kind {
        case .model: field == 6 || field > 6
        case .graph: field == 10 || field > 2
        case .node: field == 6 || field > 8
        case .attribute: field == 13
        case .function: field == 8
        case .tensor: field == 12
        case .valueInfo: field == 3
        case .flat: field == 2
        default: false
        }
    }
}
