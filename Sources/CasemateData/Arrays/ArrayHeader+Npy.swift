import CasemateCore

/// The header of a NumPy array. Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`, versions 1.0, 2.0, 3.0.
extension ArrayHeader {
    /// First bytes of every file.
    static let npySignature: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// The most bytes that a header may take, prefix included.
    static let npyLimit = 1 << 16

    /// Reads the header at the start of `bytes`, which may hold the first `npyLimit` bytes of the array alone.
    /// - Throws: `malformed`, and `unsupported` for values that are no numbers; objects are never unpickled.
    init(npy bytes: ArraySlice<UInt8>, place: String) throws(CasemateError) {
        let (text, offset) = try Self.text(bytes, place)
        let literal: NpyLiteral
        do { literal = try NpyLiteral.parse(text) } catch {
            throw Self.malformed(place, "the header \(error.what) (at its byte \(error.offset))")
        }
        guard case .mapping(let pairs) = literal, Set(pairs.map(\.key)) == ["descr", "fortran_order", "shape"],
            pairs.count == 3
        else {
            throw Self.malformed(place, "the header does not hold 'descr', 'fortran_order' and 'shape', each once")
        }
        let values = Dictionary(uniqueKeysWithValues: pairs.map { ($0.key, $0.value) })
        guard case .truth(let isFortranOrder)? = values["fortran_order"] else {
            throw Self.malformed(place, "'fortran_order' of the header is neither True nor False")
        }
        let (kind, isBigEndian) = try Self.kind(values["descr"], place)
        let shape = try Self.shape(values["shape"], place)
        guard let count = Self.count(shape) else {
            throw Self.malformed(place, "the shape holds more values than can be counted")
        }
        self.init(
            kind: kind, isBigEndian: isBigEndian, isFortranOrder: isFortranOrder, shape: shape, count: count,
            dataOffset: offset)
    }

    private static func text(
        _ bytes: ArraySlice<UInt8>, _ place: String
    ) throws(CasemateError) -> (text: ArraySlice<UInt8>, offset: Int) {
        guard bytes.starts(with: npySignature) else {
            throw malformed(place, "is not a NumPy array: no signature at its start")
        }
        let start = bytes.startIndex
        guard bytes.count >= 10 else { throw malformed(place, "is cut short inside the header") }
        let version = (bytes[start + 6], bytes[start + 7])
        guard (1...3).contains(version.0), version.1 == 0 else {
            throw CasemateError(
                .unsupported, at: place, "is of version \(version.0).\(version.1), NumPy's 1.0 to 3.0 are known",
                help: "save it again with numpy.save")
        }
        let prefix = version.0 == 1 ? 10 : 12
        guard bytes.count >= prefix else { throw malformed(place, "is cut short inside the header") }
        let length = (8..<prefix).reversed().reduce(0) { $0 << 8 | Int(bytes[start + $1]) }
        guard length <= npyLimit - prefix else {
            throw CasemateError(
                .limitExceeded, at: place, "the header takes \(length) bytes, \(npyLimit - prefix) are the limit",
                help: "save plain arrays of numbers")
        }
        guard length <= bytes.count - prefix else { throw malformed(place, "is cut short inside the header") }
        return (bytes[start + prefix..<start + prefix + length], prefix + length)
    }

    private static func shape(_ literal: NpyLiteral?, _ place: String) throws(CasemateError) -> [Int] {
        guard case .list(let items)? = literal, items.count <= 32 else {
            throw malformed(place, "'shape' of the header is no tuple of at most 32 axes")
        }
        var shape: [Int] = []
        for item in items {
            guard case .number(let axis) = item, axis >= 0 else {
                throw malformed(place, "'shape' of the header holds something else than lengths")
            }
            shape.append(axis)
        }
        return shape
    }

    static func malformed(_ place: String, _ what: String) -> CasemateError {
        CasemateError(.malformed, at: place, what, help: "save it again with numpy.save, or fetch the file again")
    }
}

extension ArrayHeader {
    private static let numbers: [String: SampleSet.Element] = [
        "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8, "u2": .uint16,
        "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64,
    ]
    /// Kinds of values that are not served, by their letter.
    private static let refused: [Character: (what: String, help: String)] = [
        "O": ("Python objects, which only unpickling reads: that can run any program", "save plain numbers"),
        "c": ("complex numbers", "save real numbers"), "M": ("dates", "save numbers"),
        "m": ("time spans", "save numbers"),
        "V": ("raw bytes (bfloat16 is saved like this)", "save float32"),
        "f": ("numbers of a width that is not served", "save float32"),
    ]

    private static func kind(
        _ literal: NpyLiteral?, _ place: String
    ) throws(CasemateError) -> (kind: Kind, isBigEndian: Bool) {
        guard case .text(let text)? = literal else {
            throw CasemateError(
                .unsupported, at: place, "holds records with named fields",
                help: "save each field as an array of numbers")
        }
        var code = Substring(text)
        let order = code.first ?? " "
        let isBigEndian = order == ">"
        if "<>|=".contains(order) { code.removeFirst() }
        if let element = numbers[String(code)] { return (.number(element), isBigEndian) }
        let letter = code.first ?? " "
        if letter == "U" || letter == "S", let length = Int(code.dropFirst()), (0...65_536).contains(length) {
            return (.text(length: length, isWide: letter == "U"), isBigEndian)
        }
        guard let known = refused[letter] else {
            throw malformed(place, "'\(PrintableText.of(text))' of the header is no type of values")
        }
        throw CasemateError(.unsupported, at: place, "holds \(known.what)", help: known.help)
    }
}
