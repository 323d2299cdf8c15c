/// A key, as a terminal sends it.
package enum ReviewKey: Hashable, Sendable {
    case up, down, left, right, pageUp, pageDown, home, end, enter, escape, backspace
    case character(Character)
}

/// Turns the bytes of a terminal into keys.
package struct ReviewKeyReader: Sendable {
    private var pending: [UInt8] = []
    private static let sequences: [String: ReviewKey] = [
        "[A": .up, "[B": .down, "[C": .right, "[D": .left, "OA": .up, "OB": .down, "OC": .right, "OD": .left,
        "[5~": .pageUp, "[6~": .pageDown, "[H": .home, "[F": .end, "OH": .home, "OF": .end, "[1~": .home,
        "[4~": .end, "[7~": .home, "[8~": .end,
    ]

    /// Makes a reader.
    package init() {}

    /// Takes bytes as they came.
    /// - Parameter isIdle: Nothing more came for a while, so that an escape by itself is the escape key.
    package mutating func take(_ bytes: some Sequence<UInt8>, isIdle: Bool) -> [ReviewKey] {
        pending += bytes
        var keys: [ReviewKey] = []
        while let byte = pending.first {
            if byte == 0x1b {
                guard let (key, length) = escape(isIdle: isIdle) else { return keys }
                if let key { keys.append(key) }
                pending.removeFirst(length)
                continue
            }
            let length = byte < 0x80 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
            guard pending.count >= length else {
                if isIdle { pending.removeAll() }
                return keys
            }
            if let key = Self.key(pending.prefix(length)) { keys.append(key) }
            pending.removeFirst(length)
        }
        return keys
    }

    private static func key(_ bytes: ArraySlice<UInt8>) -> ReviewKey? {
        switch bytes.first {
        case 0x0a, 0x0d: return .enter
        case 0x08, 0x7f: return .backspace
        case 0x0e: return .down
        case 0x10: return .up
        case let byte? where byte < 0x20: return nil
        default: return String(validating: bytes, as: UTF8.self)?.first.map { .character($0) }
        }
    }

    /// The key of an escape sequence and its length; `nil` while more may come.
    private func escape(isIdle: Bool) -> (ReviewKey?, Int)? {
        guard pending.count > 1 else { return isIdle ? (.escape, 1) : nil }
        guard pending[1] == UInt8(ascii: "[") || pending[1] == UInt8(ascii: "O") else { return (.escape, 1) }
        // A sequence ends with a letter or `~`; one that is unknown is dropped whole.
        guard let end = pending.dropFirst(2).firstIndex(where: { (0x40...0x7e).contains($0) }) else {
            return isIdle || pending.count > 32 ? (nil, pending.count) : nil
        }
        let text = String(decoding: pending[1...end], as: UTF8.self)
        return (Self.sequences[text], end + 1)
    }
}
