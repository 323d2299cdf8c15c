import CasemateCore

/// The directory of a zip archive in memory: names, places and sizes, all checked before anything is expanded.
///
/// Stored and deflated members, zip64, data descriptors. One part, no encryption, nothing before the first member.
/// Source: APPNOTE.TXT 6.3 of PKWARE.
struct ZipArchive {
    /// One member.
    struct Member {
        let name: String
        /// 0 for stored, 8 for deflated.
        let method: Int
        let crc: UInt32
        /// Bytes in the archive and after expansion.
        let packed: Int, size: Int
        /// Where its local header stands.
        let offset: Int
    }

    let bytes: [UInt8]
    let place: String
    let members: [Member]
    /// Where the directory begins: no member reaches further.
    private let directoryStart: Int

    /// Reads the directory.
    /// - Throws: `malformed`, `unsupported` for encryption and other methods, `limitExceeded` for too many members.
    init(_ bytes: [UInt8], place: String, limits: SampleLimits) throws(CasemateError) {
        let reader = ZipReader(bytes: bytes, place: place)
        let (count, start, size) = try Self.directory(reader)
        guard count <= limits.members else {
            throw CasemateError(
                .limitExceeded, at: place, "holds \(count) members, \(limits.members) are the limit",
                help: "save fewer arrays")
        }
        var members: [Member] = []
        var names: Set<String> = []
        var position = start
        for _ in 0..<count {
            let (member, next) = try Self.member(reader, at: position, end: start + size)
            guard names.insert(member.name).inserted else {
                throw reader.malformed("two members are called '\(PrintableText.of(member.name))'")
            }
            members.append(member)
            position = next
        }
        (self.bytes, self.place, self.members, directoryStart) = (bytes, place, members, start)
    }

    /// Number of members, start and size of the directory.
    private static func directory(_ reader: ZipReader) throws(CasemateError) -> (count: Int, start: Int, size: Int) {
        let bytes = reader.bytes
        guard bytes.count >= 22 else { throw reader.malformed("is too short for a zip archive") }
        var end = bytes.count - 22
        let lowest = max(0, end - 65_535)
        while true {
            let (sign, comment) = (try reader.number(end, 4), try reader.number(end + 20, 2))
            if sign == 0x0605_4b50, comment == bytes.count - end - 22 { break }
            end -= 1
            guard end >= lowest else { throw reader.malformed("has no directory at its end: it is cut short") }
        }
        var parts = [try reader.number(end + 4, 2), try reader.number(end + 6, 2)]
        var count = try reader.number(end + 10, 2)
        var (size, start) = (try reader.number(end + 12, 4), try reader.number(end + 16, 4))
        if end >= 20, try reader.number(end - 20, 4) == 0x0706_4b50 {
            let wide = try reader.number(end - 12, 8)
            guard wide <= end - 76, try reader.number(wide, 4) == 0x0606_4b50 else {
                throw reader.malformed("its zip64 directory is not where it says")
            }
            parts = [try reader.number(wide + 16, 4), try reader.number(wide + 20, 4)]
            (count, size) = (try reader.number(wide + 32, 8), try reader.number(wide + 40, 8))
            start = try reader.number(wide + 48, 8)
            end = wide
        }
        guard parts == [0, 0] else { throw reader.malformed("is one part of an archive in several") }
        guard start <= end, size == end - start, count <= size / 46 else {
            throw reader.malformed("its directory does not lie where it says")
        }
        return (count, start, size)
    }

