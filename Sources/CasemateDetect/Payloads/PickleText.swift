/// Whether bytes are a pickle of protocol 2 to 5 that calls something: its opcodes are stepped over to the end.
enum PickleText {
    /// Bytes behind an opcode.
    private enum Argument { case nothing, fixed(Int), sized(Int), line, lines }

    /// Whether the bytes begin with a protocol mark, hold known opcodes only, reach the end mark, and name something to
    /// import or call.
    static func isPickle(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 6, bytes[0] == 0x80, (2...5).contains(bytes[1]) else { return false }
        var (place, imports, steps) = (2, false, 0)
        while place < bytes.count {
            let code = bytes[place]
            place += 1
            steps += 1
            if code == 0x2E { return imports && steps > 2 }
            guard let argument = argument(of: code) else { return false }
            // why: GLOBAL, INST, REDUCE, STACK_GLOBAL, NEWOBJ, NEWOBJ_EX, BUILD, OBJ and extension codes run something.
            if [0x63, 0x69, 0x52, 0x93, 0x81, 0x92, 0x62, 0x6F, 0x82, 0x83, 0x84].contains(code) { imports = true }
            guard let next = end(argument, bytes, place) else { return false }
            place = next
        }
        // why: a cut cell has no end; what it imports still says what it is.
        return imports && steps > 4
    }

    private static func end(_ argument: Argument, _ bytes: [UInt8], _ place: Int) -> Int? {
        switch argument {
        case .nothing: return place
        case .fixed(let count): return place + count
        case .sized(let width):
            guard place + width <= bytes.count else { return bytes.count }
            var size = 0
            for index in (0..<width).reversed() {
                guard size < 1 << 40 else { return nil }
                size = size << 8 | Int(bytes[place + index])
            }
            return size <= 1 << 32 ? place + width + size : nil
        case .line, .lines:
            var (rest, count) = (place, 0)
            let wanted = if case .lines = argument { 2 } else { 1 }
            while rest < bytes.count {
                if bytes[rest] == 10 { count += 1 }
                rest += 1
                if count == wanted { return rest }
            }
            return bytes.count
        }
    }

    /// What stands behind an opcode; `nil` for a byte that is none. Source: Python's pickletools, protocols 0 to 5.
    private static func argument(of code: UInt8) -> Argument? {
        switch code {
        case 0x28, 0x29, 0x30, 0x31, 0x32, 0x4E, 0x51, 0x52, 0x5D, 0x61, 0x62, 0x64, 0x65, 0x6C, 0x6F, 0x73, 0x74, 0x75,
            0x7D, 0x81, 0x85...0x89, 0x8F...0x94, 0x97, 0x98:
            .nothing
        case 0x4B, 0x68, 0x71, 0x80, 0x82: .fixed(1)
        case 0x4D, 0x83: .fixed(2)
        case 0x4A, 0x6A, 0x72, 0x84: .fixed(4)
        case 0x47, 0x95: .fixed(8)
        case 0x43, 0x55, 0x8A, 0x8C: .sized(1)
        case 0x42, 0x54, 0x58, 0x8B: .sized(4)
        case 0x8D, 0x8E, 0x96: .sized(8)
        case 0x46, 0x49, 0x4C, 0x50, 0x53, 0x56, 0x67, 0x70: .line
        case 0x63, 0x69: .lines
        default: nil
        }
    }
}
