import CasemateCore
import Foundation

/// Decodes one DEFLATE stream. Source: RFC 1951.
enum Inflate {
    private static let lengthBase: [UInt16] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthExtra: [UInt8] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBase: [UInt16] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577,
    ]
    private static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    static func expand(
        _ input: inout BitInput, _ output: inout InflateOutput, _ sink: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        var isLast = false
        while !isLast {
            isLast = try input.bits(1) == 1
            switch try input.bits(2) {
            case 0: try stored(&input, &output, sink)
            case 1: try compressed(&input, &output, fixedTables.0, fixedTables.1, sink)
            case 2:
                let (literals, distances) = try dynamicTables(&input)
                try compressed(&input, &output, literals, distances, sink)
            default: throw input.damaged()
            }
        }
    }

    private static func stored(
        _ input: inout BitInput, _ output: inout InflateOutput, _ sink: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        input.alignToByte()
        let length = try input.bits(16), complement = try input.bits(16)
        guard length == ~complement & 0xffff else { throw input.damaged() }
        for _ in 0..<length {
            if output.needsFlush { try output.flush(sink) }
            output.append(try input.read8())
        }
    }

    private static func compressed(
        _ input: inout BitInput, _ output: inout InflateOutput, _ literals: HuffmanTable, _ distances: HuffmanTable,
        _ sink: (ArraySlice<UInt8>) throws -> Void
    ) throws {
        while true {
            if output.needsFlush { try output.flush(sink) }
            let symbol = try literals.decode(&input)
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 { return }
            let index = symbol - 257
            guard index < lengthBase.count else { throw input.damaged() }
            let length = Int(lengthBase[index]) + (try input.bits(Int(lengthExtra[index])))
            let code = try distances.decode(&input)
            guard code < distanceBase.count else { throw input.damaged() }
            let distance = Int(distanceBase[code]) + (try input.bits(max(0, code / 2 - 1)))
            guard output.copy(distance: distance, length: length) else { throw input.damaged() }
        }
    }

    private static let fixedTables: (HuffmanTable, HuffmanTable) = {
        let literals = (0..<288).map { UInt8($0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8) }
        let empty = HuffmanTable.never
        return (
            HuffmanTable(lengths: literals) ?? empty, HuffmanTable(lengths: [UInt8](repeating: 5, count: 30)) ?? empty
        )
    }()

    private static func dynamicTables(_ input: inout BitInput) throws -> (HuffmanTable, HuffmanTable) {
        let literalCount = try input.bits(5) + 257, distanceCount = try input.bits(5) + 1
        let codeCount = try input.bits(4) + 4
        var codeLengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<codeCount { codeLengths[codeOrder[index]] = UInt8(try input.bits(3)) }
        guard literalCount <= 286, let codes = HuffmanTable(lengths: codeLengths) else { throw input.damaged() }
        var lengths: [UInt8] = []
        while lengths.count < literalCount + distanceCount {
            let symbol = try codes.decode(&input)
            switch symbol {
            case 0..<16: lengths.append(UInt8(symbol))
            case 16:
                guard let last = lengths.last else { throw input.damaged() }
                lengths += repeatElement(last, count: 3 + (try input.bits(2)))
            case 17: lengths += repeatElement(0, count: 3 + (try input.bits(3)))
            default: lengths += repeatElement(0, count: 11 + (try input.bits(7)))
            }
        }
        guard lengths.count == literalCount + distanceCount, lengths[256] != 0,
            let literals = HuffmanTable(lengths: Array(lengths[..<literalCount])),
            let distances = HuffmanTable(lengths: Array(lengths[literalCount...]))
        else { throw input.damaged() }
        return (literals, distances)
    }
}

/// A canonical prefix code as one table over the next bits: `symbol << 4 | length`, 0 where no code begins so.
struct HuffmanTable {
    private let entries: [UInt16]
    private let width: Int
    /// A code without a symbol.
    static let never = HuffmanTable(entries: [0, 0], width: 1)

    private init(entries: [UInt16], width: Int) { (self.entries, self.width) = (entries, width) }

    /// Makes the code; `nil` when more codes are asked for than there are.
    init?(lengths: [UInt8]) {
        let width = max(1, Int(lengths.max() ?? 1))
        guard width <= 15 else { return nil }
        var entries = [UInt16](repeating: 0, count: 1 << width)
        var code = 0
        for length in 1...width {
            for (symbol, of) in lengths.enumerated() where Int(of) == length {
                guard code < 1 << length else { return nil }
                var reversed = 0
                for bit in 0..<length where code >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
                for index in stride(from: reversed, to: 1 << width, by: 1 << length) {
                    entries[index] = UInt16(symbol << 4 | length)
                }
                code += 1
            }
            code <<= 1
        }
        self.init(entries: entries, width: width)
    }

    @inline(__always) func decode(_ input: inout BitInput) throws(CasemateError) -> Int {
        let entry = Int(entries[input.peek(width)])
        guard entry != 0 else { throw input.damaged() }
        try input.drop(entry & 15)
        return entry >> 4
    }
}

/// Bits and bytes of a file, lowest bit first, read in blocks.
struct BitInput {
    private let descriptor: Int32, path: String
    private var block = [UInt8](repeating: 0, count: 1 << 16)
    private var next = 0, filled = 0, offset = 0
    private var held: UInt64 = 0, heldCount = 0
    private var failed = false

    init(descriptor: Int32, path: String) { (self.descriptor, self.path) = (descriptor, path) }

    func malformed(_ what: String) -> CasemateError {
        CasemateError(.malformed, at: path, what, help: "fetch or write the file again")
    }
    func damaged() -> CasemateError {
        let place = "\(path):byte \(offset - filled + next)"
        return CasemateError(.malformed, at: place, "damaged gzip data", help: "fetch or write the file again")
    }
    private mutating func refill() {
        while heldCount <= 48 {
            if next == filled {
                guard !failed else { return }
                let count = block.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
                guard count > 0 else {
                    failed = true
                    return
                }
                (next, filled, offset) = (0, count, offset + count)
            }
            held |= UInt64(block[next]) << UInt64(heldCount)
            next += 1
            heldCount += 8
        }
    }
    /// The next bits, zero beyond the end, without taking them.
    @inline(__always) mutating func peek(_ count: Int) -> Int {
        if heldCount < count { refill() }
        return Int(held & (1 << UInt64(count) - 1))
    }
    @inline(__always) mutating func drop(_ count: Int) throws(CasemateError) {
        guard heldCount >= count else { throw malformed("the gzip data end early: the file is cut short") }
        held >>= UInt64(count)
        heldCount -= count
    }
    @inline(__always) mutating func bits(_ count: Int) throws(CasemateError) -> Int {
        let value = peek(count)
        try drop(count)
        return value
    }
    mutating func alignToByte() {
        held >>= UInt64(heldCount % 8)
        heldCount -= heldCount % 8
    }
    mutating func read8() throws(CasemateError) -> UInt8 { UInt8(try bits(8)) }
    mutating func read32() throws(CasemateError) -> UInt32 { UInt32(try bits(16)) | UInt32(try bits(16)) << 16 }
    mutating func isAtEnd() throws(CasemateError) -> Bool {
        refill()
        return heldCount == 0
    }
}
