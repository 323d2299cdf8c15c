import CZlib
import CasemateCore

extension ZipArchive {
    /// The most that deflate can make of one byte: 258 bytes from two bits.
    private static let largestRatio = 1_032

    /// The content of a member, checked against its size and CRC-32.
    /// - Throws: `limitExceeded` above `limit` bytes, `malformed`.
    func content(_ member: Member, limit: Int) throws(CasemateError) -> [UInt8] {
        let reader = ZipReader(bytes: bytes, place: "\(place): '\(PrintableText.of(member.name))'")
        let range = try packed(member)
        guard member.size <= limit else {
            throw CasemateError(
                .limitExceeded, at: reader.place, "expands to \(member.size) bytes, \(limit) are the limit",
                help: "save fewer samples")
        }
        let content: [UInt8]
        if member.method == 0 {
            guard member.size == member.packed else { throw reader.malformed("has two different sizes") }
            content = Array(bytes[range])
        } else {
            // why: a size that no data of this length can reach is a lie, and not worth its memory.
            guard member.size / Self.largestRatio <= member.packed else {
                throw reader.malformed("cannot expand to the \(member.size) bytes that it states")
            }
            let (expanded, isWhole) = Self.inflated(bytes[range], size: member.size, prefixOnly: false)
            guard isWhole, expanded.count == member.size else {
                throw reader.malformed("its compressed data are damaged or of another size")
            }
            content = expanded
        }
        guard Self.crc(content) == member.crc else { throw reader.malformed("does not match its checksum") }
        return content
    }

    /// The first bytes of a member, at most `count`, not checked against its checksum; empty when they are damaged.
    func prefix(_ member: Member, count: Int) throws(CasemateError) -> [UInt8] {
        let range = try packed(member)
        if member.method == 0 { return Array(bytes[range].prefix(count)) }
        return Self.inflated(bytes[range], size: min(count, member.size), prefixOnly: true).bytes
    }

    /// Expands raw deflate data to at most `size` bytes; `isWhole` when they end there.
    private static func inflated(
        _ packed: ArraySlice<UInt8>, size: Int, prefixOnly: Bool
    ) -> (bytes: [UInt8], isWhole: Bool) {
        var stream = z_stream()
        // why -15: the largest window, and no header.
        guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return ([], false)
        }
        defer { inflateEnd(&stream) }
        var isWhole = false
        // why one more: data that go on behind the stated size must be seen.
        let room = prefixOnly ? size : size + 1
        let bytes = [UInt8](unsafeUninitializedCapacity: max(1, room)) { target, done in
            packed.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let into = target.baseAddress else { return }
                var read = 0
                while done < room {
                    let give = min(source.count - read, 1 << 30), take = min(room - done, 1 << 30)
                    // why mutating: zlib declares its input without const and does not write to it.
                    stream.next_in = UnsafeMutablePointer(mutating: from + read)
                    stream.next_out = into + done
                    (stream.avail_in, stream.avail_out) = (UInt32(give), UInt32(take))
                    let code = inflate(&stream, Z_NO_FLUSH)
                    let (used, made) = (give - Int(stream.avail_in), take - Int(stream.avail_out))
                    (read, done) = (read + used, done + made)
                    if code == Z_STREAM_END {
                        isWhole = read == source.count
                        return
                    }
                    if code != Z_OK || (used == 0 && made == 0) { return }
                }
            }
        }
        return (bytes, isWhole)
    }

    /// CRC-32 as zip archives and PNG images use it.
    static func crc(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt = 0
        bytes.withUnsafeBufferPointer { buffer in
            var start = 0
            while start < buffer.count {
                let count = min(buffer.count - start, 1 << 30)
                value = crc32(value, buffer.baseAddress.map { $0 + start }, UInt32(count))
                start += count
            }
        }
        return UInt32(truncatingIfNeeded: value)
    }
}
