import CasemateData
import CasemateModels
public import Crypto
import Foundation

/// A grid over input values: inputs in the same cell count as the same input for whatever is keyed to it.
///
/// Numbers are cut to some of their leading binary digits, so cells are as wide as a share of the value whatever its
/// unit; what is smaller than `floor` counts as 0. Levels of words are whole numbers and stay apart.
public struct InputGrid: Sendable, Hashable {
    /// Significant decimal digits that are told apart, about.
    public let digits: Int
    /// Numbers below this size count as 0.
    public let floor: Float
    private let half: UInt32, mask: UInt32

    /// Makes a grid of 1 to 7 digits.
    public init(digits: Int = 3, floor: Float = 1e-3) {
        self.digits = min(7, max(1, digits))
        self.floor = floor
        let kept = min(23, Int((Double(self.digits) * 3.3219).rounded(.up)))
        let dropped = UInt32(23 - kept)
        mask = ~((1 << dropped) &- 1)
        half = dropped == 0 ? 0 : 1 << (dropped - 1)
    }

    /// The cell of a number: the bits of its middle; all NaN are one cell.
    @inline(__always)
    public func cell(_ value: Float) -> UInt32 {
        if value.isNaN { return 0x7FC0_0000 }
        if value.magnitude < floor { return 0 }
        return (value.bitPattern &+ half) & mask
    }
}

/// Keyed bytes of one row: 256 bits that only the key's owner can tell from chance, the same for every row of a cell.
public struct RowDigest: Sendable, Hashable {
    /// The bits.
    public let words: (UInt64, UInt64, UInt64, UInt64)
    /// Takes the first 32 bytes.
    init(_ code: some ContiguousBytes) {
        words = code.withUnsafeBytes { bytes in
            guard bytes.count >= 32 else { return (0, 0, 0, 0) }
            func word(_ at: Int) -> UInt64 {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            }
            return (word(0), word(8), word(16), word(24))
        }
    }
    /// Whether all bits agree.
    public static func == (one: RowDigest, other: RowDigest) -> Bool { one.words == other.words }
    /// Feeds the bits.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension InputGrid {
    /// The digest of one row of numbers.
    public func digest(_ row: ArraySlice<Float>, key: SymmetricKey) -> RowDigest {
        var cells: [UInt32] = []
        return digest(row, key: key, cells: &cells)
    }

    private func digest(_ row: ArraySlice<Float>, key: SymmetricKey, cells: inout [UInt32]) -> RowDigest {
        cells.removeAll(keepingCapacity: true)
        for value in row { cells.append(cell(value).littleEndian) }
        return RowDigest(cells.withUnsafeBytes { HMAC<SHA256>.authenticationCode(for: $0, using: key) })
    }

    /// The digest of each row of a request: of its values over the model's features, else of its tensors.
    public func digests(of request: InferenceRequest, key: SymmetricKey) -> [RowDigest] {
        var cells: [UInt32] = []
        if let matrix = request.matrix, matrix.count == request.rows, request.unknownLevels.isEmpty {
            return (0..<request.rows).map { digest(matrix[row: $0], key: key, cells: &cells) }
        }
        var codes = [HMAC<SHA256>](repeating: HMAC<SHA256>(key: key), count: request.rows)
        for input in request.inputs {
            let storage = input.tensor.storage
            guard storage.count.isMultiple(of: request.rows) else { continue }
            let width = storage.count / request.rows
            if case .string(let texts) = storage {
                for row in codes.indices {
                    for text in texts[row * width..<(row + 1) * width] {
                        codes[row].update(data: Data("\(text.utf8.count):\(text)".utf8))
                    }
                }
            } else if let values = storage.doubles {
                for row in codes.indices {
                    let part = values[row * width..<(row + 1) * width].map { cell(Float($0)).littleEndian }
                    part.withUnsafeBytes { codes[row].update(data: $0) }
                }
            }
        }
        return codes.map { RowDigest($0.finalize()) }
    }
}

/// An endless stream of bits from a digest: SHA-256 in counter mode, so that some of them tell nothing of the others.
struct KeyedStream {
    private let seed: RowDigest
    private var block: RowDigest
    private var counter: UInt64 = 0
    private var used = 4

    init(_ seed: RowDigest) { (self.seed, block) = (seed, seed) }

    mutating func next() -> UInt64 {
        if used == 4 {
            let words = [seed.words.0, seed.words.1, seed.words.2, seed.words.3, counter].map(\.littleEndian)
            block = RowDigest(words.withUnsafeBytes { SHA256.hash(data: $0) })
            (counter, used) = (counter &+ 1, 0)
        }
        defer { used += 1 }
        switch used {
        case 0: return block.words.0
        case 1: return block.words.1
        case 2: return block.words.2
        default: return block.words.3
        }
    }
    /// A number in -1…1.
    mutating func symmetric() -> Float { Float(Int64(bitPattern: next())) * 0x1p-63 }
}