    private static func member(
        _ reader: ZipReader, at position: Int, end: Int
    ) throws(CasemateError) -> (member: Member, next: Int) {
        guard position <= end - 46, try reader.number(position, 4) == 0x0201_4b50 else {
            throw reader.malformed("its directory is damaged at byte \(position)")
        }
        let lengths = (
            name: try reader.number(position + 28, 2), extra: try reader.number(position + 30, 2),
            comment: try reader.number(position + 32, 2)
        )
        let next = position + 46 + lengths.name + lengths.extra + lengths.comment
        guard next <= end else { throw reader.malformed("its directory is cut short") }
        let nameStart = position + 46
        let name = String(decoding: reader.bytes[nameStart..<nameStart + lengths.name], as: UTF8.self)
        let flags = try reader.number(position + 8, 2), method = try reader.number(position + 10, 2)
        let shown = PrintableText.of(name)
        guard flags & 0x2061 == 0, method == 0 || method == 8 else {
            let what = flags & 0x2041 != 0 ? "is encrypted" : "is compressed by method \(method)"
            throw CasemateError(
                .unsupported, at: "\(reader.place): '\(shown)'", what,
                help: "save it with numpy.savez or savez_compressed")
        }
        var fields = [
            try reader.number(position + 24, 4), try reader.number(position + 20, 4),
            try reader.number(position + 42, 4),
        ]
        try reader.widen(&fields, extra: nameStart + lengths.name..<nameStart + lengths.name + lengths.extra)
        guard [0, 0xffff].contains(try reader.number(position + 34, 2)) else {
            throw reader.malformed("is one part of an archive in several")
        }
        let crc = UInt32(try reader.number(position + 16, 4))
        return (
            Member(name: name, method: method, crc: crc, packed: fields[1], size: fields[0], offset: fields[2]), next
        )
    }

    /// Where the packed bytes of a member lie.
    func packed(_ member: Member) throws(CasemateError) -> Range<Int> {
        let reader = ZipReader(bytes: bytes, place: "\(place): '\(PrintableText.of(member.name))'")
        guard member.offset <= directoryStart - 30, try reader.number(member.offset, 4) == 0x0403_4b50 else {
            throw reader.malformed("does not lie where the directory says")
        }
        let nameLength = try reader.number(member.offset + 26, 2)
        let start = member.offset + 30 + nameLength + (try reader.number(member.offset + 28, 2))
        guard start <= directoryStart, member.packed <= directoryStart - start else {
            throw reader.malformed("is longer than the archive")
        }
        let name = bytes[member.offset + 30..<member.offset + 30 + nameLength]
        guard name.elementsEqual(member.name.utf8), try reader.number(member.offset + 8, 2) == member.method else {
            throw reader.malformed("is another member than the directory says")
        }
        return start..<start + member.packed
    }
}

/// Numbers of a zip archive, little-endian, every place checked.
struct ZipReader {
    let bytes: [UInt8]
    let place: String

    /// `width` bytes at `position` as a number.
    func number(_ position: Int, _ width: Int) throws(CasemateError) -> Int {
        guard position >= 0, position <= bytes.count - width else { throw malformed("is cut short") }
        var value: UInt64 = 0
        for offset in (0..<width).reversed() { value = value << 8 | UInt64(bytes[position + offset]) }
        guard let number = Int(exactly: value) else { throw malformed("a length does not fit 63 bits") }
        return number
    }

    /// Replaces the fields that hold the largest number by those of the zip64 extra field, in their order.
    func widen(_ fields: inout [Int], extra: Range<Int>) throws(CasemateError) {
        guard fields.contains(0xffff_ffff) else { return }
        var position = extra.lowerBound
        while position + 4 <= extra.upperBound {
            let end = position + 4 + (try number(position + 2, 2))
            guard end <= extra.upperBound else { break }
            if try number(position, 2) == 1 {
                position += 4
                for index in fields.indices where fields[index] == 0xffff_ffff {
                    guard position + 8 <= end else { throw malformed("its zip64 sizes are cut short") }
                    fields[index] = try number(position, 8)
                    position += 8
                }
                return
            }
            position = end
        }
        throw malformed("its zip64 sizes are missing")
    }

    func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: place, what, help: "save it again with numpy.savez, or fetch the file again")
    }
}
